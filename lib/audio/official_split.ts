/**
 * The official rule for recordings beyond the limit of 1200 s, or 180 s with timestamps (spec 11.1).
 *
 * @module
 */
import { Breath } from "../breathe.ts";
import { OptionError } from "../errors.ts";
import { SAMPLE_RATE, type Samples } from "./samples.ts";

/** A piece of a recording as the official code cuts it. */
export interface OfficialChunk {
  startSample: number;
  /** Sample after the last. */
  endSample: number;
  /** Samples that the model sees: pieces below 0.5 s are padded with zeros at their end. */
  paddedSamples: number;
}

/** See {@link splitOfficial}. */
export interface OfficialSplitOptions {
  /** Longest piece, not counting the search: 1200 for text, 180 with timestamps. @default {1200} */
  limitSeconds?: number;
  /** How far to both sides of the limit the quietest place is looked for. @default {5} */
  searchSeconds?: number;
  /** Stretch whose loudness is compared. @default {0.1} */
  windowSeconds?: number;
  signal?: AbortSignal;
}

/** Pieces shorter than this are padded to it. */
const MIN_SAMPLES = SAMPLE_RATE / 2;

/** Index of the first of the quietest windows' quietest sample; sums of absolute values. */
function quietestSample(wave: Float32Array, window: number): number {
  let sum = 0;
  for (let i = 0; i < window; i++) sum += Math.abs(wave[i]!);
  let lowest = sum;
  let first = 0;
  for (let start = 1; start + window <= wave.length; start++) {
    // float64 holds such sums of float32 values from 24-bit audio exactly: silence stays 0.
    sum += Math.abs(wave[start + window - 1]!) - Math.abs(wave[start - 1]!);
    if (sum < lowest) [lowest, first] = [sum, start];
  }
  let quietest = first;
  for (let i = first + 1; i < first + window; i++) {
    if (Math.abs(wave[i]!) < Math.abs(wave[quietest]!)) quietest = i;
  }
  return quietest;
}

/**
 * Cuts as the official `split_audio_into_chunks` does: at the quietest place within 5 s of each limit, without
 * overlap or gap. A piece may exceed the limit by the search distance.
 *
 * @returns One piece, not padded, when the recording keeps the limit.
 * @throws {OptionError} When a length is not above 0.
 */
export async function splitOfficial(
  samples: Samples,
  options: OfficialSplitOptions = {},
): Promise<OfficialChunk[]> {
  const { limitSeconds = 1200, searchSeconds = 5, windowSeconds = 0.1, signal } = options;
  if (!(limitSeconds * SAMPLE_RATE >= 1)) {
    throw new OptionError(`limitSeconds is ${limitSeconds}, expected a length above 0.`);
  }
  const total = samples.length;
  if (samples.durationSeconds <= limitSeconds) {
    return [{ startSample: 0, endSample: total, paddedSamples: total }];
  }
  const limit = Math.trunc(limitSeconds * SAMPLE_RATE);
  const search = Math.trunc(searchSeconds * SAMPLE_RATE);
  const window = Math.max(4, Math.trunc(windowSeconds * SAMPLE_RATE));
  const breath = new Breath({ everyMs: 4, signal });
  const cuts = [0];
  for (let start = 0; total - start > limit; start = cuts.at(-1)!) {
    const cut = start + limit;
    const left = Math.max(start, cut - search);
    const right = Math.min(total, cut + search);
    const place = right - left <= window ? cut : left + quietestSample(samples.slice(left, right), window);
    cuts.push(Math.max(start + 1, Math.min(place, total)));
    await breath.pause();
  }
  if (cuts.at(-1)! < total) cuts.push(total);
  return cuts.slice(1).map((endSample, i) => {
    const startSample = cuts[i]!;
    return { startSample, endSample, paddedSamples: Math.max(endSample - startSample, MIN_SAMPLES) };
  });
}
