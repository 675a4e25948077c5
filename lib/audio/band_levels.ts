/**
 * Energy of a piece of audio per 10 ms, as a whole and in two bands.
 *
 * @module
 */
import { FRAME } from "./frame_levels.ts";
import { SAMPLE_RATE } from "./samples.ts";

/** Length of a frame. */
export const FRAME_SECONDS: number = FRAME / SAMPLE_RATE;

/** Decibels of full scale per frame, at least {@link SILENCE_DB}. */
export interface BandLevels {
  /** All frequencies. */
  all: Float32Array;
  /** Voices: about 150 Hz to 1 kHz. */
  low: Float32Array;
  /** Consonants: above about 1 kHz. */
  high: Float32Array;
}

/** Nothing counts as quieter: just below the last bit of 16. */
export const SILENCE_DB = -100;

/** Share of the new sample in a one-pole low pass. */
function onePole(hertz: number): number {
  return 1 - Math.exp(-2 * Math.PI * hertz / SAMPLE_RATE);
}

const RUMBLE = onePole(150);
const VOICE = onePole(1000);

function decibels(meanSquare: number): number {
  return meanSquare > 1e-10 ? 10 * Math.log10(meanSquare) : SILENCE_DB;
}

/** Frames between two chances to pause: about 1 ms of work. */
const FRAMES_AT_ONCE = 2000;

/** The filters' memories. */
interface Filters {
  rumble: number;
  voice: number;
  smooth: number;
}

/** Levels of the frames `first` up to, not including, `last`. */
function fillBands(
  levels: BandLevels,
  first: number,
  last: number,
  samples: Float32Array,
  filters: Filters,
): void {
  let { rumble, voice, smooth } = filters;
  for (let frame = first, i = first * FRAME; frame < last; frame++) {
    const end = Math.min(i + FRAME, samples.length);
    const length = end - i;
    let all = 0;
    let low = 0;
    let high = 0;
    for (; i < end; i++) {
      const x = samples[i]!;
      rumble += RUMBLE * (x - rumble);
      const clear = x - rumble;
      voice += VOICE * (clear - voice);
      smooth += VOICE * (voice - smooth);
      all += x * x;
      low += smooth * smooth;
      high += (clear - voice) * (clear - voice);
    }
    levels.all[frame] = decibels(all / length);
    levels.low[frame] = decibels(low / length);
    levels.high[frame] = decibels(high / length);
  }
  Object.assign(filters, { rumble, voice, smooth });
}

/**
 * Levels of 16 kHz mono samples; a last, incomplete frame counts by the samples that it has.
 *
 * @yields Now and then, so that the caller may pause.
 */
export function* bandLevels(samples: Float32Array): Generator<void, BandLevels> {
  const frames = Math.ceil(samples.length / FRAME);
  const levels = {
    all: new Float32Array(frames),
    low: new Float32Array(frames),
    high: new Float32Array(frames),
  };
  const filters = { rumble: 0, voice: 0, smooth: 0 };
  for (let first = 0; first < frames; first += FRAMES_AT_ONCE) {
    fillBands(levels, first, Math.min(first + FRAMES_AT_ONCE, frames), samples, filters);
    yield;
  }
  return levels;
}
