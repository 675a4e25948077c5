/**
 * From probabilities to intervals of speech, by the rule of the official code.
 *
 * @module
 */
import { checkOptions, from, type Rules } from "../check_options.ts";
import { SAMPLE_RATE } from "../audio/samples.ts";
import type { SampleRange } from "../audio/speech_map.ts";
import { FRAME_SAMPLES } from "./frames.ts";

/** How probabilities become intervals. */
export interface VadOptions {
  /** Speech begins at a frame at least this likely, and ends where frames are less likely than this - 0.15. @default {0.5} */
  threshold?: number | undefined;
  /** Silence that ends an interval, in seconds; shorter gaps are part of it. @default {0.1} */
  minSilenceSeconds?: number | undefined;
  /** Shorter intervals are dropped, in seconds. @default {0.25} */
  minSpeechSeconds?: number | undefined;
  /** Each interval is widened by this to both sides, in seconds; half the gap where two would meet. @default {0.03} */
  speechPadSeconds?: number | undefined;
}

/** What the options of voice activity must be. */
export const VAD_RULES: Rules<VadOptions> = {
  threshold: {
    must: "a probability above 0 and below 1",
    fits: (value) => typeof value === "number" && value > 0 && value < 1,
  },
  minSilenceSeconds: from(0),
  minSpeechSeconds: from(0),
  speechPadSeconds: from(0),
};

/** Probabilities this far below the threshold end speech; */
const HYSTERESIS = 0.15;
/** but nothing below this says speech. */
const LEAST_END = 0.01;

/**
 * The least probability at which speech that has begun goes on; frames below it are silence.
 *
 * @param threshold The probability at which speech begins.
 *
 * @example
 * ```ts
 * import { speechGoesOn } from "./intervals.ts";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(speechGoesOn(0.5), 0.35);
 * assertAlmostEquals(speechGoesOn(0.1), 0.01);
 * ```
 */
export function speechGoesOn(threshold: number): number {
  return Math.max(threshold - HYSTERESIS, LEAST_END);
}

/** Options in samples, with their defaults. */
interface Bounds {
  begin: number;
  end: number;
  minSilence: number;
  minSpeech: number;
  pad: number;
}

function ruleOf(options: VadOptions): Bounds {
  checkOptions(options, VAD_RULES);
  const { threshold = 0.5, minSilenceSeconds = 0.1, minSpeechSeconds = 0.25, speechPadSeconds = 0.03 } =
    options;
  return {
    begin: threshold,
    end: speechGoesOn(threshold),
    minSilence: minSilenceSeconds * SAMPLE_RATE,
    minSpeech: minSpeechSeconds * SAMPLE_RATE,
    pad: speechPadSeconds * SAMPLE_RATE,
  };
}

/**
 * Finds intervals while frames come in: what a live stream and a whole recording both go through.
 *
 * @example
 * ```ts
 * import { SpeechTracker } from "./intervals.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const tracker = new SpeechTracker();
 * const likely = [0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.1, 0.1, 0.1, 0.1, 0.1];
 * const ended = likely.flatMap((probability) => tracker.push(probability) ?? []);
 * assertEquals(ended, [{ startSample: 512, endSample: 5120 }]);
 * ```
 */
export class SpeechTracker {
  readonly #rule: Bounds;
  /** Sample at which the next frame begins. */
  #at = 0;
  /** Start of the interval that is open. */
  #start: number | undefined;
  /** Where it ends unless speech goes on. */
  #end: number | undefined;

  /** @throws {OptionError} When an option is not usable. */
  constructor(options: VadOptions = {}) {
    this.#rule = ruleOf(options);
  }

  /** Whether the last frame lies in speech, or in a silence too short to end it. */
  get speaking(): boolean {
    return this.#start !== undefined;
  }

  /** The interval that is open: it reaches to the end of the last frame in speech. */
  get open(): SampleRange | undefined {
    return this.#start === undefined
      ? undefined
      : { startSample: this.#start, endSample: this.#end ?? this.#at };
  }

  /**
   * Takes the next frame.
   *
   * @returns The interval that ended by it, not widened; it may have ended some frames ago.
   */
  push(probability: number): SampleRange | undefined {
    const at = this.#at;
    this.#at += FRAME_SAMPLES;
    if (probability >= this.#rule.begin) {
      this.#start ??= at;
      this.#end = undefined;
    } else if (this.#start !== undefined && probability < this.#rule.end) {
      this.#end ??= at;
      if (at - this.#end >= this.#rule.minSilence) return this.#close(this.#end);
    }
    return undefined;
  }

  /**
   * Ends the recording.
   *
   * @param samples Its length.
   * @returns The interval that was open; it reaches to the end.
   */
  finish(samples: number): SampleRange | undefined {
    return this.#start === undefined ? undefined : this.#close(samples);
  }

  /** The interval that is open, when it is long enough to be one whatever comes. */
  get certain(): SampleRange | undefined {
    const { open } = this;
    return open && open.endSample - open.startSample > this.#rule.minSpeech ? open : undefined;
  }

  #close(endSample: number): SampleRange | undefined {
    const startSample = this.#start!;
    this.#start = this.#end = undefined;
    return endSample - startSample > this.#rule.minSpeech ? { startSample, endSample } : undefined;
  }
}

/** Widens intervals, in order. */
function widened(ranges: readonly SampleRange[], pad: number, samples: number): SampleRange[] {
  return ranges.map(({ startSample, endSample }, index) => {
    const before = startSample - (ranges[index - 1]?.endSample ?? -Infinity);
    const after = (ranges[index + 1]?.startSample ?? Infinity) - endSample;
    const side = (gap: number) => gap < 2 * pad ? Math.floor(gap / 2) : pad;
    return {
      startSample: Math.trunc(Math.max(0, startSample - side(before))),
      endSample: Math.trunc(Math.min(samples, endSample + side(after))),
    };
  });
}

/**
 * Intervals of speech in a recording.
 *
 * @param probabilities One per frame of 512 samples.
 * @param samples Length of the recording.
 * @returns In order, without overlap.
 * @throws {OptionError} When an option is not usable.
 *
 * @example
 * ```ts
 * import { speechRanges } from "./intervals.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const probabilities = Float32Array.from({ length: 100 }, (_, frame) => frame >= 20 && frame < 60 ? 0.99 : 0.01);
 * assertEquals(speechRanges(probabilities, 51_200), [{ startSample: 9760, endSample: 31_200 }]);
 * ```
 */
export function speechRanges(
  probabilities: Float32Array,
  samples: number,
  options: VadOptions = {},
): SampleRange[] {
  const tracker = new SpeechTracker(options);
  const ranges: SampleRange[] = [];
  for (const probability of probabilities) {
    const ended = tracker.push(probability);
    if (ended) ranges.push(ended);
  }
  const open = tracker.finish(samples);
  if (open) ranges.push(open);
  return widened(ranges, ruleOf(options).pad, samples);
}

/** What is certain of intervals while a recording is still being heard. */
export interface SpeechSoFar {
  /** In order; the end of the last may still move. */
  ranges: SampleRange[];
  /** Sample before which nothing of them moves any more. */
  settledSample: number;
  /** Sample before which no further interval begins. */
  nextSample: number;
}

/**
 * Intervals of speech at the beginning of a recording that goes on: those that {@linkcode speechRanges} finds in all of
 * it, as far as they are certain.
 *
 * @param probabilities Of the frames so far.
 * @throws {OptionError} When an option is not usable.
 */
export function speechSoFar(probabilities: Float32Array, options: VadOptions = {}): SpeechSoFar {
  const { pad } = ruleOf(options), tracker = new SpeechTracker(options);
  const ended: SampleRange[] = [];
  for (const probability of probabilities) {
    const range = tracker.push(probability);
    if (range) ended.push(range);
  }
  const { certain, open } = tracker, heard = probabilities.length * FRAME_SAMPLES;
  const ranges = certain ? [...ended, certain] : ended;
  const next = certain?.endSample ?? open?.startSample ?? heard;
  return {
    ranges: widened(ranges, pad, Infinity),
    settledSample: ranges.at(-1)?.endSample ?? 0,
    nextSample: Math.max(0, next - pad),
  };
}
