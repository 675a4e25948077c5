/**
 * LRC, the lyrics that music players show: one line a segment after the time at which it begins. With `highlightWords`
 * every word has its own time ("enhanced LRC"). An empty line ends a segment that a pause follows.
 *
 * The format has no escapes: where a text would read as a time or a tag, an invisible word joiner (U+2060) is put inside.
 *
 * @module
 */
import type { Segment, Transcript } from "../transcript.ts";
import { normaliseSpace } from "./line_break.ts";
import type { FormatOptions } from "./options.ts";

const WORD_JOINER = "\u2060";
/** A shorter pause leaves the line where it is. */
export const PAUSE_SECONDS = 2;

/** `02:03.45`; minutes go on beyond 99. */
export function lyricsTime(seconds: number): string {
  const total = Math.round(seconds * 100);
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  return `${two(total / 6000)}:${two(total / 100 % 60)}.${two(total % 100)}`;
}

function defuse(text: string): string {
  return normaliseSpace(text).replace(/([[<])(?=\s*[\w#]+:)/g, `$1${WORD_JOINER}`);
}

/** A segment with a time at each of its words. Their texts and the white space between them are its text. */
function timedWords({ text, words = [] }: Segment): string {
  let cursor = 0;
  const parts = words.map(({ text: word, startSeconds }) => {
    const at = text.indexOf(word, cursor);
    const between = at < 0 ? " " : text.slice(cursor, at);
    if (at >= 0) cursor = at + word.length;
    return `${between === "" ? "" : " "}<${lyricsTime(startSeconds)}>${defuse(word)}`;
  });
  return parts.join("").trimStart();
}

/** The line of a segment. */
export function lyricsLine(segment: Segment, highlightWords = false): string {
  const isSung = highlightWords && segment.words;
  return `[${lyricsTime(segment.startSeconds)}]${isSung ? timedWords(segment) : defuse(segment.text)}`;
}

/** One line a segment. */
export function formatLRC(
  { segments, durationSeconds }: Transcript,
  { title, highlightWords }: FormatOptions = {},
): string {
  const lines = [
    ...(title === undefined ? [] : [`[ti:${normaliseSpace(title)}]`]),
    `[length:${lyricsTime(durationSeconds)}]`,
  ];
  for (const [index, segment] of segments.entries()) {
    lines.push(lyricsLine(segment, highlightWords));
    const next = segments[index + 1]?.startSeconds ?? durationSeconds;
    if (next - segment.endSeconds >= PAUSE_SECONDS) lines.push(`[${lyricsTime(segment.endSeconds)}]`);
  }
  return lines.map((line) => `${line}\n`).join("");
}
