/**
 * Lines and spans that mark places along the x axis, and the colours of these and of data.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { type Axis, clean, textPixels } from "./axis.ts";
import type { Drawing, PlotMark } from "./libraries.ts";

/** A vertical line at a place, or a span: a cut, a chunk, a word. Places are in the units of the x axis. */
export type Mark = ({ at: number } | { from: number; to: number }) & {
  /** Text above the plot; left out where it would overlap another. */
  label?: string | undefined;
  /** `#rrggbb`. @default {red for lines, blue for spans, on heat maps black and white dashes} */
  color?: string | undefined;
};

/** Seven colours for every kind of colour vision (Okabe and Ito, 2008); the last is that of the text. */
const SERIES = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "currentColor"];
const [LINE_COLOR, SPAN_COLOR] = ["#d81b60", "#0072b2"];
/** Most rows of labels above a plot; labels that would need another row are left out. */
const MOST_ROWS = 3;
const LABEL_GAP = 6;

/** The colour that was asked for, or the one of the line or bar at a place. */
export function seriesColor(index: number, asked = SERIES[index % SERIES.length]!): string {
  if (asked === "currentColor" || /^#[0-9a-f]{6}$/i.test(asked)) return asked;
  throw new OptionError(`Cannot read the colour "${asked}": write it as #rrggbb, or currentColor.`);
}

const endsOf = (mark: Mark) => "at" in mark ? [mark.at] : [mark.from, mark.to];

/** Refuses marks that cannot be drawn. */
export function checkMarks(marks: readonly Mark[] = []): readonly Mark[] {
  for (const mark of marks) {
    seriesColor(0, mark.color);
    if (endsOf(mark).every(Number.isFinite)) continue;
    throw new OptionError(`Cannot draw a mark at ${endsOf(mark).join(" to ")}.`);
  }
  return marks;
}

/** A label with the place of its middle on the x axis, and its row: 0 is the one next to the plot. */
export type PlacedLabel = { text: string; at: number; row: number };

/** Places labels so that no two overlap, which Plot does not do; those without space are left out. */
export function placeLabels(
  marks: readonly Mark[],
  { from, to }: Axis,
  pixels: number,
  size: number,
): PlacedLabel[] {
  const filled: number[] = new Array(MOST_ROWS).fill(-Infinity);
  const wanted = marks.flatMap((mark) => {
    const [start = 0, end = start] = endsOf(mark).map((value) => (value - from) / (to - from) * pixels);
    if (!mark.label || start > pixels || end < 0) return [];
    return [{ text: clean(mark.label), centre: (Math.max(0, start) + Math.min(pixels, end)) / 2 }];
  });
  return wanted.toSorted((a, b) => a.centre - b.centre).flatMap(({ text, centre }) => {
    const half = textPixels(text, size) / 2;
    const middle = Math.max(half, Math.min(pixels - half, centre));
    const row = filled.findIndex((end) => end + LABEL_GAP <= middle - half);
    if (row >= 0) filled[row] = middle + half;
    return row < 0 ? [] : [{ text, at: from + middle / pixels * (to - from), row }];
  });
}

/** Marks as Plot draws them: spans under the data, lines over it; on a picture dashes of black and white. */
export function drawMarks(
  { plot }: Drawing,
  marks: readonly Mark[],
  axis: Axis,
  isPicture: boolean,
): PlotMark[] {
  const { from, to } = axis;
  const spans = marks.flatMap((mark) => "at" in mark || isPicture ? [] : mark)
    .filter((span) => span.from <= to && span.to >= from);
  const lines = marks.filter((mark) => "at" in mark || isPicture)
    .flatMap((mark) => endsOf(mark).map((at) => ({ ...mark, at }))).filter(({ at }) =>
      at >= from && at <= to
    );
  const color = ({ color = SPAN_COLOR }: Mark) => color;
  const dashes = ({ color = isPicture ? "#ffffff" : LINE_COLOR }: Mark) => color;
  const rule = { x: "at", title: "label", strokeWidth: 1.5 };
  const span = { x1: "from", x2: "to", title: "label", fill: color, fillOpacity: 0.16 };
  return [
    plot.rect(spans, { ...span, stroke: color, strokeOpacity: 0.6 }),
    ...isPicture ? [plot.ruleX(lines, { ...rule, stroke: "#000000" })] : [],
    plot.ruleX(lines, { ...rule, stroke: dashes, strokeDasharray: "5 4" }),
  ];
}
