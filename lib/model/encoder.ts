/**
 * Audio encoder (spec section 5):
 *
 *   mel [128, T] -> convolutions (conv_stem.ts) [N, D] -> layers { layer norm, attention inside windows of 8 blocks
 *   = 104 tokens, layer norm, GELU } -> ln_post -> proj1, GELU, proj2 -> audio embeddings [N, H]
 *
 * @module
 */
import { add, astype, concatenate, maximum, minimum, type MLXArray, scalar } from "../../ffi/mod.ts";
import { gelu } from "./activations.ts";
import { attendWindows } from "./attention.ts";
import { type BackendPolicy, type Stages, wholeGraph } from "./backend.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { EncoderConfig } from "./config.ts";
import { blockTokens, ConvStem } from "./conv_stem.ts";
import { LayerNorm, type Linear, loadLinear } from "./layers.ts";
import { loadTogether, makeAlternately } from "./side_by_side.ts";
import type { Tap } from "./tap.ts";

/** Near the ends of float16's range, so that the next sum is still a number (spec 5.7). */
const FLOAT16_LIMIT = 65_504 - 1_000;

function clampToFloat16(x: MLXArray): MLXArray {
  const limit = (value: number) => scalar(value, "float16");
  return maximum(minimum(x, limit(FLOAT16_LIMIT)), limit(-FLOAT16_LIMIT));
}

/** One pre-norm transformer layer; attention weights are `[D, D]` with biases. */
class EncoderLayer {
  readonly parameters: MLXArray[];
  readonly #attentionNorm: LayerNorm;
  readonly #q: Linear;
  readonly #k: Linear;
  readonly #v: Linear;
  readonly #out: Linear;
  readonly #finalNorm: LayerNorm;
  readonly #fc1: Linear;
  readonly #fc2: Linear;
  readonly #heads: number;
  readonly #policy: BackendPolicy;

  constructor(source: Checkpoint, path: string, config: EncoderConfig, policy: BackendPolicy) {
    const { width, feedForward } = config;
    const linear = (name: string, out: number, input: number) =>
      loadLinear(source, `${path}.${name}`, [out, input], policy, true);
    const parts = [
      this.#attentionNorm = new LayerNorm(source, `${path}.self_attn_layer_norm`, width, policy),
      this.#q = linear("self_attn.q_proj", width, width),
      this.#k = linear("self_attn.k_proj", width, width),
      this.#v = linear("self_attn.v_proj", width, width),
      this.#out = linear("self_attn.out_proj", width, width),
      this.#finalNorm = new LayerNorm(source, `${path}.final_layer_norm`, width, policy),
      this.#fc1 = linear("fc1", feedForward, width),
      this.#fc2 = linear("fc2", width, feedForward),
    ];
    this.parameters = parts.flatMap(({ parameters }) => parameters);
    this.#heads = config.heads;
    this.#policy = policy;
  }

  /** x `[N, D]` -> `[N, D]`, each window of rows by itself. */
  apply(x: MLXArray, window: number): MLXArray {
    const normed = this.#attentionNorm.apply(x);
    const mixed = attendWindows(
      [this.#q.apply(normed), this.#k.apply(normed), this.#v.apply(normed)],
      { heads: this.#heads, window },
      this.#policy,
    );
    const attended = add(x, this.#out.apply(mixed));
    const expanded = gelu(this.#fc1.apply(this.#finalNorm.apply(attended)), this.#policy);
    const sum = add(attended, this.#fc2.apply(expanded));
    return this.#policy.dtype === "float16" ? clampToFloat16(sum) : sum;
  }
}

/** The encoder and projector with their weights. Build inside `backend.build`. */
export class AudioEncoder {
  readonly config: EncoderConfig;
  readonly #policy: BackendPolicy;
  readonly #stem: ConvStem;
  readonly #layers: EncoderLayer[];
  readonly #post: LayerNorm;
  readonly #proj1: Linear;
  readonly #proj2: Linear;

  constructor(source: Checkpoint, config: EncoderConfig, policy: BackendPolicy) {
    const { width, outputWidth } = config, path = "audio_tower";
    const linear = (name: string, out: number) =>
      loadLinear(source, `${path}.${name}`, [out, width], policy, true);
    this.config = config;
    this.#policy = policy;
    this.#stem = new ConvStem(source, path, config, policy);
    this.#layers = makeAlternately(
      policy,
      config.layers,
      (index) => new EncoderLayer(source, `${path}.layers.${index}`, config, policy),
    );
    this.#post = new LayerNorm(source, `${path}.ln_post`, width, policy);
    this.#proj1 = linear("proj1", width);
    this.#proj2 = linear("proj2", outputWidth);
  }

  /** Groups of parameters in loading order. */
  parameterGroups(): MLXArray[][] {
    return loadTogether(this.#policy, [
      this.#stem.parameters,
      ...this.#layers.map(({ parameters }) => parameters),
      [this.#post, this.#proj1, this.#proj2].flatMap(({ parameters }) => parameters),
    ]);
  }

  /** Number of embeddings for T mel frames: 13 a whole block, ceil(r / 8) for the rest. */
  tokenCount(melFrames: number): number {
    return this.#stem.tokenCount(melFrames);
  }

  /**
   * mel float32 `[128, T]` -> audio embeddings `[tokenCount(T), H]`, lazy, as one graph.
   *
   * @param tap Is offered every stage under the names of the reference fixtures.
   */
  apply(mel: MLXArray, tap?: Tap): MLXArray {
    return wholeGraph(this.stages(mel, tap));
  }

  /** Tokens of a window: what an embedding depends on. */
  get windowTokens(): number {
    return blockTokens(this.config.blockFrames) * this.config.windowBlocks; // 104
  }

  /**
   * The same in stages.
   *
   * @param later The mel goes on where whole blocks end: is it also where a window begins, or are there `tokens` of the
   *   blocks before in the same window, `[13 n, D]` as the tap is offered them under `encoder_input`? They get their
   *   embeddings too.
   */
  *stages(mel: MLXArray, tap?: Tap, later?: { tokens: MLXArray | undefined }): Stages {
    const { dtype, stageRows } = this.#policy;
    const window = this.windowTokens;
    const fresh = yield* this.#stem.stages(astype(mel, dtype), tap, later !== undefined);
    let x = later?.tokens ? concatenate([later.tokens, fresh], 0) : fresh;
    tap?.("encoder_input", x);
    const perStage = Math.max(1, Math.floor(stageRows / x.dim(0)));
    for (const [index, layer] of this.#layers.entries()) {
      if (index % perStage === 0) yield [x];
      x = layer.apply(x, window);
      tap?.(`encoder_layer_${index}`, x);
    }
    x = this.#post.apply(x);
    tap?.("encoder_ln_post", x);
    x = this.#proj2.apply(gelu(this.#proj1.apply(x), this.#policy));
    tap?.("audio_embeds", x);
    return x;
  }
}
