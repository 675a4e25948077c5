/**
 * Element-wise operations, matrix products and reductions: lazy, on the current stream, with MLX's broadcasting rules.
 *
 * @module
 */
import { cell, type DType, DTYPE_CODE, type MLXArray, take } from "./array.ts";
import { stream } from "./device.ts";
import { native } from "./library.ts";

/** Absolute value. */
export function abs(a: MLXArray): MLXArray {
  return take(native.mlx_abs(cell(), a.handle, stream()), "mlx_abs");
}

/** Cosine. */
export function cos(a: MLXArray): MLXArray {
  return take(native.mlx_cos(cell(), a.handle, stream()), "mlx_cos");
}

/** Sine. */
export function sin(a: MLXArray): MLXArray {
  return take(native.mlx_sin(cell(), a.handle, stream()), "mlx_sin");
}

/** Error function. */
export function erf(a: MLXArray): MLXArray {
  return take(native.mlx_erf(cell(), a.handle, stream()), "mlx_erf");
}

/** Exponential. */
export function exp(a: MLXArray): MLXArray {
  return take(native.mlx_exp(cell(), a.handle, stream()), "mlx_exp");
}

/** Natural logarithm. */
export function log(a: MLXArray): MLXArray {
  return take(native.mlx_log(cell(), a.handle, stream()), "mlx_log");
}

/** Decimal logarithm. */
export function log10(a: MLXArray): MLXArray {
  return take(native.mlx_log10(cell(), a.handle, stream()), "mlx_log10");
}

/** Negation. */
export function negative(a: MLXArray): MLXArray {
  return take(native.mlx_negative(cell(), a.handle, stream()), "mlx_negative");
}

/** 1 / sqrt(a). */
export function rsqrt(a: MLXArray): MLXArray {
  return take(native.mlx_rsqrt(cell(), a.handle, stream()), "mlx_rsqrt");
}

/** 1 / (1 + exp(-a)). */
export function sigmoid(a: MLXArray): MLXArray {
  return take(native.mlx_sigmoid(cell(), a.handle, stream()), "mlx_sigmoid");
}

/** Square root. */
export function sqrt(a: MLXArray): MLXArray {
  return take(native.mlx_sqrt(cell(), a.handle, stream()), "mlx_sqrt");
}

/** a * a. */
export function square(a: MLXArray): MLXArray {
  return take(native.mlx_square(cell(), a.handle, stream()), "mlx_square");
}

/** Hyperbolic tangent. */
export function tanh(a: MLXArray): MLXArray {
  return take(native.mlx_tanh(cell(), a.handle, stream()), "mlx_tanh");
}

/** a + b. */
export function add(a: MLXArray, b: MLXArray): MLXArray {
  return take(native.mlx_add(cell(), a.handle, b.handle, stream()), "mlx_add");
}

/** a - b. */
export function subtract(a: MLXArray, b: MLXArray): MLXArray {
  return take(native.mlx_subtract(cell(), a.handle, b.handle, stream()), "mlx_subtract");
}

/** a * b. */
export function multiply(a: MLXArray, b: MLXArray): MLXArray {
  return take(native.mlx_multiply(cell(), a.handle, b.handle, stream()), "mlx_multiply");
}

/** a / b. */
export function divide(a: MLXArray, b: MLXArray): MLXArray {
  return take(native.mlx_divide(cell(), a.handle, b.handle, stream()), "mlx_divide");
}

/** Matrix product over the last two dimensions. */
export function matmul(a: MLXArray, b: MLXArray): MLXArray {
  return take(native.mlx_matmul(cell(), a.handle, b.handle, stream()), "mlx_matmul");
}

/** The larger of both. */
export function maximum(a: MLXArray, b: MLXArray): MLXArray {
  return take(native.mlx_maximum(cell(), a.handle, b.handle, stream()), "mlx_maximum");
}

/** The smaller of both. */
export function minimum(a: MLXArray, b: MLXArray): MLXArray {
  return take(native.mlx_minimum(cell(), a.handle, b.handle, stream()), "mlx_minimum");
}

/** a to the power b. */
export function power(a: MLXArray, b: MLXArray): MLXArray {
  return take(native.mlx_power(cell(), a.handle, b.handle, stream()), "mlx_power");
}

/** a == b. */
export function equal(a: MLXArray, b: MLXArray): MLXArray {
  return take(native.mlx_equal(cell(), a.handle, b.handle, stream()), "mlx_equal");
}

/** a < b. */
export function less(a: MLXArray, b: MLXArray): MLXArray {
  return take(native.mlx_less(cell(), a.handle, b.handle, stream()), "mlx_less");
}

/** a <= b. */
export function lessEqual(a: MLXArray, b: MLXArray): MLXArray {
  return take(native.mlx_less_equal(cell(), a.handle, b.handle, stream()), "mlx_less_equal");
}

/** a > b. */
export function greater(a: MLXArray, b: MLXArray): MLXArray {
  return take(native.mlx_greater(cell(), a.handle, b.handle, stream()), "mlx_greater");
}

/** a >= b. */
export function greaterEqual(a: MLXArray, b: MLXArray): MLXArray {
  return take(native.mlx_greater_equal(cell(), a.handle, b.handle, stream()), "mlx_greater_equal");
}

/** a and b. */
export function logicalAnd(a: MLXArray, b: MLXArray): MLXArray {
  return take(native.mlx_logical_and(cell(), a.handle, b.handle, stream()), "mlx_logical_and");
}

/** a or b. */
export function logicalOr(a: MLXArray, b: MLXArray): MLXArray {
  return take(native.mlx_logical_or(cell(), a.handle, b.handle, stream()), "mlx_logical_or");
}

/** a + b @ c in one operation. */
export function addmm(a: MLXArray, b: MLXArray, c: MLXArray): MLXArray {
  return take(native.mlx_addmm(cell(), a.handle, b.handle, c.handle, 1, 1, stream()), "mlx_addmm");
}

/** `condition ? a : b`, element by element. */
export function where(condition: MLXArray, a: MLXArray, b: MLXArray): MLXArray {
  return take(native.mlx_where(cell(), condition.handle, a.handle, b.handle, stream()), "mlx_where");
}

/** Another element type. */
export function astype(a: MLXArray, dtype: DType): MLXArray {
  return take(native.mlx_astype(cell(), a.handle, DTYPE_CODE[dtype], stream()), "mlx_astype");
}

/** Index of the largest element along an axis, uint32. */
export function argmax(a: MLXArray, axis: number, keepdims = false): MLXArray {
  return take(native.mlx_argmax_axis(cell(), a.handle, axis, keepdims, stream()), "mlx_argmax_axis");
}

/** Indices that would sort along an axis, uint32. */
export function argsort(a: MLXArray, axis: number): MLXArray {
  return take(native.mlx_argsort_axis(cell(), a.handle, axis, stream()), "mlx_argsort_axis");
}

/** Largest element along an axis. */
export function max(a: MLXArray, axis: number, keepdims = false): MLXArray {
  return take(native.mlx_max_axis(cell(), a.handle, axis, keepdims, stream()), "mlx_max_axis");
}

/** Smallest element along an axis. */
export function min(a: MLXArray, axis: number, keepdims = false): MLXArray {
  return take(native.mlx_min_axis(cell(), a.handle, axis, keepdims, stream()), "mlx_min_axis");
}

/** Sum along an axis. */
export function sum(a: MLXArray, axis: number, keepdims = false): MLXArray {
  return take(native.mlx_sum_axis(cell(), a.handle, axis, keepdims, stream()), "mlx_sum_axis");
}

/** Mean along an axis. */
export function mean(a: MLXArray, axis: number, keepdims = false): MLXArray {
  return take(native.mlx_mean_axis(cell(), a.handle, axis, keepdims, stream()), "mlx_mean_axis");
}

/** log(sum(exp(a))) along an axis. */
export function logsumexp(a: MLXArray, axis: number, keepdims = false): MLXArray {
  return take(native.mlx_logsumexp_axis(cell(), a.handle, axis, keepdims, stream()), "mlx_logsumexp_axis");
}

/** Largest element of all, as a scalar array. */
export function maxAll(a: MLXArray): MLXArray {
  return take(native.mlx_max(cell(), a.handle, false, stream()), "mlx_max");
}

/** Softmax along an axis. @param precise Accumulate in float32. */
export function softmax(a: MLXArray, axis: number, precise = true): MLXArray {
  return take(native.mlx_softmax_axis(cell(), a.handle, axis, precise, stream()), "mlx_softmax_axis");
}
