/**
 * Advanced SubStation Alpha, script type v4.00+. Players show no comments; a comment line in the header says when times
 * are estimated, without saying which: vtt and json do.
 *
 * Braces are escaped as libass and ffmpeg read them (`\{`); a backslash of the text is followed by an invisible word
 * joiner (U+2060), because the format has no escape for it.
 *
 * @module
 */
import type { Transcript } from "../transcript.ts";
import { type Cue, makeCues } from "./cues.ts";
import { type SungPiece, sungPieces } from "./karaoke.ts";
import { normaliseSpace } from "./line_break.ts";
import type { FormatOptions } from "./options.ts";

const WORD_JOINER = "\u2060";

const STYLE = {
  Name: "Default",
  Fontname: "Arial",
  Fontsize: 64,
  PrimaryColour: "&H00FFFFFF",
  SecondaryColour: "&H00FFFFFF",
  OutlineColour: "&H00000000",
  BackColour: "&H80000000",
  Bold: 0,
  Italic: 0,
  Underline: 0,
  StrikeOut: 0,
  ScaleX: 100,
  ScaleY: 100,
  Spacing: 0,
  Angle: 0,
  BorderStyle: 1,
  Outline: 3,
  Shadow: 1,
  Alignment: 2,
  MarginL: 60,
  MarginR: 60,
  MarginV: 60,
  Encoding: 1,
};

/** What is not said yet, where words are marked. */
const UNSAID = "&H00A0A0A0";

/** One style, one `Dialogue` line a cue, times in hundredths of a second. */
export function formatASS({ segments, durationSeconds }: Transcript, options: FormatOptions = {}): string {
  const cues = makeCues(segments, { ...options, durationSeconds });
  const isExact = cues.every(({ timing }) => timing === "aligned");
  return assHead({ ...options, isExact }) + assLines(cues, options);
}

/** Everything before the first line. */
export function assHead(options: FormatOptions & { isExact: boolean }): string {
  const lines = [
    "[Script Info]",
    ...(options.note === undefined ? [] : [`; ${normaliseSpace(options.note)}`]),
    ...(options.isExact
      ? []
      : ["; Times are not aligned with the words: they are estimated or the limits of chunks."]),
    `Title: ${normaliseSpace(options.title ?? "Transcript")}`,
    "ScriptType: v4.00+",
    "WrapStyle: 0",
    "ScaledBorderAndShadow: yes",
    "PlayResX: 1920",
    "PlayResY: 1080",
    "",
    "[V4+ Styles]",
    `Format: ${Object.keys(STYLE).join(", ")}`,
    `Style: ${
      Object.values(options.highlightWords ? { ...STYLE, SecondaryColour: UNSAID } : STYLE).join(",")
    }`,
    "",
    "[Events]",
    "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text",
  ];
  return lines.map((line) => `${line}\n`).join("");
}

/** A line for each cue. */
export function assLines(
  cues: readonly Cue[],
  { highlightWords }: Pick<FormatOptions, "highlightWords">,
): string {
  return cues.map((cue) => `${dialogue(cue, highlightWords ? sungPieces(cue) : undefined)}\n`).join("");
}

function dialogue(cue: Cue, sung: readonly SungPiece[] | undefined): string {
  const { startSeconds, endSeconds, lines } = cue;
  const text = sung ? karaoke(cue, sung) : lines.map(escape).join("\\N");
  return `Dialogue: 0,${centiseconds(startSeconds)},${centiseconds(endSeconds)},Default,,0,0,0,,${text}`;
}

/** Every piece after how long it takes, in hundredths of a second; pauses by themselves. They add up to the cue. */
function karaoke(cue: Cue, sung: readonly SungPiece[]): string {
  const start = Math.round(cue.startSeconds * 100);
  let clock = start;
  const lasting = (endMs: number) => {
    const length = Math.max(0, Math.round(endMs / 10) - clock);
    clock += length;
    return `{\\k${length}}`;
  };
  return sung.map(({ text, after, startMs, endMs }) => {
    const pause = Math.round(startMs / 10) > clock ? lasting(startMs) : "";
    return pause + lasting(endMs) + escape(text) + (after === "\n" ? "\\N" : after);
  }).join("");
}

function escape(line: string): string {
  return line
    .replaceAll("{\\", `{${WORD_JOINER}\\`) // ffmpeg takes the two together for markup, escaped or not
    .replaceAll("\\", `\\${WORD_JOINER}`)
    .replace(/[{}]/g, "\\$&");
}

/** `1:02:03.45`. */
function centiseconds(seconds: number): string {
  const total = Math.round(seconds * 100);
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const hours = Math.floor(total / 360_000);
  return `${hours}:${two(total / 6000 % 60)}:${two(total / 100 % 60)}.${two(total % 100)}`;
}
