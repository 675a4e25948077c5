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
import { type SungPiece, sungPieces } from "./karaoke.ts";
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
  blocks.push(...vttBlocks(makeCues(segments, { ...options, durationSeconds }), options));
  if (options.note !== undefined) blocks.push(`NOTE ${escape(normaliseSpace(options.note))}`);
  return `${blocks.join("\n\n")}\n`;
}

/**
 * Cues and notes as blocks of text, between which an empty line belongs.
 *
 * @param before Where the times of the cue before them come from.
 */
export function vttBlocks(
  cues: readonly Cue[],
  { highlightWords }: Pick<FormatOptions, "highlightWords">,
  before: Segment["timing"] = "aligned",
): string[] {
  const blocks: string[] = [];
  let timing = before;
  for (const cue of cues) {
    if (cue.timing !== timing) blocks.push(TIMING_NOTES[cue.timing]);
    timing = cue.timing;
    blocks.push(formatCue(cue, highlightWords ? sungPieces(cue) : undefined));
  }
  return blocks;
}

function formatCue(cue: Cue, sung: readonly SungPiece[] | undefined): string {
  const { startSeconds, endSeconds, lines } = cue;
  const text = sung ? stamped(cue, sung) : lines.map(escape).join("\n");
  return `${timeCode(startSeconds, ".")} --> ${timeCode(endSeconds, ".")}\n${text}`;
}

/** Words after the time from which they are said: between the times of the cue, each later than the one before. */
function stamped({ startSeconds, endSeconds }: Cue, sung: readonly SungPiece[]): string {
  let last = Math.round(startSeconds * 1000);
  return sung.map(({ text, after, startMs }) => {
    const isLater = startMs > last && startMs < Math.round(endSeconds * 1000);
    if (isLater) last = startMs;
    return (isLater ? `<${timeCode(startMs / 1000, ".")}>` : "") + escape(text) + after;
  }).join("");
}

function escape(line: string): string {
  return line
    .replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replace(/\\(?=[Nnh])/g, `\\${WORD_JOINER}`);
}
