/**
 * What the view is told, as JSON.
 *
 * @module
 */
import type { Transcript } from "../transcript.ts";

/** A token for the view. */
export interface ViewToken {
  /** As the vocabulary spells it. */
  text: string;
  /** Softmax at temperature 1. */
  probability: number;
  /** In nats. */
  entropy: number;
  /** Place of the word that it writes, or of the segment where words have no times. */
  piece: number;
  /** The likeliest tokens, best first, with their probabilities. */
  top: [text: string, probability: number][];
  /** Start of the clip that was decoded. */
  startSeconds: number;
  /** Where the decoder looked, one byte an audio token, in base64. */
  attention?: string;
}

/** A grid of bytes. */
export interface ViewGrid {
  /** Bands, the lowest first. */
  rows: number;
  /** Moments. */
  columns: number;
  /** Row-major, in base64. */
  bytes: string;
}

/** Everything that the view shows but the sound. */
export interface ViewData {
  /** Names the files that are saved. */
  title: string;
  /** What was said. */
  transcript: Transcript;
  /** See {@linkcode peaksOf}. */
  peaks?: string;
  /** Log-mel. */
  mel?: ViewGrid;
  /** In the order of the text. */
  tokens?: ViewToken[];
  /** Texts to save, by the ending of their name. */
  files?: Record<string, string>;
}

/** Most levels of a wave: a hundred a second up to 20 minutes. */
const MOST_PEAKS = 120_000;
const FULL_SCALE = 255;

/** The largest of each of `count` equal parts. */
function largest(values: Float32Array, count: number): Float32Array {
  const out = new Float32Array(count);
  for (let i = 0; i < values.length; i++) {
    const at = Math.floor(i * count / values.length);
    out[at] = Math.max(out[at]!, Math.abs(values[i]!));
  }
  return out;
}

/**
 * A wave for the eye: the largest sample of each equal part of it, loudest 255, one byte each, in base64.
 *
 * @param values Samples, or the largest of each frame.
 * @param count Parts wanted; fewer than there are values, and at most 120,000.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * assertEquals([...Uint8Array.fromBase64(peaksOf(Float32Array.of(0, -0.5, 0.25, 0), 2))], [255, 128]);
 * ```
 */
export function peaksOf(values: Float32Array, count: number): string {
  const peaks = largest(values, Math.max(1, Math.min(count, values.length, MOST_PEAKS)));
  const top = peaks.reduce((most, value) => Math.max(most, value), 2 ** -20);
  return Uint8Array.from(peaks, (value) => Math.round(value / top * FULL_SCALE)).toBase64();
}
