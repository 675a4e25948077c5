/**
 * Times of words from where the decoder looked while it wrote them.
 *
 * Audio tokens (steps of 80 ms) that lie in speech are dealt out to the words, in order, each word some that follow each
 * other: by dynamic programming over the ends of words, so that the steps of a word are those its tokens looked at more
 * than all others did, and its length is not far from what its letters let expect. On recordings with known times this
 * comes to a median of 30 to 45 ms from the truth where lengths alone come to 75 to 120.
 *
 * @module
 */
import type { TokenLogprob } from "../../transcript.ts";
import { tokenRanges } from "./confidence.ts";
import { type Ground, lengthOf, type Stretch, within } from "./fill.ts";

/** Seconds of one audio token: 100 mel frames of 10 ms become 13. */
export const STEP_SECONDS: number = 1 / 13;
/** What the square of a logarithm of length over expected length costs, in logarithms of a share of attention. */
const LENGTH_COST = 3;
/** A share of attention too small to tell from none. */
const LEAST_SHARE = 0.02;
/** Attention too faint to say whose a step is. */
const FAINT = 1e-4;
/** What one word can be at most: so many times its expected length, and some steps. */
const LONGEST_TIMES = 5;
const LONGEST_STEPS = 8;
/** Less of a word in speech is none, in seconds. */
const LEAST_SECONDS = 0.02;
/** Steps this near to speech are still dealt out, in seconds. */
const MARGIN_SECONDS = 0.04;

/** What there is to go by. */
export interface Attended {
  /** Words, as the text has them. */
  words: readonly string[];
  /** How long each takes, beside the others. */
  weights: readonly number[];
  /** Tokens of the text. */
  tokens: readonly TokenLogprob[];
  /** For each of them, the attention onto every audio token; undefined where it is not known. */
  looks: readonly (Float32Array | undefined)[];
}

/** Places of steps that can be dealt out. */
function stepsInSpeech(count: number, speech: readonly Stretch[]): number[] {
  return Array.from({ length: count }, (_, step) => step).filter((step) => {
    const middle = (step + 0.5) * STEP_SECONDS;
    return speech.length === 0 || within(speech, middle - MARGIN_SECONDS, middle + MARGIN_SECONDS).length > 0;
  });
}

/** By word, the logarithms of its share of the attention onto each step, summed up from the first step on. */
function sharesOf({ words, tokens, looks }: Attended, steps: readonly number[]): Float64Array[] {
  const all = new Float64Array(steps.length);
  const own = tokenRanges(words, tokens).map((range) => {
    const sums = new Float64Array(steps.length);
    for (const look of range ? looks.slice(...range) : []) {
      if (!look) continue;
      for (const [index, step] of steps.entries()) {
        sums[index]! += look[step]!;
        all[index]! += look[step]!;
      }
    }
    return sums;
  });
  return own.map((sums) => {
    const upTo = new Float64Array(steps.length + 1);
    for (const [index, sum] of sums.entries()) {
      upTo[index + 1] = upTo[index]! + Math.log(sum / (all[index]! + FAINT) + LEAST_SHARE);
    }
    return upTo;
  });
}

/** Ends of words among the steps, the best way to deal them out; undefined when there are fewer steps than words. */
function endsOfWords(shares: readonly Float64Array[], expected: readonly number[]): number[] | undefined {
  const count = shares[0]!.length - 1;
  let before = new Float64Array(count + 1).fill(-Infinity);
  before[0] = 0;
  const starts = shares.map((upTo, word) => {
    const best = new Float64Array(count + 1).fill(-Infinity);
    const from = new Int32Array(count + 1);
    const longest = Math.ceil(expected[word]! * LONGEST_TIMES + LONGEST_STEPS);
    for (let end = 1; end <= count; end++) {
      for (let start = Math.max(0, end - longest); start < end; start++) {
        if (before[start] === -Infinity) continue;
        const length = Math.log((end - start) / expected[word]!);
        const score = before[start]! + upTo[end]! - upTo[start]! - LENGTH_COST * length * length;
        if (score > best[end]!) {
          best[end] = score;
          from[end] = start;
        }
      }
    }
    before = best;
    return from;
  });
  if (before[count] === -Infinity) return undefined;
  const ends: number[] = [];
  for (let word = shares.length - 1, end = count; word >= 0; word--) {
    ends.unshift(end);
    end = starts[word]![end]!;
  }
  return ends;
}

/**
 * Words by the decoder's attention, held inside speech.
 *
 * @returns Times in seconds of the clip, in order, without overlap; undefined where attention does not say enough.
 */
export function attendedTimes(
  attended: Attended,
  { durationSeconds, speech }: Ground,
): Stretch[] | undefined {
  const { words, weights, looks } = attended;
  const count = looks.find((look) => look)?.length;
  if (count === undefined || words.length === 0) return undefined;
  const steps = stepsInSpeech(count, speech);
  const total = weights.reduce((sum, weight) => sum + weight + 1, 0);
  const expected = weights.map((weight) => (weight + 1) / total * steps.length);
  const ends = steps.length < words.length ? undefined : endsOfWords(sharesOf(attended, steps), expected);
  return ends?.map((end, word) => {
    const from = steps[word === 0 ? 0 : ends[word - 1]!]! * STEP_SECONDS;
    const to = Math.min(durationSeconds, (steps[end - 1]! + 1) * STEP_SECONDS);
    // A word over a pause is where most of it is.
    const spoken = within(speech, from, to);
    const most = spoken.toSorted((a, b) =>
      (b.endSeconds - b.startSeconds) - (a.endSeconds - a.startSeconds)
    )[0];
    return most && lengthOf([most]) >= LEAST_SECONDS
      ? most
      : { startSeconds: Math.min(from, to), endSeconds: to };
  });
}
