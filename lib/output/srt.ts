/**
 * SubRip. The format has no comments, so it cannot say which times are estimated: vtt and json can.
 *
 * It has no escapes either. Where a text would read as markup (`<i>`, `{\an8}`, `\N`) or as a time line (`-->`), an
 * invisible word joiner (U+2060) is put inside.
 *
 * @module
 */
import type { Transcript } from "../transcript.ts";
import { type Cue, makeCues } from "./cues.ts";
import type { FormatOptions } from "./options.ts";
import { timeCode } from "./time_code.ts";

const WORD_JOINER = "\u2060";

/** Numbered cues. */
export function formatSRT({ segments, durationSeconds }: Transcript, options: FormatOptions = {}): string {
  return makeCues(segments, { ...options, durationSeconds }).map(formatCue).join("\n");
}

function formatCue({ startSeconds, endSeconds, lines }: Cue, index: number): string {
  const text = lines.map((line) => `${defuse(line)}\n`).join("");
  return `${index + 1}\n${timeCode(startSeconds, ",")} --> ${timeCode(endSeconds, ",")}\n${text}`;
}

function defuse(line: string): string {
  return line
    .replaceAll("-->", `--${WORD_JOINER}>`)
    .replace(/<(?=[a-z/])/gi, `<${WORD_JOINER}`)
    .replace(/\{(?=\\)/g, `{${WORD_JOINER}`)
    .replace(/\\(?=[Nnh])/g, `\\${WORD_JOINER}`);
}
