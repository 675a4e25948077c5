/**
 * Live events as what is written of them: passages with times, lines of JSON.
 *
 * @module
 */
import type { Passage } from "../../output/mod.ts";
import type { LiveEvent, LiveFinal } from "../../recognize/live/live_stream.ts";

/** The final text of an utterance, as one sentence where it does not say which there are. */
export function passageOf(event: LiveFinal): Passage {
  const { text, language, startSeconds, endSeconds } = event;
  const whole = { startSeconds, endSeconds, text, language, timing: "chunk" } as const;
  return { text, segments: event.segments ?? [whole], endSeconds };
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
