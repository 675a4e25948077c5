/**
 * Qwen3 decoder (spec section 6):
 *
 *   embeddings [B, L, H] -> layers { RMS, attention with rotary positions and grouped key heads, RMS, SwiGLU }
 *   -> RMS -> last position x embedding^T -> logits [B, V]
 *
 * @module
 */
import {
  add,
  broadcastTo,
  concatenate,
  fromData,
  type MLXArray,
  multiply,
  reshape,
  rmsNorm,
  rope,
  scalar,
  slice,
  transpose,
} from "../../ffi/mod.ts";
import { SwiGLU } from "./activations.ts";
import {
  attend,
  type AttentionPlan,
  attentionWeights,
  type Mask,
  planArrays,
  planAttention,
} from "./attention.ts";
import { type BackendPolicy, type Stages, wholeGraph } from "./backend.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { DecoderConfig } from "./config.ts";
import { CpuDecodeStep, type LayerParts } from "./decode_step.ts";
import { FeedForward } from "./feed_forward.ts";
import type { KVCache } from "./kv_cache.ts";
import { Embedding, type Linear, loadLinear } from "./layers.ts";
import { Projections } from "./projections.ts";
import type { DecoderProbe } from "./tap.ts";

/** What a pass may be told. */
export interface PassOptions {
  /** Position of the first row; a number for each batch row. @default {the cache's length} */
  offset?: number | readonly number[];
  /** Overrides: none for one position, causal for more. */
  mask?: MLXArray | undefined;
  probe?: DecoderProbe | undefined;
}

/** What is the same for all layers of one pass. */
interface Pass {
  batch: number;
  length: number;
  cache: KVCache;
  /** Position of the first of the L rows; per batch row as an int32 array. */
  offset: number | MLXArray;
  mask: Mask;
  plan: AttentionPlan;
  probe: DecoderProbe | undefined;
}

/** One pre-norm layer. */
class DecoderLayer implements LayerParts {
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

  /** x `[B * L, H]`, the positions of the first row first. */
  apply(x: MLXArray, pass: Pass): MLXArray {
    const { normEpsilon } = this.#config;
    const attended = add(x, this.#attend(rmsNorm(x, this.inputNorm, normEpsilon), pass));
    const normed = rmsNorm(attended, this.postNorm, normEpsilon);
    return add(attended, this.feedForward.apply(normed, pass.batch * pass.length));
  }

  #attend(x: MLXArray, { batch, length, cache, offset, mask, plan, probe }: Pass): MLXArray {
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
    const q = part(rotated, 0, heads);
    const { keys, values } = cache.update(
      this.#index,
      part(rotated, heads, both),
      part(all, both, total),
      [batch, kvHeads, length, headWidth],
    );
    if (probe?.attention?.has(this.#index)) {
      const first = Math.max(0, length - (probe.last ?? length));
      const queries = first === 0 ? q : slice(q, [0, 0, first, 0], [batch, heads, length, headWidth]);
      const weights = attentionWeights(queries, keys, scale, mask, this.#policy);
      probe.tap?.(`decoder_attention_${this.#index}`, weights);
    }
    const mixed = attend(q, keys, values, scale, plan); // [B, heads, L, headWidth]
    const rows = length === 1 ? mixed : transpose(mixed, [0, 2, 1, 3]);
    return this.out.apply(reshape(rows, [batch * length, heads * headWidth]));
  }
}

/** The decoder with its weights. Build inside `backend.build`. */
export class Decoder implements Disposable {
  readonly config: DecoderConfig;
  readonly #policy: BackendPolicy;
  readonly #embedding: Embedding;
  readonly #swiglu: SwiGLU;
  readonly #layers: DecoderLayer[];
  readonly #norm: MLXArray;
  readonly #head: Linear | undefined;
  readonly #cpuStep: CpuDecodeStep | undefined;

  /** @param outputs Rows of the output matrix; default the vocabulary. */
  constructor(
    source: Checkpoint,
    config: DecoderConfig,
    policy: BackendPolicy,
    outputs: number = config.vocabulary,
  ) {
    const { width, vocabulary } = config, { dtype } = policy;
    this.config = config;
    this.#policy = policy;
    this.#embedding = new Embedding(source.matrix("model.embed_tokens", vocabulary, width, dtype), policy);
    this.#swiglu = new SwiGLU(policy);
    this.#layers = Array.from(
      { length: config.layers },
      (_, index) => new DecoderLayer(source, index, config, policy, this.#swiglu),
    );
    this.#norm = source.float("model.norm.weight", [width], dtype);
    if (config.tied) source.ignore(/^lm_head\./);
    else this.#head = loadLinear(source, "lm_head", [outputs, width], policy);
    if (policy.step === "unfused" && dtype === "float32") {
      this.#cpuStep = new CpuDecodeStep(config, policy, this.#layers, this.#norm);
    }
  }

  /** Frees what is not among the parameters. */
  [Symbol.dispose](): void {
    this.#swiglu[Symbol.dispose]();
  }

  /** Groups of parameters in loading order. */
  parameterGroups(): MLXArray[][] {
    return [
      this.#embedding.parameters,
      ...this.#layers.map(({ parameters }) => parameters),
      [this.#norm, ...this.#cpuStep?.parameters ?? [], ...this.#head?.parameters ?? []],
    ];
  }

  /** Bytes that parameters have in common: the embedding is the output matrix too. */
  get sharedBytes(): number {
    return this.#head ? 0 : this.#embedding.sharedBytes;
  }

  /** ids int32 `[B, L]` -> `[B, L, H]`. */
  embed(ids: MLXArray): MLXArray {
    return this.#embedding.lookUp(ids);
  }

  /** hidden `[..., H]` (after the final norm) -> `[..., V]`. */
  logits(hidden: MLXArray): MLXArray {
    return this.#head ? this.#head.apply(hidden) : this.#embedding.logits(hidden);
  }

  /** {@linkcode stages} as one graph. */
  apply(rows: MLXArray, cache: KVCache, options: PassOptions = {}): MLXArray {
    return wholeGraph(this.stages(rows, cache, options));
  }

  /** Runs rows `[B, L, H]` through all layers, appending to the cache; returns them after the final norm. */
  *stages(rows: MLXArray, cache: KVCache, options: PassOptions = {}): Stages {
    const [batch, length, width] = rows.shape as [number, number, number];
    const { offset = cache.length, probe } = options;
    let x = reshape(rows, [batch * length, width]); // A product of two dimensions is one node, of three it is three.
    if (length === 1 && this.#cpuStep) {
      const positions = typeof offset === "number" ? new Array<number>(batch).fill(offset) : offset;
      x = this.#cpuStep.apply(x, cache, { positions, mask: options.mask, probe });
    } else {
      const mask = options.mask ?? (length === 1 ? undefined : "causal");
      const size = { heads: batch * this.config.heads, length, span: cache.length + length };
      x = yield* this.#layerStages(x, {
        ...{ batch, length, cache, mask, probe },
        offset: typeof offset === "number" ? offset : fromData(Int32Array.from(offset)),
        plan: planAttention(size, mask, this.#policy),
      });
    }
    const hidden = reshape(x, [batch, length, width]);
    probe?.tap?.("decoder_final_norm", hidden);
    return hidden;
  }

  /** x `[B * L, H]` through the layers, as many at once as the policy lets a graph have, and the final norm. */
  *#layerStages(x: MLXArray, pass: Pass): Stages {
    const { batch, length, cache, offset, plan, probe } = pass;
    const perStage = Math.max(1, Math.floor(this.#policy.stageRows / (batch * length)));
    let shared = typeof offset === "number" ? planArrays(plan) : [offset, ...planArrays(plan)];
    for (const [index, layer] of this.#layers.entries()) {
      if (index > 0 && index % perStage === 0) {
        yield [x, ...shared];
        shared = [];
      }
      x = layer.apply(x, pass);
      probe?.tap?.(`decoder_layer_${index}`, reshape(x, [batch, length, this.config.width]));
    }
    cache.advance(length);
    return rmsNorm(x, this.#norm, this.config.normEpsilon);
  }
}
