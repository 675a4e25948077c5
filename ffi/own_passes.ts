/**
 * What a network does between its products, by libmlxc's own code, as the build script of this package makes it (Linux):
 * each is one operation and one pass over the numbers, by all threads, where MLX on a CPU builds it from some ten small
 * operations in one thread. All of it is for float32 on a CPU.
 *
 * @module
 */
import { cell, type MLXArray, take } from "./array.ts";
import { stream } from "./device.ts";
import { onceOpen } from "./library.ts";

const SYMBOLS = {
  qwen3asr_gelu: { parameters: ["buffer", "u64", "u64"], result: "i32", optional: true },
  qwen3asr_swiglu: { parameters: ["buffer", "u64", "u64", "u64"], result: "i32", optional: true },
  qwen3asr_norm: {
    parameters: ["buffer", "u64", "u64", "u64", "f32", "u64"],
    result: "i32",
    optional: true,
  },
  qwen3asr_rotate: {
    parameters: ["buffer", "u64", "u64", "u64", "i32", "f32", "f32", "u64"],
    result: "i32",
    optional: true,
  },
  qwen3asr_attention: {
    parameters: ["buffer", "u64", "u64", "u64", "u64", "u64", "f32", "u64"],
    result: "i32",
    optional: true,
  },
  qwen3asr_convolve: {
    parameters: ["buffer", "u64", "u64", "u64", "u64"],
    result: "i32",
    optional: true,
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** Null where the library has none of them. */
const find = onceOpen((path) => {
  const { symbols } = Deno.dlopen(path, SYMBOLS);
  const {
    qwen3asr_gelu: gelu,
    qwen3asr_swiglu: swiglu,
    qwen3asr_norm: norm,
    qwen3asr_rotate: rotate,
    qwen3asr_attention: attention,
    qwen3asr_convolve: convolve,
  } = symbols;
  return gelu && swiglu && norm && rotate && attention && convolve
    ? { gelu, swiglu, norm, rotate, attention, convolve }
    : null;
});

/** Whether the functions of this module can be had. */
export function hasOwnPasses(): boolean {
  return Boolean(find());
}

function passes(): NonNullable<ReturnType<typeof find>> {
  const found = find();
  if (!found) throw new Error("This libmlxc has no passes of its own.");
  return found;
}

/** x Phi(x), the exact GELU to 1e-7. */
export function ownGelu(x: MLXArray): MLXArray {
  return take(passes().gelu(cell(), x.handle, stream()), "qwen3asr_gelu");
}

/** silu(gate) * up, each `[rows, width]`; the rows of either may lie apart. */
export function ownSwiglu(gate: MLXArray, up: MLXArray): MLXArray {
  return take(passes().swiglu(cell(), gate.handle, up.handle, stream()), "qwen3asr_swiglu");
}

/** Layer norm over the last axis; without a bias, root mean square norm. */
export function ownNorm(x: MLXArray, weight: MLXArray, bias: MLXArray | undefined, eps: number): MLXArray {
  return take(
    passes().norm(cell(), x.handle, weight.handle, bias?.handle ?? 0n, eps, stream()),
    "qwen3asr_norm",
  );
}

/**
 * The first heads of each row, divided by their root mean square, times their weights, and rotated to their positions,
 * halves against each other (NeoX).
 *
 * @param x `[B * L, all heads * width]`
 * @param weights `[heads, width]`
 * @param options.offset Position of the first of L rows, int32: `[1]`, or `[B]`.
 * @returns `[B, L, heads, width]`
 */
export function ownRotate(
  x: MLXArray,
  weights: MLXArray,
  { offset, length, eps, base }: { offset: MLXArray; length: number; eps: number; base: number },
): MLXArray {
  return take(
    passes().rotate(cell(), x.handle, weights.handle, offset.handle, length, eps, base, stream()),
    "qwen3asr_rotate",
  );
}

/** Which keys are seen, int32; undefined: all. */
export interface Visible {
  /** `[B]`: by the queries of a row of the batch, those from here on. */
  first?: MLXArray | undefined;
  /** `[L]`: by a query, those before. Ascending. */
  until?: MLXArray | undefined;
}

/**
 * softmax(q k^T * scale) v with fewer key heads than query heads if so shaped; the last axes must be without gaps.
 *
 * @param q `[B, heads, L, width]`
 * @param k `[B, kvHeads, S, width]`, v alike
 * @returns `[B, L, heads, width]`
 */
export function ownAttention(
  q: MLXArray,
  k: MLXArray,
  v: MLXArray,
  scale: number,
  { first, until }: Visible = {},
): MLXArray {
  return take(
    passes().attention(
      cell(),
      q.handle,
      k.handle,
      v.handle,
      first?.handle ?? 0n,
      until?.handle ?? 0n,
      scale,
      stream(),
    ),
    "qwen3asr_attention",
  );
}

/**
 * GELU of a convolution by 3 x 3 in steps of 2, with a margin of one zero.
 *
 * @param x `[n, H, W, in]`
 * @param weight `[out, 3, 3, in]`
 * @param bias `[out]`
 * @returns `[n, H / 2, W / 2, out]`, halves rounded up
 */
export function ownConvolve(x: MLXArray, weight: MLXArray, bias: MLXArray): MLXArray {
  return take(
    passes().convolve(cell(), x.handle, weight.handle, bias.handle, stream()),
    "qwen3asr_convolve",
  );
}
