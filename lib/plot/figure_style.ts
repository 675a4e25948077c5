/**
 * Sizes, colours and kinds of text that all parts of a figure share.
 *
 * @module
 */
import { number, textPixels, textTag } from "./svg.ts";
import { shorten } from "./ticks.ts";

/** Pixels of ordinary text. */
export const FONT_SIZE = 12;
/** Colour of text. */
export const INK = "#1f1f1f";
/** Colour of axes and frames. */
export const LINES = "#8a8a8a";
/** Pixels between parts. */
export const EDGE = 10;
/** Pixels of a tick. */
export const TICK = 4;
/** Pixels of a line of text. */
export const LINE = 18;
/** How many pixels the label of an axis may be longer than the axis. */
const OVERHANG = 24;
/** Width of a bold character, as a multiple of the font size. */
const TITLE_ADVANCE = 0.72;

/** About how many pixels wide an ordinary text is. */
export function sized(text: string): number {
  return textPixels(text, FONT_SIZE);
}

/** A title, shortened to fit. */
export function titleTag(text: string, x: number, y: number, fontSize: number, width: number): string {
  const fitting = shorten(text, Math.floor(width / (TITLE_ADVANCE * fontSize)));
  return textTag(fitting, { x, y, "font-size": fontSize, "font-weight": "bold" });
}

/** A text that runs from bottom to top. */
export function upward(text: string, x: number, y: number, anchor = "middle"): string {
  return textTag(text, {
    "text-anchor": anchor,
    transform: `translate(${number(x)} ${number(y)}) rotate(-90)`,
  });
}

/** The label of a vertical axis, shortened so that it does not reach into the next plot. */
export function axisTag(text: string, x: number, top: number, height: number): string {
  const longest = Math.floor((height + OVERHANG) / textPixels("m", FONT_SIZE));
  return upward(shorten(text, longest), x, top + height / 2);
}
