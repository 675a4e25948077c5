/**
 * Lines and spans that mark places along the x axis: cut points, chunks, words.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import type { Axis } from "./axis.ts";
import { checkColor } from "./colors.ts";
import type { PlotLibrary, PlotMark } from "./libraries.ts";
import { clean, textPixels } from "./text.ts";

/** What lines and spans have in common. */
export interface MarkLabel {
  /** Text above the plot; left out where it would overlap another. */
  label?: string | undefined;
  /** `#rrggbb`. @default {red for lines, blue for spans, on heat maps black and white dashes} */
  color?: string | undefined;
}

/** A vertical line. */
export interface LineMark extends MarkLabel {
  /** Where, in the units of the x axis. */
  at: number;
}

/** A span. */
export interface SpanMark extends MarkLabel {
  /** Where it starts, in the units of the x axis. */
  from: number;
  /** Where it ends. */
  to: number;
}

/** A line or a span. */
export type Mark = LineMark | SpanMark;

const LINE_COLOR = "#d81b60";
const SPAN_COLOR = "#0072b2";
/** Most rows of labels above a plot; labels that would need another row are left out. */
const MOST_LABEL_ROWS = 3;
const LABEL_GAP = 6;

const endsOf = (mark: Mark): [number, number] => "at" in mark ? [mark.at, mark.at] : [mark.from, mark.to];

/** Refuses marks that cannot be drawn. */
export function checkMarks(marks: readonly Mark[] = []): readonly Mark[] {
  for (const mark of marks) {
    checkColor(mark.color);
    if (!endsOf(mark).every(Number.isFinite)) {
      throw new OptionError(`Cannot draw a mark at ${endsOf(mark).join(" to ")}.`);
    }
  }
  return marks;
}

/** A label with the place of its middle on the x axis, and its row: 0 is the one next to the plot. */
export interface PlacedLabel {
  text: string;
  at: number;
  row: number;
}

/** Places labels so that no two overlap, which Plot does not do; those without space are left out. */
export function placeLabels(
  marks: readonly Mark[],
  { from, to }: Axis,
  pixels: number,
  fontSize: number,
): PlacedLabel[] {
  const filled: number[] = Array.from({ length: MOST_LABEL_ROWS }, () => -Infinity);
  const wanted = marks.flatMap((mark) => {
    const [start, end] = endsOf(mark).map((value) => (value - from) / (to - from) * pixels) as [
      number,
      number,
    ];
    if (!mark.label || start > pixels || end < 0) return [];
    return [{ text: clean(mark.label), centre: (Math.max(0, start) + Math.min(pixels, end)) / 2 }];
  });
  return wanted.toSorted((a, b) => a.centre - b.centre).flatMap(({ text, centre }) => {
    const half = textPixels(text, fontSize) / 2;
    const middle = Math.max(half, Math.min(pixels - half, centre));
    const row = filled.findIndex((end) => end + LABEL_GAP <= middle - half);
    if (row < 0) return [];
    filled[row] = middle + half;
    return [{ text, at: from + middle / pixels * (to - from), row }];
  });
}

/** Marks as Plot draws them, under and over the data. Over a picture they are dashes of black and white. */
export function drawMarks(
  plot: PlotLibrary,
  marks: readonly Mark[],
  { from, to }: Axis,
  isPicture: boolean,
): { under: PlotMark[]; over: PlotMark[] } {
  const [low, high] = [Math.min(from, to), Math.max(from, to)];
  const spans = marks.flatMap((mark) => {
    const [start, end] = endsOf(mark);
    const span = { ...mark, start: Math.max(low, start), end: Math.min(high, end) };
    return "at" in mark || isPicture || span.start >= span.end ? [] : [span];
  });
  const lines = marks.flatMap((mark) =>
    "at" in mark || isPicture ? endsOf(mark).map((at) => ({ ...mark, at })) : []
  )
    .filter(({ at }) => at >= low && at <= high);
  const colorOf = (plain: string) => ({ color }: Mark) => color ?? plain;
  const rule = (options: object) =>
    plot.ruleX(lines, { x: "at", title: "label", strokeWidth: 1.5, ...options });
  const span = { x1: "start", x2: "end", title: "label", fillOpacity: 0.16, strokeOpacity: 0.6 };
  return {
    under: [plot.rect(spans, { ...span, fill: colorOf(SPAN_COLOR), stroke: colorOf(SPAN_COLOR) })],
    over: [
      ...(isPicture ? [rule({ stroke: "#000000" })] : []),
      rule({ stroke: colorOf(isPicture ? "#ffffff" : LINE_COLOR), strokeDasharray: "5 4" }),
    ],
  };
}
