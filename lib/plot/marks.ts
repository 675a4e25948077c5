/**
 * Lines and spans that mark places along the x axis: cut points, chunks, words.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { parseColor } from "./colors.ts";

/** A vertical line. */
export interface LineMark {
  /** Where, in the units of the x axis. */
  at: number;
  /** Text above the plot; left out where it would overlap another. */
  label?: string | undefined;
  /** `#rrggbb`. @default {"#c2185b", on heat maps black and white dashes} */
  color?: string | undefined;
}

/** A span. */
export interface SpanMark {
  /** Where it starts, in the units of the x axis. */
  from: number;
  /** Where it ends. */
  to: number;
  /** Text above the plot; left out where it would overlap another. */
  label?: string | undefined;
  /** `#rrggbb`. @default {"#0072b2"} */
  color?: string | undefined;
}

/** A line or a span. */
export type Mark = LineMark | SpanMark;

/** Default colours of marks. */
export const LINE_MARK_COLOR = "#c2185b";
export const SPAN_MARK_COLOR = "#0072b2";
/** Most rows of labels above a plot; labels that would need another row are left out. */
const MOST_LABEL_ROWS = 3;
const LABEL_GAP = 6;

/** A label with its position above the plot. */
export interface PlacedLabel {
  mark: Mark;
  text: string;
  /** Left edge in pixels. */
  x: number;
  /** 0 is the row next to the plot. */
  row: number;
}

/** Refuses marks that cannot be drawn. */
export function checkMarks(marks: readonly Mark[]): readonly Mark[] {
  for (const mark of marks) {
    const places = "at" in mark ? [mark.at] : [mark.from, mark.to];
    if (!places.every(Number.isFinite)) {
      throw new OptionError(`Cannot draw a mark at ${places.join(" to ")}.`);
    }
    if (mark.color !== undefined) parseColor(mark.color);
  }
  return marks;
}

/**
 * Places labels above the plot so that no two overlap; those without space are left out.
 *
 * @param toPixel Pixels of a place on the x axis.
 * @param left First pixel of the plot.
 * @param right Pixel after the last.
 * @param widthOf Pixels of a text.
 */
export function placeLabels(
  marks: readonly Mark[],
  toPixel: (value: number) => number,
  left: number,
  right: number,
  widthOf: (text: string) => number,
): PlacedLabel[] {
  const ends: number[] = Array.from({ length: MOST_LABEL_ROWS }, () => -Infinity);
  const wanted = marks.flatMap((mark) => {
    const [from, to] = "at" in mark
      ? [toPixel(mark.at), toPixel(mark.at)]
      : [toPixel(mark.from), toPixel(mark.to)];
    const centre = (Math.max(left, from) + Math.min(right, to)) / 2;
    return mark.label && from <= right && to >= left ? [{ mark, text: mark.label, centre }] : [];
  });
  return wanted.sort((a, b) => a.centre - b.centre).flatMap(({ mark, text, centre }) => {
    const width = widthOf(text);
    const x = Math.round(Math.max(left, Math.min(right - width, centre - width / 2)));
    const row = ends.findIndex((end) => end + LABEL_GAP <= x);
    if (row < 0) return [];
    ends[row] = x + width;
    return [{ mark, text, x, row }];
  });
}

/** How many rows labels take. */
export function labelRows(labels: readonly PlacedLabel[]): number {
  return labels.reduce((rows, { row }) => Math.max(rows, row + 1), 0);
}
