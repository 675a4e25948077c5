/**
 * MLX's fused operations: one launch each on a GPU.
 *
 * @module
 */
import { cell, type MLXArray, scalar, scope, take } from "./array.ts";
import { currentStream, stream } from "./device.ts";
import { cString } from "./error.ts";
import { native } from "./library.ts";
import { optionalFloat } from "./optional.ts";
import { add, astype, mean, multiply, rsqrt, square, subtract } from "./ops.ts";

/** Root mean square norm over the last axis, in float32 inside: x * rsqrt(mean(x^2) + eps), times the weight if any. */
export function rmsNorm(x: MLXArray, weight: MLXArray | undefined, eps: number): MLXArray {
  return take(
    native.mlx_fast_rms_norm(cell(), x.handle, weight?.handle ?? 0n, eps, stream()),
    "mlx_fast_rms_norm",
  );
}

/**
 * Layer norm over the last axis: (x - mean) * rsqrt(variance + eps) * weight + bias.
 *
 * MLX's own takes the thread's default stream for a part of its CPU route, which no other thread may evaluate (seen in
 * 0.32.2), so on such streams it is spelled out: the same primitives.
 */
export function layerNorm(x: MLXArray, weight: MLXArray, bias: MLXArray, eps: number): MLXArray {
  if (!currentStream().anyThread) {
    return take(
      native.mlx_fast_layer_norm(cell(), x.handle, weight.handle, bias.handle, eps, stream()),
      "mlx_fast_layer_norm",
    );
  }
  return scope(() => {
    const dtype = x.dtype;
    const wide = dtype === "float32" ? x : astype(x, "float32");
    const centred = subtract(wide, mean(wide, -1, true));
    const spread = rsqrt(add(mean(square(centred), -1, true), scalar(eps)));
    const scaled = multiply(centred, spread);
    return add(multiply(dtype === "float32" ? scaled : astype(scaled, dtype), weight), bias);
  });
}

const bases = new Map<number, bigint>();

function baseOf(base: number): bigint {
  let packed = bases.get(base);
  if (packed === undefined) bases.set(base, packed = optionalFloat(base));
  return packed;
}

/**
 * Rotary positions on `[B, heads, L, width]`, halves rotated against each other (NeoX).
 *
 * @param offset Position of the first of the L rows; an int32 array `[B]` gives each batch row its own.
 */
export function rope(x: MLXArray, width: number, base: number, offset: number | MLXArray): MLXArray {
  if (typeof offset === "number") {
    return take(
      native.mlx_fast_rope(cell(), x.handle, width, false, baseOf(base), 1, offset, 0n, stream()),
      "mlx_fast_rope",
    );
  }
  return take(
    native.mlx_fast_rope_dynamic(
      cell(),
      x.handle,
      width,
      false,
      baseOf(base),
      1,
      offset.handle,
      0n,
      stream(),
    ),
    "mlx_fast_rope_dynamic",
  );
}

const NO_MASK = cString("");
const CAUSAL = cString("causal");
const ARRAY = cString("array");

/**
 * softmax(q k^T * scale + mask) v with fewer key heads than query heads if so shaped.
 *
 * @param q `[B, heads, L, width]`
 * @param k `[B, kvHeads, S, width]`, v alike
 * @param mask "causal" (the last query sees the last key), a boolean or additive array broadcastable to
 *   `[B, heads, L, S]`, or none.
 */
export function attention(
  q: MLXArray,
  k: MLXArray,
  v: MLXArray,
  scale: number,
  mask?: "causal" | MLXArray,
): MLXArray {
  const mode = mask === undefined ? NO_MASK : mask === "causal" ? CAUSAL : ARRAY;
  const array = mask === undefined || mask === "causal" ? 0n : mask.handle;
  return take(
    native.mlx_fast_scaled_dot_product_attention(
      cell(),
      q.handle,
      k.handle,
      v.handle,
      scale,
      mode,
      array,
      0n,
      false,
      stream(),
    ),
    "mlx_fast_scaled_dot_product_attention",
  );
}
