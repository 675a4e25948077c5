/**
 * Plain text: the words and nothing else, unless a note is asked for.
 *
 * @module
 */
import type { Transcript } from "../transcript.ts";
import { normaliseSpace } from "./line_break.ts";
import type { FormatOptions } from "./options.ts";

/** The text of the transcript as it is, with a newline at the end (no text, no newline), then `[note]`. */
export function formatText({ text }: Transcript, { note }: FormatOptions = {}): string {
  return (text === "" ? "" : `${text}\n`) + (note === undefined ? "" : `[${normaliseSpace(note)}]\n`);
}
