/**
 * Operations that move elements: shapes, slices, gathers, constructors.
 *
 * @module
 */
import { cell, type DType, DTYPE_CODE, type MLXArray, scalar, take } from "./array.ts";
import { stream } from "./device.ts";
import { cString } from "./error.ts";
import { native, openLibrary } from "./library.ts";
import { takeVector, withVector } from "./vector.ts";

// Lengths travel as BigInt (a Number there costs thirty times the call), shapes in buffers that mlx-c copies.
const WIDTH = 8;
const COUNTS = Array.from({ length: WIDTH + 1 }, (_, count) => BigInt(count));
const BUFFERS = Array.from({ length: 3 }, () => new Int32Array(WIDTH));
const ONES = new Int32Array(WIDTH).fill(1);
const CONSTANT = cString("constant");

function ints(slot: number, values: readonly number[]): Int32Array<ArrayBuffer> {
  if (values.length > WIDTH) return Int32Array.from(values);
  const buffer = BUFFERS[slot]!;
  for (let index = 0; index < values.length; index++) buffer[index] = values[index]!;
  return buffer;
}

function count(values: readonly number[]): bigint {
  return COUNTS[values.length] ?? BigInt(values.length);
}

function ones(length: number): Int32Array<ArrayBuffer> {
  return length <= WIDTH ? ONES : new Int32Array(length).fill(1);
}

/** The same elements in another shape; one dimension may be -1. */
export function reshape(a: MLXArray, shape: readonly number[]): MLXArray {
  return take(
    native.mlx_reshape(cell(), a.handle, ints(0, shape), count(shape), stream()),
    "mlx_reshape",
  );
}

/** Dimensions in another order. */
export function transpose(a: MLXArray, axes: readonly number[]): MLXArray {
  return take(
    native.mlx_transpose_axes(cell(), a.handle, ints(0, axes), count(axes), stream()),
    "mlx_transpose_axes",
  );
}

/** Two dimensions exchanged. */
export function swapaxes(a: MLXArray, axis1: number, axis2: number): MLXArray {
  return take(native.mlx_swapaxes(cell(), a.handle, axis1, axis2, stream()), "mlx_swapaxes");
}

/** Repeated along dimensions of size 1, without copying. */
export function broadcastTo(a: MLXArray, shape: readonly number[]): MLXArray {
  return take(
    native.mlx_broadcast_to(cell(), a.handle, ints(0, shape), count(shape), stream()),
    "mlx_broadcast_to",
  );
}

/** Elements in row order in memory. */
export function contiguous(a: MLXArray): MLXArray {
  return take(native.mlx_contiguous(cell(), a.handle, false, stream()), "mlx_contiguous");
}

/**
 * `a[start:stop:strides]`, one number a dimension.
 *
 * @param strides @default all 1
 */
export function slice(
  a: MLXArray,
  start: readonly number[],
  stop: readonly number[],
  strides?: readonly number[],
): MLXArray {
  return take(
    native.mlx_slice(
      cell(),
      a.handle,
      ints(0, start),
      count(start),
      ints(1, stop),
      count(stop),
      strides ? ints(2, strides) : ones(start.length),
      count(strides ?? start),
      stream(),
    ),
    "mlx_slice",
  );
}

/** `a` with `update` written at `[start:stop]`; in place when nothing else refers to `a` once evaluated. */
export function sliceUpdate(
  a: MLXArray,
  update: MLXArray,
  start: readonly number[],
  stop: readonly number[],
): MLXArray {
  return take(
    native.mlx_slice_update(
      cell(),
      a.handle,
      update.handle,
      ints(0, start),
      count(start),
      ints(1, stop),
      count(stop),
      ones(start.length),
      count(start),
      stream(),
    ),
    "mlx_slice_update",
  );
}

/** Rows of `a` by integer indices along an axis. */
export function takeAxis(a: MLXArray, indices: MLXArray, axis: number): MLXArray {
  return take(native.mlx_take_axis(cell(), a.handle, indices.handle, axis, stream()), "mlx_take_axis");
}

/** One element per index along an axis (gather). */
export function takeAlongAxis(a: MLXArray, indices: MLXArray, axis: number): MLXArray {
  return take(
    native.mlx_take_along_axis(cell(), a.handle, indices.handle, axis, stream()),
    "mlx_take_along_axis",
  );
}

/** A strided view, in elements. Nothing checks the bounds. */
export function asStrided(
  a: MLXArray,
  shape: readonly number[],
  strides: readonly number[],
  offset = 0,
): MLXArray {
  return take(
    native.mlx_as_strided(
      cell(),
      a.handle,
      ints(0, shape),
      count(shape),
      BigInt64Array.from(strides, BigInt),
      count(strides),
      BigInt(offset),
      stream(),
    ),
    "mlx_as_strided",
  );
}

/** Arrays one after the other along an axis. */
export function concatenate(arrays: readonly MLXArray[], axis: number): MLXArray {
  return withVector(
    arrays,
    (vector) => take(native.mlx_concatenate_axis(cell(), vector, axis, stream()), "mlx_concatenate_axis"),
  );
}

/** Cut along an axis before each of `indices`. */
export function splitAt(a: MLXArray, indices: readonly number[], axis: number): MLXArray[] {
  return takeVector(
    (vector) => native.mlx_split_sections(vector, a.handle, ints(0, indices), count(indices), axis, stream()),
    "mlx_split_sections",
  );
}

/**
 * Zeros (or `value`) before and after, per dimension.
 *
 * @param low Elements before, one number a dimension.
 * @param high Elements after.
 */
export function pad(a: MLXArray, low: readonly number[], high: readonly number[], value = 0): MLXArray {
  using filler = scalar(value, a.dtype);
  return take(
    native.mlx_pad(
      cell(),
      a.handle,
      ints(0, low.map((_, axis) => axis)),
      count(low),
      ints(1, low),
      count(low),
      ints(2, high),
      count(high),
      filler.handle,
      CONSTANT,
      stream(),
    ),
    "mlx_pad",
  );
}

/** Zeros. */
export function zeros(shape: readonly number[], dtype: DType = "float32"): MLXArray {
  openLibrary();
  return take(
    native.mlx_zeros(cell(), ints(0, shape), count(shape), DTYPE_CODE[dtype], stream()),
    "mlx_zeros",
  );
}

/** start, start + step, ... below stop. */
export function arange(start: number, stop: number, step = 1, dtype: DType = "int32"): MLXArray {
  openLibrary();
  return take(native.mlx_arange(cell(), start, stop, step, DTYPE_CODE[dtype], stream()), "mlx_arange");
}

/**
 * 2-D convolution: input `[N, H, W, C]`, weight `[O, kH, kW, C]` -> `[N, H', W', O]`.
 *
 * @param options.stride Both directions. @default {1}
 * @param options.padding Both directions. @default {0}
 */
export function conv2d(
  input: MLXArray,
  weight: MLXArray,
  { stride = 1, padding = 0 }: { stride?: number; padding?: number } = {},
): MLXArray {
  return take(
    native.mlx_conv2d(
      cell(),
      input.handle,
      weight.handle,
      stride,
      stride,
      padding,
      padding,
      1,
      1,
      1,
      stream(),
    ),
    "mlx_conv2d",
  );
}

/** Magnitude-ready spectrum of the last axis: `[..., n]` real -> `[..., n / 2 + 1]` complex. */
export function rfft(a: MLXArray, n: number): MLXArray {
  return take(native.mlx_fft_rfft(cell(), a.handle, n, -1, 0, stream()), "mlx_fft_rfft");
}
