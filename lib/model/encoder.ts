/**
 * Audio encoder (spec section 5):
 *
 *   mel [128, T] -> blocks [n, 128, 100, 1] -> 3 convolutions, GELU -> [n, 16, 13, C] -> [n, 13, C * 16]
 *   -> conv_out -> + positions of the block -> padding dropped [N, D] -> layers with attention inside windows of
 *   8 blocks = 104 tokens -> ln_post -> proj1, GELU, proj2 -> audio embeddings [N, H]
 *
 * @module
 */
import {
  add,
  astype,
  concatenate,
  conv2d,
  equal,
  fromData,
  maximum,
  minimum,
  type MLXArray,
  pad,
  reshape,
  slice,
  transpose,
} from "../../ffi/mod.ts";
import { type BackendPolicy, type Stages, wholeGraph } from "./backend.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { EncoderConfig } from "./config.ts";
import { attend, planAttention } from "./exponential.ts";
import { constant, gelu } from "./gelu.ts";
import { encoderNorm, type Linear, makeLinear, type NormWeights } from "./layers.ts";
import type { Tap } from "./tap.ts";

/** Building the convolutions of a block takes about as long as building a layer over this many rows. */
const STEM_ROWS = 60;
/** The three convolutions halve both directions. */
const CONVOLUTIONS = 3;

function halved(size: number): number {
  return Math.ceil(size / 2);
}

/** Tokens of a block of `frames` mel frames: 100 -> 13. */
export function blockTokens(frames: number): number {
  return halved(halved(halved(frames)));
}

interface Convolution {
  weight: MLXArray; // [C, 3, 3, in]
  bias: MLXArray;
}

/** One pre-norm transformer layer; attention weights are `[D, D]` with biases. */
class EncoderLayer {
  readonly parameters: MLXArray[];
  readonly #attentionNorm: NormWeights;
  readonly #finalNorm: NormWeights;
  readonly #q: Linear;
  readonly #k: Linear;
  readonly #v: Linear;
  readonly #out: Linear;
  readonly #fc1: Linear;
  readonly #fc2: Linear;
  readonly #policy: BackendPolicy;
  readonly #heads: number;

  constructor(source: Checkpoint, path: string, config: EncoderConfig, policy: BackendPolicy) {
    const { width, feedForward } = config;
    const linear = (name: string, out: number, input: number) =>
      makeLinear(source.linear(`${path}.${name}`, out, input, policy.dtype, true), policy);
    this.#policy = policy;
    this.#heads = config.heads;
    this.#attentionNorm = norm(source, `${path}.self_attn_layer_norm`, width, policy);
    this.#finalNorm = norm(source, `${path}.final_layer_norm`, width, policy);
    this.#q = linear("self_attn.q_proj", width, width);
    this.#k = linear("self_attn.k_proj", width, width);
    this.#v = linear("self_attn.v_proj", width, width);
    this.#out = linear("self_attn.out_proj", width, width);
    this.#fc1 = linear("fc1", feedForward, width);
    this.#fc2 = linear("fc2", width, feedForward);
    this.parameters = [
      this.#attentionNorm.weight,
      this.#attentionNorm.bias,
      this.#finalNorm.weight,
      this.#finalNorm.bias,
      ...[this.#q, this.#k, this.#v, this.#out, this.#fc1, this.#fc2].flatMap(({ parameters }) => parameters),
    ];
  }

  /** q, k, v `[rows, D]` -> attention inside groups of `size` rows, `[rows, D]`. */
  #attend(parts: MLXArray[], size: number, mask?: MLXArray): MLXArray {
    const [rows, width] = parts[0]!.shape as [number, number];
    const headWidth = width / this.#heads;
    const [q, k, v] = parts.map((part) =>
      transpose(reshape(part, [rows / size, size, this.#heads, headWidth]), [0, 2, 1, 3]) // [groups, heads, size, 64]
    ) as [MLXArray, MLXArray, MLXArray];
    const plan = planAttention(
      { heads: rows / size * this.#heads, length: size, span: size },
      mask,
      this.#policy,
    );
    const mixed = attend(q, k, v, headWidth ** -0.5, plan);
    return reshape(transpose(mixed, [0, 2, 1, 3]), [rows, width]);
  }

  /** Whole windows as a batch, the shorter last one by itself: no mask, unless the policy wants one. */
  #windowed(x: MLXArray, window: number, mask: MLXArray | undefined): MLXArray {
    const parts = [this.#q, this.#k, this.#v].map((linear) => linear.apply(x)); // [N, D]
    const [rows, width] = parts[0]!.shape as [number, number];
    if (mask) return this.#attend(parts, rows, mask);
    const whole = rows - rows % window;
    if (whole === 0 || whole === rows) return this.#attend(parts, whole === 0 ? rows : window);
    const cut = (start: number, stop: number) => parts.map((part) => slice(part, [start, 0], [stop, width]));
    return concatenate(
      [this.#attend(cut(0, whole), window), this.#attend(cut(whole, rows), rows - whole)],
      0,
    );
  }

  /** x `[N, D]` -> `[N, D]`; with a mask `[N, N]` all rows attend at once. */
  apply(x: MLXArray, window: number, mask?: MLXArray): MLXArray {
    const { gelu: route, dtype } = this.#policy;
    const mixed = this.#windowed(encoderNorm(x, this.#attentionNorm), window, mask);
    const attended = add(x, this.#out.apply(mixed));
    const expanded = gelu(this.#fc1.apply(encoderNorm(attended, this.#finalNorm)), route, dtype);
    const sum = add(attended, this.#fc2.apply(expanded));
    return dtype === "float16" ? withinFloat16(sum) : sum;
  }
}

/** Near the ends of what float16 can say, so that the next sum is still a number (spec 5.7). */
function withinFloat16(x: MLXArray): MLXArray {
  const limit = 65_504 - 1_000;
  return maximum(minimum(x, constant(limit, "float16")), constant(-limit, "float16"));
}

function norm(source: Checkpoint, path: string, width: number, { dtype }: BackendPolicy): NormWeights {
  return {
    weight: source.float(`${path}.weight`, [width], dtype),
    bias: source.float(`${path}.bias`, [width], dtype),
  };
}

/** Rows 0 .. tokens-1 of the sinusoid table: [sin(p * inv_0..), cos(p * inv_0..)], inv_j = 10000^(-j / (D/2 - 1)). */
export function sinusoids(tokens: number, width: number): Float32Array<ArrayBuffer> {
  const half = width / 2;
  const table = new Float32Array(tokens * width);
  for (let position = 0; position < tokens; position++) {
    for (let j = 0; j < half; j++) {
      const angle = position * Math.exp(-j * Math.log(10_000) / (half - 1));
      table[position * width + j] = Math.sin(angle);
      table[position * width + half + j] = Math.cos(angle);
    }
  }
  return table;
}

/** Whether row i and row j lie in the same window: boolean `[rows, rows]`. */
function windowMask(rows: number, window: number): MLXArray {
  const of = fromData(Int32Array.from({ length: rows }, (_, row) => Math.floor(row / window)));
  return equal(reshape(of, [rows, 1]), reshape(of, [1, rows]));
}

/** The encoder and projector with their weights. Build inside `backend.build`. */
export class AudioEncoder {
  readonly config: EncoderConfig;
  readonly #policy: BackendPolicy;
  readonly #convolutions: Convolution[];
  readonly #convOut: Linear;
  readonly #positions: MLXArray; // [13, D]
  readonly #layers: EncoderLayer[];
  readonly #post: NormWeights;
  readonly #proj1: Linear;
  readonly #proj2: Linear;

  constructor(source: Checkpoint, config: EncoderConfig, policy: BackendPolicy) {
    const { width, convChannels, outputWidth } = config;
    const path = "audio_tower";
    const { dtype } = policy;
    this.config = config;
    this.#policy = policy;
    this.#convolutions = Array.from({ length: CONVOLUTIONS }, (_, index) => {
      const name = `${path}.conv2d${index + 1}`;
      return {
        weight: source.convolution(`${name}.weight`, convChannels, index === 0 ? 1 : convChannels, dtype),
        bias: source.float(`${name}.bias`, [convChannels], dtype),
      };
    });
    const flat = convChannels * blockTokens(config.melBins);
    this.#convOut = makeLinear(source.linear(`${path}.conv_out`, width, flat, dtype), policy);
    const tokens = blockTokens(config.blockFrames);
    this.#positions = astype(fromData(sinusoids(tokens, width), [tokens, width]), dtype);
    this.#layers = Array.from(
      { length: config.layers },
      (_, index) => new EncoderLayer(source, `${path}.layers.${index}`, config, policy),
    );
    this.#post = norm(source, `${path}.ln_post`, width, policy);
    this.#proj1 = makeLinear(source.linear(`${path}.proj1`, width, width, dtype, true), policy);
    this.#proj2 = makeLinear(source.linear(`${path}.proj2`, outputWidth, width, dtype, true), policy);
  }

  /** Groups of parameters in loading order. */
  parameterGroups(): MLXArray[][] {
    const stem = this.#convolutions.flatMap(({ weight, bias }) => [weight, bias]);
    return [
      [...stem, ...this.#convOut.parameters, this.#positions],
      ...this.#layers.map(({ parameters }) => parameters),
      [this.#post.weight, this.#post.bias, ...this.#proj1.parameters, ...this.#proj2.parameters],
    ];
  }

  /** Number of embeddings for T mel frames: 13 a whole block, ceil(r / 8) for the rest. */
  tokenCount(melFrames: number): number {
    const { blockFrames } = this.config;
    const whole = Math.floor(melFrames / blockFrames);
    return whole * blockTokens(blockFrames) + blockTokens(melFrames % blockFrames);
  }

  /** blocks `[n, 128, W, 1]` -> `[n, 13|ceil(W/8), D]`, before positions. */
  #stem(blocks: MLXArray, tap?: Tap): MLXArray {
    const { gelu: route, dtype } = this.#policy;
    let x = blocks;
    for (const [index, { weight, bias }] of this.#convolutions.entries()) {
      x = gelu(add(conv2d(x, weight, { stride: 2, padding: 1 }), bias), route, dtype); // [n, F, W, C]
      tap?.(`conv2d${index + 1}_gelu`, x);
    }
    const [count, bins, tokens, channels] = x.shape as [number, number, number, number];
    // Channel-major, frequency fastest: index = c * 16 + f.
    return this.#convOut.apply(reshape(transpose(x, [0, 2, 3, 1]), [count, tokens, channels * bins]));
  }

  /** mel `[128, T]` -> blocks `[n, 128, W, 1]`: a lone short clip keeps its width, else the tail is zero-padded. */
  #blocks(mel: MLXArray): MLXArray {
    const { blockFrames, melBins } = this.config;
    const frames = mel.dim(1);
    if (frames <= blockFrames) return reshape(mel, [1, melBins, frames, 1]);
    const count = Math.ceil(frames / blockFrames);
    const padded = count * blockFrames === frames ? mel : pad(mel, [0, 0], [0, count * blockFrames - frames]);
    return reshape(transpose(reshape(padded, [melBins, count, blockFrames]), [1, 0, 2]), [
      count,
      melBins,
      blockFrames,
      1,
    ]);
  }

  /** Convolutions of a bounded number of blocks at a time, positions added, padding dropped: `[N, D]`. */
  *#embedBlocks(mel: MLXArray, tap?: Tap): Stages {
    const frames = mel.dim(1);
    const blocks = this.#blocks(mel);
    const [count, bins, blockWidth] = blocks.shape as [number, number, number, number];
    const perStage = Math.max(this.#policy.convBlocks, Math.floor(this.#policy.stageRows / STEM_ROWS));
    const parts: MLXArray[] = [];
    let fresh: MLXArray[] = [blocks];
    for (let start = 0, since = 0; start < count; start += this.#policy.convBlocks) {
      if (start - since >= perStage) {
        yield fresh;
        fresh = [];
        since = start;
      }
      const stop = Math.min(count, start + this.#policy.convBlocks);
      const whole = start === 0 && stop === count;
      const some = whole ? blocks : slice(blocks, [start, 0, 0, 0], [stop, bins, blockWidth, 1]);
      const part = this.#stem(some, start === 0 ? tap : undefined); // The first blocks stand for all.
      parts.push(part);
      fresh.push(part);
    }
    const stem = parts.length === 1 ? parts[0]! : concatenate(parts, 0); // [n, 13, D]
    tap?.("conv_out_padded_chunks", stem);
    const [, tokens, width] = stem.shape as [number, number, number];
    const table = this.#positions.dim(0) === tokens
      ? this.#positions
      : slice(this.#positions, [0, 0], [tokens, width]);
    const flat = reshape(add(stem, table), [count * tokens, width]);
    const kept = this.tokenCount(frames);
    return kept === count * tokens ? flat : slice(flat, [0, 0], [kept, width]);
  }

  /**
   * mel float32 `[128, T]` -> audio embeddings `[tokenCount(T), H]`, lazy, as one graph.
   *
   * @param tap Is offered every stage under the names of the reference fixtures.
   */
  apply(mel: MLXArray, tap?: Tap): MLXArray {
    return wholeGraph(this.stages(mel, tap));
  }

  /** The same in stages. */
  *stages(mel: MLXArray, tap?: Tap): Stages {
    const { dtype, gelu: route, stageRows } = this.#policy;
    const window = blockTokens(this.config.blockFrames) * this.config.windowBlocks; // 104
    let x = yield* this.#embedBlocks(mel.dtype === dtype ? mel : astype(mel, dtype), tap);
    tap?.("encoder_input", x);
    const perStage = Math.max(1, Math.floor(stageRows / x.dim(0)));
    const mask = this.#policy.windows === "masked" ? windowMask(x.dim(0), window) : undefined;
    for (const [index, layer] of this.#layers.entries()) {
      if (index % perStage === 0) yield mask && index === 0 ? [x, mask] : [x];
      x = layer.apply(x, window, mask);
      tap?.(`encoder_layer_${index}`, x);
    }
    x = encoderNorm(x, this.#post);
    tap?.("encoder_ln_post", x);
    x = this.#proj2.apply(gelu(this.#proj1.apply(x), route, dtype));
    tap?.("audio_embeds", x);
    return x;
  }
}
