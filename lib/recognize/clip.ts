/**
 * One clip of at most a chunk's length: what is asked of the decoder, and what it answered.
 *
 * @module
 */
import type { FinishReason, TokenLogprob } from "../transcript.ts";

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
  /** Called with every token but the stop token, as it comes. */
  onToken?: ((id: number) => void) | undefined;
}

/** What came out. */
export interface ClipAnswer {
  /** Without the stop token; what a cut loop repeated is gone. */
  tokens: number[];
  finishReason: FinishReason;
  /** Decoded tokens with prefix. */
  rawText: string;
  /** Canonical name as forced or said by the model, "" if none. */
  language: string;
  /** After parsing and clean-up (spec section 9). */
  text: string;
  /**
   * Per audio token (80 ms), the largest attention any watched head paid to it while text was written; undefined when
   * nothing was decoded.
   */
  attended: Float32Array | undefined;
  /** Of the tokens of the text, when asked for. */
  logprobs?: TokenLogprob[];
  /** Only with `finishReason: "error"`. */
  error?: Error;
}

/** The answer to a clip that was not begun. */
export function cancelled(): ClipAnswer {
  return { tokens: [], finishReason: "cancelled", rawText: "", language: "", text: "", attended: undefined };
}
