/**
 * Tab-separated values: `start`, `end` in whole milliseconds and `text`, one segment a row, with a header, the columns
 * that whisper writes. White space inside a text (tabs and line breaks too) becomes single spaces.
 *
 * @module
 */
import type { Transcript } from "../transcript.ts";
import { normaliseSpace } from "./line_break.ts";

/** One segment a row. The format cannot say which times are estimated: json can. */
export function formatTSV({ segments }: Transcript): string {
  const rows = segments.map(({ startSeconds, endSeconds, text }) => {
    return [Math.round(startSeconds * 1000), Math.round(endSeconds * 1000), normaliseSpace(text)].join("\t");
  });
  return ["start\tend\ttext", ...rows].map((row) => `${row}\n`).join("");
}
