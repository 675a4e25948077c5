/**
 * The decoder's attention while tokens are chosen, row by row.
 *
 * @module
 */
import { keep, type MLXArray, slice, toFloat32 } from "../../ffi/mod.ts";
import type { DecoderProbe } from "../model/tap.ts";
import type { Prompt } from "../text/prompt.ts";
import type { AttentionTrace } from "./trace_result.ts";

const STAGE = /^decoder_attention_(\d+)$/;
/** The weights of a longer prompt are a matrix nobody has memory for: its last row is left out. */
const LONGEST_PROMPT = 2048;

interface LayerRows {
  audio: Float32Array[]; // per step [heads * audioTokens]
  sums: Float32Array[]; // per step [heads]
}

/** Weights of one pass of the decoder, still inside MLX. */
type PassWeights = Map<number, MLXArray>;

/** Collects the rows of some layers, and the largest weights that coverage is judged by. */
export class AttentionLog {
  readonly #prompt: Prompt;
  readonly #heads: number;
  readonly #asked: readonly number[];
  readonly #watched: ReadonlySet<number>;
  readonly #layers: Map<number, LayerRows>;
  #attended: Float32Array | undefined;

  /** @param watched Layers whose largest weights are {@linkcode attended}. */
  constructor(prompt: Prompt, heads: number, asked: readonly number[], watched: ReadonlySet<number>) {
    this.#prompt = prompt;
    this.#heads = heads;
    this.#asked = asked;
    this.#watched = watched;
    this.#layers = new Map(asked.map((layer) => [layer, { audio: [], sums: [] }]));
  }

  /** Largest weight per audio token so far, as a call that is not traced finds it. `[audioTokens]` */
  get attended(): Float32Array | undefined {
    return this.#attended;
  }

  /** A probe that keeps the last row of the layers' weights, `[heads, positions]`, in `weights`. */
  probe(weights: PassWeights, layers: Iterable<number>): DecoderProbe {
    return {
      attention: new Set(layers),
      tap: (stage, array) => {
        const layer = Number(STAGE.exec(stage)?.[1] ?? -1);
        if (layer < 0) return;
        const [batch, heads, length, span] = array.shape as [number, number, number, number];
        weights.set(layer, keep(slice(array, [0, 0, length - 1, 0], [batch, heads, length, span])));
      },
    };
  }

  /** Probe for the prompt: what coverage does not need is not computed for every call. */
  prefillProbe(weights: PassWeights): DecoderProbe {
    return this.probe(weights, this.#prompt.ids.length > LONGEST_PROMPT ? [] : this.#asked);
  }

  /** Probe for a decode step. */
  stepProbe(weights: PassWeights): DecoderProbe {
    return this.probe(weights, [...this.#asked, ...this.#watched]);
  }

  /** Files the evaluated weights of a pass. */
  file(weights: PassWeights, pass: { isPrefill: boolean; hasRow: boolean }): void {
    for (const layer of this.#asked) {
      const array = weights.get(layer);
      if (pass.hasRow) this.#fileRow(this.#layers.get(layer)!, array && toFloat32(array));
    }
    if (pass.isPrefill) return;
    for (const layer of this.#watched) this.#fileLargest(toFloat32(weights.get(layer)!));
  }

  #fileRow(rows: LayerRows, values: Float32Array | undefined): void {
    const { audioStart, audioTokens } = this.#prompt;
    const audio = new Float32Array(this.#heads * audioTokens).fill(NaN);
    const sums = new Float32Array(this.#heads).fill(NaN);
    if (values) {
      const span = values.length / this.#heads;
      for (let head = 0; head < this.#heads; head++) {
        const row = values.subarray(head * span, (head + 1) * span);
        audio.set(row.subarray(audioStart, audioStart + audioTokens), head * audioTokens);
        sums[head] = row.reduce((sum, weight) => sum + weight, 0);
      }
    }
    rows.audio.push(audio);
    rows.sums.push(sums);
  }

  #fileLargest(values: Float32Array): void {
    const { audioStart, audioTokens } = this.#prompt;
    const span = values.length / this.#heads;
    const largest = this.#attended ??= new Float32Array(audioTokens);
    for (let head = 0; head < this.#heads; head++) {
      for (let token = 0; token < audioTokens; token++) {
        largest[token] = Math.max(largest[token]!, values[head * span + audioStart + token]!);
      }
    }
  }

  /** Everything filed, per asked layer. */
  result(): AttentionTrace[] {
    const { audioTokens } = this.#prompt;
    return this.#asked.map((layer) => {
      const { audio, sums } = this.#layers.get(layer)!;
      const steps = audio.length;
      return {
        layer,
        audio: { values: joined(audio), shape: [steps, this.#heads, audioTokens] },
        rowSums: { values: joined(sums), shape: [steps, this.#heads] },
      };
    });
  }
}

function joined(rows: readonly Float32Array[]): Float32Array {
  const width = rows[0]?.length ?? 0;
  const all = new Float32Array(rows.length * width);
  rows.forEach((row, index) => all.set(row, index * width));
  return all;
}
