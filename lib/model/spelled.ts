/**
 * Norm, rotary positions and attention of a decode step, spelled out with few operations.
 *
 * On a CPU MLX has no kernels for its fused operations: it builds each from some ten small ones, and a decode step of a
 * small model is little else than building and starting these. For one position a row they can be had for less: the mean
 * of squares is a product with a vector, turning by an angle a product with a matrix that all layers share. Equal to the
 * fused operations within rounding (tests/model_routes_test.ts).
 *
 * @module
 */
import {
  addmm,
  divide,
  fromData,
  matmul,
  max,
  type MLXArray,
  multiply,
  rsqrt,
  softmax,
  square,
  subtract,
  sum,
  swapaxes,
  where,
} from "../../ffi/mod.ts";
import type { BackendPolicy } from "./backend.ts";
import { exponential, isWorthwhile } from "./exponential.ts";
import { constant } from "./gelu.ts";

/** Whether decode steps are spelled out: in float32 only. */
export function isSpelled({ step, dtype }: BackendPolicy): boolean {
  return step === "spelled" && dtype === "float32";
}

/** Divides by the root of the mean of squares over the last of two dimensions. */
export class SpelledNorm {
  readonly parameters: MLXArray[];
  readonly #epsilon: MLXArray; // [1, 1]
  readonly #mean: MLXArray; // [width, 1]

  constructor(width: number, epsilon: number) {
    this.#epsilon = fromData(Float32Array.of(epsilon), [1, 1]);
    this.#mean = fromData(new Float32Array(width).fill(1 / width), [width, 1]);
    this.parameters = [this.#epsilon, this.#mean];
  }

  /** x `[rows, width]`; the weight is broadcast against it. */
  apply(x: MLXArray, weight?: MLXArray): MLXArray {
    const normed = multiply(x, rsqrt(addmm(this.#epsilon, square(x), this.#mean)));
    return weight ? multiply(normed, weight) : normed;
  }
}

/**
 * Matrices that turn a head's row by rotary positions (spec 6.3): `[positions, width, width]`.
 *
 * Angles as in the official code: the frequency rounded to float32, then its product with the position.
 */
export class Rotations {
  readonly #width: number;
  readonly #frequencies: Float32Array;
  /** Zero but for four diagonals, which every call writes anew. */
  #matrices: Float32Array<ArrayBuffer> = new Float32Array(0);

  constructor(width: number, base: number) {
    this.#width = width;
    this.#frequencies = Float32Array.from({ length: width / 2 }, (_, i) => 1 / base ** (2 * i / width));
  }

  /** One matrix a position. */
  at(positions: readonly number[]): MLXArray {
    const width = this.#width, half = width / 2, size = width * width;
    if (this.#matrices.length !== positions.length * size) {
      this.#matrices = new Float32Array(positions.length * size);
    }
    const matrices = this.#matrices;
    for (const [row, position] of positions.entries()) {
      for (let i = 0; i < half; i++) {
        const angle = Math.fround(position * this.#frequencies[i]!);
        const cos = Math.cos(angle), sin = Math.sin(angle);
        const first = row * size + i * width + i, second = first + half * width;
        matrices[first] = cos; // Row i makes columns i and i + half, row i + half the same two.
        matrices[first + half] = sin;
        matrices[second] = -sin;
        matrices[second + half] = cos;
      }
    }
    return fromData(matrices, [positions.length, width, width]);
  }
}

function softmaxOf(scores: MLXArray, policy: BackendPolicy, count: number): MLXArray {
  if (policy.exponential === "native" || !isWorthwhile(count)) return softmax(scores, -1);
  const weights = exponential(subtract(scores, max(scores, -1, true)));
  return divide(weights, sum(weights, -1, true));
}

/**
 * softmax(q k^T) v of one position a row; q is scaled already.
 *
 * @param q `[B, kvHeads, group, width]`
 * @param keys `[B, kvHeads, S, width]`, values alike
 * @param mask boolean `[B, 1, 1, S]`
 * @returns `mixed` like q, and `weights` `[B, kvHeads, group, S]`.
 */
export function attendSpelled(
  { q, keys, values, mask }: {
    q: MLXArray;
    keys: MLXArray;
    values: MLXArray;
    mask: MLXArray | undefined;
  },
  policy: BackendPolicy,
  /** Numbers that the scores are. */
  count: number,
): { mixed: MLXArray; weights: MLXArray } {
  const scores = matmul(q, swapaxes(keys, 2, 3));
  const masked = mask ? where(mask, scores, constant(-1e9, policy.dtype)) : scores;
  const weights = softmaxOf(masked, policy, count);
  return { mixed: matmul(weights, values), weights };
}
