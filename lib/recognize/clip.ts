/**
 * A clip is what is decoded: a chunk of a recording, a part of one, or what a live stream has heard. What is asked of
 * the decoder.
 *
 * @module
 */
import { SAMPLE_RATE } from "../audio/samples.ts";
import type { SpeechMap } from "../audio/speech_map.ts";
import type { GrowingClip } from "./growing_clip.ts";
import type { ClipObserver } from "./observer.ts";

/** Where a clip is from. */
export interface ClipOrigin {
  /** Place of its chunk among the recording's. */
  chunk: number;
  /** Sample of the recording at which it begins. */
  startSample: number;
}

/** Samples of a recording. */
export interface Clip {
  /** 16 kHz mono in [-1, 1]. */
  samples: Float32Array<ArrayBuffer>;
  origin: ClipOrigin;
  /** Its part of the recording's voice activity; undefined when that was not looked for. */
  speech: SpeechMap | undefined;
}

/** The samples from one place of a clip to another, not copied. */
export function partOf({ samples, origin, speech }: Clip, from: number, to: number): Clip {
  return {
    samples: samples.subarray(from, to),
    origin: { ...origin, startSample: origin.startSample + from },
    speech: speech?.within({ startSample: from, endSample: to }),
  };
}

/** What to decode. */
export interface ClipRequest {
  /** 16 kHz mono in [-1, 1]. */
  samples: Float32Array;
  /** System turn. */
  context: string;
  /** Canonical name to force; detected when left out. */
  language?: string | undefined;
  /** Canonical names to choose from when detecting; any when left out. */
  languages?: readonly string[] | undefined;
  /** Text the answer begins with (streaming). */
  prefix?: string | undefined;
  /** 0 is greedy. */
  temperature: number;
  /** Start of the random numbers of this clip. */
  seed: number;
  /** Token budget. */
  maxTokens: number;
  /** Neither a stop token nor a loop ends the answer before so many tokens. @default {0} */
  minTokens?: number | undefined;
  /** Whether the answer tells how sure the model was of its tokens. @default {false} */
  logprobs?: boolean | undefined;
  /** Whether the answer tells where the decoder looked for each token. @default {false} */
  looks?: boolean | undefined;
  /**
   * Guess at the tokens of the answer, such as what a shorter piece of the clip gave: read at once instead of being
   * decoded one by one, as far as it is right. The answer is the same.
   */
  draft?: readonly number[] | undefined;
  /**
   * What is kept of the clip from shorter pieces of it that were decoded before, one at a time: what is the same is not
   * computed again. The answer is the same.
   */
  growing?: GrowingClip | undefined;
  /** Called with every token but the stop token, as it comes. */
  onToken?: ((id: number) => void) | undefined;
  /** Is shown what happens to the clip, which is decoded alone then, from nothing and token by token. */
  observer?: ClipObserver | undefined;
}

/** The fastest speech measured anywhere is near 8 tokens a second. */
const TOKENS_PER_SECOND = 12;
const SPARE_TOKENS = 32;

/** Most tokens that so many samples can hold. */
export function tokenBudget(samples: number): number {
  return Math.ceil(samples / SAMPLE_RATE * TOKENS_PER_SECOND) + SPARE_TOKENS;
}

/** What is kept of a request's clip; nothing where somebody looks on, who sees all of it computed. */
export function growingClip({ growing, observer }: ClipRequest): GrowingClip | undefined {
  return observer ? undefined : growing;
}
