/**
 * The product with packed weights by libmlxc's own code, as the build script of this package makes it (Linux, x64 with AVX2).
 *
 * MLX's kernel for a CPU unpacks number by number, and for each row again; this one unpacks a register full at once for up
 * to four rows, and for more rows a part of the matrix into the processor's cache. So weights may stay packed, and a step
 * reads a quarter of the memory.
 *
 * @module
 */
import { cell, type MLXArray, take } from "./array.ts";
import { stream } from "./device.ts";
import { onceOpen } from "./library.ts";
import type { PackedWeight } from "./quantized.ts";

const SYMBOLS = {
  qwen3asr_has_packed_product: { parameters: [], result: "bool", optional: true },
  qwen3asr_packed_product: {
    parameters: ["buffer", "u64", "u64", "u64", "u64", "i32", "i32", "u64"],
    result: "i32",
    optional: true,
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** Null where the library or the processor cannot. */
const find = onceOpen((path) => {
  const { symbols } = Deno.dlopen(path, SYMBOLS);
  return symbols.qwen3asr_has_packed_product?.() ? symbols.qwen3asr_packed_product : null;
});

/** Whether {@linkcode packedProduct} can be had on this machine. */
export function hasPackedProduct(): boolean {
  return Boolean(find());
}

/** Whether it takes weights that are packed so. */
export function suitsPackedProduct({ bits, groupSize, mode, biases, scales }: PackedWeight): boolean {
  return mode === "affine" && (bits === 4 || bits === 8) && groupSize % 16 === 0 && groupSize >= 16 &&
    groupSize <= 512 &&
    biases !== undefined &&
    scales.dtype === "float32";
}

/**
 * x @ w^T on a CPU, x float32 `[..., in]` -> `[..., out]`.
 *
 * @throws {Error} Where it is not to be had, or does not suit the weights: a mistake in this module.
 */
export function packedProduct(x: MLXArray, w: PackedWeight): MLXArray {
  const call = find();
  if (!call || !w.biases) throw new Error("There is no product with such weights on this machine.");
  return take(
    call(
      cell(),
      x.handle,
      w.weight.handle,
      w.scales.handle,
      w.biases.handle,
      w.bits,
      w.groupSize,
      stream(),
    ),
    "qwen3asr_packed_product",
  );
}
