/**
 * A decode step on a CPU: all layers of the decoder for one position a row, in few operations.
 *
 * On a CPU MLX has no kernels for its fused norm, rotary positions and attention: it builds each from some ten small
 * operations, and a decode step of a small model is little else than building and starting these. For one position a
 * row fewer do: the mean of squares is a product with a vector, the rotation a product with a matrix that all layers
 * share. Equal to decoder.ts within rounding (tests/model_routes_test.ts).
 *
 * @module
 */
import {
  add,
  addmm,
  broadcastTo,
  concatenate,
  divide,
  fromData,
  matmul,
  max,
  type MLXArray,
  multiply,
  reshape,
  rsqrt,
  scalar,
  slice,
  softmax,
  square,
  subtract,
  sum,
  swapaxes,
} from "../../ffi/mod.ts";
import { maskScores } from "./attention.ts";
import type { BackendPolicy } from "./backend.ts";
import type { DecoderConfig } from "./config.ts";
import type { FeedForward } from "./feed_forward.ts";
import { paysOff, tablesOf } from "./function_tables.ts";
import type { KVCache } from "./kv_cache.ts";
import type { Linear } from "./layers.ts";
import type { Projections } from "./projections.ts";
import type { DecoderProbe } from "./tap.ts";

/** What a layer of the decoder is made of; see decoder.ts. */
export interface LayerParts {
  readonly inputNorm: MLXArray; // [H]
  readonly qkv: Projections;
  readonly qNorm: MLXArray; // [headWidth]
  readonly kNorm: MLXArray;
  readonly out: Linear;
  readonly postNorm: MLXArray;
  readonly feedForward: FeedForward;
}

/** Where the rows of a step stand. */
export interface StepOptions {
  /** Of each row. */
  positions: readonly number[];
  /** Boolean `[B, 1, 1, S]`. */
  mask: MLXArray | undefined;
  probe: DecoderProbe | undefined;
}

/** Divides by the root of the mean of squares over the last of two dimensions. */
class Norm {
  readonly parameters: MLXArray[];
  readonly #epsilon: MLXArray; // [1, 1]
  readonly #mean: MLXArray; // [width, 1]

  constructor(width: number, epsilon: number) {
    this.#epsilon = fromData(Float32Array.of(epsilon), [1, 1]);
    this.#mean = fromData(new Float32Array(width).fill(1 / width), [width, 1]);
    this.parameters = [this.#epsilon, this.#mean];
  }

  /** x `[rows, width]` */
  apply(x: MLXArray): MLXArray {
    return multiply(x, rsqrt(addmm(this.#epsilon, square(x), this.#mean)));
  }
}

/**
 * Matrices that rotate a head's row by its position (spec 6.3).
 *
 * Angles as in the official code: the frequency rounded to float32, then its product with the position.
 */
class Rotations {
  readonly #width: number;
  readonly #frequencies: Float32Array;
  /** Zero but for four diagonals, which every call writes anew. */
  #matrices: Float32Array<ArrayBuffer> = new Float32Array(0);

  constructor(width: number, base: number) {
    this.#width = width;
    this.#frequencies = Float32Array.from({ length: width / 2 }, (_, i) => 1 / base ** (2 * i / width));
  }

  /** One matrix a position: `[positions, width, width]`. */
  at(positions: readonly number[]): MLXArray {
    const width = this.#width, half = width / 2, size = width * width;
    if (this.#matrices.length !== positions.length * size) {
      this.#matrices = new Float32Array(positions.length * size);
    }
    const matrices = this.#matrices;
    for (const [row, position] of positions.entries()) {
      for (let i = 0; i < half; i++) {
        const angle = Math.fround(position * this.#frequencies[i]!);
        const cos = Math.cos(angle), sin = Math.sin(angle);
        const first = row * size + i * width + i, second = first + half * width;
        matrices[first] = cos; // Row i makes columns i and i + half, row i + half the same two.
        matrices[first + half] = sin;
        matrices[second] = -sin;
        matrices[second + half] = cos;
      }
    }
    return fromData(matrices, [positions.length, width, width]);
  }
}

/** The decoder's layers for one position a row, in float32. Build inside `backend.build`. */
export class CpuDecodeStep {
  readonly parameters: MLXArray[];
  readonly #config: DecoderConfig;
  readonly #policy: BackendPolicy;
  readonly #layers: readonly LayerParts[];
  readonly #finalNorm: MLXArray;
  readonly #rowNorm: Norm;
  readonly #headNorm: Norm;
  /**
   * Of each layer `[heads + 2 kvHeads, headWidth]`: the norms of q with the scale of attention in them, those of k, and
   * ones for v, which goes along unread: cheaper than cutting it off.
   */
  readonly #headWeights: MLXArray[];
  readonly #rotations: Rotations;

  constructor(
    config: DecoderConfig,
    policy: BackendPolicy,
    layers: readonly LayerParts[],
    finalNorm: MLXArray,
  ) {
    const { width, heads, kvHeads, headWidth, normEpsilon, ropeBase } = config;
    this.#config = config;
    this.#policy = policy;
    this.#layers = layers;
    this.#finalNorm = finalNorm;
    this.#rowNorm = new Norm(width, normEpsilon);
    this.#headNorm = new Norm(headWidth, normEpsilon);
    this.#headWeights = layers.map(({ qNorm, kNorm }) =>
      concatenate([
        broadcastTo(multiply(qNorm, scalar(headWidth ** -0.5)), [heads, headWidth]),
        broadcastTo(kNorm, [kvHeads, headWidth]),
        broadcastTo(scalar(1), [kvHeads, headWidth]),
      ], 0)
    );
    this.#rotations = new Rotations(headWidth, ropeBase);
    this.parameters = [...this.#rowNorm.parameters, ...this.#headNorm.parameters, ...this.#headWeights];
  }

  /** Rows `[B, H]` through all layers and the final norm, appending to the cache. */
  apply(rows: MLXArray, cache: KVCache, options: StepOptions): MLXArray {
    const batch = options.positions.length, norm = this.#rowNorm;
    const rotation = this.#rotations.at(options.positions); // [B, headWidth, headWidth]
    let x = rows;
    for (const [index, layer] of this.#layers.entries()) {
      const attended = this.#attend(
        multiply(norm.apply(x), layer.inputNorm),
        index,
        rotation,
        cache,
        options,
      );
      x = add(x, attended);
      x = add(x, layer.feedForward.apply(multiply(norm.apply(x), layer.postNorm), batch));
      options.probe?.tap?.(`decoder_layer_${index}`, reshape(x, [batch, 1, this.#config.width]));
    }
    cache.advance(1);
    return multiply(norm.apply(x), this.#finalNorm);
  }

  /** x `[B, H]` -> `[B, H]` */
  #attend(
    x: MLXArray,
    index: number,
    rotation: MLXArray,
    cache: KVCache,
    { positions, mask, probe }: StepOptions,
  ): MLXArray {
    const { heads, kvHeads, headWidth } = this.#config;
    const batch = positions.length, both = heads + kvHeads, all = both + kvHeads;
    const layer = this.#layers[index]!;
    const projected = layer.qkv.apply(x);
    const normed = this.#headNorm.apply(reshape(projected, [batch * all, headWidth]));
    const weighted = multiply(reshape(normed, [batch, all, headWidth]), this.#headWeights[index]!);
    const rotated = matmul(weighted, rotation);
    const part = (of: MLXArray, from: number, to: number, shape: readonly number[]) =>
      reshape(slice(of, [0, from, 0], [batch, to, headWidth]), shape);
    const shape = [batch, kvHeads, 1, headWidth] as const;
    const q = part(rotated, 0, heads, [batch, kvHeads, heads / kvHeads, headWidth]);
    const { keys, values } = cache.update(
      index,
      part(rotated, heads, both, shape),
      part(reshape(projected, [batch, all, headWidth]), both, all, shape),
      shape,
    );
    const span = cache.length + 1;
    const scores = maskScores(matmul(q, swapaxes(keys, 2, 3)), mask, this.#policy);
    const weights = this.#softmax(scores, batch * heads * span); // [B, kvHeads, group, S]
    if (probe?.attention?.has(index)) {
      probe.tap?.(`decoder_attention_${index}`, reshape(weights, [batch, heads, 1, span]));
    }
    return layer.out.apply(reshape(matmul(weights, values), [batch, heads * headWidth]));
  }

  /** @param count Numbers that the scores are. */
  #softmax(scores: MLXArray, count: number): MLXArray {
    if (this.#policy.exponential === "native" || !paysOff(count)) return softmax(scores, -1);
    const weights = tablesOf(this.#policy).exponential.apply(subtract(scores, max(scores, -1, true)));
    return divide(weights, sum(weights, -1, true));
  }
}
