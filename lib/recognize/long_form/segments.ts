/**
 * Sentences with times, before anything is aligned: laid over the chunk's intervals of speech so that each has about the
 * length of its text, and breaks fall into pauses.
 *
 * @module
 */
import { SAMPLE_RATE } from "../../audio/samples.ts";
import type { SpeechMap } from "../../audio/speech_map.ts";
import { splitSentences } from "../../text/join.ts";
import type { Segment } from "../../transcript.ts";

/** A chunk's text with where its speech is. */
export interface TimedChunk {
  startSeconds: number;
  endSeconds: number;
  text: string;
  language: string;
  /** Undefined when it was not looked for. */
  speech: SpeechMap | undefined;
}

/** A stretch of the chunk, in its seconds. */
interface Interval {
  start: number;
  end: number;
}

/** What a second of pause between two sentences is worth, in seconds of deviation; */
const PAUSE_WORTH = 1;
/** longer pauses are worth no more, in seconds. */
const LONGEST_PAUSE = 1;
/** What a break between sentences costs that is not in a pause, in seconds of deviation. */
const UNBROKEN_COST = 0.5;
/** How far the text may run ahead of the speech, or behind it: seconds, and a part of what there is. */
const DRIFT_SECONDS = 6;
const DRIFT_PART = 0.02;
/** Most sentences that speech does not break. */
const MOST_TOGETHER = 12;

/** Scripts without spaces say about twice as much per character. */
function weight(text: string): number {
  let sum = 0;
  for (const character of text) {
    sum += /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}/u.test(character) ? 2 : 1;
  }
  return sum;
}

/** `[0, a, a + b, ...]` */
function sumsOf(values: readonly number[]): number[] {
  const sums = [0];
  for (const value of values) sums.push(sums.at(-1)! + value);
  return sums;
}

/** Sentences spread over some intervals by their weights alone; a place at a pause is before it or after it. */
function spread(weights: readonly number[], spoken: readonly Interval[]): Interval[] {
  const sums = sumsOf(weights);
  const total = spoken.reduce((sum, { start, end }) => sum + end - start, 0);
  const at = (part: number, after: boolean): number => {
    let left = part * total;
    for (const [index, { start, end }] of spoken.entries()) {
      const length = end - start;
      const inside = after && index < spoken.length - 1 ? left < length - 1e-6 : left <= length + 1e-6;
      if (inside) return start + Math.min(left, length);
      left -= length;
    }
    return spoken.at(-1)!.end;
  };
  const all = sums.at(-1)!;
  return weights.map((_, index) => ({
    start: at(sums[index]! / all, true),
    end: at(sums[index + 1]! / all, false),
  }));
}

/** A group of sentences on a group of intervals, and what all until there costs. */
interface Group {
  cost: number;
  fromSentence: number;
  fromInterval: number;
}

/**
 * Which sentences lie on which intervals: the cheapest way to cut both into groups, by dynamic programming. A group of
 * several sentences is one that speech does not break.
 *
 * @returns Groups in order, by their first sentence and interval.
 */
function groupsOf(weights: readonly number[], spoken: readonly Interval[]): Group[] {
  const [sentences, intervals] = [weights.length, spoken.length];
  const spokenSums = sumsOf(spoken.map(({ start, end }) => end - start));
  const total = spokenSums.at(-1)!;
  const weightSums = sumsOf(weights);
  const expected = weightSums.map((sum) => sum / weightSums.at(-1)! * total);
  const drift = DRIFT_SECONDS + DRIFT_PART * total;
  /** `best[i * (intervals + 1) + j]`: `i` sentences on `j` intervals. */
  const width = intervals + 1;
  const best: (Group | undefined)[] = new Array((sentences + 1) * width);
  best[0] = { cost: 0, fromSentence: 0, fromInterval: 0 };
  const isNear = (i: number, j: number) => Math.abs(expected[i]! - spokenSums[j]!) <= drift;
  for (let i = 1; i <= sentences; i++) {
    for (let j = 1; j <= intervals; j++) {
      const isEnd = i === sentences && j === intervals;
      if ((i === sentences || j === intervals) && !isEnd || !isNear(i, j)) continue;
      const pause = isEnd ? 0 : spoken[j]!.start - spoken[j - 1]!.end;
      const bonus = PAUSE_WORTH * Math.min(pause, LONGEST_PAUSE);
      for (let p = i - 1; p >= Math.max(0, i - MOST_TOGETHER); p--) {
        const wanted = expected[i]! - expected[p]!;
        for (let q = j - 1; q >= 0; q--) {
          const before = best[p * width + q];
          const length = spokenSums[j]! - spokenSums[q]!;
          if (length > wanted + drift) break;
          if (!before) continue;
          const cost = before.cost + (length - wanted) ** 2 / wanted + UNBROKEN_COST * (i - p - 1) - bonus;
          const known = best[i * width + j];
          if (!known || cost < known.cost) best[i * width + j] = { cost, fromSentence: p, fromInterval: q };
        }
      }
    }
  }
  const groups: Group[] = [];
  for (let i = sentences, j = intervals; i > 0;) {
    const group = best[i * width + j] ?? { cost: 0, fromSentence: 0, fromInterval: 0 };
    groups.unshift(group);
    [i, j] = [group.fromSentence, group.fromInterval];
  }
  return groups;
}

/** Places of sentences on intervals of speech. */
function placesOf(weights: readonly number[], spoken: readonly Interval[]): Interval[] {
  const groups = groupsOf(weights, spoken);
  return groups.flatMap(({ fromSentence, fromInterval }, index) => {
    const next = groups[index + 1];
    return spread(
      weights.slice(fromSentence, next?.fromSentence),
      spoken.slice(fromInterval, next?.fromInterval),
    );
  });
}

/** Sentences of a chunk, in order, without overlap. */
export function segmentsOf({ startSeconds, endSeconds, text, language, speech }: TimedChunk): Segment[] {
  const sentences = splitSentences(text);
  if (sentences.length === 0) return [];
  const spoken = speech?.ranges.map(({ startSample, endSample }) => ({
    start: startSample / SAMPLE_RATE,
    end: endSample / SAMPLE_RATE,
  })) ?? [];
  const timing = sentences.length === 1 && spoken.length === 0 ? "chunk" : "estimated";
  if (spoken.length === 0) spoken.push({ start: 0, end: endSeconds - startSeconds });
  const places = placesOf(sentences.map(weight), spoken);
  return sentences.map((text, index) => ({
    startSeconds: startSeconds + places[index]!.start,
    endSeconds: Math.min(endSeconds, startSeconds + places[index]!.end),
    text,
    language,
    timing,
  }));
}
