/**
 * Tokens chosen from logits, row by row: the likeliest, or drawn with numbers that depend on the clip's seed and the
 * token's place alone.
 *
 * @module
 */
import {
  astype,
  concatenate,
  logsumexp,
  type MLXArray,
  randomKey,
  reshape,
  slice,
  subtract,
  takeAlongAxis,
} from "../../ffi/mod.ts";
import type { Qwen3ASRModel } from "../model/qwen3_asr_model.ts";

/** Keeps the random numbers of neighbouring seeds apart. */
const SEED_STRIDE = 100_003;

/** How one token is chosen. */
export interface Draw {
  /** 0 is greedy. */
  temperature: number;
  /** Of the clip. */
  seed: number;
  /** Place of the token in the answer. */
  place: number;
}

/** Tokens int32 `[B]` for logits `[B, V]`, each as its draw says. */
export function chooseTokens(model: Qwen3ASRModel, logits: MLXArray, draws: readonly Draw[]): MLXArray {
  if (draws.every(({ temperature }) => temperature === 0)) return model.choose(logits);
  const vocabulary = logits.dim(1);
  const own = draws.map(({ temperature, seed, place }, index) => {
    const row = slice(logits, [index, 0], [index + 1, vocabulary]);
    if (temperature === 0) return model.choose(row);
    return model.choose(row, { temperature, key: randomKey(seed * SEED_STRIDE + place) });
  });
  return concatenate(own, 0);
}

/** log softmax of logits `[B, V]` at the tokens `[B]`. */
export function logprobsOf(logits: MLXArray, tokens: MLXArray): MLXArray {
  const wide = astype(logits, "float32");
  const count = tokens.dim(0);
  const picked = reshape(takeAlongAxis(wide, reshape(tokens, [count, 1]), 1), [count]);
  return subtract(picked, logsumexp(wide, -1));
}
