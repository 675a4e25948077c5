/**
 * The host time to build one decode step, and the number of operations in it.
 *
 * On a GPU each fast operation (norm, rotary positions, attention) is one primitive; on a CPU MLX builds each of several.
 * To see the GPU's graph without a GPU, {@linkcode singlePrimitives} replaces each by one cheap primitive of the same
 * arguments. Nothing may be evaluated meanwhile: only building is measured.
 *
 * @module
 */
import { native } from "../ffi/library.ts";
import * as mx from "../ffi/mod.ts";
import type { DecoderConfig } from "../lib/model/config.ts";
import { type Buffers, KVCache, type RowShape } from "../lib/model/kv_cache.ts";
import type { Qwen3ASRModel } from "../lib/model/qwen3_asr_model.ts";

type Name = keyof typeof native;

function patch(name: Name, replacement: (...args: never[]) => number): () => void {
  const original = native[name];
  if (!Reflect.set(native, name, replacement)) throw new TypeError(`Cannot replace ${name}`);
  return () => Reflect.set(native, name, original);
}

/** Runs `use` with each fast operation as one primitive. */
export function singlePrimitives<T>(use: () => T): T {
  type Out = BigUint64Array<ArrayBuffer>;
  const { mlx_square, mlx_exp, mlx_maximum } = native;
  const restore = [
    patch(
      "mlx_fast_rms_norm",
      (out: Out, x: bigint, weight: bigint, _eps: number, s: bigint) =>
        weight === 0n ? mlx_square(out, x, s) : mlx_maximum(out, x, weight, s),
    ),
    // Every parameter is spelled out: rest parameters would cost time that the real call does not.
    patch(
      "mlx_fast_rope",
      (
        out: Out,
        x: bigint,
        _width: number,
        _traditional: boolean,
        _base: bigint,
        _scale: number,
        _offset: number,
        _frequencies: bigint,
        s: bigint,
      ) => mlx_exp(out, x, s),
    ),
    patch(
      "mlx_fast_scaled_dot_product_attention",
      (
        out: Out,
        q: bigint,
        _k: bigint,
        _v: bigint,
        _scale: number,
        _mode: Uint8Array,
        _mask: bigint,
        _sinks: bigint,
        _isSink: boolean,
        s: bigint,
      ) => mlx_exp(out, q, s),
    ),
  ];
  try {
    return use();
  } finally {
    for (const undo of restore) undo();
  }
}

/** Operations that only view memory differently and start no kernel. */
const VIEWS = /^mlx_(reshape|slice|transpose_axes|swapaxes|broadcast_to)$/;
/** Calls that add no node to a graph. */
const NO_NODE =
  /^mlx_(array_|vector_|stream_|default_|device_|get_|eval|async|optional|clear|sync|closure_new|compile)|^_|_nonblocking$/;

/** How often `use` calls each function of mlx-c that makes a primitive; a compiled function counts as one. */
export function countPrimitives(use: () => void): Map<string, number> {
  const counts = new Map<string, number>();
  const restore: (() => void)[] = [];
  for (const name of Object.keys(native) as Name[]) {
    const original = native[name];
    if (NO_NODE.test(name) || typeof original !== "function") continue;
    const call = original as (...args: unknown[]) => number;
    restore.push(patch(name, (...args: unknown[]) => {
      counts.set(name, (counts.get(name) ?? 0) + 1);
      return call(...args);
    }));
  }
  // A compiled function is called by its address, not through the table.
  const { apply } = mx.Compiled.prototype;
  mx.Compiled.prototype.apply = function (...inputs) {
    counts.set("compiled", (counts.get("compiled") ?? 0) + 1);
    return apply.apply(this, inputs);
  };
  restore.push(() => mx.Compiled.prototype.apply = apply);
  try {
    use();
  } finally {
    for (const undo of restore) undo();
  }
  return counts;
}

/** How many operations start a kernel. */
export function launches(counts: ReadonlyMap<string, number>): number {
  return [...counts].reduce((sum, [name, count]) => VIEWS.test(name) ? sum : sum + count, 0);
}

/** A cache that never changes: what a step writes reaches the step's result, but is not kept. */
class StillCache extends KVCache {
  readonly #buffers: Buffers[];
  readonly #length: number;

  constructor({ layers, kvHeads, headWidth }: DecoderConfig, length: number) {
    super(layers);
    this.#length = length;
    const zeros = () => mx.zeros([1, kvHeads, length + 8, headWidth]);
    this.#buffers = Array.from({ length: layers }, () => ({ keys: zeros(), values: zeros() }));
    mx.evaluate(...this.arrays());
  }

  override get length(): number {
    return this.#length;
  }

  override update(layer: number, keys: mx.MLXArray, values: mx.MLXArray, shape: RowShape): Buffers {
    const [batch, heads, count, width] = shape;
    const end = [batch, heads, this.#length + count, width];
    const write = (buffer: mx.MLXArray, rows: mx.MLXArray) =>
      mx.slice(mx.sliceUpdate(buffer, rows, [0, 0, this.#length, 0], end), [0, 0, 0, 0], end);
    const old = this.#buffers[layer]!;
    return { keys: write(old.keys, keys), values: write(old.values, values) };
  }

  override advance(): void {}

  override arrays(): mx.MLXArray[] {
    return this.#buffers.flatMap(({ keys, values }) => [keys, values]);
  }

  override dispose(): void {
    mx.disposeAll(this.arrays());
  }
}

/** Builds one decode step after `length` positions without evaluating it; its arrays are freed at once. */
export class StepBuilder implements Disposable {
  readonly #model: Qwen3ASRModel;
  readonly #cache: KVCache;
  readonly #token: mx.MLXArray;

  constructor(model: Qwen3ASRModel, length: number) {
    this.#model = model;
    this.#cache = new StillCache(model.config.decoder, length);
    this.#token = mx.fromData(Int32Array.of(5));
  }

  /** The graph of a step up to the chosen token. */
  build(): mx.MLXArray {
    return this.#model.backend.build(() => this.#model.choose(this.#model.step(this.#token, this.#cache)));
  }

  [Symbol.dispose](): void {
    this.#cache.dispose();
    this.#token.dispose();
  }
}
