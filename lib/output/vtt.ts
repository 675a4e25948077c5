/**
 * WebVTT (W3C, https://www.w3.org/TR/webvtt1/). A NOTE stands before the first cue whose times come from another
 * source than those before it, so that a reader knows which are estimated.
 *
 * Players built on ffmpeg take `\N`, `\n` and `\h` for line breaks and spaces: an invisible word joiner (U+2060) after the
 * backslash stops them.
 *
 * @module
 */
import type { Segment, Transcript } from "../transcript.ts";
import { type Cue, makeCues } from "./cues.ts";
import { normaliseSpace } from "./line_break.ts";
import type { FormatOptions } from "./options.ts";
import { timeCode } from "./time_code.ts";

const WORD_JOINER = "\u2060";

const TIMING_NOTES: Readonly<Record<Segment["timing"], string>> = {
  aligned: "NOTE Times from here on are aligned with the words.",
  chunk: "NOTE Times from here on are the limits of the chunks in which the text was recognised.",
  estimated: "NOTE Times from here on are estimated from the length of the text.",
};

/** Cues without identifiers or settings. */
export function formatVTT(transcript: Transcript, options: FormatOptions = {}): string {
  const { segments, durationSeconds, partial } = transcript;
  const blocks = ["WEBVTT"];
  if (partial) blocks.push("NOTE The transcription was stopped early: text is missing at the end.");
  let timing: Segment["timing"] = "aligned";
  for (const cue of makeCues(segments, { ...options, durationSeconds })) {
    if (cue.timing !== timing) blocks.push(TIMING_NOTES[cue.timing]);
    timing = cue.timing;
    blocks.push(formatCue(cue));
  }
  if (options.note !== undefined) blocks.push(`NOTE ${escape(normaliseSpace(options.note))}`);
  return `${blocks.join("\n\n")}\n`;
}

function formatCue({ startSeconds, endSeconds, lines }: Cue): string {
  return [`${timeCode(startSeconds, ".")} --> ${timeCode(endSeconds, ".")}`, ...lines.map(escape)].join("\n");
}

function escape(line: string): string {
  return line
    .replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replace(/\\(?=[Nnh])/g, `\\${WORD_JOINER}`);
}
