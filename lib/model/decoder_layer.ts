/**
 * A layer of the Qwen3 decoder (spec section 6): RMS, attention with rotary positions and grouped key heads, RMS, SwiGLU.
 *
 * @module
 */
import { type MLXArray, reshape, slice, takeAxis } from "../../ffi/mod.ts";
import type { SwiGLU } from "./activations.ts";
import { attend, type AttentionPlan, attentionWeights, type Sight } from "./attention.ts";
import type { BackendPolicy } from "./backend.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { DecoderConfig } from "./config.ts";
import { FeedForward } from "./feed_forward.ts";
import { Heads, type Position } from "./heads.ts";
import type { KVCache } from "./kv_cache.ts";
import { type Linear, loadLinear, RmsNorm } from "./layers.ts";
import { Projections } from "./projections.ts";
import type { DecoderProbe } from "./tap.ts";

/** What is the same for all layers of one pass. */
export interface Pass {
  batch: number;
  length: number;
  cache: KVCache | undefined;
  /** Of the first of the L rows. */
  position: Position;
  sight: Sight;
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
export class DecoderLayer {
  readonly parameters: MLXArray[];
  readonly #config: DecoderConfig;
  readonly #index: number;
  readonly #inputNorm: RmsNorm;
  readonly #qkv: Projections;
  readonly #heads: Heads;
  readonly #out: Linear;
  readonly #postNorm: RmsNorm;
  readonly #feedForward: FeedForward;

  constructor(
    source: Checkpoint,
    index: number,
    config: DecoderConfig,
    policy: BackendPolicy,
    swiglu: SwiGLU,
  ) {
    const { width, heads, kvHeads, headWidth, normEpsilon } = config;
    const path = `model.layers.${index}`, attention = `${path}.self_attn`;
    const q = heads * headWidth, kv = kvHeads * headWidth;
    const norm = (name: string) => new RmsNorm(source, `${path}.${name}`, [width, normEpsilon], policy);
    const projections = ["q_proj", "k_proj", "v_proj"].map((name) => `${attention}.${name}`);
    this.#config = config;
    this.#index = index;
    const parts = [
      this.#inputNorm = norm("input_layernorm"),
      this.#qkv = new Projections(source, projections, [q, kv, kv], width, policy),
      this.#heads = new Heads(source, attention, config, policy),
      this.#out = loadLinear(source, `${attention}.o_proj`, [width, q], policy),
      this.#postNorm = norm("post_attention_layernorm"),
      this.#feedForward = new FeedForward(source, `${path}.mlp`, config, policy, swiglu),
    ];
    this.parameters = parts.flatMap(({ parameters }) => parameters);
  }

  /**
   * x `[B * L, H]`, the positions of the first row first.
   *
   * @param wanted Only these rows are returned; the others are keys and values to them.
   */
  apply(x: MLXArray, pass: Pass, wanted?: Wanted): MLXArray {
    const mixed = this.#attend(this.#inputNorm.apply(x), pass, wanted);
    const attended = this.#out.addTo(wanted ? takeAxis(x, wanted.rows, 0) : x, mixed);
    const normed = this.#postNorm.apply(attended);
    return this.#feedForward.addTo(attended, normed, wanted?.count ?? pass.batch * pass.length);
  }

  /** x `[B * L, H]` -> what the heads read, side by side `[rows, heads * headWidth]` */
  #attend(x: MLXArray, pass: Pass, wanted: Wanted | undefined): MLXArray {
    const { batch, length, cache, position, sight, probe } = pass,
      { plan, count } = wanted ?? { ...pass, count: length };
    const { heads, kvHeads, headWidth } = this.#config, scale = headWidth ** -0.5;
    const own = this.#heads.apart(this.#qkv.apply(x), { batch, length, position });
    const q = wanted ? takeAxis(own.q, wanted.rows, 2) : own.q;
    const { keys, values } = cache?.update(this.#index, own.k, own.v, [batch, kvHeads, length, headWidth]) ??
      { keys: own.k, values: own.v };
    if (probe?.attention?.has(this.#index)) {
      const first = Math.max(0, length - (probe.last ?? length));
      const queries = first === 0 ? q : slice(q, [0, 0, first, 0], [batch, heads, length, headWidth]);
      probe.tap?.(`decoder_attention_${this.#index}`, attentionWeights(queries, keys, scale, sight));
    }
    return reshape(attend(q, keys, values, scale, plan), [batch * count, heads * headWidth]);
  }
}
