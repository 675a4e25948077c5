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
import { highlights, type SungPiece, sungPieces } from "./karaoke.ts";
import type { FormatOptions } from "./options.ts";
import { timeCode } from "./time_code.ts";

const WORD_JOINER = "\u2060";

/** Numbered cues; with `highlightWords` one for each word, which is underlined in it, and one for each pause. */
export function formatSRT({ segments, durationSeconds }: Transcript, options: FormatOptions = {}): string {
  return srtBlocks(makeCues(segments, { ...options, durationSeconds }), options).join("\n");
}

/**
 * Cues as blocks of text, between which an empty line belongs.
 *
 * @param before Blocks that stand before them.
 */
export function srtBlocks(
  cues: readonly Cue[],
  { highlightWords }: Pick<FormatOptions, "highlightWords">,
  before = 0,
): string[] {
  const blocks = cues.flatMap((cue): Block[] => {
    const sung = highlightWords ? sungPieces(cue) : undefined;
    return sung ? underlined(cue, sung) : [{ ...cue, text: cue.lines.map(defuse).join("\n") }];
  });
  return blocks.map((block, index) => formatBlock(block, before + index + 1));
}

/** What is shown from one moment to another. */
interface Block {
  startSeconds: number;
  endSeconds: number;
  text: string;
}

/** As whisper writes it. */
function underlined(cue: Cue, sung: readonly SungPiece[]): Block[] {
  return highlights(sung, cue).map(({ startMs, endMs, piece }) => ({
    startSeconds: startMs / 1000,
    endSeconds: endMs / 1000,
    text: sung.map(({ text, after }, index) =>
      (index === piece ? `<u>${defuse(text)}</u>` : defuse(text)) + after
    ).join(""),
  }));
}

function formatBlock({ startSeconds, endSeconds, text }: Block, number: number): string {
  return `${number}\n${timeCode(startSeconds, ",")} --> ${timeCode(endSeconds, ",")}\n${text}\n`;
}

function defuse(line: string): string {
  return line
    .replaceAll("-->", `--${WORD_JOINER}>`)
    .replace(/<(?=[a-z/])/gi, `<${WORD_JOINER}`)
    .replace(/\{(?=\\)/g, `{${WORD_JOINER}`)
    .replace(/\\(?=[Nnh])/g, `\\${WORD_JOINER}`);
}
