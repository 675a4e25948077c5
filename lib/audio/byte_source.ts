/**
 * Bytes that arrive in their own time: can be looked at before they are read, and given up at any moment.
 *
 * @module
 */
import { abortable } from "../abortable.ts";
import { AudioError } from "../errors.ts";
import { joinBytes } from "../join_arrays.ts";

/** Larger blocks are handed out in pieces, so that nobody downstream works long without a pause. */
const MAX_BLOCK = 65536;

/** Reads a stream of bytes block by block. */
export class ByteSource implements AsyncIterable<Uint8Array> {
  /** What messages call it. */
  readonly name: string;
  /** Where the same bytes can be read again, from any position. */
  readonly path: string | undefined;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #signal: AbortSignal | undefined;
  /** Read from the stream, but not handed out yet. */
  #ahead: Uint8Array[] = [];
  #ended = false;
  #bytesRead = 0;

  /** @param options.path Set it when the stream is a file that can be opened again. */
  constructor(
    stream: ReadableStream<Uint8Array>,
    options: { name: string; path?: string | undefined; signal?: AbortSignal | undefined },
  ) {
    this.name = options.name;
    this.path = options.path;
    this.#reader = stream.getReader();
    this.#signal = options.signal;
  }

  /** The first `count` bytes of what comes next, or all when it is less; they stay to be read. */
  async peek(count: number): Promise<Uint8Array> {
    let known = this.#ahead.reduce((sum, block) => sum + block.length, 0);
    while (known < count) {
      const block = await this.#next();
      if (!block) break;
      this.#ahead.push(block);
      known += block.length;
    }
    const joined = joinBytes(this.#ahead);
    this.#ahead = known > 0 ? [joined] : [];
    return joined.subarray(0, count);
  }

  /** The next bytes, at most 64 KiB; `undefined` at the end. */
  async read(): Promise<Uint8Array | undefined> {
    const block = this.#ahead.shift() ?? await this.#next();
    if (!block || block.length <= MAX_BLOCK) return block;
    this.#ahead.unshift(block.subarray(MAX_BLOCK));
    return block.subarray(0, MAX_BLOCK);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (let block; (block = await this.read());) yield block;
  }

  /** Gives the stream up. What hangs in it is not waited for. */
  cancel(): void {
    this.#ended = true;
    this.#ahead = [];
    this.#reader.cancel().catch(() => {});
  }

  /** The next block that is not empty, straight from the stream. */
  async #next(): Promise<Uint8Array | undefined> {
    while (!this.#ended) {
      const { done, value } = await this.#readStream();
      if (done) {
        this.#ended = true;
      } else if (!(value instanceof Uint8Array)) {
        throw new AudioError(
          `Cannot read ${this.name}: its stream gives ${typeof value}, expected Uint8Array.`,
        );
      } else if (value.length > 0) {
        this.#bytesRead += value.length;
        return value;
      }
    }
    return undefined;
  }

  async #readStream(): Promise<ReadableStreamReadResult<Uint8Array>> {
    const reading = this.#reader.read().catch((cause) => {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new AudioError(
        `Cannot read ${this.name}: the stream broke off after ${this.#bytesRead} bytes (${reason}).`,
        { cause },
      );
    });
    return await abortable(reading, this.#signal);
  }
}
