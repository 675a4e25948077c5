/**
 * Sentences with times, before anything is aligned: spread over the chunk's speech by the length of their text.
 *
 * @module
 */
import type { SpeechActivity } from "../../audio/speech.ts";
import { splitSentences } from "../../text/join.ts";
import type { Segment } from "../../transcript.ts";

/** A chunk's text with where its speech is. */
export interface TimedChunk {
  startSeconds: number;
  endSeconds: number;
  text: string;
  language: string;
  speech: SpeechActivity | undefined;
}

/** Scripts without spaces say about twice as much per character. */
function weight(text: string): number {
  let sum = 0;
  for (const character of text) {
    sum += /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}/u.test(character) ? 2 : 1;
  }
  return sum;
}

/** Sentences of a chunk, in order, without overlap. */
export function segmentsOf(chunk: TimedChunk): Segment[] {
  const { startSeconds, endSeconds, language } = chunk;
  const sentences = splitSentences(chunk.text).map((sentence) => sentence.trim()).filter((sentence) =>
    sentence !== ""
  );
  if (sentences.length === 0) return [];
  const spoken = chunk.speech?.intervals.length
    ? chunk.speech.intervals
    : [{ startSeconds: 0, endSeconds: endSeconds - startSeconds }];
  const timing = sentences.length === 1 && !chunk.speech?.intervals.length ? "chunk" : "estimated";
  const total = spoken.reduce((sum, run) => sum + run.endSeconds - run.startSeconds, 0);
  /** Second of the recording after `part` of the speech; at a pause, before it or after it. */
  const at = (part: number, after: boolean): number => {
    let left = part * total;
    for (const [index, run] of spoken.entries()) {
      const length = run.endSeconds - run.startSeconds;
      const inside = after && index < spoken.length - 1 ? left < length - 1e-6 : left <= length + 1e-6;
      if (inside) return startSeconds + run.startSeconds + Math.min(left, length);
      left -= length;
    }
    return startSeconds + spoken.at(-1)!.endSeconds;
  };
  const weights = sentences.map(weight);
  const all = weights.reduce((sum, one) => sum + one, 0);
  let before = 0;
  return sentences.map((text, index) => {
    const from = before / all;
    before += weights[index]!;
    return {
      startSeconds: at(from, true),
      endSeconds: Math.min(endSeconds, at(before / all, false)),
      text,
      language,
      timing,
    };
  });
}
