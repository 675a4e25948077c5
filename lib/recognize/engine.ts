/**
 * The engine: clips -> encoder -> prefill -> batch decoding -> answers. Knows one model and its tokenizer; knows
 * nothing of files, terminals or threads.
 *
 * @module
 */
import { SAMPLE_RATE } from "../audio/samples.ts";
import { favour } from "../model/exclusive.ts";
import type { Qwen3ASRModel } from "../model/qwen3_asr_model.ts";
import { Mutex } from "../mutex.ts";
import { parseAnswer } from "../text/answer.ts";
import { buildPrompt, stopTokens } from "../text/prompt.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import type { TokenLogprob } from "../transcript.ts";
import { type ClipRequest, growingClip } from "./clip.ts";
import { cancelled, type ClipAnswer } from "./clip_answer.ts";
import { DecodeBatch } from "./decode_batch.ts";
import type { DecodeRow } from "./decode_row.ts";
import { type DecodeContext, encode } from "./encode.ts";
import { chooseLanguage, readPrompt } from "./read_prompt.ts";
import { Timing } from "./timing.ts";

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
  /** Tokens that end an answer. */
  readonly stops: ReadonlySet<number>;
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
    this.stops = new Set(stopTokens(tokenizer));
  }

  /** Encodes, reads the prompt, chooses the language; rejects when aborted in between. */
  async #start(request: ClipRequest, context: DecodeContext): Promise<DecodeRow> {
    context.signal?.throwIfAborted();
    const { observer, samples } = request;
    using embeddings = await (growingClip(request)?.encode(samples, context) ??
      encode(this.model, samples, { ...context, observer }));
    context.signal?.throwIfAborted();
    const prompt = buildPrompt(this.tokenizer, {
      audioTokens: embeddings.dim(0),
      context: request.context,
      language: request.language,
      prefix: request.prefix,
    });
    observer?.prompted(prompt);
    return await this.model.backend.exclusive(async () => {
      const row = await readPrompt(this, request, prompt, embeddings, context);
      try {
        if (request.languages && !request.language && !request.prefix) {
          await chooseLanguage(this.model, this.tokenizer, row, request.languages);
        }
        return row;
      } catch (error) {
        row[Symbol.dispose]();
        throw error;
      }
    });
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
    const going = rows.filter(({ finishReason }) => finishReason === undefined);
    using batch = going.length > 0
      ? await this.model.backend.exclusive(() => DecodeBatch.create(this.model, going, this.watchedLayers))
      : undefined;
    await batch?.run({ ...context, stops: this.stops });
    return rows.map((row) => {
      const answer = this.#answer(row);
      row.request.observer?.answered({ answer, cache: row.cache, timing: context.timing });
      growingClip(row.request)?.giveBack(row.cache, row.prompt);
      if (!going.includes(row)) row[Symbol.dispose](); // It ended with its draft, and was in no batch.
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
