/**
 * Scaled dot-product attention, softmax(q k^T * scale + mask) v, in the shapes that the network needs: causal with fewer
 * key heads than query heads (decoder), and inside windows (encoder).
 *
 * @module
 */
import {
  add,
  arange,
  attention,
  concatenate,
  divide,
  fromData,
  lessEqual,
  matmul,
  max,
  type MLXArray,
  multiply,
  reshape,
  scalar,
  slice,
  softmax,
  subtract,
  sum,
  swapaxes,
  transpose,
  where,
} from "../../ffi/mod.ts";
import type { BackendPolicy } from "./backend.ts";
import { type FunctionTables, paysOff, tablesOf } from "./function_tables.ts";

/** What hides keys from queries: the usual triangle, a boolean array broadcast to `[B, heads, L, S]`, or nothing. */
export type Mask = "causal" | MLXArray | undefined;

/** The score of a hidden key: its weight becomes 0. */
const HIDDEN = -1e9;
/** Queries of a tile, fewer over many keys: scores stay near a CPU, and what a long prompt needs stays small. */
const TILE = { most: 128, least: 32, scores: 2 ** 19 };

/** Some of the queries, how many keys they may see, and what hides the last of these: `[stop - start, keys]`. */
interface Tile {
  start: number;
  stop: number;
  keys: number;
  mask: MLXArray | undefined;
}

/** How a pass attends, the same for all its layers: by MLX's own operation, or tile by tile with our exponential. */
export type AttentionPlan =
  | { route: "fused"; mask: Mask }
  | { route: "tiled"; tiles: Tile[]; exponential: FunctionTables["exponential"] };

/** Queries at ascending positions see the keys up to their own. */
function causalTile(start: number, stop: number, positions: readonly number[]): Tile {
  const keys = positions[stop - 1]! + 1;
  const mask = new Float32Array((stop - start) * keys);
  for (let row = start; row < stop; row++) {
    mask.fill(HIDDEN, (row - start) * keys + positions[row]! + 1, (row - start + 1) * keys);
  }
  return { start, stop, keys, mask: fromData(mask, [stop - start, keys]) };
}

/**
 * Chooses by the policy and the amount of work. Build in the scope of the pass.
 *
 * @param size Query heads of all rows, queries and keys of each.
 * @param positions Where causal queries stand among the keys, ascending. @default {the last of them}
 */
export function planAttention(
  { heads, length, span }: { heads: number; length: number; span: number },
  mask: Mask,
  policy: BackendPolicy,
  positions?: readonly number[],
): AttentionPlan {
  const isByTable = policy.exponential === "table" && policy.dtype === "float32";
  const isCausal = mask === "causal";
  if (!isByTable || (mask && !isCausal) || !paysOff(heads * length * span)) {
    return { route: "fused", mask: positions ? visibleFrom(positions, span) : mask };
  }
  const places = positions ?? Array.from({ length }, (_, row) => span - length + row);
  const tiles: Tile[] = [];
  const size = Math.max(TILE.least, Math.min(TILE.most, Math.floor(TILE.scores / (heads * span))));
  for (let start = 0; start < length; start += size) {
    const stop = Math.min(length, start + size);
    tiles.push(
      isCausal ? causalTile(start, stop, places) : { start, stop, keys: span, mask: undefined },
    );
  }
  return { route: "tiled", tiles, exponential: tablesOf(policy).exponential };
}

/** The arrays that a plan holds. */
export function planArrays(plan: AttentionPlan): MLXArray[] {
  if (plan.route === "tiled") return plan.tiles.flatMap(({ mask }) => mask ?? []);
  return plan.mask === undefined || plan.mask === "causal" ? [] : [plan.mask];
}

/** One tile, q scaled already; the query heads of a key head lie below each other. */
function attendTile(
  q: MLXArray,
  k: MLXArray,
  v: MLXArray,
  mask: MLXArray | undefined,
  exponential: FunctionTables["exponential"],
): MLXArray {
  const [batch, heads, length, width] = q.shape as [number, number, number, number];
  const kvHeads = k.dim(1), keys = k.dim(2);
  const rows = reshape(q, [batch, kvHeads, heads / kvHeads * length, width]);
  let scores = matmul(rows, swapaxes(k, 2, 3)); // [B, kvHeads, group * L, S]
  if (mask) {
    const apart = reshape(scores, [batch, heads, length, keys]);
    scores = reshape(add(apart, mask), [batch, kvHeads, heads / kvHeads * length, keys]);
  }
  const weights = exponential.apply(subtract(scores, max(scores, -1, true)));
  return reshape(divide(matmul(weights, v), sum(weights, -1, true)), [batch, heads, length, width]);
}

/**
 * softmax(q k^T * scale + mask) v as planned.
 *
 * @param q `[B, heads, L, width]`
 * @param k `[B, kvHeads, S, width]`, v alike
 */
export function attend(q: MLXArray, k: MLXArray, v: MLXArray, scale: number, plan: AttentionPlan): MLXArray {
  if (plan.route === "fused") return attention(q, k, v, scale, plan.mask);
  const [batch, heads, , width] = q.shape as [number, number, number, number];
  const kvHeads = k.dim(1);
  const scaled = multiply(q, scalar(scale));
  const parts = plan.tiles.map(({ start, stop, keys, mask }) => {
    const first = [0, 0, 0, 0], last = [batch, kvHeads, keys, width];
    const queries = slice(scaled, [0, 0, start, 0], [batch, heads, stop, width]);
    return attendTile(queries, slice(k, first, last), slice(v, first, last), mask, plan.exponential);
  });
  return parts.length === 1 ? parts[0]! : concatenate(parts, 2);
}

/** {@linkcode attend} inside groups of `size` rows, `[rows, D]` each. */
function attendGroups(
  qkv: readonly MLXArray[],
  heads: number,
  size: number,
  policy: BackendPolicy,
): MLXArray {
  const [rows, width] = qkv[0]!.shape as [number, number];
  const groups = rows / size, headWidth = width / heads;
  const [q, k, v] = qkv.map((part) => transpose(reshape(part, [groups, size, heads, headWidth]), [0, 2, 1, 3]) // [groups, heads, size, headWidth]
  ) as [MLXArray, MLXArray, MLXArray];
  const plan = planAttention({ heads: groups * heads, length: size, span: size }, undefined, policy);
  return reshape(transpose(attend(q, k, v, headWidth ** -0.5, plan), [0, 2, 1, 3]), [rows, width]);
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
  policy: BackendPolicy,
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

/** Hides keys where a boolean mask is false. */
export function maskScores(scores: MLXArray, mask: MLXArray | undefined, policy: BackendPolicy): MLXArray {
  return mask ? where(mask, scores, scalar(HIDDEN, policy.dtype)) : scores;
}

/** The weights `[B, heads, L, S]` that the fused operation keeps to itself, for who wants to look at them. */
export function attentionWeights(
  q: MLXArray,
  k: MLXArray,
  scale: number,
  mask: Mask,
  policy: BackendPolicy,
): MLXArray {
  const [batch, heads, length, width] = q.shape as [number, number, number, number];
  const kvHeads = k.dim(1), span = k.dim(2);
  const grouped = reshape(q, [batch, kvHeads, heads / kvHeads, length, width]);
  const transposed = reshape(swapaxes(k, 2, 3), [batch, kvHeads, 1, width, span]);
  const scores = reshape(matmul(grouped, transposed), [batch, heads, length, span]);
  const visible = mask === "causal" ? causalMask(length, span) : mask;
  return softmax(maskScores(multiply(scores, scalar(scale, policy.dtype)), visible, policy), -1);
}

/** Whether a query at each of the positions sees a key: boolean `[positions, span]`. */
function visibleFrom(positions: readonly number[], span: number): MLXArray {
  const rows = fromData(Int32Array.from(positions), [positions.length, 1]);
  return lessEqual(reshape(arange(0, span), [1, span]), rows);
}

/** Whether a query sees a key, the last query all: boolean `[length, span]`. */
function causalMask(length: number, span: number): MLXArray {
  const rows = reshape(arange(span - length, span), [length, 1]);
  return lessEqual(reshape(arange(0, span), [1, span]), rows);
}
