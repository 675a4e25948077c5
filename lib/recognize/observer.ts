/**
 * How somebody looks on while a clip is decoded: `inspect()` does.
 *
 * @module
 */
import { astype, disposeAll, keep, max, type MLXArray, reshape, slice, sum } from "../../ffi/mod.ts";
import type { DecoderProbe } from "../model/tap.ts";
import type { Prompt } from "../text/prompt.ts";
import type { ClipAnswer } from "./clip_answer.ts";
import type { Timing } from "./timing.ts";

/** The encoder's work on a clip. */
export interface EncoderPass {
  /** Log-mel, `[melBins, frames]` */
  mel: MLXArray;
  /** The stages that were asked for, `[N, width]` */
  stages: ReadonlyMap<string, MLXArray>;
  /** `[N, H]` */
  embeddings: MLXArray;
}

/** The decoder's work at one position. */
export interface DecoderPass {
  /** `[1, V]` */
  logits: MLXArray;
  /** Where the layers that were asked for looked: `[1, heads, 1, positions]`. */
  weights: ReadonlyMap<number, MLXArray>;
  /** How long the pass took. */
  milliseconds: number;
}

/** What there is at the end. */
export interface DecodedClip {
  answer: ClipAnswer;
  /** Keys and values of prompt and tokens. */
  cache: { length: number; capacity: number; byteLength: number };
  /** Of this clip alone. */
  timing: Timing;
}

/** Is shown a clip's way. Arrays are evaluated, and freed after the call: read what is wanted there and then. */
export interface ClipObserver {
  /** Stages of the encoder to show, by the names that it offers them under. */
  readonly stages: ReadonlySet<string>;
  /** Layers of the decoder whose attention to show. */
  readonly attention: ReadonlySet<number>;
  /** The clip was encoded. */
  encoded(pass: EncoderPass): void;
  /** The prompt stands, and is about to be read. */
  prompted(prompt: Prompt): void;
  /** A token was chosen from a pass's logits, with so many positions in the cache. */
  chosen(id: number, pass: DecoderPass, positions: number): void;
  /** The answer is there. */
  answered(clip: DecodedClip): void;
}

/** Layer of a tapped stage, when it is attention: `[B, heads, L, positions]`. */
export function attentionLayer(stage: string): number | undefined {
  const prefix = "decoder_attention_";
  return stage.startsWith(prefix) ? Number(stage.slice(prefix.length)) : undefined;
}

/** The largest weight that any head gave, of `[B, heads, L, S]`: `[B, L, S]`. */
export function largestOverHeads(weights: MLXArray): MLXArray {
  const [batch, , length, span] = weights.shape as [number, number, number, number];
  return reshape(max(weights, 1), [batch, length, span]);
}

/** How much all heads of `[B, heads, L, S]` look together: float32 `[B, L, S]`. */
export function sumOverHeads(weights: MLXArray): MLXArray {
  const [batch, , length, span] = weights.shape as [number, number, number, number];
  return astype(reshape(sum(weights, 1), [batch, length, span]), "float32");
}

/** A probe that keeps where some layers look from the last position in `weights`, which are the caller's then. */
export function lastPosition(layers: ReadonlySet<number>, weights: Map<number, MLXArray>): DecoderProbe {
  return {
    attention: layers,
    tap: (stage, array) => {
      const layer = attentionLayer(stage);
      if (layer === undefined || !layers.has(layer)) return;
      const [batch, heads, length, span] = array.shape as [number, number, number, number];
      weights.set(layer, keep(slice(array, [0, 0, length - 1, 0], [batch, heads, length, span])));
    },
  };
}

/** Builds one step of a row that somebody looks at; its arrays are the caller's, lazy. */
export function buildPass(
  observer: ClipObserver,
  step: (probe: DecoderProbe) => MLXArray,
): DecoderPass {
  const start = performance.now();
  const weights = new Map<number, MLXArray>();
  try {
    const logits = keep(step(lastPosition(observer.attention, weights)));
    return { logits, weights, milliseconds: performance.now() - start };
  } catch (error) {
    disposeAll(weights.values());
    throw error;
  }
}
