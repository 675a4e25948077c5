/**
 * The decode loop: several clips at once, one token each a step. Rows leave as they finish; what a row gets does not
 * depend on its neighbours.
 *
 * @module
 */
import {
  astype,
  concatenate,
  disposeAll,
  enqueue,
  fromData,
  keep,
  logsumexp,
  max,
  maximum,
  type MLXArray,
  randomKey,
  readInt32,
  reshape,
  settled,
  slice,
  subtract,
  takeAlongAxis,
  takeAxis,
  toFloat32,
} from "../../ffi/mod.ts";
import { turn } from "../breathe.ts";
import { KVCache } from "../model/kv_cache.ts";
import type { Qwen3ASRModel } from "../model/qwen3_asr_model.ts";
import type { DecoderProbe } from "../model/tap.ts";
import { findTokenLoop } from "../text/loops.ts";
import type { Prompt } from "../text/prompt.ts";
import type { FinishReason } from "../transcript.ts";
import type { ClipRequest } from "./clip.ts";
import { mlxMutex } from "./mutex.ts";
import type { Timing } from "./timing.ts";

/** Other calls get a turn at least this often, in milliseconds. The event loop is free during every step. */
const TURN_MS = 8;
/** Steps after which freed buffers of ever new sizes are given back to the system. */
const TRIM_EVERY = 256;
/** Keeps the random numbers of neighbouring seeds apart. */
export const SEED_STRIDE = 100_003;

/** One clip on its way. */
export class DecodeRow implements Disposable {
  readonly tokens: number[] = [];
  /** Of the tokens, where they were asked for; NaN for tokens that were not chosen freely. */
  readonly logprobs: number[] = [];
  finishReason: FinishReason | undefined;
  attended: Float32Array | undefined;
  readonly request: ClipRequest;
  readonly cache: KVCache;
  readonly prompt: Prompt;
  /** `[1, V]` after the prompt; gone once the first token is chosen. */
  logits: MLXArray;

  constructor(request: ClipRequest, cache: KVCache, prompt: Prompt, logits: MLXArray) {
    this.request = request;
    this.cache = cache;
    this.prompt = prompt;
    this.logits = logits;
  }

  /** Appends a token that was not chosen freely. */
  push(id: number, logprob = NaN): void {
    this.tokens.push(id);
    this.logprobs.push(logprob);
    this.request.onToken?.(id);
  }

  /** Books a chosen token and says whether the row ends with it. */
  accept(id: number, stops: ReadonlySet<number>, logprob?: number): void {
    const minTokens = this.request.minTokens ?? 0;
    if (this.tokens.length >= minTokens && stops.has(id)) {
      this.finishReason = "stop";
      return;
    }
    this.push(id, logprob);
    const loop = this.tokens.length > minTokens ? findTokenLoop(this.tokens) : undefined;
    if (loop) {
      this.tokens.length = this.logprobs.length = loop.startIndex + loop.period;
      this.finishReason = "repetition";
    } else if (this.tokens.length >= this.request.maxTokens) this.finishReason = "length";
  }

  [Symbol.dispose](): void {
    this.logits.dispose();
    this.cache.dispose();
  }
}

/** What a step chose. */
interface Chosen extends Disposable {
  /** int32 `[B]` */
  tokens: MLXArray;
  /** float32 `[B]`, when a row asks for them. */
  logprobs: MLXArray | undefined;
}

function chosen(tokens: MLXArray, logprobs: MLXArray | undefined): Chosen {
  return { tokens, logprobs, [Symbol.dispose]: () => disposeAll([tokens, logprobs]) };
}

function arraysOf({ tokens, logprobs }: Chosen): MLXArray[] {
  return logprobs ? [tokens, logprobs] : [tokens];
}

/** log softmax of logits `[B, V]` at the tokens `[B]`. */
function logprobsOf(logits: MLXArray, tokens: MLXArray): MLXArray {
  const wide = astype(logits, "float32");
  const count = tokens.dim(0);
  const picked = reshape(takeAlongAxis(wide, reshape(tokens, [count, 1]), 1), [count]);
  return subtract(picked, logsumexp(wide, -1));
}

/** How a run ends early and what it counts. */
export interface BatchRun {
  stops: ReadonlySet<number>;
  timing: Timing;
  signal?: AbortSignal | undefined;
}

/** Rows that are decoded together. */
export class DecodeBatch implements Disposable {
  readonly #model: Qwen3ASRModel;
  readonly #cache: KVCache;
  readonly #watched: ReadonlySet<number>;
  readonly #promptLength: number;
  #rows: DecodeRow[];
  /** Largest attention so far per row and prompt position, `[B, P]`. */
  #attention: MLXArray | undefined;
  #steps = 0;

  private constructor(model: Qwen3ASRModel, rows: DecodeRow[], cache: KVCache, watched: ReadonlySet<number>) {
    this.#model = model;
    this.#rows = [...rows];
    this.#cache = cache;
    this.#watched = watched;
    this.#promptLength = cache.length;
  }

  /** Puts the rows' caches together; call under the mutex. The rows' caches are the batch's from here on. */
  static async create(
    model: Qwen3ASRModel,
    rows: DecodeRow[],
    watched: ReadonlySet<number>,
  ): Promise<DecodeBatch> {
    if (rows.length === 1) return new DecodeBatch(model, rows, rows[0]!.cache, watched);
    const cache = model.backend.build(() => KVCache.merge(rows.map((row) => row.cache)));
    try {
      await model.backend.evaluate(...cache.arrays());
    } catch (error) {
      cache.dispose();
      throw error;
    }
    return new DecodeBatch(model, rows, cache, watched);
  }

  #choose(logits: MLXArray): Chosen {
    const tokens = this.#tokens(logits);
    const isAsked = this.#rows.some(({ request }) => request.logprobs);
    return chosen(tokens, isAsked ? logprobsOf(logits, tokens) : undefined);
  }

  /** Tokens for logits `[B, V]`: each row at its own temperature, with its own random numbers. */
  #tokens(logits: MLXArray): MLXArray {
    if (this.#rows.every(({ request }) => request.temperature === 0)) return this.#model.choose(logits);
    const vocabulary = logits.dim(1);
    const own = this.#rows.map(({ request: { temperature, seed }, tokens }, index) => {
      const row = slice(logits, [index, 0], [index + 1, vocabulary]);
      if (temperature === 0) return this.#model.choose(row);
      return this.#model.choose(row, { temperature, key: randomKey(seed * SEED_STRIDE + tokens.length) });
    });
    return concatenate(own, 0);
  }

  /** Keeps, per prompt position, the largest weight that any head of the watched layers gave it. */
  #watch(): DecoderProbe {
    const length = this.#promptLength;
    return {
      attention: this.#watched,
      tap: (stage, weights) => {
        if (!stage.startsWith("decoder_attention_")) return;
        const [batch, heads] = weights.shape as [number, number];
        const onPrompt = slice(weights, [0, 0, 0, 0], [batch, heads, 1, length]);
        const largest = reshape(max(onPrompt, 1), [batch, length]);
        const before = this.#attention;
        this.#attention = keep(before ? maximum(before, largest) : largest);
        before?.dispose();
      },
    };
  }

  /** The first tokens, from the logits after the prompts. */
  #first(): Chosen {
    const first = this.#model.backend.build(() =>
      this.#choose(concatenate(this.#rows.map((row) => row.logits), 0))
    );
    for (const row of this.#rows) row.logits.dispose();
    return first;
  }

  /** int32 `[B]` -> the tokens after them. */
  #next(tokens: MLXArray): Chosen {
    return this.#model.backend.build(() =>
      this.#choose(this.#model.step(tokens, this.#cache, this.#watch()))
    );
  }

  #outputs(next: Chosen): MLXArray[] {
    return this.#attention ? [...arraysOf(next), this.#attention] : arraysOf(next);
  }

  /** What was attended to, for rows that have ended. */
  #reportAttention(): void {
    if (!this.#attention) return;
    const attention = toFloat32(this.#attention);
    for (const [index, row] of this.#rows.entries()) {
      if (row.finishReason === undefined) continue;
      const start = index * this.#promptLength + this.#cache.padding[index]! + row.prompt.audioStart;
      row.attended = attention.slice(start, start + row.prompt.audioTokens);
    }
  }

  /** Finished rows leave, the rest moves up; returns the old places of those that stay. */
  #compact(): number[] {
    const staying = [...this.#rows.keys()].filter((index) => this.#rows[index]!.finishReason === undefined);
    if (staying.length === this.#rows.length) return staying;
    this.#reportAttention();
    if (staying.length > 0) {
      this.#model.backend.build(() => {
        const indices = fromData(Int32Array.from(staying));
        this.#cache.select(indices, staying);
        const before = this.#attention;
        if (before) this.#attention = keep(takeAxis(before, indices, 0));
        before?.dispose();
      });
    }
    this.#rows = staying.map((index) => this.#rows[index]!);
    return staying;
  }

  /** Hands evaluated tokens to their rows. */
  #deliver({ tokens, logprobs }: Chosen, run: BatchRun): Int32Array {
    const ids = readInt32(tokens);
    const sureness = logprobs && toFloat32(logprobs);
    run.timing.decodeSteps++;
    run.timing.generatedTokens += ids.length;
    for (const [index, row] of this.#rows.entries()) {
      row.accept(ids[index]!, run.stops, sureness?.[index]);
      if (run.signal?.aborted) row.finishReason ??= "cancelled";
    }
    if (++this.#steps % TRIM_EVERY === 0) this.#model.backend.trim();
    return ids;
  }

  /** One step: reads the tokens, frees them, builds the next. */
  async #plainStep(current: Chosen, run: BatchRun): Promise<Chosen | undefined> {
    using read = current;
    const start = performance.now();
    await this.#model.backend.evaluate(...this.#outputs(read));
    const rows = this.#rows.length;
    const ids = this.#deliver(read, run);
    const staying = this.#compact();
    let next: Chosen | undefined;
    if (staying.length > 0) {
      const built = performance.now();
      using moved = staying.length === rows
        ? undefined
        : fromData(Int32Array.from(staying, (index) => ids[index]!));
      next = this.#next(moved ?? read.tokens);
      run.timing.hostMs += performance.now() - built;
    }
    run.timing.book("decode", start, { rows });
    return next;
  }

  /** Some steps, each read before the next is built; then somebody else's turn. */
  async #plainTurn(first: Chosen, run: BatchRun): Promise<Chosen | undefined> {
    const turnEnd = performance.now() + TURN_MS;
    let current: Chosen | undefined = first;
    do current = await this.#plainStep(current, run); while (current && performance.now() < turnEnd);
    return current;
  }

  /**
   * Double buffering: step n + 1 is built from the unread tokens and enqueued while step n runs; then n is read. Rows
   * that end with n have taken part in n + 1 for nothing.
   */
  async #bufferedTurn(current: Chosen, run: BatchRun): Promise<Chosen | undefined> {
    using read = current;
    const start = performance.now();
    const next = this.#next(read.tokens);
    try {
      enqueue(...this.#outputs(next));
      run.timing.hostMs += performance.now() - start;
      await settled(...arraysOf(read));
      const rows = this.#rows.length;
      this.#deliver(read, run);
      const goOn = this.#rows.every((row) => row.finishReason === undefined)
        ? next
        : await this.#staying(next);
      if (goOn !== next) next[Symbol.dispose]();
      run.timing.book("decode", start, { rows });
      return goOn;
    } catch (error) {
      next[Symbol.dispose]();
      throw error;
    }
  }

  /** Lets finished rows leave; the tokens of the others, if there are any. */
  async #staying(next: Chosen): Promise<Chosen | undefined> {
    await settled(...this.#outputs(next));
    const staying = this.#compact();
    if (staying.length === 0) return undefined;
    const left = this.#model.backend.build(() => {
      const rows = fromData(Int32Array.from(staying));
      return chosen(takeAxis(next.tokens, rows, 0), next.logprobs && takeAxis(next.logprobs, rows, 0));
    });
    // They are waited for, and no later step depends on the log probabilities.
    enqueue(...arraysOf(left));
    return left;
  }

  /** Decodes until every row has ended. */
  async run(run: BatchRun): Promise<void> {
    const { doubleBuffer } = this.#model.backend.policy;
    let tokens: Chosen | undefined = await mlxMutex.run(() => {
      const first = this.#first();
      if (doubleBuffer) enqueue(...this.#outputs(first));
      return Promise.resolve(first);
    });
    while (tokens) {
      const current: Chosen = tokens;
      tokens = await mlxMutex.run(() =>
        doubleBuffer ? this.#bufferedTurn(current, run) : this.#plainTurn(current, run)
      );
      await turn();
    }
  }

  [Symbol.dispose](): void {
    this.#cache.dispose();
    this.#attention?.dispose();
    for (const row of this.#rows) row[Symbol.dispose]();
  }
}
