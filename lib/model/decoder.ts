/**
 * Qwen3 decoder (spec section 6):
 *
 *   embeddings [B, L, H] -> layers { RMS, attention with rotary positions and grouped key heads, RMS, SwiGLU }
 *   -> RMS -> last position x embedding^T -> logits [B, V]
 *
 * @module
 */
import { arange, fromData, type MLXArray, reshape } from "../../ffi/mod.ts";
import { SwiGLU } from "./activations.ts";
import { type AttentionSize, planArrays, planAttention, type Sight } from "./attention.ts";
import { type BackendPolicy, type Stages, wholeGraph } from "./backend.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { DecoderConfig } from "./config.ts";
import { DecoderLayer, type Pass, type Wanted } from "./decoder_layer.ts";
import { positionOf } from "./heads.ts";
import type { KVCache } from "./kv_cache.ts";
import { Embedding, type Linear, loadLinear, RmsNorm } from "./layers.ts";
import { loadTogether, makeAlternately } from "./side_by_side.ts";
import type { DecoderProbe } from "./tap.ts";

/** What a pass may be told. */
export interface PassOptions {
  probe?: DecoderProbe | undefined;
  /** Only so many last rows of a batch of one are asked for: of the last layer the others are keys and values alone. */
  last?: number | undefined;
}

/** The decoder with its weights. Build inside `backend.build`. */
export class Decoder implements Disposable {
  readonly config: DecoderConfig;
  readonly #policy: BackendPolicy;
  readonly #embedding: Embedding;
  readonly #swiglu: SwiGLU;
  readonly #layers: DecoderLayer[];
  readonly #norm: RmsNorm;
  readonly #head: Linear | undefined;

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
    this.#layers = makeAlternately(
      policy,
      config.layers,
      (index) => new DecoderLayer(source, index, config, policy, this.#swiglu),
    );
    this.#norm = new RmsNorm(source, "model.norm", [width, config.normEpsilon], policy);
    if (config.tied) source.ignore(/^lm_head\./);
    else this.#head = loadLinear(source, "lm_head", [outputs, width], policy);
  }

  /** Frees what is not among the parameters. */
  [Symbol.dispose](): void {
    this.#swiglu[Symbol.dispose]();
  }

  /** Groups of parameters in loading order. */
  parameterGroups(): MLXArray[][] {
    return loadTogether(this.#policy, [
      this.#embedding.parameters,
      ...this.#layers.map(({ parameters }) => parameters),
      [...this.#norm.parameters, ...this.#head?.parameters ?? []],
    ]);
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
   * Runs rows `[B, L, H]` through all layers, appending to the cache, whose padding says where rows of different length
   * begin; returns them, or the last, after the final norm.
   */
  *stages(rows: MLXArray, cache: KVCache, options: PassOptions = {}): Stages {
    const [batch, length, width] = rows.shape as [number, number, number];
    const { probe, last = length } = options, { padding } = cache;
    const sight: Sight = {
      isCausal: length > 1,
      padding: padding.some((count) => count > 0) ? padding : undefined,
    };
    const size = { length, span: cache.length + length };
    const x = yield* this.#layerStages(
      reshape(rows, [batch * length, width]), // A product of two dimensions is one node, of three it is three.
      {
        ...{ batch, length, cache, sight, probe },
        position: positionOf(
          sight.padding?.map((count) => cache.length - count) ?? cache.length,
          this.#policy,
        ),
        plan: planAttention(size, sight, this.#policy),
      },
      last < length ? this.#lastRows(last, size, sight) : undefined,
    );
    const hidden = reshape(x, [batch, last, width]);
    probe?.tap?.("decoder_final_norm", hidden);
    return hidden;
  }

  /**
   * One pass over rows `[1, L, H]` that nothing follows, so that no keys and values are kept.
   *
   * @param positions Rows that are asked for, ascending: of the last layer, nothing else is computed.
   * @returns `[positions, H]`, after the final norm.
   */
  *stagesAt(rows: MLXArray, positions: readonly number[]): Stages {
    const [, length, width] = rows.shape as [number, number, number];
    const sight: Sight = { isCausal: true };
    const plan = (count: number, places?: readonly number[]) =>
      planAttention({ length: count, span: length }, { ...sight, positions: places }, this.#policy);
    return yield* this.#layerStages(
      reshape(rows, [length, width]),
      {
        ...{ batch: 1, length, cache: undefined, sight, probe: undefined },
        position: positionOf(0, this.#policy),
        plan: plan(length),
      },
      {
        count: positions.length,
        rows: fromData(Int32Array.from(positions)),
        plan: plan(positions.length, positions),
      },
    );
  }

  /** The last rows of a causal pass over one. */
  #lastRows(count: number, { length, span }: AttentionSize, { padding }: Sight): Wanted {
    const sight = { isCausal: count > 1, padding };
    const plan = planAttention({ length: count, span }, sight, this.#policy);
    return { count, rows: arange(length - count, length), plan };
  }

  /**
   * x `[B * L, H]` through the layers, as many at once as the policy lets a graph have, and the final norm.
   *
   * @param wanted The rows that the last layer is computed for.
   */
  *#layerStages(x: MLXArray, pass: Pass, wanted?: Wanted): Stages {
    const { batch, length, cache, position, plan, probe } = pass;
    const perStage = Math.max(1, Math.floor(this.#policy.stageRows / (batch * length)));
    let shared = typeof position === "number" ? planArrays(plan) : [position, ...planArrays(plan)];
    if (wanted) shared.push(wanted.rows, ...planArrays(wanted.plan));
    for (const [index, layer] of this.#layers.entries()) {
      if (index > 0 && index % perStage === 0) {
        yield [x, ...shared];
        shared = [];
      }
      x = layer.apply(x, pass, index === this.#layers.length - 1 ? wanted : undefined);
      probe?.tap?.(`decoder_layer_${index}`, reshape(x, [batch, length, this.config.width]));
    }
    cache?.advance(length);
    return this.#norm.apply(x);
  }
}
