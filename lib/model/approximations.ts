/**
 * Functions by products and sums in float32, for a CPU: MLX's exp takes 13 ns a number there, these 2 ns, and its erf six
 * times as long as the rational GELU. Each operation passes over all numbers once, so what counts is how few there are.
 * Tested against the exact functions (tests/model_routes_test.ts).
 *
 * @module
 */
import {
  abs,
  add,
  divide,
  maximum,
  type MLXArray,
  multiply,
  scalar,
  square,
  subtract,
} from "../../ffi/mod.ts";

/** On fewer numbers the additional operations take longer than they save. */
const LEAST_COUNT = 1 << 15;

/** Whether an approximation is faster than MLX's own function on this many numbers. */
export function paysOff(count: number): boolean {
  return count >= LEAST_COUNT;
}

/** Coefficients from the highest power down, by Horner's rule. */
function polynomial(x: MLXArray, [first, ...rest]: readonly number[]): MLXArray {
  let value = scalar(first!);
  for (const coefficient of rest) value = add(multiply(value, x), scalar(coefficient));
  return value;
}

/** A polynomial raised to 2^squarings. */
function power(x: MLXArray, coefficients: readonly number[], squarings: number): MLXArray {
  let value = polynomial(x, coefficients);
  for (let i = 0; i < squarings; i++) value = square(value);
  return value;
}

/** x for x > 0 and 0 below, less |x| times what the gate lets through on the wrong side. */
function gated(x: MLXArray, inverse: (size: MLXArray) => MLXArray): MLXArray {
  const size = abs(x);
  return subtract(maximum(x, scalar(0)), divide(size, inverse(size)));
}

/** 1 / (1 - Phi(x)), x >= 0, is a polynomial to the 16th: the form of Abramowitz and Stegun 7.1.28, minimax for GELU. */
const NORMAL_TAIL = [
  6.986512908076767e-6,
  3.9662070577055086e-5,
  7.528083551415292e-5,
  3.370573494479963e-3,
  2.2113670711392055e-2,
  5.206399265259152e-2,
  1.0442748396731303,
];
const NORMAL_SQUARINGS = 4;

/** x * Phi(x), the exact GELU, to 5e-7. */
export function rationalGelu(x: MLXArray): MLXArray {
  return gated(x, (size) => power(size, NORMAL_TAIL, NORMAL_SQUARINGS));
}

const SQUARINGS = 5;
/** exp(x / 32) on [0, 16] at Chebyshev's points; beyond, it is large enough. */
const GROWING = [
  3.196036678582495e-10,
  3.839808509977123e-8,
  5.097588819208872e-6,
  4.8823833550564616e-4,
  3.1250059149531585e-2,
  9.999999868429541e-1,
];

/** x / (1 + exp(-x)) to 8e-7. */
export function rationalSilu(x: MLXArray): MLXArray {
  return gated(x, (size) => add(power(size, GROWING, SQUARINGS), scalar(1)));
}

/** exp(-24) is nothing beside 1 in float32, for as many terms as there are positions. */
const LEAST = -24;
/** exp(x / 32) on [-24, 0] at Chebyshev's points. */
const FALLING = [
  8.929255676589449e-13,
  2.3598336241738547e-10,
  3.9540422728351605e-8,
  5.084645561224181e-6,
  4.882748451375071e-4,
  3.1249990441296865e-2,
  9.999999976614129e-1,
];

/** exp(x) for x <= 0, to a relative error of 6e-6. Below -24 it stays at exp(-24). */
export function exponential(x: MLXArray): MLXArray {
  return power(maximum(x, scalar(LEAST)), FALLING, SQUARINGS);
}
