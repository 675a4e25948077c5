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
  arange,
  broadcastTo,
  Compiled,
  concatenate,
  fromData,
  lessEqual,
  matmul,
  type MLXArray,
  multiply,
  reshape,
  rmsNorm,
  rope,
  sigmoid,
  slice,
  softmax,
  swapaxes,
  transpose,
  where,
} from "../../ffi/mod.ts";
import { type BackendPolicy, type Stages, wholeGraph } from "./backend.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { DecoderConfig } from "./config.ts";
import { attend, type AttentionPlan, planArrays, planAttention, silu } from "./exponential.ts";
import { constant } from "./gelu.ts";
import type { KVCache } from "./kv_cache.ts";
import { Embedding, type Linear, makeLinear } from "./layers.ts";
import { Projections } from "./projections.ts";
import { attendSpelled, isSpelled, Rotations, SpelledNorm } from "./spelled.ts";
import type { DecoderProbe } from "./tap.ts";

/** What is the same for all layers of one pass. */
interface Pass {
  cache: KVCache;
  /** Position of the first of the L rows; per batch row as an int32 array. */
  offset: number | MLXArray;
  /** Matrices `[B, width, width]` that turn by the position, for the spelled route of one position a row. */
  rotation: MLXArray | undefined;
  mask: "causal" | MLXArray | undefined;
  plan: AttentionPlan;
  probe: DecoderProbe | undefined;
}

/** What a pass may be told. */
export interface PassOptions {
  /** Position of the first row; a number for each batch row. @default {the cache's length} */
  offset?: number | readonly number[];
  /** Overrides: none for one position, causal for more. */
  mask?: MLXArray | undefined;
  probe?: DecoderProbe | undefined;
}

/** What all layers share. */
interface Shared {
  config: DecoderConfig;
  policy: BackendPolicy;
  /** Over the width of a row, and of a head. */
  norm: SpelledNorm;
  headNorm: SpelledNorm;
  /** SiLU of the first times the second. */
  swiglu(gate: MLXArray, up: MLXArray): MLXArray;
}

class DecoderLayer {
  readonly parameters: MLXArray[];
  readonly #shared: Shared;
  readonly #index: number;
  readonly #inputNorm: MLXArray;
  readonly #postNorm: MLXArray;
  /** Weights of the norms of q, head by head, and of k: `[heads + kvHeads, 1, headWidth]`. */
  readonly #headNorms: MLXArray;
  /**
   * The same for a decode step, with ones for v: `[heads + 2 kvHeads, 1, headWidth]`; on the spelled route
   * `[heads + 2 kvHeads, headWidth]`, with the scale of attention in those of q.
   */
  readonly #stepNorms: MLXArray;
  readonly #qkv: Projections;
  readonly #gateUp: Projections;
  readonly #out: Linear;
  readonly #down: Linear;

  constructor(source: Checkpoint, index: number, shared: Shared) {
    const { config, policy } = shared;
    const { width, heads, kvHeads, headWidth, feedForward } = config;
    const path = `model.layers.${index}`;
    const weight = (name: string, size: number) =>
      source.float(`${path}.${name}.weight`, [size], policy.dtype);
    const q = heads * headWidth, kv = kvHeads * headWidth;
    this.#shared = shared;
    this.#index = index;
    this.#inputNorm = weight("input_layernorm", width);
    this.#postNorm = weight("post_attention_layernorm", width);
    const perHead = (name: string, count: number) =>
      broadcastTo(weight(name, headWidth), [count, 1, headWidth]);
    const qNorms = perHead("self_attn.q_norm", heads), kNorms = perHead("self_attn.k_norm", kvHeads);
    const ones = broadcastTo(constant(1, policy.dtype), [kvHeads, 1, headWidth]);
    this.#headNorms = concatenate([qNorms, kNorms], 0);
    if (isSpelled(policy)) {
      const scaled = multiply(qNorms, constant(headWidth ** -0.5, policy.dtype));
      this.#stepNorms = reshape(concatenate([scaled, kNorms, ones], 0), [heads + 2 * kvHeads, headWidth]);
    } else this.#stepNorms = concatenate([qNorms, kNorms, ones], 0);
    this.#qkv = new Projections(
      source,
      ["q_proj", "k_proj", "v_proj"].map((name) => `${path}.self_attn.${name}`),
      [q, kv, kv],
      width,
      policy,
    );
    this.#gateUp = new Projections(
      source,
      ["gate_proj", "up_proj"].map((name) => `${path}.mlp.${name}`),
      [feedForward, feedForward],
      width,
      policy,
    );
    this.#out = makeLinear(source.linear(`${path}.self_attn.o_proj`, width, q, policy.dtype), policy);
    this.#down = makeLinear(source.linear(`${path}.mlp.down_proj`, width, feedForward, policy.dtype), policy);
    this.parameters = [
      this.#inputNorm,
      this.#postNorm,
      this.#headNorms,
      this.#stepNorms,
      ...[this.#qkv, this.#gateUp, this.#out, this.#down].flatMap(({ parameters }) => parameters),
    ];
  }

  /** One position a row, x `[B, H]`. */
  #attendSpelled(x: MLXArray, batch: number, rotation: MLXArray, pass: Pass): MLXArray {
    const { heads, kvHeads, headWidth } = this.#shared.config;
    const both = heads + kvHeads, total = both + kvHeads;
    const projected = this.#qkv.apply(x);
    const rows = reshape(projected, [batch * total, headWidth]);
    const normed = reshape(this.#shared.headNorm.apply(rows), [batch, total, headWidth]);
    const turned = matmul(multiply(normed, this.#stepNorms), rotation);
    const part = (of: MLXArray, from: number, to: number, shape: readonly number[]) =>
      reshape(slice(of, [0, from, 0], [batch, to, headWidth]), shape);
    const shape = [batch, kvHeads, 1, headWidth] as const;
    const { keys, values } = pass.cache.update(
      this.#index,
      part(turned, heads, both, shape),
      part(reshape(projected, [batch, total, headWidth]), both, total, shape),
      shape,
    );
    const span = pass.cache.length + 1;
    const { mixed, weights } = attendSpelled(
      {
        ...{ keys, values, mask: pass.mask === "causal" ? undefined : pass.mask },
        q: part(turned, 0, heads, [batch, kvHeads, heads / kvHeads, headWidth]),
      },
      this.#shared.policy,
      batch * heads * span,
    );
    if (pass.probe?.attention?.has(this.#index)) {
      pass.probe.tap?.(`decoder_attention_${this.#index}`, reshape(weights, [batch, heads, 1, span]));
    }
    return this.#out.apply(reshape(mixed, [batch, heads * headWidth]));
  }

  #attend(x: MLXArray, batch: number, length: number, pass: Pass): MLXArray {
    if (pass.rotation) return this.#attendSpelled(x, batch, pass.rotation, pass);
    const { heads, kvHeads, headWidth, normEpsilon, ropeBase } = this.#shared.config;
    const both = heads + kvHeads, total = both + kvHeads;
    const projected = this.#qkv.apply(x);
    const all = length === 1 // [B, heads + 2 kvHeads, L, width]; for one position a reshape does.
      ? reshape(projected, [batch, total, 1, headWidth])
      : transpose(reshape(projected, [batch, length, total, headWidth]), [0, 2, 1, 3]);
    const part = (of: MLXArray, from: number, to: number) =>
      slice(of, [0, from, 0, 0], [batch, to, length, headWidth]);
    // Queries and keys are normed and turned together: half the operations of a decode step's smallest parts.
    // For one position those of v go along for nothing: cheaper than a part of its own.
    const some = length === 1 ? all : part(all, 0, both);
    const weights = length === 1 ? this.#stepNorms : this.#headNorms;
    const normed = multiply(rmsNorm(some, undefined, normEpsilon), weights);
    const turned = rope(normed, headWidth, ropeBase, pass.offset);
    const q = part(turned, 0, heads);
    const { keys, values } = pass.cache.update(
      this.#index,
      part(turned, heads, both),
      part(all, both, total),
      [batch, kvHeads, length, headWidth],
    );
    if (pass.probe?.attention?.has(this.#index)) this.#offerAttention(q, keys, pass);
    const mixed = attend(q, keys, values, headWidth ** -0.5, pass.plan); // [B, heads, L, width]
    const rows = length === 1 ? mixed : transpose(mixed, [0, 2, 1, 3]);
    return this.#out.apply(reshape(rows, [batch * length, heads * headWidth]));
  }

  /** The weights that the fused attention keeps to itself: softmax(q k^T / sqrt(width)), computed the plain way. */
  #offerAttention(q: MLXArray, keys: MLXArray, pass: Pass): void {
    const { heads, kvHeads, headWidth } = this.#shared.config;
    const [batch, , length] = q.shape as [number, number, number, number];
    const span = keys.dim(2);
    const grouped = reshape(q, [batch, kvHeads, heads / kvHeads, length, headWidth]);
    const transposed = reshape(swapaxes(keys, 2, 3), [batch, kvHeads, 1, headWidth, span]);
    const scores = reshape(matmul(grouped, transposed), [batch, heads, length, span]);
    const scaled = multiply(scores, constant(headWidth ** -0.5, this.#shared.policy.dtype));
    const visible = pass.mask === "causal" ? causalMask(length, span) : pass.mask;
    const masked = visible ? where(visible, scaled, constant(-1e9, this.#shared.policy.dtype)) : scaled;
    pass.probe?.tap?.(`decoder_attention_${this.#index}`, softmax(masked, -1));
  }

  #feedForward(x: MLXArray, rows: number): MLXArray {
    const { feedForward } = this.#shared.config;
    const both = this.#gateUp.apply(x); // [B * L, 2 * I]
    const gate = slice(both, [0, 0], [rows, feedForward]);
    const up = slice(both, [0, feedForward], [rows, 2 * feedForward]);
    return this.#down.apply(this.#shared.swiglu(gate, up));
  }

  /** x `[B * L, H]`, the positions of the first row first. */
  apply(x: MLXArray, batch: number, length: number, pass: Pass): MLXArray {
    const norm = (rows: MLXArray, weight: MLXArray) =>
      pass.rotation
        ? this.#shared.norm.apply(rows, weight)
        : rmsNorm(rows, weight, this.#shared.config.normEpsilon);
    const attended = add(x, this.#attend(norm(x, this.#inputNorm), batch, length, pass));
    return add(attended, this.#feedForward(norm(attended, this.#postNorm), batch * length));
  }
}

function causalMask(length: number, span: number): MLXArray {
  const rows = reshape(arange(span - length, span), [length, 1]);
  return lessEqual(reshape(arange(0, span), [1, span]), rows);
}

/** The decoder with its weights. Build inside `backend.build`. */
export class Decoder implements Disposable {
  readonly config: DecoderConfig;
  readonly #shared: Shared;
  readonly #rotations: Rotations;
  #compiled: Compiled | undefined;
  readonly #layers: DecoderLayer[];
  readonly #embedding: Embedding;
  readonly #norm: MLXArray;
  readonly #head: Linear | undefined;
  readonly #policy: BackendPolicy;

  /** @param outputs Rows of the output matrix; default the vocabulary. */
  constructor(
    source: Checkpoint,
    config: DecoderConfig,
    policy: BackendPolicy,
    outputs: number = config.vocabulary,
  ) {
    const { width, vocabulary } = config;
    this.config = config;
    this.#policy = policy;
    this.#embedding = new Embedding(
      source.matrix("model.embed_tokens", vocabulary, width, policy.dtype),
      policy,
    );
    this.#shared = {
      ...{ config, policy },
      norm: new SpelledNorm(width, config.normEpsilon),
      headNorm: new SpelledNorm(config.headWidth, config.normEpsilon),
      swiglu: (gate, up) => this.#swiglu(gate, up),
    };
    this.#rotations = new Rotations(config.headWidth, config.ropeBase);
    this.#layers = Array.from(
      { length: config.layers },
      (_, index) => new DecoderLayer(source, index, this.#shared),
    );
    this.#norm = source.float("model.norm.weight", [width], policy.dtype);
    if (config.tied) source.ignore(/^lm_head\./);
    else this.#head = makeLinear(source.linear("lm_head", outputs, width, policy.dtype), policy);
  }

  #swiglu(gate: MLXArray, up: MLXArray): MLXArray {
    if (this.#policy.swiglu === "plain") return multiply(silu(gate, this.#policy.exponential), up);
    this.#compiled ??= new Compiled(([x, y]) => multiply(multiply(x!, sigmoid(x!)), y!));
    return this.#compiled.apply(gate, up);
  }

  /** Frees what is not among the parameters. */
  [Symbol.dispose](): void {
    this.#compiled?.[Symbol.dispose]();
    this.#compiled = undefined;
  }

  /** Groups of parameters in loading order. */
  parameterGroups(): MLXArray[][] {
    return [
      this.#embedding.parameters,
      ...this.#layers.map(({ parameters }) => parameters),
      [
        this.#norm,
        ...this.#shared.norm.parameters,
        ...this.#shared.headNorm.parameters,
        ...this.#head?.parameters ?? [],
      ],
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

  /**
   * Runs rows `[B, L, H]` through all layers, appending to the cache; returns them after the final norm.
   */
  *stages(rows: MLXArray, cache: KVCache, options: PassOptions = {}): Stages {
    const [batch, length, width] = rows.shape as [number, number, number];
    const shape = [batch, length, width];
    const mask = options.mask ?? (length === 1 ? undefined : "causal");
    const size = { heads: batch * this.config.heads, length, span: cache.length + length };
    const offset = options.offset ?? cache.length;
    const spelled = length === 1 && isSpelled(this.#policy);
    const pass: Pass = {
      cache,
      offset: typeof offset === "number" ? offset : spelled ? 0 : fromData(Int32Array.from(offset)),
      rotation: spelled
        ? this.#rotations.at(typeof offset === "number" ? new Array(batch).fill(offset) : offset)
        : undefined,
      mask,
      plan: planAttention(size, mask, this.#policy),
      probe: options.probe,
    };
    const perStage = Math.max(1, Math.floor(this.#policy.stageRows / (batch * length)));
    let x = reshape(rows, [batch * length, width]); // A product of two dimensions is one node, of three it is three.
    let more = planArrays(pass.plan);
    for (const [index, layer] of this.#layers.entries()) {
      if (index > 0 && index % perStage === 0) {
        yield [x, ...more];
        more = [];
      }
      x = layer.apply(x, batch, length, pass);
      options.probe?.tap?.(`decoder_layer_${index}`, reshape(x, shape));
    }
    cache.advance(length);
    x = reshape(
      spelled ? this.#shared.norm.apply(x, this.#norm) : rmsNorm(x, this.#norm, this.config.normEpsilon),
      shape,
    );
    options.probe?.tap?.("decoder_final_norm", x);
    return x;
  }
}
