/**
 * A clip that is decoded again and again while it grows, as a live utterance is, and what is kept of it in between:
 * embeddings of full encoder windows, and the decoder's keys and values of the prompt up to the end of these. What is
 * heard again is then the last few seconds, and what is read again the text.
 *
 * @module
 */
import type { MLXArray } from "../../ffi/mod.ts";
import type { KVCache } from "../model/kv_cache.ts";
import type { Qwen3ASRModel } from "../model/qwen3_asr_model.ts";
import type { Prompt } from "../text/prompt.ts";
import type { DecodeContext } from "./encode.ts";
import { GrowingEncoding } from "./growing_encoding.ts";

/** What to keep. Everything, but for who measures what it is worth. */
export interface GrowingClipOptions {
  /** Embeddings. @default {true} */
  embeddings?: boolean;
  /** Keys and values. @default {true} */
  keys?: boolean;
}

/** Goes along with each request for the clip, decoded one at a time. Its owner disposes it. */
export class GrowingClip implements Disposable {
  readonly #model: Qwen3ASRModel;
  readonly #encoding: GrowingEncoding;
  readonly #keepsKeys: boolean;
  #cache: KVCache | undefined;
  /** What is in the cache: the prompt's beginning, a pad for each audio token. */
  #ids: number[] = [];
  #audioStart = 0;
  /** Audio tokens that stay as they are. */
  #final = 0;
  #isDisposed = false;

  constructor(model: Qwen3ASRModel, { embeddings = true, keys = true }: GrowingClipOptions = {}) {
    this.#model = model;
    this.#encoding = new GrowingEncoding(model, embeddings);
    this.#keepsKeys = keys;
  }

  /** Bytes of what is kept on the device. */
  get byteLength(): number {
    return this.#encoding.byteLength + (this.#cache?.byteLength ?? 0);
  }

  /**
   * Audio embeddings `[N, H]` of the clip so far, evaluated; the caller disposes them.
   *
   * @param samples 16 kHz mono: those of the last time with more behind them.
   */
  async encode(samples: Float32Array, context: DecodeContext): Promise<MLXArray> {
    const { embeddings, unchanged, final } = await this.#encoding.encode(samples, context);
    this.#final = final;
    this.#ids.length = Math.min(this.#ids.length, this.#audioStart + unchanged);
    return embeddings;
  }

  /** A cache with what is kept of the prompt, the caller's until it is given back. */
  take(prompt: Prompt): KVCache {
    const cache = this.#cache ?? this.#model.newCache();
    this.#cache = undefined;
    const changed = this.#ids.findIndex((id, place) => id !== prompt.ids[place]);
    cache.truncate(changed < 0 ? this.#ids.length : changed);
    return cache;
  }

  /** Keeps of a cache that has read the prompt what will be right the next time, and leaves it empty. */
  giveBack(cache: KVCache, { ids, audioStart }: Prompt): void {
    this.#cache?.dispose();
    this.#cache = undefined;
    const end = audioStart + this.#final;
    // In a batch with others the caches became one, and this has nothing left.
    if (!this.#keepsKeys || this.#isDisposed || cache.length < end) return;
    this.#cache = cache.moved();
    this.#cache.truncate(end);
    this.#audioStart = audioStart;
    this.#ids = ids.slice(0, end);
  }

  /** What a call that still runs holds is freed at its end. */
  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#cache?.dispose();
    this.#cache = undefined;
    this.#encoding[Symbol.dispose]();
  }
}
