/**
 * The decode loop of a traced clip: one row, one token a step, everything read out in between. It chooses what the
 * ordinary loop chooses, only slower.
 *
 * @module
 */
import { disposeAll, fromData, type MLXArray, randomKey, readInt32, toFloat32 } from "../../ffi/mod.ts";
import { turn } from "../breathe.ts";
import { type Prompt, stopTokens } from "../text/prompt.ts";
import type { ClipRequest } from "./clip.ts";
import { DecodeRow, SEED_STRIDE } from "./decode_batch.ts";
import type { DecodeContext, Engine } from "./engine.ts";
import { LanguageChoice } from "./language_choice.ts";
import { mlxMutex } from "./mutex.ts";
import { AttentionLog } from "./trace_attention.ts";
import { StepLog } from "./trace_steps.ts";

/** Positions reserved beyond the prompt, as the engine does. */
const RESERVED = 256;

/** One clip from prompt to last token. */
export class TracedDecode implements Disposable {
  readonly log: StepLog;
  readonly attention: AttentionLog;
  readonly prompt: Prompt;
  readonly #engine: Engine;
  readonly #request: ClipRequest;
  readonly #context: DecodeContext;
  readonly #stops: ReadonlySet<number>;
  #row: DecodeRow | undefined;
  #passMs = 0;

  constructor(
    engine: Engine,
    request: ClipRequest,
    prompt: Prompt,
    context: DecodeContext,
    wishes: { attention: readonly number[]; topK: number },
  ) {
    this.#engine = engine;
    this.#request = request;
    this.#context = context;
    this.prompt = prompt;
    this.#stops = new Set(stopTokens(engine.tokenizer));
    const { heads } = engine.model.config.decoder;
    this.attention = new AttentionLog(prompt, heads, wishes.attention, engine.watchedLayers);
    this.log = new StepLog(engine.tokenizer, wishes.topK, request.language !== undefined);
  }

  /** The clip on its way; there is one once {@linkcode prefill} is done. */
  get row(): DecodeRow {
    return this.#row!;
  }

  /** Computes a pass's logits and weights, files the weights. The arrays that `make` returns are the caller's. */
  async #pass(
    make: (weights: Map<number, MLXArray>) => MLXArray,
    pass: { isPrefill: boolean; hasRow: boolean; also?: () => MLXArray[] },
  ): Promise<MLXArray> {
    const { backend } = this.#engine.model;
    const { timing } = this.#context;
    const start = performance.now();
    const weights = new Map<number, MLXArray>();
    const logits = backend.build(() => make(weights));
    timing.hostMs += performance.now() - start;
    try {
      await backend.evaluate(logits, ...weights.values(), ...pass.also?.() ?? []);
      this.attention.file(weights, pass);
    } catch (error) {
      logits.dispose();
      throw error;
    } finally {
      disposeAll(weights.values());
    }
    this.#passMs = performance.now() - start;
    timing.book(pass.isPrefill ? "prefill" : "decode", start, {});
    return logits;
  }

  /** Reads the prompt. @param embeddings Audio embeddings `[N, H]`. */
  async prefill(embeddings: MLXArray): Promise<void> {
    const { model } = this.#engine;
    const { timing } = this.#context;
    const { ids, audioStart, audioTokens } = this.prompt;
    const cache = model.newCache();
    try {
      await mlxMutex.run(async () => {
        cache.reserve(ids.length + Math.min(this.#request.maxTokens, RESERVED));
        const logits = await this.#pass(
          (weights) =>
            model.prefill(
              model.splice(ids, audioStart, embeddings),
              cache,
              this.attention.prefillProbe(weights),
            ),
          { isPrefill: true, hasRow: true, also: () => cache.arrays() },
        );
        this.#row = new DecodeRow(this.#request, cache, this.prompt, logits);
      });
    } catch (error) {
      cache.dispose();
      throw error;
    }
    timing.audioTokens += audioTokens;
    timing.promptTokens += ids.length;
  }

  /** Feeds a token: the row's logits are then those after it. */
  async #feed(id: number, hasRow: boolean): Promise<void> {
    const { model } = this.#engine;
    const row = this.row;
    const logits = await this.#pass(
      (weights) => model.step(fromData(Int32Array.of(id)), row.cache, this.attention.stepProbe(weights)),
      { isPrefill: false, hasRow },
    );
    row.logits.dispose();
    row.logits = logits;
  }

  #note(id: number): void {
    this.log.add(id, toFloat32(this.row.logits), {
      isStop: this.#stops.has(id),
      positions: this.row.cache.length,
      milliseconds: this.#passMs,
    });
  }

  /** The token that the ordinary loop would take. */
  #choose(): number {
    const { model } = this.#engine;
    const { temperature, seed } = this.#request;
    const { logits, tokens } = this.row;
    const chosen = model.backend.build(() =>
      model.choose(
        logits,
        temperature === 0 ? undefined : { temperature, key: randomKey(seed * SEED_STRIDE + tokens.length) },
      )
    );
    try {
      return readInt32(chosen)[0]!;
    } finally {
      chosen.dispose();
    }
  }

  /** The language line, when only some languages are allowed. */
  async #chooseLanguage(names: readonly string[]): Promise<void> {
    const choice = new LanguageChoice(this.#engine.tokenizer, names);
    for (let allowed = choice.allowed(); allowed.length > 0; allowed = choice.allowed()) {
      const id = choice.take(toFloat32(this.row.logits));
      this.#note(id);
      this.row.push(id);
      await this.#feed(id, true);
    }
  }

  async #step(): Promise<void> {
    const { timing, signal } = this.#context;
    const row = this.row;
    const id = this.#choose();
    this.#note(id);
    row.accept(id, this.#stops);
    timing.decodeSteps++;
    timing.generatedTokens++;
    if (signal?.aborted) row.finishReason ??= "cancelled";
    if (row.finishReason === undefined) await this.#feed(id, true);
    // Double buffering has begun the next step by now, and coverage counts what it looked at.
    else if (this.#engine.model.backend.policy.doubleBuffer) await this.#feed(id, false);
  }

  /** Decodes until the row has ended. */
  async run(): Promise<void> {
    const { language, languages, prefix } = this.#request;
    if (languages && !language && !prefix) await mlxMutex.run(() => this.#chooseLanguage(languages));
    while (this.row.finishReason === undefined) {
      await mlxMutex.run(() => this.#step());
      await turn();
    }
  }

  [Symbol.dispose](): void {
    this.#row?.[Symbol.dispose]();
  }
}
