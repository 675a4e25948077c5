/**
 * Axes, and what is read along them: limits, ticks where Plot's own are not the ones wanted, marks with their labels;
 * how wide texts are, and the colours of lines and bars.
 *
 * @module
 */
import { clock } from "../clock.ts";
import { displayWidth } from "../display_width.ts";
import { OptionError } from "../errors.ts";
import type { Drawing, PlotMark } from "./libraries.ts";

/** A labelled position on an axis. */
export interface Tick {
  /** Value. */
  at: number;
  /** Text beside it. */
  label: string;
}

/** How to draw an axis. */
export interface AxisOptions {
  /** Text beside the axis. @default {"" or, for times, their unit} */
  label?: string | undefined;
  /** Value at the left or lower end. @default {the smallest value} */
  from?: number | undefined;
  /** Value at the right or upper end. @default {the largest value} */
  to?: number | undefined;
  /** Labelled places instead of round numbers. Those that would overlap are left out. */
  ticks?: readonly Tick[] | undefined;
  /** `number`, or `time` for seconds that become `m:ss` in long recordings. @default {"number"} */
  kind?: "number" | "time" | undefined;
}

/** A vertical line at a place, or a span: a cut, a chunk, a word. Places are in the units of the x axis. */
export type Mark = ({ at: number } | { from: number; to: number }) & {
  /** Text above the plot; left out where it would overlap another. */
  label?: string | undefined;
  /** `#rrggbb`. @default {red for lines, blue for spans, on heat maps black and white dashes} */
  color?: string | undefined;
};

/** An axis whose options are all settled; an index counts whole things and is never shared. */
export interface Axis extends Record<"from" | "to", number>, Pick<AxisOptions, "ticks"> {
  label: string;
  kind: "number" | "time" | "index";
}

/** Seven colours for every kind of colour vision (Okabe and Ito, 2008); the last is that of the text. */
const SERIES = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "currentColor"];
const [LINE_COLOR, SPAN_COLOR] = ["#d81b60", "#0072b2"];
/** Most rows of labels above a plot; labels that would need another row are left out. */
const MOST_ROWS = 3;
const LABEL_GAP = 6;

/** Steps of a clock, in seconds: Plot's for numbers would be 50 and 100. */
const CLOCK_STEPS = [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 36000, 86400];
/** Shorter stretches of time read better as plain seconds. */
const CLOCK_FROM_SECONDS = 90;
/** A label that would take more than half of a phone's width. */
const TOO_LONG = /^(.{20})..+$/u;
/** Width of a letter as a multiple of the font size: on the safe side, because fonts differ. */
const LETTER = 0.58;

/** About how many pixels wide a text is. */
export function textPixels(text: string, fontSize: number): number {
  return fontSize * LETTER * displayWidth(text);
}

/** A number for people: three significant digits, an exponent only for very large and very small ones. */
export function shortNumber(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-4)) return value.toExponential(2).replace("e+", "e");
  return size >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

/** The smallest and the largest finite value of lists; nothing when there is none. */
export function limitsOf(lists: readonly ArrayLike<number>[]): [low: number, high: number] | undefined {
  let [low, high] = [Infinity, -Infinity];
  for (const list of lists) {
    for (let k = 0; k < list.length; k++) {
      if (Number.isFinite(list[k])) [low, high] = [Math.min(low, list[k]!), Math.max(high, list[k]!)];
    }
  }
  return low <= high ? [low, high] : undefined;
}

/** First of the cells of each pixel of a side, and the cell after the last. */
export function binsOf(cells: number, most: number): [first: number, end: number][] {
  const pixels = Math.min(cells, Math.ceil(most));
  const edge = (k: number) => k * cells / pixels;
  return Array.from({ length: pixels }, (_, k) => [Math.floor(edge(k)), Math.ceil(edge(k + 1))]);
}

/** An axis from its options; limits that they leave out come from the data. */
export function axisOf(options: AxisOptions = {}, low: number, high: number, natural: Axis["kind"]): Axis {
  const { from = low, to = high, ticks } = options;
  if (![from, to].every(Number.isFinite)) throw new OptionError(`Cannot draw an axis from ${from} to ${to}.`);
  const isOwn = natural === "index" && (options.from !== undefined || options.to !== undefined);
  const shown = ticks?.map(({ at, label }) => ({ at, label: label.replace(TOO_LONG, "$1…") }));
  const axis = { kind: options.kind ?? (isOwn ? "number" : natural), from, to, ticks: shown, label: "" };
  const unit = axis.kind !== "time" ? "" : isClock(axis) ? "time (m:ss)" : "time (s)";
  const half = from === to ? 0.5 : 0;
  return { ...axis, from: from - half, to: to + half, label: options.label ?? unit };
}

const isClock = ({ kind, from, to }: Axis) => kind === "time" && Math.abs(to - from) > CLOCK_FROM_SECONDS;

/** The ticks that were asked for, at least `room` pixels apart. */
export function askedTicks({ from, to, ticks }: Axis, pixels: number, room: number): Tick[] | undefined {
  const [low, high] = [Math.min(from, to), Math.max(from, to)];
  let last = -Infinity;
  return ticks?.filter(({ at }) => at >= low && at <= high).toSorted((a, b) => a.at - b.at)
    .filter(({ at }) => (at - last) * pixels >= room * (high - low) && ((last = at), true));
}

/** Arguments for Plot's ticks, labels and grid: what was asked for, steps of a clock, or Plot's choice. */
export function tickArguments(axis: Axis, pixels: number, room: number, options: object): [object, object?] {
  const style = { labelArrow: "none", label: axis.label || null, tickSpacing: 80, ...options };
  const ticks = askedTicks(axis, pixels, room);
  const labels = new Map(ticks?.map(({ at, label }) => [at, label]));
  if (ticks) return [[...labels.keys()], { ...style, tickFormat: (at: number) => labels.get(at) }];
  const least = Math.abs(axis.to - axis.from) * style.tickSpacing / pixels;
  const interval = CLOCK_STEPS.find((step) => step >= least);
  if (isClock(axis)) return [{ ...style, interval, tickFormat: clock }];
  if (axis.kind === "index" && least < 1) return [{ ...style, interval: 1, tickFormat: "d" }];
  const largest = Math.max(Math.abs(axis.from), Math.abs(axis.to));
  return [{ ...style, tickFormat: largest < 1e-3 ? "~e" : largest >= 1e5 ? "~s" : undefined }];
}

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
type Label = { text: string; at: number; row: number };

/** Places labels so that no two overlap, which Plot does not do; those without space are left out. */
export function placeLabels(marks: readonly Mark[], axis: Axis, pixels: number, size: number): Label[] {
  const { from, to } = axis;
  const filled: number[] = new Array(MOST_ROWS).fill(-Infinity);
  const wanted = marks.flatMap((mark) => {
    const [start = 0, end = start] = endsOf(mark).map((value) => (value - from) / (to - from) * pixels);
    if (!mark.label || start > pixels || end < 0) return [];
    return [{ text: mark.label, centre: (Math.max(0, start) + Math.min(pixels, end)) / 2 }];
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
