/**
 * A layer of the Qwen3 decoder (spec section 6): RMS, attention with rotary positions and grouped key heads, RMS, SwiGLU.
 *
 * @module
 */
import {
  broadcastTo,
  concatenate,
  type MLXArray,
  multiply,
  reshape,
  rmsNorm,
  rope,
  scalar,
  slice,
  takeAxis,
  transpose,
} from "../../ffi/mod.ts";
import type { SwiGLU } from "./activations.ts";
import { attend, type AttentionPlan, attentionWeights, type Mask } from "./attention.ts";
import type { BackendPolicy } from "./backend.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { DecoderConfig } from "./config.ts";
import type { LayerParts } from "./decode_step.ts";
import { FeedForward } from "./feed_forward.ts";
import type { KVCache } from "./kv_cache.ts";
import { type Linear, loadLinear } from "./layers.ts";
import { Projections } from "./projections.ts";
import type { DecoderProbe } from "./tap.ts";

/** What is the same for all layers of one pass. */
export interface Pass {
  batch: number;
  length: number;
  cache: KVCache | undefined;
  /** Position of the first of the L rows; per batch row as an int32 array. */
  offset: number | MLXArray;
  mask: Mask;
  plan: AttentionPlan;
  probe: DecoderProbe | undefined;
}

/** Rows of a batch of one that a layer is wanted for. */
export interface Wanted {
  count: number;
  /** Their positions, int32. */
  rows: MLXArray;
  /** How they attend. */
  plan: AttentionPlan;
}

/** One pre-norm layer. */
export class DecoderLayer implements LayerParts {
  readonly inputNorm: MLXArray;
  readonly qkv: Projections;
  readonly qNorm: MLXArray;
  readonly kNorm: MLXArray;
  readonly out: Linear;
  readonly postNorm: MLXArray;
  readonly feedForward: FeedForward;
  readonly parameters: MLXArray[];
  readonly #config: DecoderConfig;
  readonly #policy: BackendPolicy;
  readonly #index: number;
  /** Weights of the norms of q, head by head, and of k: `[heads + kvHeads, 1, headWidth]`. */
  readonly #headNorms: MLXArray;
  /** The same with ones for v: `[heads + 2 kvHeads, 1, headWidth]`. */
  readonly #stepNorms: MLXArray;

  constructor(
    source: Checkpoint,
    index: number,
    config: DecoderConfig,
    policy: BackendPolicy,
    swiglu: SwiGLU,
  ) {
    const { width, heads, kvHeads, headWidth } = config;
    const path = `model.layers.${index}`, attention = `${path}.self_attn`;
    const q = heads * headWidth, kv = kvHeads * headWidth;
    const norm = (name: string, size: number) => source.float(`${name}.weight`, [size], policy.dtype);
    this.#config = config;
    this.#policy = policy;
    this.#index = index;
    this.inputNorm = norm(`${path}.input_layernorm`, width);
    const parts = ["q_proj", "k_proj", "v_proj"].map((name) => `${attention}.${name}`);
    this.qkv = new Projections(source, parts, [q, kv, kv], width, policy);
    this.qNorm = norm(`${attention}.q_norm`, headWidth);
    this.kNorm = norm(`${attention}.k_norm`, headWidth);
    this.out = loadLinear(source, `${attention}.o_proj`, [width, q], policy);
    this.postNorm = norm(`${path}.post_attention_layernorm`, width);
    this.feedForward = new FeedForward(source, `${path}.mlp`, config, policy, swiglu);
    const perHead = (weight: MLXArray, count: number) => broadcastTo(weight, [count, 1, headWidth]);
    this.#headNorms = concatenate([perHead(this.qNorm, heads), perHead(this.kNorm, kvHeads)], 0);
    this.#stepNorms = concatenate([this.#headNorms, perHead(scalar(1, policy.dtype), kvHeads)], 0);
    this.parameters = [
      ...[this.inputNorm, this.qNorm, this.kNorm, this.postNorm, this.#headNorms, this.#stepNorms],
      ...[this.qkv, this.out, this.feedForward].flatMap(({ parameters }) => parameters),
    ];
  }

  /**
   * x `[B * L, H]`, the positions of the first row first.
   *
   * @param wanted Only these rows are returned; the others are keys and values to them.
   */
  apply(x: MLXArray, pass: Pass, wanted?: Wanted): MLXArray {
    const { normEpsilon } = this.#config;
    const mixed = this.#attend(rmsNorm(x, this.inputNorm, normEpsilon), pass, wanted);
    const attended = this.out.addTo(wanted ? takeAxis(x, wanted.rows, 0) : x, mixed);
    const normed = rmsNorm(attended, this.postNorm, normEpsilon);
    return this.feedForward.addTo(attended, normed, wanted?.count ?? pass.batch * pass.length);
  }

  /** x `[B * L, H]` -> what the heads read, side by side `[rows, heads * headWidth]` */
  #attend(x: MLXArray, pass: Pass, wanted: Wanted | undefined): MLXArray {
    const { batch, length, cache, offset, mask, probe } = pass,
      { plan, count } = wanted ?? { ...pass, count: length };
    const { heads, kvHeads, headWidth, normEpsilon, ropeBase } = this.#config;
    const both = heads + kvHeads, total = both + kvHeads, scale = headWidth ** -0.5;
    const projected = this.qkv.apply(x);
    const all = length === 1 // [B, heads + 2 kvHeads, L, headWidth]; for one position a reshape does.
      ? reshape(projected, [batch, total, 1, headWidth])
      : transpose(reshape(projected, [batch, length, total, headWidth]), [0, 2, 1, 3]);
    const part = (of: MLXArray, from: number, to: number) =>
      slice(of, [0, from, 0, 0], [batch, to, length, headWidth]);
    // Queries and keys are normed and rotated together. For one position v goes along unread: cheaper than cutting it off.
    const normed = length === 1
      ? multiply(rmsNorm(all, undefined, normEpsilon), this.#stepNorms)
      : multiply(rmsNorm(part(all, 0, both), undefined, normEpsilon), this.#headNorms);
    const rotated = rope(normed, headWidth, ropeBase, offset);
    const allQueries = part(rotated, 0, heads);
    const q = wanted ? takeAxis(allQueries, wanted.rows, 2) : allQueries;
    const own = { keys: part(rotated, heads, both), values: part(all, both, total) };
    const { keys, values } =
      cache?.update(this.#index, own.keys, own.values, [batch, kvHeads, length, headWidth]) ?? own;
    if (probe?.attention?.has(this.#index)) {
      const first = Math.max(0, length - (probe.last ?? length));
      const queries = first === 0 ? q : slice(q, [0, 0, first, 0], [batch, heads, length, headWidth]);
      const weights = attentionWeights(queries, keys, scale, mask, this.#policy);
      probe.tap?.(`decoder_attention_${this.#index}`, weights);
    }
    const mixed = attend(q, keys, values, scale, plan); // [B, heads, L or wanted, headWidth]
    const rows = length === 1 ? mixed : transpose(mixed, [0, 2, 1, 3]);
    return reshape(rows, [batch * count, heads * headWidth]);
  }
}
