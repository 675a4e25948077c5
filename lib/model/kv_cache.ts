/**
 * Keys and values of all positions so far, per layer, in buffers that grow by 256 positions and are written in place.
 *
 * @module
 */
import { concatenate, keep, type MLXArray, slice, sliceUpdate, takeAxis, zeros } from "../../ffi/mod.ts";

/** Positions a buffer grows by. */
const STEP = 256;

/** B, kvHeads, L, headWidth. */
export type RowShape = readonly [number, number, number, number];

/** Of one layer. */
export interface Buffers {
  keys: MLXArray; // [B, kvHeads, capacity, headWidth]
  values: MLXArray;
}

/**
 * Cache of a batch. Rows of different length end at the same position: row b's first `padding[b]` positions are empty
 * and must be masked.
 */
export class KVCache implements Disposable {
  /** Empty positions before each row; all 0 for a single row. */
  padding: number[];
  #layers: (Buffers | undefined)[];
  #length = 0;
  #capacity = 0;

  constructor(layers: number, padding: number[] = [0]) {
    this.#layers = Array.from({ length: layers });
    this.padding = padding;
  }

  /** Positions filled, padding included. */
  get length(): number {
    return this.#length;
  }

  /** Positions the buffers have room for. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Rows. */
  get batch(): number {
    return this.padding.length;
  }

  /** Bytes of all buffers. */
  get byteLength(): number {
    return this.#layers.reduce((sum, buffers) => sum + (buffers ? 2 * buffers.keys.byteLength : 0), 0);
  }

  /** Makes room for `more` positions beyond the filled ones, so that the next writes are in place. */
  reserve(more: number): void {
    const needed = this.#length + more;
    if (needed > this.#capacity) this.#capacity = Math.ceil(needed / STEP) * STEP;
  }

  #grown(buffer: MLXArray, capacity: number): MLXArray {
    const [batch, heads, old, width] = buffer.shape as [number, number, number, number];
    return concatenate([buffer, zeros([batch, heads, capacity - old, width], buffer.dtype)], 2);
  }

  #write(buffer: MLXArray | undefined, rows: MLXArray, shape: RowShape): MLXArray {
    const [batch, heads, count, width] = shape;
    const room = buffer === undefined
      ? zeros([batch, heads, this.#capacity, width], rows.dtype)
      : buffer.dim(2) < this.#capacity
      ? this.#grown(buffer, this.#capacity)
      : buffer;
    const end = this.#length + count;
    const written = sliceUpdate(room, rows, [0, 0, this.#length, 0], [batch, heads, end, width]);
    // The old handle must go before evaluation: MLX writes in place only into what nobody else holds.
    buffer?.dispose();
    return keep(written);
  }

  /**
   * Appends one layer's new rows and returns everything filled. Call {@linkcode advance} once all layers are written.
   *
   * @param shape Of `keys` and of `values`; handed in, for asking MLX takes a call a dimension.
   */
  update(layer: number, keys: MLXArray, values: MLXArray, shape: RowShape): Buffers {
    const [batch, heads, count, width] = shape;
    this.reserve(count);
    const old = this.#layers[layer];
    const buffers = {
      keys: this.#write(old?.keys, keys, shape),
      values: this.#write(old?.values, values, shape),
    };
    this.#layers[layer] = buffers;
    const end = [batch, heads, this.#length + count, width];
    return { keys: slice(buffers.keys, [0, 0, 0, 0], end), values: slice(buffers.values, [0, 0, 0, 0], end) };
  }

  /** Counts positions that all layers have been given. */
  advance(count: number): void {
    this.#length += count;
  }

  /** All buffers, for evaluation. */
  arrays(): MLXArray[] {
    return this.#layers.flatMap((buffers) => buffers ? [buffers.keys, buffers.values] : []);
  }

  #replace(make: (buffer: MLXArray) => MLXArray): void {
    this.#layers = this.#layers.map((buffers) => {
      if (!buffers) return undefined;
      const next = { keys: keep(make(buffers.keys)), values: keep(make(buffers.values)) };
      buffers.keys.dispose();
      buffers.values.dispose();
      return next;
    });
  }

  /** Keeps only some rows; `rows` is an int32 array of their indices. */
  select(rows: MLXArray, indices: readonly number[]): void {
    this.#replace((buffer) => takeAxis(buffer, rows, 0));
    this.padding = indices.map((index) => this.padding[index]!);
  }

  /** Forgets all positions from `length` on; the buffers stay as large as they are. */
  truncate(length: number): void {
    this.#length = Math.min(length, this.#length);
  }

  /** Another cache with what is in this one, which is empty then: for who keeps it when its owner disposes it. */
  moved(): KVCache {
    const next = new KVCache(this.#layers.length, this.padding);
    next.#layers = this.#layers;
    next.#length = this.#length;
    next.#capacity = this.#capacity;
    this.#layers = this.#layers.map(() => undefined);
    this.dispose();
    return next;
  }

  /**
   * Several single rows as one batch, moved to the right so that all end at the same position. The single caches are
   * disposed.
   */
  static merge(caches: readonly KVCache[]): KVCache {
    const length = Math.max(...caches.map((cache) => cache.length));
    const layers = caches[0]!.#layers.length;
    const merged = new KVCache(layers, caches.map((cache) => length - cache.length));
    merged.#length = length;
    merged.reserve(0);
    const capacity = merged.#capacity;
    const place = (cache: KVCache, buffer: MLXArray): MLXArray => {
      const [, heads, , width] = buffer.shape as [number, number, number, number];
      const filled = slice(buffer, [0, 0, 0, 0], [1, heads, cache.length, width]);
      const room = zeros([1, heads, capacity, width], buffer.dtype);
      return sliceUpdate(room, filled, [0, 0, length - cache.length, 0], [1, heads, length, width]);
    };
    merged.#layers = Array.from({ length: layers }, (_, layer) => ({
      keys: concatenate(caches.map((cache) => place(cache, cache.#layers[layer]!.keys)), 0),
      values: concatenate(caches.map((cache) => place(cache, cache.#layers[layer]!.values)), 0),
    }));
    for (const array of merged.arrays()) keep(array);
    for (const cache of caches) cache.dispose();
    return merged;
  }

  dispose(): void {
    for (const array of this.arrays()) array.dispose();
    this.#layers = this.#layers.map(() => undefined);
    this.#length = 0;
    this.#capacity = 0;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
