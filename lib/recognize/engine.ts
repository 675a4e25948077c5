/**
 * The engine: clips -> encoder -> prefill -> batch decoding -> answers. Knows one model and its tokenizer; knows
 * nothing of files, terminals or threads.
 *
 * @module
 */
import { disposeAll, fromData, keep, type MLXArray, toFloat32 } from "../../ffi/mod.ts";
import { SAMPLE_RATE } from "../audio/samples.ts";
import { favour } from "../model/exclusive.ts";
import { prefillInPieces } from "../model/prefill.ts";
import type { Qwen3ASRModel } from "../model/qwen3_asr_model.ts";
import type { DecoderProbe } from "../model/tap.ts";
import { Mutex } from "../mutex.ts";
import { parseAnswer } from "../text/answer.ts";
import { buildPrompt, type Prompt, stopTokens } from "../text/prompt.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import type { TokenLogprob } from "../transcript.ts";
import type { ClipRequest } from "./clip.ts";
import { cancelled, type ClipAnswer } from "./clip_answer.ts";
import { DecodeBatch } from "./decode_batch.ts";
import { DecodeRow } from "./decode_row.ts";
import { type DecodeContext, encode } from "./encode.ts";
import { LanguageChoice } from "./language_choice.ts";
import { buildPass, lastPosition } from "./observer.ts";
import { Timing } from "./timing.ts";

/** Positions reserved in the cache beyond the prompt, where the budget is larger. */
const RESERVED_POSITIONS = 256;
/** A chunk as recordings are cut: it takes a batch's memory divided by its size. */
const SHORT_SAMPLES = 30 * SAMPLE_RATE;

function failed(error: unknown): ClipAnswer {
  return {
    ...cancelled(),
    finishReason: "error",
    error: error instanceof Error ? error : new Error(String(error)),
  };
}

/** What decodes clips for a call. */
export type ClipDecoder = Pick<Engine, "decode" | "tokenizer">;

/** One loaded model, ready to decode. */
export class Engine implements Disposable {
  readonly model: Qwen3ASRModel;
  readonly tokenizer: Tokenizer;
  /** Decoder layers whose attention onto the audio is watched for coverage. */
  readonly watchedLayers: ReadonlySet<number>;
  readonly #stops: ReadonlySet<number>;
  /** Calls take turns, one batch of clips each: memory is for one. */
  readonly #batches = new Mutex();
  /** Single short clips have turns of their own, so that they need not wait for the end of a batch. */
  readonly #shortClips = new Mutex();

  /** @throws {ModelError} When the tokenizer lacks a token of the prompt. */
  constructor(model: Qwen3ASRModel, tokenizer: Tokenizer) {
    buildPrompt(tokenizer, { audioTokens: 1 });
    this.model = model;
    this.tokenizer = tokenizer;
    const layers = model.config.decoder.layers;
    this.watchedLayers = new Set([Math.floor(layers / 2), Math.floor(3 * layers / 4), layers - 1]);
    this.#stops = new Set(stopTokens(tokenizer));
  }

  /** Encodes, reads the prompt, chooses the language; rejects when aborted in between. */
  async #start(request: ClipRequest, context: DecodeContext): Promise<DecodeRow> {
    context.signal?.throwIfAborted();
    const { observer, samples } = request;
    using embeddings = await encode(this.model, samples, { ...context, observer });
    context.signal?.throwIfAborted();
    const prompt = buildPrompt(this.tokenizer, {
      audioTokens: embeddings.dim(0),
      context: request.context,
      language: request.language,
      prefix: request.prefix,
    });
    observer?.prompted(prompt);
    return await this.model.backend.exclusive(async () => {
      const row = await this.#prefill(request, prompt, embeddings, context);
      try {
        if (request.languages && !request.language && !request.prefix) {
          await this.#chooseLanguage(row, request.languages);
        }
        return row;
      } catch (error) {
        row[Symbol.dispose]();
        throw error;
      }
    });
  }

  /** Fills a cache with the prompt, under the lock. */
  async #prefill(
    request: ClipRequest,
    prompt: Prompt,
    embeddings: MLXArray,
    { timing, signal }: DecodeContext,
  ): Promise<DecodeRow> {
    const { backend } = this.model;
    const start = performance.now();
    const cache = this.model.newCache();
    const weights = new Map<number, MLXArray>();
    let logits: MLXArray;
    try {
      cache.reserve(prompt.ids.length + Math.min(request.maxTokens, RESERVED_POSITIONS));
      using spliced = backend.build(() => this.model.splice(prompt.ids, prompt.audioStart, embeddings));
      const pass = await prefillInPieces(this.model, spliced, cache, {
        probe: request.observer && lastPosition(request.observer.attention, weights),
        also: () => [...weights.values()],
        signal,
      });
      logits = pass.result;
      timing.hostMs += pass.hostMs;
    } catch (error) {
      disposeAll(weights.values());
      cache.dispose();
      throw error;
    }
    timing.book("prefill", start, { tokens: prompt.ids.length });
    timing.audioTokens += prompt.audioTokens;
    timing.promptTokens += prompt.ids.length;
    return new DecodeRow(request, cache, prompt, {
      logits,
      weights,
      milliseconds: performance.now() - start,
    });
  }

  /** Walks the most likely of the allowed beginnings, token by token. */
  async #chooseLanguage(row: DecodeRow, names: readonly string[]): Promise<void> {
    const { backend } = this.model;
    const { observer } = row.request;
    const choice = new LanguageChoice(this.tokenizer, names);
    for (let allowed = choice.allowed(); allowed.length > 0; allowed = choice.allowed()) {
      const token = choice.take(toFloat32(row.pass.logits));
      row.show(token);
      row.push(token);
      row.place++;
      const start = performance.now();
      const step = (probe?: DecoderProbe) =>
        this.model.step(fromData(Int32Array.of(token)), row.cache, probe);
      row.pass = backend.build(() =>
        observer ? buildPass(observer, step) : { logits: keep(step()), weights: new Map(), milliseconds: 0 }
      );
      await backend.evaluate(row.pass.logits, ...row.pass.weights.values());
      row.pass.milliseconds = performance.now() - start;
    }
  }

  /** What a row that ended says. */
  #answer({ request, tokens, finishReason = "cancelled", attended, logprobs, looks }: DecodeRow): ClipAnswer {
    const rawText = (request.prefix ?? "") + this.tokenizer.decode(tokens);
    const tag = this.tokenizer.textTag;
    const first = tokens.lastIndexOf(tag) + 1;
    return {
      tokens,
      textTokens: tokens.length - tokens.indexOf(tag) - 1,
      finishReason,
      rawText,
      ...parseAnswer(rawText, request.language),
      attended,
      ...(request.logprobs ? { logprobs: this.#logprobs(tokens, logprobs, first) } : {}),
      ...(request.looks
        ? {
          looks: looks.slice(first).filter((_, index) => !this.tokenizer.isSpecial(tokens[first + index]!)),
        }
        : {}),
    };
  }

  /** How sure the model was of the text, which begins with token `first`. */
  #logprobs(tokens: readonly number[], logprobs: readonly number[], first: number): TokenLogprob[] {
    return tokens.slice(first).flatMap((id, index) =>
      this.tokenizer.isSpecial(id) ? [] : [{
        id,
        token: this.tokenizer.decode([id]),
        bytes: [...this.tokenizer.bytesOf(id)],
        logprob: logprobs[first + index]!,
      }]
    );
  }

  async #decodeRows(rows: DecodeRow[], context: DecodeContext): Promise<ClipAnswer[]> {
    using batch = await this.model.backend.exclusive(() =>
      DecodeBatch.create(this.model, rows, this.watchedLayers)
    );
    await batch.run({ ...context, stops: this.#stops });
    return rows.map((row) => {
      const answer = this.#answer(row);
      row.request.observer?.answered({ answer, cache: row.cache, timing: context.timing });
      return answer;
    });
  }

  /**
   * Decodes clips as one batch. An error of one clip becomes its answer; an error of the batch makes its clips be
   * decoded one by one, without telling their tokens again, so that only the guilty one is lost.
   */
  async #decodeBatch(requests: readonly ClipRequest[], context: DecodeContext): Promise<ClipAnswer[]> {
    const answers: ClipAnswer[] = new Array(requests.length);
    const started = new Map<number, DecodeRow>();
    for (const [index, request] of requests.entries()) {
      await this.#start(request, context).then(
        (row) => started.set(index, row),
        (error) => answers[index] = context.signal?.aborted ? cancelled() : failed(error),
      );
    }
    if (started.size === 0) return answers;
    const rows = [...started.values()], places = [...started.keys()];
    try {
      const decoded = await this.#decodeRows(rows, context);
      for (const [order, place] of places.entries()) answers[place] = decoded[order]!;
    } catch (error) {
      for (const row of rows) row[Symbol.dispose]();
      for (const place of places) {
        answers[place] = places.length === 1
          ? failed(error)
          : (await this.#decodeBatch([{ ...requests[place]!, onToken: undefined }], context))[0]!;
      }
    }
    return answers;
  }

  /** A clip that somebody looks at goes alone, and its times are its own. */
  async #decodeObserved(request: ClipRequest, context: DecodeContext): Promise<ClipAnswer> {
    const timing = new Timing();
    const [answer] = await this.#decodeBatch([request], { ...context, timing });
    context.timing.add(timing);
    return answer!;
  }

  /**
   * Decodes clips when it is this call's turn: those that nobody looks at as one batch, then the others. Never rejects
   * for a clip's sake: its error is its answer. Aborting ends all with `cancelled` and what they have.
   */
  async decode(requests: readonly ClipRequest[], context: DecodeContext): Promise<ClipAnswer[]> {
    const { signal } = context;
    const inTurn = async () => {
      const together = requests.filter(({ observer }) => !observer);
      const answers = await this.#decodeBatch(together, context);
      for (const [index, request] of requests.entries()) {
        if (request.observer) answers.splice(index, 0, await this.#decodeObserved(request, context));
      }
      return answers;
    };
    try {
      const isShort = requests.length === 1 && requests[0]!.samples.length <= SHORT_SAMPLES;
      if (isShort) return await this.#shortClips.run(() => favour(inTurn), signal);
      return await this.#batches.run(inTurn, signal);
    } catch (error) {
      if (!signal?.aborted) throw error;
      return requests.map(cancelled);
    }
  }

  [Symbol.dispose](): void {
    this.model[Symbol.dispose]();
  }
}
