/**
 * The front of the audio encoder (spec section 5):
 *
 *   mel [128, T] -> blocks [n, 128, 100, 1] -> 3 convolutions, GELU -> [n, 16, 13, C] -> [n, 13, C * 16]
 *   -> conv_out -> + positions in the block -> padding dropped [N, D]
 *
 * @module
 */
import {
  add,
  astype,
  concatenate,
  conv2d,
  fromData,
  type MLXArray,
  ownConvolve,
  pad,
  reshape,
  slice,
  transpose,
} from "../../ffi/mod.ts";
import { gelu } from "./activations.ts";
import type { BackendPolicy, Stages } from "./backend.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { EncoderConfig } from "./config.ts";
import { type Linear, loadLinear } from "./layers.ts";
import type { Tap } from "./tap.ts";

/** Rows that a block counts as where a pass is cut into stages. */
const BLOCK_ROWS = 60;
/** Each halves both directions. */
const CONVOLUTIONS = 3;
/** The last convolution sees a sixteenth of what the first one makes of a block, so it takes more blocks at once. */
const LAST_BLOCKS = 4;

/** Tokens of a block of `frames` mel frames, and bins that are left of as many: 100 -> 13. */
export function blockTokens(frames: number): number {
  return Math.ceil(frames / 2 ** CONVOLUTIONS);
}

/** Numbers that the first convolution may make at once so that what follows finds them in a CPU's caches: 1.5 MB. */
const CACHED_NUMBERS = 400_000;

/** Blocks that go through the first convolutions at once. */
export function blocksAtOnce(config: EncoderConfig, { convBlocks }: BackendPolicy): number {
  if (convBlocks !== "cached") return convBlocks;
  const numbers = config.convChannels * (config.melBins / 2) * (config.blockFrames / 2);
  return Math.max(1, Math.floor(CACHED_NUMBERS / numbers));
}

/** Rows 0 .. tokens-1 of the sinusoid table: [sin(p * inv_0..), cos(p * inv_0..)], inv_j = 10000^(-j / (D/2 - 1)). */
function sinusoids(tokens: number, width: number): Float32Array<ArrayBuffer> {
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

interface Convolution {
  weight: MLXArray; // [C, 3, 3, in]
  bias: MLXArray; // [C]
}

/** From mel to the tokens that the encoder's layers see. Build inside `backend.build`. */
export class ConvStem {
  readonly parameters: MLXArray[];
  readonly #config: EncoderConfig;
  readonly #policy: BackendPolicy;
  readonly #convolutions: Convolution[];
  readonly #out: Linear;
  readonly #positions: MLXArray; // [13, D]

  constructor(source: Checkpoint, path: string, config: EncoderConfig, policy: BackendPolicy) {
    const { width, convChannels, melBins, blockFrames } = config, { dtype } = policy;
    this.#config = config;
    this.#policy = policy;
    this.#convolutions = Array.from({ length: CONVOLUTIONS }, (_, index) => {
      const name = `${path}.conv2d${index + 1}`;
      return {
        weight: source.convolution(`${name}.weight`, convChannels, index === 0 ? 1 : convChannels, dtype),
        bias: source.float(`${name}.bias`, [convChannels], dtype),
      };
    });
    const flat = convChannels * blockTokens(melBins), tokens = blockTokens(blockFrames);
    this.#out = loadLinear(source, `${path}.conv_out`, [width, flat], policy);
    this.#positions = astype(fromData(sinusoids(tokens, width), [tokens, width]), dtype);
    const convolutions = this.#convolutions.flatMap(({ weight, bias }) => [weight, bias]);
    this.parameters = [...convolutions, ...this.#out.parameters, this.#positions];
  }

  /** Number of tokens for T mel frames: 13 a whole block, ceil(r / 8) for the rest. */
  tokenCount(melFrames: number): number {
    const { blockFrames } = this.#config;
    const whole = Math.floor(melFrames / blockFrames);
    return whole * blockTokens(blockFrames) + blockTokens(melFrames % blockFrames);
  }

  /**
   * mel `[128, T]` -> tokens `[tokenCount(T), D]`; a bounded number of blocks is convolved at a time.
   *
   * @param isLater There are blocks before these, so that even a lone short one is padded.
   */
  *stages(mel: MLXArray, tap?: Tap, isLater = false): Stages {
    const together = blocksAtOnce(this.#config, this.#policy);
    const frames = mel.dim(1), blocks = this.#blocks(mel, isLater);
    const [count, bins, blockWidth] = blocks.shape as [number, number, number, number];
    const perStage = Math.max(together, Math.floor(this.#policy.stageRows / BLOCK_ROWS));
    const parts: MLXArray[] = [];
    let fresh: MLXArray[] = [blocks];
    for (let start = 0, since = 0; start < count; start += together) {
      if (start - since >= perStage) {
        yield fresh;
        fresh = [];
        since = start;
      }
      const stop = Math.min(count, start + together);
      const whole = start === 0 && stop === count;
      const some = whole ? blocks : slice(blocks, [start, 0, 0, 0], [stop, bins, blockWidth, 1]);
      const isFirst = start === 0; // The first blocks stand for all.
      const part = this.#convolve(some, 0, CONVOLUTIONS - 1, isFirst ? tap : undefined); // [n, 32, 25, C]
      parts.push(part);
      fresh.push(part);
    }
    const convolved = this.#out.apply(concatenate(this.#lastConvolution(parts, tap), 0)); // [n, 13, D]
    tap?.("conv_out_padded_chunks", convolved);
    const [, tokens, width] = convolved.shape as [number, number, number];
    const positions = slice(this.#positions, [0, 0], [tokens, width]);
    const placed = reshape(add(convolved, positions), [count * tokens, width]);
    return slice(placed, [0, 0], [this.tokenCount(frames), width]);
  }

  /** mel `[128, T]` -> blocks `[n, 128, W, 1]`: a lone short clip keeps its width, else the tail is zero-padded. */
  #blocks(mel: MLXArray, isLater: boolean): MLXArray {
    const { blockFrames, melBins } = this.#config;
    const frames = mel.dim(1);
    if (frames <= blockFrames && !isLater) return reshape(mel, [1, melBins, frames, 1]);
    const count = Math.ceil(frames / blockFrames);
    const padded = pad(mel, [0, 0], [0, count * blockFrames - frames]);
    const blocks = transpose(reshape(padded, [melBins, count, blockFrames]), [1, 0, 2]);
    return reshape(blocks, [count, melBins, blockFrames, 1]);
  }

  /** blocks `[n, F, W, C]` through the convolutions from..to-1. */
  #convolve(blocks: MLXArray, from: number, to: number, tap?: Tap): MLXArray {
    let x = blocks;
    for (let index = from; index < to; index++) {
      const { weight, bias } = this.#convolutions[index]!;
      x = this.#policy.passes === "own" // [n, F/2, W/2, C]
        ? ownConvolve(x, weight, bias)
        : gelu(add(conv2d(x, weight, { stride: 2, padding: 1 }), bias), this.#policy);
      tap?.(`conv2d${index + 1}_gelu`, x);
    }
    return x;
  }

  /** Some blocks each `[n, 32, 25, C]` -> more blocks each `[m, 13|ceil(W/8), C * 16]`, for one product over all. */
  #lastConvolution(parts: readonly MLXArray[], tap?: Tap): MLXArray[] {
    const groups: MLXArray[] = [];
    for (let start = 0; start < parts.length; start += LAST_BLOCKS) {
      const group = parts.slice(start, start + LAST_BLOCKS);
      const blocks = group.length === 1 ? group[0]! : concatenate(group, 0);
      const x = this.#convolve(blocks, CONVOLUTIONS - 1, CONVOLUTIONS, start === 0 ? tap : undefined);
      const [count, bins, tokens, channels] = x.shape as [number, number, number, number];
      // Channel-major, frequency fastest: index = c * 16 + f.
      groups.push(reshape(transpose(x, [0, 2, 3, 1]), [count, tokens, channels * bins]));
    }
    return groups;
  }
}
