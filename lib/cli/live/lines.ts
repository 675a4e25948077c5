/**
 * Live text as lines of a terminal: broken by the width of letters, what may still change in another colour.
 *
 * @module
 */
import { graphemes, graphemeWidth } from "../../display_width.ts";
import { breakText, normaliseSpace } from "../../output/line_break.ts";
import { printable } from "../terminal.ts";

/** A line with its colours, and without. */
export interface ScreenLine {
  text: string;
  plain: string;
}

/** Rows that a line takes where it is wider than the terminal: a wide letter is never split between two. */
export function rowsOfLine({ plain }: ScreenLine, columns: number): number {
  let [rows, width] = [1, 0];
  for (const cluster of graphemes(plain)) {
    const next = graphemeWidth(cluster);
    if (width + next > columns) [rows, width] = [rows + 1, 0];
    width += next;
  }
  return rows;
}

/** Letters that a terminal can show, on one line. */
function clean(text: string): string {
  return printable(normaliseSpace(text));
}

/**
 * Breaks a text.
 *
 * @param firm What does not change any more.
 * @param loose What follows it for now, put through `paint`.
 * @param columns Widest line, at least 2.
 */
export function screenLines(
  firm: string,
  loose: string,
  columns: number,
  paint: (text: string) => string,
): ScreenLine[] {
  const text = clean(firm + loose);
  const limit = Math.min(clean(firm).length, text.length);
  const lines: ScreenLine[] = [];
  let [line, looseLine, width, isSpaced] = ["", "", 0, false];
  const end = () => {
    const text = line + (looseLine === "" ? "" : paint(looseLine));
    if (width > 0) lines.push({ text, plain: line + looseLine });
    [line, looseLine, width, isSpaced] = ["", "", 0, false];
  };
  for (const atom of breakText(text, columns)) {
    const gap = isSpaced ? 1 : 0;
    if (width + gap + atom.width > columns) end();
    const before = width > 0 && isSpaced ? " " : "";
    const cut = Math.max(0, Math.min(atom.text.length, limit - atom.offset));
    if (looseLine === "" && cut > 0) line += before + atom.text.slice(0, cut);
    else looseLine += before;
    looseLine += atom.text.slice(cut);
    width += before.length + atom.width;
    isSpaced = atom.spaceAfter;
  }
  end();
  return lines;
}

/** A text that does not change any more, as lines with line feeds. */
export function plainLines(text: string, columns: number): string {
  return screenLines(text, "", columns, (part) => part).map((line) => `${line.text}\n`).join("");
}
