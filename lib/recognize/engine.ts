/**
 * The engine: clips -> encoder -> prefill -> batch decoding -> answers. Knows one model and its tokenizer; knows
 * nothing of files, terminals or threads. Everything that touches MLX runs under the mutex.
 *
 * @module
 */
import { fromData, type MLXArray, toFloat32 } from "../../ffi/mod.ts";
import { LogMel } from "../audio/mel.ts";
import { prefillInPieces } from "../model/prefill.ts";
import type { Qwen3ASRModel } from "../model/qwen3_asr_model.ts";
import { parseTranscript } from "../text/parse.ts";
import { buildPrompt, type Prompt, stopTokens } from "../text/prompt.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import type { FinishReason, TokenLogprob } from "../transcript.ts";
import { cancelled, type ClipAnswer, type ClipRequest } from "./clip.ts";
import { DecodeBatch, DecodeRow } from "./decode_batch.ts";
import { LanguageChoice } from "./language_choice.ts";
import { mlxMutex } from "./mutex.ts";
import type { Timing } from "./timing.ts";

/** What a call brings along. */
export interface DecodeContext {
  timing: Timing;
  signal?: AbortSignal | undefined;
}

/** The longest `language X` that a model says. */
const LANGUAGE_LINE = 64;

function failed(error: unknown): ClipAnswer {
  return {
    ...cancelled(),
    finishReason: "error",
    error: error instanceof Error ? error : new Error(String(error)),
  };
}

/** Whether an answer was cut short before its `<asr_text>`, so that what there is of it is no text. */
function endsBeforeText(rawText: string, finishReason: FinishReason): boolean {
  return (finishReason === "cancelled" || finishReason === "length") && rawText.length <= LANGUAGE_LINE &&
    !rawText.includes("<asr_text>") && "language ".startsWith(rawText.slice(0, 9));
}

/** What a row that ended says, without what its decoder adds to it. */
export function readRow(
  { request, tokens, finishReason = "cancelled" }: DecodeRow,
  tokenizer: Tokenizer,
): Omit<ClipAnswer, "attended"> {
  const rawText = (request.prefix ?? "") + tokenizer.decode(tokens);
  const said = !request.language && endsBeforeText(rawText, finishReason) ? "" : rawText;
  return { tokens, finishReason, rawText, ...parseTranscript(said, request.language) };
}

/** One loaded model, ready to decode. */
export class Engine implements Disposable {
  readonly model: Qwen3ASRModel;
  readonly tokenizer: Tokenizer;
  /** Decoder layers whose attention onto the audio is watched for coverage. */
  readonly watchedLayers: ReadonlySet<number>;
  readonly #front: LogMel;
  readonly #stops: ReadonlySet<number>;

  /** @throws {ModelError} When the tokenizer lacks a token of the prompt. */
  constructor(model: Qwen3ASRModel, tokenizer: Tokenizer) {
    buildPrompt(tokenizer, { audioTokens: 1 });
    this.model = model;
    this.tokenizer = tokenizer;
    const layers = model.config.decoder.layers;
    this.watchedLayers = new Set([Math.floor(layers / 2), Math.floor(3 * layers / 4), layers - 1]);
    this.#front = model.backend.build(() => new LogMel(model.config.encoder.melBins));
    this.#stops = new Set(stopTokens(tokenizer));
  }

  /**
   * Audio embeddings `[N, H]` of a clip, evaluated; the caller disposes them.
   *
   * @param samples 16 kHz mono.
   */
  async encode(samples: Float32Array, { timing, signal }: DecodeContext): Promise<MLXArray> {
    const { backend, encoder } = this.model;
    return await mlxMutex.run(async () => {
      let start = performance.now();
      using mel = backend.build(() => this.#front.apply(samples));
      await backend.evaluate(mel);
      timing.book("mel", start);
      signal?.throwIfAborted();
      start = performance.now();
      const { result, hostMs } = await backend.runStages(() => encoder.stages(mel), { signal });
      timing.hostMs += hostMs;
      timing.book("encoder", start, { seconds: samples.length / 16_000 });
      return result;
    });
  }

  /** Encodes, reads the prompt, chooses the language; rejects when aborted in between. */
  async #start(request: ClipRequest, context: DecodeContext): Promise<DecodeRow> {
    context.signal?.throwIfAborted();
    using embeddings = await this.encode(request.samples, context);
    context.signal?.throwIfAborted();
    const prompt = buildPrompt(this.tokenizer, {
      audioTokens: embeddings.dim(0),
      context: request.context,
      language: request.language,
      prefix: request.prefix,
    });
    return await mlxMutex.run(async () => {
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

  /** Fills a cache with the prompt; under the mutex. */
  async #prefill(
    request: ClipRequest,
    prompt: Prompt,
    embeddings: MLXArray,
    { timing, signal }: DecodeContext,
  ): Promise<DecodeRow> {
    const { backend } = this.model;
    const start = performance.now();
    const cache = this.model.newCache();
    let logits: MLXArray;
    try {
      cache.reserve(prompt.ids.length + Math.min(request.maxTokens, 256));
      using spliced = backend.build(() => this.model.splice(prompt.ids, prompt.audioStart, embeddings));
      const pass = await prefillInPieces(this.model, spliced, cache, { signal });
      logits = pass.result;
      timing.hostMs += pass.hostMs;
    } catch (error) {
      cache.dispose();
      throw error;
    }
    timing.book("prefill", start, { tokens: prompt.ids.length });
    timing.audioTokens += prompt.audioTokens;
    timing.promptTokens += prompt.ids.length;
    return new DecodeRow(request, cache, prompt, logits);
  }

  /** Walks the most likely of the allowed `language X<asr_text>` beginnings, token by token. */
  async #chooseLanguage(row: DecodeRow, names: readonly string[]): Promise<void> {
    const { backend } = this.model;
    const choice = new LanguageChoice(this.tokenizer, names);
    for (let allowed = choice.allowed(); allowed.length > 0; allowed = choice.allowed()) {
      const token = choice.take(toFloat32(row.logits));
      row.push(token);
      const next = backend.build(() => this.model.step(fromData(Int32Array.of(token)), row.cache));
      row.logits.dispose();
      row.logits = next;
      await backend.evaluate(next);
    }
  }

  #answer(row: DecodeRow): ClipAnswer {
    return {
      ...readRow(row, this.tokenizer),
      attended: row.attended,
      ...(row.request.logprobs ? { logprobs: this.#logprobs(row) } : {}),
    };
  }

  /** How sure the model was of the text; what stands before `<asr_text>` is none. */
  #logprobs({ tokens, logprobs }: DecodeRow): TokenLogprob[] {
    const first = tokens.lastIndexOf(this.tokenizer.require("<asr_text>")) + 1;
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
    using batch = await mlxMutex.run(() => DecodeBatch.create(this.model, rows, this.watchedLayers));
    await batch.run({ ...context, stops: this.#stops });
    return rows.map((row) => this.#answer(row));
  }

  /**
   * Decodes clips as one batch. An error of one clip becomes its answer; an error of the batch makes its clips be
   * decoded one by one, without telling their tokens again, so that only the guilty one is lost. Aborting ends all
   * with `cancelled` and what they have.
   */
  async decode(requests: readonly ClipRequest[], context: DecodeContext): Promise<ClipAnswer[]> {
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
          : (await this.decode([{ ...requests[place]!, onToken: undefined }], context))[0]!;
      }
    }
    return answers;
  }

  [Symbol.dispose](): void {
    this.#front[Symbol.dispose]();
    this.model[Symbol.dispose]();
  }
}
