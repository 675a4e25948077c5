/**
 * Segments made of words: a new one at the end of a sentence, at a pause, and where one would last too long.
 *
 * @module
 */
import { splitSentences } from "../../text/join.ts";
import type { WordSpan } from "../../text/words.ts";
import type { Segment, Word } from "../../transcript.ts";

/** A silence that nobody makes inside a phrase, in seconds. */
const PAUSE_SECONDS = 1.5;
/** Longest segment, in seconds; a longer sentence is cut at its longest pauses. */
const LONGEST_SECONDS = 20;

/** Places in a text at which sentences begin. */
function sentenceStarts(text: string): number[] {
  let cursor = 0;
  return splitSentences(text).map((sentence) => {
    const at = text.indexOf(sentence, cursor);
    cursor = Math.max(at, cursor) + sentence.length;
    return cursor - sentence.length;
  });
}

/** From a word up to, not including, another. */
type Run = [from: number, to: number];

/** Where sentences end, as runs of words. */
function sentenceRuns(text: string, spans: readonly WordSpan[]): Run[] {
  const starts = sentenceStarts(text);
  const sentenceOf = spans.map(({ from }) => starts.findLastIndex((start) => start <= from));
  const runs: Run[] = [];
  for (const index of spans.keys()) {
    if (index > 0 && sentenceOf[index] === sentenceOf[index - 1]) runs.at(-1)![1] = index + 1;
    else runs.push([index, index + 1]);
  }
  return runs;
}

/** Cuts a run at its pauses and, where it is too long, at the longest of what is between its words. */
function cut([from, to]: Run, words: readonly Word[]): Run[] {
  let longest = -Infinity, at = from;
  for (let index = from + 1; index < to; index++) {
    const gap = words[index]!.startSeconds - words[index - 1]!.endSeconds;
    if (gap > longest + 1e-9) [longest, at] = [gap, index];
  }
  const lasts = words[to - 1]!.endSeconds - words[from]!.startSeconds;
  if (at === from || longest < PAUSE_SECONDS && lasts <= LONGEST_SECONDS) return [[from, to]];
  return [...cut([from, at], words), ...cut([at, to], words)];
}

/** Whether an aligner timed all words that were said, and some were. */
function isTimed(words: readonly Word[]): boolean {
  return words.every(({ timing }) => timing !== "approximate") &&
    words.some(({ timing }) => timing !== "unmatched");
}

/**
 * Segments of a text whose words have times, each with its words.
 *
 * @param spans Words of the text, as `wordSpans` gives them.
 * @param words The same words with their times.
 */
export function segmentsOfWords(
  text: string,
  spans: readonly WordSpan[],
  words: readonly Word[],
  language: string,
): Segment[] {
  return sentenceRuns(text, spans).flatMap((run) => cut(run, words)).map(([from, to]) => {
    const own = words.slice(from, to);
    return {
      startSeconds: own[0]!.startSeconds,
      endSeconds: own.at(-1)!.endSeconds,
      text: text.slice(spans[from]!.from, spans[to - 1]!.to),
      language,
      timing: isTimed(own) ? "aligned" : "estimated",
      words: own,
    };
  });
}
