/**
 * Scaled dot-product attention, softmax(q k^T * scale) v over the keys that are seen, in the shapes that the network
 * needs: causal with fewer key heads than query heads (decoder), and inside windows (encoder).
 *
 * @module
 */
import {
  arange,
  attention,
  concatenate,
  fromData,
  greaterEqual,
  lessEqual,
  logicalAnd,
  matmul,
  type MLXArray,
  multiply,
  ownAttention,
  reshape,
  scalar,
  slice,
  softmax,
  swapaxes,
  transpose,
  type Visible,
  where,
} from "../../ffi/mod.ts";
import type { BackendPolicy } from "./backend.ts";

/** Which keys the queries see; nothing said: all. */
export interface Sight {
  /** Those up to their own place. */
  isCausal?: boolean | undefined;
  /** Where causal queries stand among the keys, ascending. @default {the last of them} */
  positions?: readonly number[] | undefined;
  /** Empty keys before those of each row of the batch. */
  padding?: readonly number[] | undefined;
}

/** Queries of a row of the batch, and keys. */
export interface AttentionSize {
  length: number;
  span: number;
}

/** The score of a hidden key: its weight becomes 0. */
const HIDDEN = -1e9;

/** How a pass attends, the same for all its layers: by MLX's own operation, or by libmlxc's. */
export type AttentionPlan =
  | { route: "mlx"; mask: "causal" | MLXArray | undefined }
  | { route: "own"; visible: Visible };

/** Where causal queries stand. */
function placesOf({ positions }: Sight, { length, span }: AttentionSize): readonly number[] {
  return positions ?? Array.from({ length }, (_, row) => span - length + row);
}

/** The keys that are seen: boolean, broadcast to `[B, heads, L, S]`; undefined: all. */
function maskOf(sight: Sight, size: AttentionSize): MLXArray | undefined {
  const keys = reshape(arange(0, size.span), [1, 1, 1, size.span]);
  const numbers = (values: readonly number[], shape: number[]) => fromData(Int32Array.from(values), shape);
  const past = sight.isCausal
    ? lessEqual(keys, numbers(placesOf(sight, size), [1, 1, size.length, 1]))
    : undefined;
  const filled = sight.padding
    ? greaterEqual(keys, numbers(sight.padding, [sight.padding.length, 1, 1, 1]))
    : undefined;
  return past && filled ? logicalAnd(past, filled) : past ?? filled;
}

/** What libmlxc's attention wants to know: as {@linkcode maskOf}. */
function visibleOf(sight: Sight, size: AttentionSize): Visible {
  return {
    first: sight.padding && fromData(Int32Array.from(sight.padding)),
    until: sight.isCausal
      ? fromData(Int32Array.from(placesOf(sight, size), (place) => place + 1))
      : undefined,
  };
}

/** Chooses by the policy. Build in the scope of the pass. */
export function planAttention(
  size: AttentionSize,
  sight: Sight,
  { passes }: Pick<BackendPolicy, "passes">,
): AttentionPlan {
  if (passes === "own") return { route: "own", visible: visibleOf(sight, size) };
  const isTriangle = sight.isCausal && !sight.positions && !sight.padding;
  return { route: "mlx", mask: isTriangle ? "causal" : maskOf(sight, size) };
}

/** The arrays that a plan holds. */
export function planArrays(plan: AttentionPlan): MLXArray[] {
  const arrays = plan.route === "own" ? [plan.visible.first, plan.visible.until] : [plan.mask];
  return arrays.filter((array) => array !== undefined && array !== "causal");
}

/**
 * Attention as planned.
 *
 * @param q `[B, heads, L, width]`
 * @param k `[B, kvHeads, S, width]`, v alike
 * @returns `[B, L, heads, width]`
 */
export function attend(
  q: MLXArray,
  k: MLXArray,
  v: MLXArray,
  scale: number,
  plan: AttentionPlan,
): MLXArray {
  if (plan.route === "own") return ownAttention(q, k, v, scale, plan.visible);
  return transpose(attention(q, k, v, scale, plan.mask), [0, 2, 1, 3]);
}

/** {@linkcode attend} inside groups of `size` rows, `[rows, D]` each. */
function attendGroups(
  qkv: readonly MLXArray[],
  heads: number,
  size: number,
  policy: Pick<BackendPolicy, "passes">,
): MLXArray {
  const [rows, width] = qkv[0]!.shape as [number, number];
  const groups = rows / size, headWidth = width / heads;
  const [q, k, v] = qkv.map((part) => transpose(reshape(part, [groups, size, heads, headWidth]), [0, 2, 1, 3]) // [groups, heads, size, headWidth]
  ) as [MLXArray, MLXArray, MLXArray];
  const plan = planAttention({ length: size, span: size }, {}, policy);
  return reshape(attend(q, k, v, headWidth ** -0.5, plan), [rows, width]);
}

/**
 * Attention inside windows of rows (spec section 5): the whole windows as a batch, the shorter last one by itself, so that no
 * mask is needed.
 *
 * @param qkv Queries, keys and values `[N, D]`.
 * @returns `[N, D]`
 */
export function attendWindows(
  qkv: readonly [MLXArray, MLXArray, MLXArray],
  { heads, window }: { heads: number; window: number },
  policy: Pick<BackendPolicy, "passes">,
): MLXArray {
  const [rows, width] = qkv[0].shape as [number, number];
  const whole = rows - rows % window;
  if (whole === 0 || whole === rows) return attendGroups(qkv, heads, whole === 0 ? rows : window, policy);
  const cut = (start: number, stop: number) => qkv.map((part) => slice(part, [start, 0], [stop, width]));
  return concatenate([
    attendGroups(cut(0, whole), heads, window, policy),
    attendGroups(cut(whole, rows), heads, rows - whole, policy),
  ], 0);
}

/** The weights `[B, heads, L, S]` that the operations keep to themselves, for who wants to look at them. */
export function attentionWeights(q: MLXArray, k: MLXArray, scale: number, sight: Sight): MLXArray {
  const [batch, heads, length, width] = q.shape as [number, number, number, number];
  const kvHeads = k.dim(1), span = k.dim(2), { dtype } = q;
  const grouped = reshape(q, [batch, kvHeads, heads / kvHeads, length, width]);
  const transposed = reshape(swapaxes(k, 2, 3), [batch, kvHeads, 1, width, span]);
  const scores = multiply(
    reshape(matmul(grouped, transposed), [batch, heads, length, span]),
    scalar(scale, dtype),
  );
  const mask = maskOf(sight, { length, span });
  return softmax(mask ? where(mask, scores, scalar(HIDDEN, dtype)) : scores, -1);
}
