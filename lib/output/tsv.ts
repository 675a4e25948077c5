/**
 * Tab-separated values: `start`, `end` in whole milliseconds and `text`, one segment a row, with a header, the columns
 * that whisper writes. White space inside a text (tabs and line breaks too) becomes single spaces.
 *
 * Where the words have times it is one word a row, with two columns more: `confidence` (empty when unknown) and `timing`.
 *
 * @module
 */
import type { Segment, Transcript, Word } from "../transcript.ts";
import { normaliseSpace } from "./line_break.ts";

/** Words of a segment; one that has none stands for itself. */
function wordsOf({ words, text, startSeconds, endSeconds }: Segment): Word[] {
  return words ?? [{ text, startSeconds, endSeconds, timing: "approximate" }];
}

/** Header and rows: of words when all segments have them, else of segments. */
export function rowsOf(
  segments: readonly Segment[],
  isByWord: boolean = segments.length > 0 && segments.every(({ words }) => words),
): (string | number)[][] {
  const milliseconds = (seconds: number) => Math.round(seconds * 1000);
  if (!isByWord) {
    const rows = segments.map(({ startSeconds, endSeconds, text }) => [
      milliseconds(startSeconds),
      milliseconds(endSeconds),
      normaliseSpace(text),
    ]);
    return [["start", "end", "text"], ...rows];
  }
  const rows = segments.flatMap(wordsOf).map(({ startSeconds, endSeconds, text, timing, confidence }) => [
    milliseconds(startSeconds),
    milliseconds(endSeconds),
    normaliseSpace(text),
    confidence?.toFixed(3) ?? "",
    timing,
  ]);
  return [["start", "end", "text", "confidence", "timing"], ...rows];
}

/** A row with its line feed. */
export function tsvRow(row: readonly (string | number)[]): string {
  return `${row.join("\t")}\n`;
}

/** One segment, or one word, a row. For segments the format cannot say which times are estimated: json can. */
export function formatTSV({ segments }: Transcript): string {
  return rowsOf(segments).map(tsvRow).join("");
}
