/**
 * The decoder's attention while tokens are chosen, row by row.
 *
 * @module
 */
import { toFloat32 } from "../../../ffi/mod.ts";
import type { Prompt } from "../../text/prompt.ts";
import type { DecoderPass } from "../observer.ts";
import type { AttentionTrace } from "./trace.ts";

/** Writes down where some layers looked while one clip was decoded. */
export class AttentionLog {
  readonly #prompt: Prompt;
  readonly #heads: number;
  /** Per layer and step `[1, heads, 1, positions]` as `[heads * positions]`, where it was shown. */
  readonly #rows: ReadonlyMap<number, (Float32Array | undefined)[]>;

  constructor(prompt: Prompt, heads: number, layers: readonly number[]) {
    this.#prompt = prompt;
    this.#heads = heads;
    this.#rows = new Map(layers.map((layer) => [layer, []]));
  }

  /** Files the weights of the pass that a token was chosen after. */
  add(weights: DecoderPass["weights"]): void {
    for (const [layer, rows] of this.#rows) {
      const shown = weights.get(layer);
      rows.push(shown && toFloat32(shown));
    }
  }

  /** Everything filed, per layer; NaN where nothing was shown. */
  result(): AttentionTrace[] {
    const { audioStart, audioTokens } = this.#prompt;
    const heads = this.#heads;
    return Array.from(this.#rows, ([layer, rows]) => {
      const audio = new Float32Array(rows.length * heads * audioTokens).fill(NaN);
      const sums = new Float32Array(rows.length * heads).fill(NaN);
      for (const [step, row] of rows.entries()) {
        for (let head = 0; row && head < heads; head++) {
          const span = row.length / heads;
          const weights = row.subarray(head * span, (head + 1) * span);
          const place = step * heads + head;
          audio.set(weights.subarray(audioStart, audioStart + audioTokens), place * audioTokens);
          sums[place] = weights.reduce((sum, weight) => sum + weight, 0);
        }
      }
      return {
        layer,
        audio: { values: audio, shape: [rows.length, heads, audioTokens] },
        rowSums: { values: sums, shape: [rows.length, heads] },
      };
    });
  }
}
