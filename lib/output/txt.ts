/**
 * Plain text: the words and nothing else.
 *
 * @module
 */
import type { Transcript } from "../transcript.ts";

/** The text of the transcript as it is, with a newline at the end. No text, no newline. */
export function formatText({ text }: Transcript): string {
  return text === "" ? "" : `${text}\n`;
}
