/**
 * Line charts over a common x axis, waves as lines, and bar charts.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import {
  type Axis,
  axisOf,
  type AxisOptions,
  binsOf,
  limitsOf,
  seriesColor,
  shortNumber,
  textPixels,
} from "./axis.ts";
import { type AxesOptions, type Chart, chartOf, type ChartOptions } from "./figure.ts";
import type { Drawing, PlotMark } from "./libraries.ts";

/** One line. */
export interface Series {
  /** Text in the legend. @default {"", not in the legend} */
  name?: string | undefined;
  /** Values, [points]. A value that is not finite leaves a gap. */
  y: ArrayLike<number>;
  /** Positions, ascending, [points]. @default {0, 1, 2, ...} */
  x?: ArrayLike<number> | undefined;
  /** `#rrggbb`, or `currentColor` for that of the text. @default {the next of seven} */
  color?: string | undefined;
  /** Whether the line is broken into dashes. @default {false} */
  isDashed?: boolean | undefined;
  /** Whether the area down to zero is shaded. @default {false} */
  isFilled?: boolean | undefined;
  /** Whether each point is a dot. @default {false} */
  hasDots?: boolean | undefined;
}

const [HEIGHT, WAVE_HEIGHT, BARS_HEIGHT, BAR_HEIGHT, ROW_HEIGHT] = [180, 120, 220, 22, 28];
/** Space around a wave, as a multiple of it. */
const HEADROOM = 1.05;
/** Space above and below the lines, as a share of their range. */
const PADDING = 0.05;
/** Points a pixel from which only the lowest and the highest of each pixel are drawn. */
const MOST_POINTS = 4;

/**
 * Draws lines.
 *
 * @throws {OptionError} When there is nothing to draw, `x` and `y` differ in length, or an option is not usable.
 */
export function lineChart(series: readonly Series[], options: AxesOptions = {}): Chart {
  const lines = series.map(lineOf);
  const xs = limitsOf(lines.map(({ x }) => x));
  const ys = limitsOf([...lines.map(({ y }) => y), lines.some(({ isFilled }) => isFilled) ? [0] : []]);
  if (!xs || !ys) throw new OptionError("Cannot draw a line chart: there are no points.");
  const isIndexed = !series.some(({ x }) => x);
  const half = isIndexed ? 0.5 : 0;
  const room = (ys[1] - ys[0] || Math.abs(ys[0])) * PADDING;
  const legend = lines.flatMap(({ name: text = "", color }) => text ? [{ text, color }] : []);
  const range = `${ys.map(shortNumber).join(" to ")} ${options.y?.label ?? ""}`.trim();
  return chartOf(options, {
    summary: [...legend.map(({ text }) => text), range].join(", "),
    height: HEIGHT,
    x: axisOf(options.x, xs[0] - half, xs[1] + half, isIndexed ? "index" : "number"),
    y: axisOf(options.y, ys[0] && ys[0] - room, ys[1] && ys[1] + room, "number"),
    legend,
    draw: ({ plot }, { width }, axis) => lines.flatMap((line) => drawLine(plot, line, width, axis)),
  });
}

type Line = Series & { x: ArrayLike<number>; color: string };

function lineOf(series: Series, index: number): Line {
  const { name = "", y, x = Array.from({ length: y.length }, (_, k) => k) } = series;
  if (x.length === y.length) return { ...series, x, color: seriesColor(index, series.color) };
  throw new OptionError(`Cannot draw line ${index} "${name}": x has ${x.length} points, y has ${y.length}.`);
}

function drawLine(plot: Drawing["plot"], line: Line, pixels: number, axis: Axis): PlotMark[] {
  const { color, isDashed, isFilled, hasDots } = line;
  const points = pointsOf(line, Math.floor(pixels), axis);
  const x = (at: number) => line.x[at];
  const y = (at: number) => Number.isFinite(line.y[at]) ? line.y[at] : NaN;
  const stroke = { stroke: color, strokeWidth: 1.6, strokeDasharray: isDashed ? "6 4" : undefined };
  return [
    ...(isFilled ? [plot.areaY(points, { x, y1: 0, y2: y, fill: color, fillOpacity: 0.18 })] : []),
    plot.line(points, { x, y, ...stroke }),
    ...(hasDots ? [plot.dot(points, { x, y, fill: color, r: 3.5 })] : []),
  ];
}

/** Indices of points to draw: all, or the lowest and highest of each pixel: Plot would write a million of them. */
function pointsOf({ x, y }: Line, pixels: number, { from, to }: Axis): number[] {
  let [first, end] = [0, y.length];
  while (first < end && x[first]! < Math.min(from, to)) first++;
  while (end > first && x[end - 1]! > Math.max(from, to)) end--;
  if (end - first <= MOST_POINTS * pixels) return Array.from({ length: end - first }, (_, k) => first + k);
  return binsOf(end - first, pixels).flatMap(([start, stop]) => {
    let [least, most] = [first + start, first + start];
    for (let at = first + start; at < first + stop; at++) {
      if (!Number.isFinite(y[at]!)) return [at];
      if (y[at]! < y[least]!) least = at;
      if (y[at]! > y[most]!) most = at;
    }
    return [Math.min(least, most), Math.max(least, most)];
  });
}

/** How to draw a wave. */
export interface WaveformOptions extends AxesOptions {
  /** Samples a second. @default {16000} */
  sampleRate?: number | undefined;
  /** Time of the first sample. @default {0} */
  startSeconds?: number | undefined;
  /** `#rrggbb`, or `currentColor` for that of the text. @default {"#0072b2"} */
  color?: string | undefined;
}

/**
 * Draws samples over time: the range of them for each pixel, or a line when there are few.
 *
 * @param samples One channel, [samples].
 * @throws {OptionError} When there are no samples or an option is not usable.
 */
export function waveform(samples: ArrayLike<number>, options: WaveformOptions = {}): Chart {
  const { sampleRate = 16000, startSeconds: from = 0, color, height = WAVE_HEIGHT } = options;
  if (samples.length === 0) throw new OptionError("Cannot draw a waveform: there are no samples.");
  if (!(sampleRate > 0)) throw new OptionError(`Cannot draw a waveform with sample rate ${sampleRate}.`);
  const [low, high] = limitsOf([samples]) ?? [0, 0];
  const peak = (Math.max(-low, high) || 1) * HEADROOM;
  const times = Float64Array.from({ length: samples.length }, (_, k) => from + k / sampleRate);
  return lineChart([{ x: times, y: samples, color }], {
    ...options,
    height,
    x: { kind: "time", from, to: from + samples.length / sampleRate, ...options.x },
    y: { label: "amplitude", from: -peak, to: peak, ...options.y },
  });
}

/** A bar, or a group of them. */
export interface Bar {
  /** Name below or beside the bar. */
  label: string;
  /** Length, or one for each series. Not finite: no bar. */
  value: number | readonly number[];
}

/** How to draw bars. */
export interface BarChartOptions extends ChartOptions {
  /** Names of the values of a group, for the legend. @default {[]} */
  series?: readonly string[] | undefined;
  /** `horizontal` suits long names. @default {"vertical"} */
  orientation?: "vertical" | "horizontal" | undefined;
  /** The axis of the lengths. @default {from 0} */
  values?: AxisOptions | undefined;
}

/** Share of the space of a name that its bars fill. */
const FILL = 0.76;
/** Space for the number at the end of a bar, as a share of the range of the values. */
const NUMBER_ROOM = 0.14;
const NUMBER_SIZE = 13;

/**
 * Draws bars with their values.
 *
 * @throws {OptionError} When there are no bars or an option is not usable.
 */
export function barChart(bars: readonly Bar[], options: BarChartOptions = {}): Chart {
  if (bars.length === 0) throw new OptionError("Cannot draw a bar chart: there are no bars.");
  const isFlat = options.orientation === "horizontal";
  const groups = bars.map(({ value }) => typeof value === "number" ? [value] : value);
  const most = Math.max(...groups.map(({ length }) => length));
  const thick = FILL / most;
  const boxes = groups.flatMap((values, at) =>
    values.map((value, k) => {
      const start = at - FILL / 2 + k * thick;
      return { value, start, middle: start + thick / 2, end: start + thick, color: seriesColor(k) };
    })
  ).filter(({ value }) => Number.isFinite(value));
  const [low, high] = limitsOf([[0], boxes.map(({ value }) => value)])!;
  const room = (high - low) * NUMBER_ROOM || 1;
  const lengths = axisOf(options.values, low && low - room, high || low === 0 ? high + room : 0, "number");
  const ends: [number, number] = isFlat ? [bars.length - 0.5, -0.5] : [-0.5, bars.length - 0.5];
  const ticks = bars.map(({ label }, at) => ({ at, label }));
  const names = axisOf({ ticks }, ...ends, "index");
  return chartOf(options, {
    summary: bars.map(({ label }, k) => `${label} ${groups[k]!.map(shortNumber).join("/")}`).join(", "),
    height: isFlat ? bars.length * Math.max(ROW_HEIGHT, most * BAR_HEIGHT) : BARS_HEIGHT,
    x: isFlat ? lengths : names,
    y: isFlat ? names : lengths,
    legend: (options.series ?? []).map((text, k) => ({ text, color: seriesColor(k) })),
    draw: ({ plot }, { width, height }) => {
      const pixels = (isFlat ? height : width) / bars.length * thick;
      const numbers = boxes.map((box) => ({ ...box, text: shortNumber(box.value) }))
        .filter(({ text }) => pixels >= (isFlat ? NUMBER_SIZE : textPixels(text, NUMBER_SIZE)));
      const [above, below] = isFlat
        ? [{ textAnchor: "start", dx: 4 }, { textAnchor: "end", dx: -4 }]
        : [{ lineAnchor: "bottom", dy: -3 }, { lineAnchor: "top", dy: 3 }];
      const [box, place] = isFlat
        ? [{ x1: () => 0, x2: "value", y1: "start", y2: "end" }, { x: "value", y: "middle" }]
        : [{ y1: () => 0, y2: "value", x1: "start", x2: "end" }, { x: "middle", y: "value" }];
      const text = { ...place, text: "text", fontSize: NUMBER_SIZE };
      return [
        plot.rect(boxes, { ...box, fill: "color", inset: most > 1 ? 0.5 : 0 }),
        plot.text(numbers.filter(({ value }) => value >= 0), { ...text, ...above }),
        plot.text(numbers.filter(({ value }) => value < 0), { ...text, ...below }),
      ];
    },
  });
}
