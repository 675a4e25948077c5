/**
 * Random numbers from explicit keys: the same key gives the same numbers.
 *
 * @module
 */
import { cell, type DType, DTYPE_CODE, type MLXArray, take } from "./array.ts";
import { stream } from "./device.ts";
import { native, openLibrary } from "./library.ts";

/** A key for the functions below. */
export function randomKey(seed: number): MLXArray {
  openLibrary();
  return take(native.mlx_random_key(cell(), BigInt(seed)), "mlx_random_key");
}

/** One index per row of logits `[..., classes]`, drawn from softmax(logits), uint32. */
export function categorical(logits: MLXArray, key: MLXArray): MLXArray {
  return take(
    native.mlx_random_categorical(cell(), logits.handle, -1, key.handle, stream()),
    "mlx_random_categorical",
  );
}

/** Normal numbers with mean 0. @param scale Standard deviation. */
export function normal(
  shape: readonly number[],
  key: MLXArray,
  scale = 1,
  dtype: DType = "float32",
): MLXArray {
  return take(
    native.mlx_random_normal(
      cell(),
      Int32Array.from(shape),
      BigInt(shape.length),
      DTYPE_CODE[dtype],
      0,
      scale,
      key.handle,
      stream(),
    ),
    "mlx_random_normal",
  );
}
