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
