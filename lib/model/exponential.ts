/**
 * The exponential in attention and SiLU, for devices where MLX's own costs more than the products around it: on a CPU
 * 13 ns a number, by products and sums 2 ns. Equal to MLX's to 6e-6 (tests/model_routes_test.ts).
 *
 * @module
 */
import {
  add,
  attention,
  concatenate,
  divide,
  fromData,
  matmul,
  max,
  maximum,
  minimum,
  type MLXArray,
  multiply,
  reshape,
  scalar,
  sigmoid,
  slice,
  square,
  subtract,
  sum,
  swapaxes,
} from "../../ffi/mod.ts";
import type { BackendPolicy } from "./backend.ts";

/** Fewer numbers are not worth the additional operations. */
const WORTHWHILE = 1 << 15;

/** Whether as many exponentials are worth the additional operations of {@linkcode exponential}. */
export function isWorthwhile(count: number): boolean {
  return count >= WORTHWHILE;
}

/** exp(-24) is nothing beside 1 in float32, for as many terms as there are positions. */
const LEAST = -24;
const SQUARINGS = 5;
const CENTRE = -LEAST / 2 ** SQUARINGS / 2;
/** exp(z) on |z| <= 0.375 at Chebyshev's points, largest relative error 3e-9. Highest power first. */
const EXPONENTIAL = [
  1.3950043424523011e-3,
  8.382280835538807e-3,
  4.1666236421597086e-2,
  1.6666322252573565e-1,
  5.000000075643918e-1,
  1.000000060556307,
  1,
];

function horner(x: MLXArray, coefficients: readonly number[]): MLXArray {
  const [first, ...rest] = coefficients;
  let value = scalar(first!);
  for (const coefficient of rest) value = add(multiply(value, x), scalar(coefficient));
  return value;
}

/** exp(x) for x <= 0, float32: exp(x / 32) by a polynomial, then squared five times. Below -24 it stays at exp(-24). */
export function exponential(x: MLXArray): MLXArray {
  const small = add(multiply(maximum(x, scalar(LEAST)), scalar(1 / 2 ** SQUARINGS)), scalar(CENTRE));
  let value = horner(small, EXPONENTIAL.map((coefficient) => coefficient * Math.exp(-CENTRE)));
  for (let i = 0; i < SQUARINGS; i++) value = square(value);
  return value;
}

/** tanh(x) = x P(x^2) / Q(x^2), the rational minimax approximation of Eigen and XLA. Highest power first. */
const TANH_NUMERATOR = [
  -2.76076847742355e-16,
  2.00018790482477e-13,
  -8.60467152213735e-11,
  5.12229709037114e-8,
  1.48572235717979e-5,
  6.37261928875436e-4,
  4.89352455891786e-3,
];
const TANH_DENOMINATOR = [
  1.19825839466702e-6,
  1.18534705686654e-4,
  2.26843463243900e-3,
  4.89352518554385e-3,
];
/** Beyond, float32 cannot tell tanh from 1. */
const TANH_LIMIT = 7.90531110763549805;

function rationalTanh(x: MLXArray): MLXArray {
  const inside = maximum(minimum(x, scalar(TANH_LIMIT)), scalar(-TANH_LIMIT));
  const squared = square(inside);
  return divide(multiply(inside, horner(squared, TANH_NUMERATOR)), horner(squared, TANH_DENOMINATOR));
}

/** x * sigmoid(x), which is h + h tanh(h) with h = x / 2. */
export function silu(x: MLXArray, route: BackendPolicy["exponential"]): MLXArray {
  if (route === "native" || !isWorthwhile(x.size)) return multiply(x, sigmoid(x));
  const half = multiply(x, scalar(0.5));
  return add(half, multiply(half, rationalTanh(half)));
}

/** Queries that are looked at together: their scores stay in the caches of a CPU. */
const PIECE = 128;
const HIDDEN = -1e9;

/** Some of the queries, the keys they may see, and what hides the rest: `[stop - start, keys]`, 0 or -1e9. */
interface Piece {
  start: number;
  stop: number;
  keys: number;
  mask: MLXArray | undefined;
}

/** How a pass attends, the same for all its layers. */
export type AttentionPlan =
  | { route: "fused"; mask: "causal" | MLXArray | undefined }
  | { route: "pieces"; pieces: Piece[] };

function causalPiece(start: number, stop: number, offset: number): Piece {
  const keys = offset + stop;
  const mask = new Float32Array((stop - start) * keys);
  for (let row = start; row < stop; row++) {
    mask.fill(HIDDEN, (row - start) * keys + offset + row + 1, (row - start + 1) * keys);
  }
  return { start, stop, keys, mask: fromData(mask, [stop - start, keys]) };
}

/**
 * Chooses by the policy and the amount of work. Build in the scope of the pass.
 *
 * @param shape Query heads of all rows, queries and keys of each.
 */
export function planAttention(
  { heads, length, span }: { heads: number; length: number; span: number },
  mask: "causal" | MLXArray | undefined,
  policy: BackendPolicy,
): AttentionPlan {
  const isPlain = policy.exponential === "native" || policy.dtype !== "float32";
  if (isPlain || (mask !== undefined && mask !== "causal") || !isWorthwhile(heads * length * span)) {
    return { route: "fused", mask };
  }
  const pieces: Piece[] = [];
  for (let start = 0; start < length; start += PIECE) {
    const stop = Math.min(length, start + PIECE);
    pieces.push(
      mask === "causal"
        ? causalPiece(start, stop, span - length)
        : { start, stop, keys: span, mask: undefined },
    );
  }
  return { route: "pieces", pieces };
}

/** The arrays that a plan holds. */
export function planArrays(plan: AttentionPlan): MLXArray[] {
  if (plan.route === "fused") return plan.mask === undefined || plan.mask === "causal" ? [] : [plan.mask];
  return plan.pieces.flatMap(({ mask }) => mask ?? []);
}

/** Softmax of scaled scores times values; the query heads of a key head lie below each other. */
function attendPiece(q: MLXArray, k: MLXArray, v: MLXArray, mask: MLXArray | undefined): MLXArray {
  const [batch, heads, length, width] = q.shape as [number, number, number, number];
  const kvHeads = k.dim(1), keys = k.dim(2);
  const rows = reshape(q, [batch, kvHeads, heads / kvHeads * length, width]);
  let scores = matmul(rows, swapaxes(k, 2, 3)); // [B, kvHeads, group * L, S]
  if (mask) {
    const apart = reshape(scores, [batch, heads, length, keys]);
    scores = reshape(add(apart, mask), [batch, kvHeads, heads / kvHeads * length, keys]);
  }
  const weights = exponential(subtract(scores, max(scores, -1, true)));
  return reshape(divide(matmul(weights, v), sum(weights, -1, true)), [batch, heads, length, width]);
}

/**
 * softmax(q k^T * scale + mask) v.
 *
 * @param q `[B, heads, L, width]`
 * @param k `[B, kvHeads, S, width]`, v alike
 */
export function attend(q: MLXArray, k: MLXArray, v: MLXArray, scale: number, plan: AttentionPlan): MLXArray {
  if (plan.route === "fused") return attention(q, k, v, scale, plan.mask);
  const [batch, heads, , width] = q.shape as [number, number, number, number];
  const [, kvHeads] = k.shape as [number, number, number, number];
  const scaled = multiply(q, scalar(scale));
  const parts = plan.pieces.map(({ start, stop, keys, mask }) => {
    const first = [0, 0, 0, 0], last = [batch, kvHeads, keys, width];
    const queries = slice(scaled, [0, 0, start, 0], [batch, heads, stop, width]);
    return attendPiece(queries, slice(k, first, last), slice(v, first, last), mask);
  });
  return parts.length === 1 ? parts[0]! : concatenate(parts, 2);
}
