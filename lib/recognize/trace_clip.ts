/**
 * One clip through encoder and decoder with everything copied out on the way.
 *
 * @module
 */
import { disposeAll, keep, type MLXArray, toFloat32 } from "../../ffi/mod.ts";
import { LogMel } from "../audio/mel.ts";
import { SAMPLE_RATE } from "../audio/samples.ts";
import { measureSpeech } from "../audio/speech.ts";
import { buildPrompt } from "../text/prompt.ts";
import type { ClipAnswer, ClipRequest } from "./clip.ts";
import { type DecodeContext, type Engine, readRow } from "./engine.ts";
import { mlxMutex } from "./mutex.ts";
import { Timing } from "./timing.ts";
import { TracedDecode } from "./trace_decode.ts";
import type { CacheSize, ClipTrace, Tensor } from "./trace_result.ts";

/** What to copy out besides what always is. */
export interface TraceWishes {
  /** Decoder layers. */
  attention: readonly number[];
  /** Encoder layers. */
  layers: readonly number[];
  topK: number;
}

/** The encoder's part of a trace. */
interface EncodedClip {
  mel: Tensor;
  encoderInput: Tensor;
  encoderLayers: { layer: number; output: Tensor }[];
  audioEmbeddings: Tensor;
  /** The same, still in MLX: `[N, H]` */
  embeddings: MLXArray;
}

/** An answer as the engine gives it, with its trace. */
export interface TracedAnswer {
  answer: ClipAnswer;
  trace: ClipTrace;
}

function tensorOf(array: MLXArray): Tensor {
  return { values: toFloat32(array), shape: array.shape };
}

/** Sizes of a finished row's cache. */
function sizeOf(cache: { length: number; capacity: number; byteLength: number }): CacheSize {
  const { length, capacity, byteLength } = cache;
  return {
    positions: length,
    capacity,
    bytes: byteLength,
    bytesPerPosition: capacity > 0 ? byteLength / capacity : 0,
  };
}

/** Books a clip's times twice: for the clip and for the call. */
function addTimes(call: Timing, clip: Timing): void {
  for (const name of ["mel", "encoder", "prefill", "decode", "host"] as const) {
    call[`${name}Ms`] += clip[`${name}Ms`];
  }
  call.audioTokens += clip.audioTokens;
  call.promptTokens += clip.promptTokens;
  call.generatedTokens += clip.generatedTokens;
  call.decodeSteps += clip.decodeSteps;
}

/** Decodes clips one by one and keeps what there is to see. */
export class ClipTracer implements Disposable {
  readonly #engine: Engine;
  readonly #wishes: TraceWishes;
  readonly #front: LogMel;

  private constructor(engine: Engine, wishes: TraceWishes, front: LogMel) {
    this.#engine = engine;
    this.#wishes = wishes;
    this.#front = front;
  }

  /** Builds the tables it needs. */
  static async create(engine: Engine, wishes: TraceWishes): Promise<ClipTracer> {
    const { backend, config } = engine.model;
    const front = await mlxMutex.run(() =>
      Promise.resolve(backend.build(() => new LogMel(config.encoder.melBins)))
    );
    return new ClipTracer(engine, wishes, front);
  }

  /** mel -> audio embeddings, with the asked stages; under the mutex. */
  async #encodeMel(mel: MLXArray, timing: Timing): Promise<EncodedClip> {
    const { backend, encoder } = this.#engine.model;
    const wanted = new Set([
      "encoder_input",
      ...this.#wishes.layers.map((layer) => `encoder_layer_${layer}`),
    ]);
    const stages = new Map<string, MLXArray>();
    const start = performance.now();
    const embeddings = backend.build(() =>
      encoder.apply(mel, (stage, array) => {
        if (wanted.has(stage)) stages.set(stage, keep(array));
      })
    );
    try {
      await backend.evaluate(embeddings, ...stages.values());
      timing.book("encoder", start, {});
      return {
        mel: tensorOf(mel),
        encoderInput: tensorOf(stages.get("encoder_input")!),
        encoderLayers: this.#wishes.layers.map((layer) => ({
          layer,
          output: tensorOf(stages.get(`encoder_layer_${layer}`)!),
        })),
        audioEmbeddings: tensorOf(embeddings),
        embeddings,
      };
    } catch (error) {
      embeddings.dispose();
      throw error;
    } finally {
      disposeAll(stages.values());
    }
  }

  async #encode(samples: Float32Array, timing: Timing): Promise<EncodedClip> {
    const { backend } = this.#engine.model;
    return await mlxMutex.run(async () => {
      const start = performance.now();
      const mel = backend.build(() => this.#front.apply(samples));
      try {
        await backend.evaluate(mel);
        timing.book("mel", start);
        return await this.#encodeMel(mel, timing);
      } finally {
        mel.dispose();
      }
    });
  }

  /**
   * Decodes a clip as the engine would.
   *
   * @param startSeconds Where it begins in the recording.
   * @throws What the engine would put into the answer as an error.
   */
  async decode(request: ClipRequest, startSeconds: number, context: DecodeContext): Promise<TracedAnswer> {
    const timing = new Timing();
    const { embeddings, ...encoded } = await this.#encode(request.samples, timing);
    using audio = embeddings;
    const prompt = buildPrompt(this.#engine.tokenizer, {
      audioTokens: audio.dim(0),
      context: request.context,
      language: request.language,
      prefix: request.prefix,
    });
    using decode = new TracedDecode(this.#engine, request, prompt, { ...context, timing }, this.#wishes);
    await decode.prefill(audio);
    audio.dispose();
    await decode.run();
    addTimes(context.timing, timing);
    const answer = this.#answer(decode);
    const { melMs, encoderMs, prefillMs, decodeMs } = timing;
    const totalMs = performance.now() - timing.startedMs;
    const { rawText, language, text, finishReason } = answer;
    const trace: ClipTrace = {
      startSeconds,
      durationSeconds: request.samples.length / SAMPLE_RATE,
      samples: { values: request.samples, shape: [request.samples.length] },
      speech: measureSpeech(request.samples),
      ...encoded,
      promptTokens: prompt.ids,
      audioStart: prompt.audioStart,
      audioTokens: prompt.audioTokens,
      steps: decode.log.steps,
      attention: decode.attention.result(),
      temperature: request.temperature,
      finishReason,
      rawText,
      language,
      text,
      cache: sizeOf(decode.row.cache),
      times: { melMs, encoderMs, prefillMs, decodeMs, totalMs },
    };
    return { answer, trace };
  }

  #answer({ row, attention }: TracedDecode): ClipAnswer {
    return { ...readRow(row, this.#engine.tokenizer), attended: attention.attended };
  }

  [Symbol.dispose](): void {
    this.#front[Symbol.dispose]();
  }
}
