/**
 * Weights packed to a few bits per number, in groups along the input dimension.
 *
 * @module
 */
import { cell, type DType, DTYPE_CODE, type MLXArray, take } from "./array.ts";
import { stream } from "./device.ts";
import { cString } from "./error.ts";
import { native } from "./library.ts";
import { optionalInt } from "./optional.ts";
import { takeVector } from "./vector.ts";

/** How weights are packed. */
export interface Quantization {
  /** Bits per number: 2, 3, 4, 5, 6 or 8. */
  bits: number;
  /** Numbers that share a scale. */
  groupSize: number;
  /** MLX's name of the scheme, e.g. "affine". */
  mode: string;
}

/** Packed weights `[out, in * bits / 32]` with a scale and (affine) an offset per group `[out, in / groupSize]`. */
export interface PackedWeight extends Quantization {
  /** `[out, in * bits / 32]` uint32 */
  weight: MLXArray;
  /** `[out, in / groupSize]` */
  scales: MLXArray;
  /** `[out, in / groupSize]`; undefined in schemes without offsets. */
  biases: MLXArray | undefined;
}

const modes = new Map<string, Uint8Array<ArrayBuffer>>();

function modeText(mode: string): Uint8Array<ArrayBuffer> {
  let text = modes.get(mode);
  if (!text) modes.set(mode, text = cString(mode));
  return text;
}

/** x @ w^T with packed w, x `[..., in]` -> `[..., out]`. */
export function quantizedMatmul(x: MLXArray, w: PackedWeight): MLXArray {
  return take(
    native.mlx_quantized_matmul(
      cell(),
      x.handle,
      w.weight.handle,
      w.scales.handle,
      w.biases?.handle ?? 0n,
      true,
      optionalInt(w.groupSize),
      optionalInt(w.bits),
      modeText(w.mode),
      stream(),
    ),
    "mlx_quantized_matmul",
  );
}

/** The numbers that packed weights stand for. @param dtype Default: the type of the scales. */
export function dequantize(w: PackedWeight, dtype?: DType): MLXArray {
  return take(
    native.mlx_dequantize(
      cell(),
      w.weight.handle,
      w.scales.handle,
      w.biases?.handle ?? 0n,
      optionalInt(w.groupSize),
      optionalInt(w.bits),
      modeText(w.mode),
      0n,
      dtype === undefined ? 0n : optionalInt(DTYPE_CODE[dtype]),
      stream(),
    ),
    "mlx_dequantize",
  );
}

/** Packs the rows of a float matrix `[out, in]`. */
export function quantize(w: MLXArray, { bits, groupSize, mode }: Quantization): PackedWeight {
  const [weight, scales, biases] = takeVector(
    (vector) =>
      native.mlx_quantize(
        vector,
        w.handle,
        optionalInt(groupSize),
        optionalInt(bits),
        modeText(mode),
        0n,
        stream(),
      ),
    "mlx_quantize",
  );
  return { bits, groupSize, mode, weight: weight!, scales: scales!, biases };
}
