/**
 * From a layer's projections to queries, keys and values (spec section 6.3): queries and keys are divided by the root mean
 * square of their head, weighted, and rotated to their positions.
 *
 * @module
 */
import {
  broadcastTo,
  concatenate,
  fromData,
  type MLXArray,
  multiply,
  ownRotate,
  reshape,
  rmsNorm,
  rope,
  scalar,
  slice,
  transpose,
} from "../../ffi/mod.ts";
import type { BackendPolicy } from "./backend.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { DecoderConfig } from "./config.ts";

/** Where the first row of a pass stands: a number, or int32 `[1]`, or `[B]` for each row of the batch. */
export type Position = number | MLXArray;

/** As the route of a policy wants to be told. */
export function positionOf(
  first: number | readonly number[],
  { passes }: Pick<BackendPolicy, "passes">,
): Position {
  return typeof first === "number" && passes === "mlx" ? first : fromData(Int32Array.from([first].flat()));
}

/** Queries `[B, heads, L, headWidth]`, keys and values `[B, kvHeads, L, headWidth]`. */
export interface QueriesKeysValues {
  q: MLXArray;
  k: MLXArray;
  v: MLXArray;
}

/** What the rows of a projection are. */
export interface HeadRows {
  batch: number;
  length: number;
  position: Position;
}

/** The norms of a layer's heads and their rotary positions. */
export class Heads {
  readonly parameters: MLXArray[];
  readonly #config: DecoderConfig;
  readonly #isOwn: boolean;
  /** Weights of the norms of q, head by head, and of k: `[heads + kvHeads, headWidth]`. */
  readonly #norms: MLXArray;
  /** The same with ones for v: `[heads + 2 kvHeads, 1, headWidth]`. */
  readonly #stepNorms: MLXArray | undefined;

  constructor(source: Checkpoint, path: string, config: DecoderConfig, { dtype, passes }: BackendPolicy) {
    const { heads, kvHeads, headWidth } = config;
    const perHead = (weight: MLXArray, count: number) => broadcastTo(weight, [count, headWidth]);
    const [q, k] = ["q_norm", "k_norm"].map((name) =>
      source.float(`${path}.${name}.weight`, [headWidth], dtype)
    ) as [MLXArray, MLXArray];
    this.#config = config;
    this.#isOwn = passes === "own";
    this.#norms = concatenate([perHead(q, heads), perHead(k, kvHeads)], 0);
    this.parameters = [this.#norms];
    if (this.#isOwn) return;
    const all = concatenate([this.#norms, perHead(scalar(1, dtype), kvHeads)], 0);
    this.#stepNorms = reshape(all, [heads + 2 * kvHeads, 1, headWidth]);
    this.parameters.push(this.#stepNorms);
  }

  /** projected `[B * L, (heads + 2 kvHeads) * headWidth]`: queries, keys and values side by side. */
  apart(projected: MLXArray, rows: HeadRows): QueriesKeysValues {
    return this.#isOwn ? this.#own(projected, rows) : this.#mlx(projected, rows);
  }

  #own(projected: MLXArray, { batch, length, position }: HeadRows): QueriesKeysValues {
    const { heads, kvHeads, headWidth, normEpsilon: eps, ropeBase: base } = this.#config;
    const both = heads + kvHeads, all = both + kvHeads, offset = position as MLXArray;
    const rotated = ownRotate(projected, this.#norms, { offset, length, eps, base }); // [B, L, both, headWidth]
    const part = (of: MLXArray, from: number, to: number) => {
      const cut = slice(of, [0, 0, from, 0], [batch, length, to, headWidth]);
      return length === 1 ? reshape(cut, [batch, to - from, 1, headWidth]) : transpose(cut, [0, 2, 1, 3]);
    };
    return {
      q: part(rotated, 0, heads),
      k: part(rotated, heads, both),
      v: part(reshape(projected, [batch, length, all, headWidth]), both, all),
    };
  }

  #mlx(projected: MLXArray, { batch, length, position }: HeadRows): QueriesKeysValues {
    const { heads, kvHeads, headWidth, normEpsilon, ropeBase } = this.#config;
    const both = heads + kvHeads, all = both + kvHeads;
    const apart = length === 1 // [B, all, L, headWidth]; for one position a reshape does.
      ? reshape(projected, [batch, all, 1, headWidth])
      : transpose(reshape(projected, [batch, length, all, headWidth]), [0, 2, 1, 3]);
    const part = (of: MLXArray, from: number, to: number) =>
      slice(of, [0, from, 0, 0], [batch, to, length, headWidth]);
    // Queries and keys are normed and rotated together. For one position v goes along unread: cheaper than cutting it off.
    const normed = length === 1
      ? multiply(rmsNorm(apart, undefined, normEpsilon), this.#stepNorms!)
      : multiply(
        rmsNorm(part(apart, 0, both), undefined, normEpsilon),
        reshape(this.#norms, [both, 1, headWidth]),
      );
    const rotated = rope(normed, headWidth, ropeBase, position);
    return { q: part(rotated, 0, heads), k: part(rotated, heads, both), v: part(apart, both, all) };
  }
}
