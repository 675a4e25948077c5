/**
 * Live events as what is written of them: passages with times, lines of JSON.
 *
 * @module
 */
import type { Passage } from "../../output/mod.ts";
import type { LiveEvent, LiveTextEvent } from "../../recognize/live/live_stream.ts";
import { segmentsOf } from "../../recognize/long_form/segments.ts";
import { segmentsOfWords } from "../../recognize/word_times/word_segments.ts";
import { wordSpans } from "../../text/words.ts";
import type { Segment } from "../../transcript.ts";

/** Sentences of an utterance, by the times of its words where they are known. */
function segments({ text, language, startSeconds, endSeconds, words }: LiveTextEvent): Segment[] {
  if (words !== undefined) {
    const spans = wordSpans(text, language);
    if (spans.length === words.length && spans.length > 0) {
      return segmentsOfWords(text, spans, words, language);
    }
  }
  return segmentsOf({ startSeconds, endSeconds, text, language, speech: undefined });
}

/** The final text of an utterance. */
export function passageOf(event: LiveTextEvent): Passage {
  return { text: event.text, segments: segments(event), endSeconds: event.endSeconds };
}

/** Milliseconds are enough, and four digits of a probability. */
function rounded(name: string, value: unknown): unknown {
  if (typeof value !== "number" || Number.isInteger(value)) return value;
  const digits = name.endsWith("Seconds") ? 3 : 4;
  return Number(value.toFixed(digits));
}

/** An event as a line of JSON: kind, utterance and place first. */
export function eventLine({ type, utterance, startSeconds, endSeconds, ...rest }: LiveEvent): string {
  return `${JSON.stringify({ type, utterance, startSeconds, endSeconds, ...rest }, rounded)}\n`;
}
