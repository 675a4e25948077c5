/**
 * GELU as the network has it: exact, x / 2 * (1 + erf(x / sqrt 2)), not the tanh approximation (spec 5.7).
 *
 * @module
 */
import {
  add,
  astype,
  divide,
  type DType,
  erf,
  maximum,
  minimum,
  type MLXArray,
  multiply,
  scalar,
  square,
} from "../../ffi/mod.ts";

/** A scalar of the type of the activations, so that nothing is promoted. */
export function constant(value: number, dtype: DType): MLXArray {
  const number = scalar(value);
  return dtype === "float32" ? number : astype(number, dtype);
}

/**
 * erf(x) = x P(x^2) / Q(x^2) for |x| <= 4, beyond which float32 cannot tell it from 1. Coefficients of the rational
 * minimax approximation that Eigen and XLA use; largest error 4.8e-7. Highest power first.
 */
const NUMERATOR = [
  -2.72614225801306e-10,
  2.77068142495902e-8,
  -2.10102402082508e-6,
  -5.69250639462346e-5,
  -7.34990630326855e-4,
  -2.954599808540250e-3,
  -1.609603332624150e-2,
];
const DENOMINATOR = [
  -1.45660718464996e-5,
  -2.13374055278905e-4,
  -1.68282697438203e-3,
  -7.37332916720468e-3,
  -1.42647390514189e-2,
];
const ERF_LIMIT = 4;

function polynomial(x: MLXArray, coefficients: readonly number[], dtype: DType): MLXArray {
  const [first, ...rest] = coefficients;
  let sum = constant(first!, dtype);
  for (const coefficient of rest) sum = add(multiply(sum, x), constant(coefficient, dtype));
  return sum;
}

function rationalErf(x: MLXArray, dtype: DType): MLXArray {
  const inside = maximum(minimum(x, constant(ERF_LIMIT, dtype)), constant(-ERF_LIMIT, dtype));
  const squared = square(inside);
  return divide(
    multiply(inside, polynomial(squared, NUMERATOR, dtype)),
    polynomial(squared, DENOMINATOR, dtype),
  );
}

/** GELU by MLX's erf or, four times faster on a CPU, by the rational one. */
export function gelu(x: MLXArray, route: "erf" | "rational", dtype: DType): MLXArray {
  const scaled = multiply(x, constant(Math.SQRT1_2, dtype));
  const curve = route === "erf" ? erf(scaled) : rationalErf(scaled, dtype);
  return multiply(multiply(x, constant(0.5, dtype)), add(curve, constant(1, dtype)));
}
