/**
 * The decode loop: several clips at once, one token each a step. Rows leave as they finish; what a row gets does not
 * depend on its neighbours.
 *
 * @module
 */
import {
  add,
  concatenate,
  disposeAll,
  fromData,
  keep,
  maximum,
  type MLXArray,
  readInt32,
  reshape,
  slice,
  takeAxis,
  toFloat32,
} from "../../ffi/mod.ts";
import { resting, turn } from "../breathe.ts";
import type { Begun } from "../model/backend.ts";
import { KVCache } from "../model/kv_cache.ts";
import type { Qwen3ASRModel } from "../model/qwen3_asr_model.ts";
import type { DecoderProbe } from "../model/tap.ts";
import { chooseTokens, logprobsOf } from "./choice.ts";
import type { DecodeRow } from "./decode_row.ts";
import { attentionLayer, buildPass, largestOverHeads, sumOverHeads } from "./observer.ts";
import type { Timing } from "./timing.ts";

/** Other calls get a turn at least this often, in milliseconds. The event loop is free during every step. */
const TURN_MS = 8;
/** Steps after which freed buffers of ever new sizes are given back to the system. */
const TRIM_EVERY = 256;

/** What a step chose. */
interface Chosen extends Disposable {
  /** int32 `[B]` */
  tokens: MLXArray;
  /** float32 `[B]`, when a row asks for them. */
  logprobs: MLXArray | undefined;
  /** float32 `[B, P]`, when a row asks for it: attention of the watched heads together, while the tokens were chosen. */
  looks: MLXArray | undefined;
}

function chosen(tokens: MLXArray, logprobs?: MLXArray, looks?: MLXArray): Chosen {
  return { tokens, logprobs, looks, [Symbol.dispose]: () => disposeAll([tokens, logprobs, looks]) };
}

/** What a step chooses that is being computed. */
interface BegunStep extends Disposable {
  chosen: Chosen;
  begun: Begun;
}

function arraysOf({ tokens, logprobs, looks }: Chosen): MLXArray[] {
  return [tokens, logprobs, looks].filter((array) => array !== undefined);
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
  /** The only row, when somebody looks on. */
  readonly #observed: DecodeRow | undefined;
  /** Largest attention so far per row and prompt position, `[B, P]`. */
  #attention: MLXArray | undefined;
  /** What the heads of the step that is being built look at together, `[B, P]`. */
  #looks: MLXArray | undefined;
  #steps = 0;

  private constructor(model: Qwen3ASRModel, rows: DecodeRow[], cache: KVCache, watched: ReadonlySet<number>) {
    this.#model = model;
    this.#rows = [...rows];
    this.#observed = rows.find(({ request }) => request.observer);
    this.#cache = cache;
    this.#watched = watched;
    this.#promptLength = cache.length;
  }

  /**
   * Puts the rows' caches together, under the lock; they are the batch's from here on.
   *
   * @param rows A row with an observer comes alone.
   * @param watched Decoder layers whose attention onto the prompt is followed, for coverage.
   */
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
    const draws = this.#rows.map(({ request: { temperature, seed }, place }) => ({
      temperature,
      seed,
      place,
    }));
    const tokens = chooseTokens(this.#model, logits, draws);
    for (const row of this.#rows) row.place++;
    const isAsked = this.#rows.some(({ request }) => request.logprobs);
    const looks = this.#looks;
    this.#looks = undefined;
    return chosen(tokens, isAsked ? logprobsOf(logits, tokens) : undefined, looks);
  }

  /**
   * Keeps, per prompt position, the largest weight that any head gave it and, for rows that ask, the sum of this step's.
   * `weights` [B, heads, 1, positions]
   */
  #keepLargest(weights: MLXArray): void {
    const length = this.#promptLength, batch = weights.dim(0);
    const onPrompt = slice(weights, [0, 0, 0, 0], [batch, weights.dim(1), 1, length]);
    const largest = reshape(largestOverHeads(onPrompt), [batch, length]);
    const before = this.#attention;
    this.#attention = keep(before ? maximum(before, largest) : largest);
    before?.dispose();
    if (!this.#rows.some(({ request }) => request.looks)) return;
    const together = reshape(sumOverHeads(onPrompt), [batch, length]);
    this.#looks = this.#looks ? add(this.#looks, together) : together;
  }

  /** Looks at the layers watched for coverage, and at those that somebody else wants to see. */
  #probe(shown?: DecoderProbe): DecoderProbe {
    return {
      attention: shown?.attention ? this.#watched.union(shown.attention) : this.#watched,
      tap: (stage, array) => {
        const layer = attentionLayer(stage);
        if (layer !== undefined && this.#watched.has(layer)) this.#keepLargest(array);
        shown?.tap?.(stage, array);
      },
    };
  }

  /** The first tokens, from the logits after the prompts. */
  #first(): Chosen {
    const first = this.#model.backend.build(() =>
      this.#choose(concatenate(this.#rows.map((row) => row.pass.logits), 0))
    );
    for (const row of this.#rows) if (row !== this.#observed) row.pass.logits.dispose();
    return first;
  }

  /** int32 `[B]` -> logits `[B, V]` of the next step; those of a row with an observer are kept for it. */
  #step(tokens: MLXArray): MLXArray {
    const step = (shown?: DecoderProbe) => this.#model.step(tokens, this.#cache, this.#probe(shown));
    if (!this.#observed?.request.observer) return step();
    this.#observed.pass = buildPass(this.#observed.request.observer, step);
    return this.#observed.pass.logits;
  }

  /** int32 `[B]` -> the tokens after them. */
  #next(tokens: MLXArray): Chosen {
    return this.#model.backend.build(() => this.#choose(this.#step(tokens)));
  }

  /** All that is to be evaluated with a step. */
  #outputs(next: Chosen): MLXArray[] {
    const outputs = arraysOf(next);
    if (this.#attention) outputs.push(this.#attention);
    if (this.#observed) outputs.push(...this.#observed.pass.weights.values());
    return outputs;
  }

  /** A row's part of values `[B, P]`: those of its audio tokens. */
  #onAudio(values: Float32Array, index: number): Float32Array {
    const { prompt } = this.#rows[index]!;
    const start = index * this.#promptLength + this.#cache.padding[index]! + prompt.audioStart;
    return values.slice(start, start + prompt.audioTokens);
  }

  /** What was attended to, for rows that have ended. */
  #reportAttention(): void {
    if (!this.#attention) return;
    const attention = toFloat32(this.#attention);
    for (const [index, row] of this.#rows.entries()) {
      if (row.finishReason === undefined) continue;
      row.attend(this.#onAudio(attention, index));
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
  #deliver({ tokens, logprobs, looks }: Chosen, run: BatchRun): Int32Array {
    const ids = readInt32(tokens);
    const looksOfRows = looks && toFloat32(looks);
    const logprobsOfRows = logprobs && toFloat32(logprobs);
    run.timing.decodeSteps++;
    run.timing.generatedTokens += ids.length;
    for (const [index, row] of this.#rows.entries()) {
      row.show(ids[index]!);
      if (row.request.looks && looksOfRows) row.look = this.#onAudio(looksOfRows, index);
      row.accept(ids[index]!, run.stops, logprobsOfRows?.[index]);
      if (run.signal?.aborted) row.finishReason ??= "cancelled";
    }
    if (++this.#steps % TRIM_EVERY === 0) this.#model.backend.trim();
    return ids;
  }

  /** One step: reads the tokens, frees them, builds the next. */
  async #plainStep(current: Chosen, run: BatchRun): Promise<Chosen | undefined> {
    using read = current;
    const start = performance.now();
    await resting(this.#model.backend.evaluate(...this.#outputs(read)));
    if (this.#observed) this.#observed.pass.milliseconds += performance.now() - start;
    const rows = this.#rows.length;
    const ids = this.#deliver(read, run);
    if (this.#observed?.finishReason) await this.#overshoot(read.tokens);
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

  /**
   * A buffered loop has begun the step after a row's last token before it reads that token, and coverage counts where
   * that step looked: so it is computed here as well.
   */
  async #overshoot(tokens: MLXArray): Promise<void> {
    if (!this.#model.backend.policy.doubleBuffer) return;
    const { length } = this.#cache;
    using unread = this.#next(tokens);
    await this.#model.backend.evaluate(...this.#outputs(unread));
    this.#cache.truncate(length);
  }

  /** Begins to compute what was chosen, and what else is wanted of its step. */
  #begin(chosen: Chosen, outputs = this.#outputs(chosen)): BegunStep {
    let begun: Begun;
    try {
      begun = this.#model.backend.begin(outputs);
    } catch (error) {
      chosen[Symbol.dispose]();
      throw error;
    }
    const dispose = () => {
      begun[Symbol.dispose]();
      chosen[Symbol.dispose]();
    };
    return { chosen, begun, [Symbol.dispose]: dispose };
  }

  /**
   * Double buffering: step n + 1 is built from the unread tokens and begun while step n is computed; then n is read. For
   * rows that end with n, step n + 1 is wasted.
   */
  async #bufferedStep(current: BegunStep, run: BatchRun): Promise<BegunStep | undefined> {
    using read = current;
    const start = performance.now();
    const rows = this.#rows.length;
    const next = this.#begin(this.#next(read.chosen.tokens));
    let goOn: BegunStep | undefined;
    try {
      run.timing.hostMs += performance.now() - start;
      await resting(read.begun.settled(arraysOf(read.chosen)));
      this.#deliver(read.chosen, run);
      const isWhole = this.#rows.every((row) => row.finishReason === undefined);
      goOn = isWhole ? next : await this.#staying(next);
    } finally {
      if (goOn !== next) next[Symbol.dispose]();
    }
    run.timing.book("decode", start, { rows });
    return goOn;
  }

  /** Lets finished rows leave; the tokens of the others, if there are any. */
  async #staying({ chosen: next, begun }: BegunStep): Promise<BegunStep | undefined> {
    await begun.settled(this.#outputs(next));
    const staying = this.#compact();
    if (staying.length === 0) return undefined;
    const left = this.#model.backend.build(() => {
      const rows = fromData(Int32Array.from(staying));
      return chosen(
        takeAxis(next.tokens, rows, 0),
        next.logprobs && takeAxis(next.logprobs, rows, 0),
        next.looks && takeAxis(next.looks, rows, 0),
      );
    });
    // No later step depends on the log probabilities.
    return this.#begin(left, arraysOf(left));
  }

  /** Some steps, then somebody else's turn; undefined when every row has ended. */
  async #turn<Step>(
    first: Step,
    step: (current: Step) => Promise<Step | undefined>,
  ): Promise<Step | undefined> {
    const turnEnd = performance.now() + TURN_MS;
    let current: Step | undefined = first;
    do current = await step(current); while (current && performance.now() < turnEnd);
    return current;
  }

  /** Turn by turn. */
  async #decode<Step>(
    begin: () => Step,
    step: (current: Step) => Promise<Step | undefined>,
  ): Promise<void> {
    const { backend } = this.#model;
    let current: Step | undefined = await backend.exclusive(begin);
    while (current) {
      const first: Step = current;
      current = await backend.exclusive(() => this.#turn(first, step));
      await turn();
    }
  }

  /** Decodes until every row has ended. */
  run(run: BatchRun): Promise<void> {
    return this.#model.backend.policy.doubleBuffer && !this.#observed
      ? this.#decode(() => this.#begin(this.#first()), (current) => this.#bufferedStep(current, run))
      : this.#decode(() => this.#first(), (current) => this.#plainStep(current, run));
  }

  [Symbol.dispose](): void {
    this.#cache.dispose();
    this.#attention?.dispose();
    this.#observed?.[Symbol.dispose]();
    for (const row of this.#rows) row[Symbol.dispose]();
  }
}
