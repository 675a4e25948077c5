/**
 * Files what an observer is shown of a clip.
 *
 * @module
 */
import { type MLXArray, toFloat32 } from "../../../ffi/mod.ts";
import { SAMPLE_RATE } from "../../audio/samples.ts";
import { type Prompt, stopTokens } from "../../text/prompt.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import type { Clip, ClipRequest } from "../clip.ts";
import type { ClipObserver, DecodedClip, DecoderPass, EncoderPass } from "../observer.ts";
import { AttentionLog } from "./attention_log.ts";
import { StepLog } from "./step_log.ts";
import { activityOf, type CacheSize, type ClipTrace, type Tensor } from "./trace.ts";

/** What to file besides what always is. */
export interface Detail {
  /** Decoder layers. */
  attention: readonly number[];
  /** Encoder layers. */
  layers: readonly number[];
  topK: number;
}

/** The encoder's part of a trace. */
type EncodedClip = Pick<ClipTrace, "mel" | "encoderInput" | "encoderLayers" | "audioEmbeddings">;

function tensorOf(array: MLXArray): Tensor {
  return { values: toFloat32(array), shape: array.shape };
}

function sizeOf({ length, capacity, byteLength }: DecodedClip["cache"]): CacheSize {
  return {
    positions: length,
    capacity,
    bytes: byteLength,
    bytesPerPosition: capacity > 0 ? byteLength / capacity : 0,
  };
}

/** Watches one clip. */
export class ClipRecorder implements ClipObserver {
  readonly stages: ReadonlySet<string>;
  readonly attention: ReadonlySet<number>;
  readonly #clip: Clip;
  readonly #request: ClipRequest;
  readonly #detail: Detail;
  readonly #heads: number;
  readonly #startSeconds: number;
  readonly #file: (trace: ClipTrace) => void;
  readonly #stops: ReadonlySet<number>;
  readonly #steps: StepLog;
  #encoded: EncodedClip | undefined;
  #prompt: Prompt | undefined;
  #attention: AttentionLog | undefined;

  /**
   * @param about.heads Of a decoder layer.
   * @param about.startSeconds Where the clip begins in the recording.
   * @param about.file Receives the trace when the clip is decoded.
   */
  constructor(
    clip: Clip,
    request: ClipRequest,
    about: {
      tokenizer: Tokenizer;
      heads: number;
      detail: Detail;
      startSeconds: number;
      file: (trace: ClipTrace) => void;
    },
  ) {
    const { tokenizer, detail } = about;
    this.stages = new Set(["encoder_input", ...detail.layers.map((layer) => `encoder_layer_${layer}`)]);
    this.attention = new Set(detail.attention);
    this.#clip = clip;
    this.#request = request;
    this.#detail = detail;
    this.#heads = about.heads;
    this.#startSeconds = about.startSeconds;
    this.#file = about.file;
    this.#stops = new Set(stopTokens(tokenizer));
    this.#steps = new StepLog(tokenizer, detail.topK, request.language !== undefined);
  }

  encoded({ mel, stages, embeddings }: EncoderPass): void {
    this.#encoded = {
      mel: tensorOf(mel),
      encoderInput: tensorOf(stages.get("encoder_input")!),
      encoderLayers: this.#detail.layers.map((layer) => ({
        layer,
        output: tensorOf(stages.get(`encoder_layer_${layer}`)!),
      })),
      audioEmbeddings: tensorOf(embeddings),
    };
  }

  prompted(prompt: Prompt): void {
    this.#prompt = prompt;
    this.#attention = new AttentionLog(prompt, this.#heads, this.#detail.attention);
  }

  chosen(id: number, { logits, weights, milliseconds }: DecoderPass, positions: number): void {
    this.#attention!.add(weights);
    this.#steps.add(id, toFloat32(logits), { isStop: this.#stops.has(id), positions, milliseconds });
  }

  answered({ answer, cache, timing }: DecodedClip): void {
    const { samples, speech } = this.#clip;
    const { ids, audioStart, audioTokens } = this.#prompt!;
    const { melMs, encoderMs, prefillMs, decodeMs } = timing;
    const { finishReason, rawText, language, text } = answer;
    this.#file({
      startSeconds: this.#startSeconds,
      durationSeconds: samples.length / SAMPLE_RATE,
      samples: { values: samples, shape: [samples.length] },
      ...(speech ? { speech: activityOf(speech, 0) } : {}),
      ...this.#encoded!,
      promptTokens: ids,
      audioStart,
      audioTokens,
      steps: this.#steps.steps,
      attention: this.#attention!.result(),
      temperature: this.#request.temperature,
      finishReason,
      rawText,
      language,
      text,
      cache: sizeOf(cache),
      times: { melMs, encoderMs, prefillMs, decodeMs, totalMs: performance.now() - timing.startedMs },
    });
  }
}
