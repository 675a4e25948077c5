/**
 * What the decoder answers to a clip.
 *
 * @module
 */
import type { FinishReason, TokenLogprob } from "../transcript.ts";

/** What came out. */
export interface ClipAnswer {
  /** Without the stop token; what a cut loop repeated is gone. */
  tokens: number[];
  /** How many of the tokens are text: those behind the language line. */
  textTokens: number;
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
  /**
   * For each of `logprobs`, when asked for: how much the watched heads together looked at every audio token when it was
   * chosen; undefined for a token that was not chosen in the loop.
   */
  looks?: (Float32Array | undefined)[];
  /** Only with `finishReason: "error"`. */
  error?: Error;
}

/** The answer to a clip that was not begun. */
export function cancelled(): ClipAnswer {
  return {
    tokens: [],
    textTokens: 0,
    finishReason: "cancelled",
    rawText: "",
    language: "",
    text: "",
    attended: undefined,
  };
}
