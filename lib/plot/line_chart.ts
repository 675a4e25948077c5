/**
 * Line charts: one or several lines over a common x axis.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { axisOf, type AxisOptions } from "./axis.ts";
import { type Chart, CHART_WIDTH, type ChartOptions, Figure, pixelsOf } from "./chart.ts";
import { parseColor, SERIES_COLORS } from "./colors.ts";
import type { Frame } from "./panel.ts";
import { checkMarks, type Mark } from "./marks.ts";
import { linePath } from "./paths.ts";
import { number, tag } from "./svg.ts";

/** One line. */
export interface Series {
  /** Text in the legend. @default {"", not in the legend} */
  name?: string | undefined;
  /** Values, [points]. A value that is not finite leaves a gap. */
  y: ArrayLike<number>;
  /** Positions, ascending, [points]. @default {0, 1, 2, ...} */
  x?: ArrayLike<number> | undefined;
  /** `#rrggbb`. @default {the next of eight} */
  color?: string | undefined;
  /** Whether the line is broken into dashes. @default {false} */
  isDashed?: boolean | undefined;
  /** Whether the area down to zero is shaded. @default {false} */
  isFilled?: boolean | undefined;
  /** Whether each point is a dot. @default {false} */
  hasDots?: boolean | undefined;
}

/** How to draw lines. */
export interface LineChartOptions extends ChartOptions {
  /** The horizontal axis. @default {the range of the points} */
  x?: AxisOptions | undefined;
  /** The vertical axis. @default {a little more than the range of the points} */
  y?: AxisOptions | undefined;
  /** Cut points, chunks, words. @default {[]} */
  marks?: readonly Mark[] | undefined;
}

const HEIGHT = 180;
/** Space above and below the lines, as a share of their range. */
const PADDING = 0.05;

/**
 * Draws lines.
 *
 * @throws {OptionError} When there is nothing to draw, `x` and `y` differ in length, or an option is not usable.
 *
 * @example
 * ```ts
 * import { assertStringIncludes } from "@std/assert";
 * const chart = lineChart([
 *   { name: "0.6B", y: [0.1, 0.4, 0.2], isFilled: true },
 *   { name: "1.7B", y: [0.1, 0.2, 0.1], isDashed: true },
 * ], { title: "Entropy per token", x: { label: "token" }, y: { label: "nats" } });
 * assertStringIncludes(chart.toSVG(), "Entropy per token");
 * ```
 */
export function lineChart(series: readonly Series[], options: LineChartOptions = {}): Chart {
  const lines = series.map(lineOf);
  const xs = limits(lines.map(({ x }) => x));
  const ys = limits([...lines.map(({ y }) => y), ...(lines.some(({ isFilled }) => isFilled) ? [[0]] : [])]);
  if (!xs || !ys) throw new OptionError("Cannot draw a line chart: there are no points.");
  const isIndexed = !series.some(({ x }) => x);
  const half = isIndexed ? 0.5 : 0;
  const room = (ys[1] - ys[0]) * PADDING || Math.abs(ys[0]) * PADDING;
  const panel = {
    title: options.title ?? "",
    height: pixelsOf("height", options.height, HEIGHT),
    x: axisOf(options.x ?? {}, xs[0] - half, xs[1] + half, isIndexed ? "index" : "number"),
    y: axisOf(options.y ?? {}, ys[0] === 0 ? 0 : ys[0] - room, ys[1] === 0 ? 0 : ys[1] + room, "number"),
    marks: checkMarks(options.marks ?? []),
    legend: lines.flatMap(({ name, color }) => name ? [{ text: name, color }] : []),
    draw: (frame: Frame) => lines.flatMap((line) => drawLine(line, frame)),
  };
  return new Figure([panel], {
    width: pixelsOf("width", options.width, CHART_WIDTH),
    title: "",
    sharedX: false,
  });
}

interface Line {
  name: string;
  x: ArrayLike<number>;
  y: ArrayLike<number>;
  color: string;
  isDashed: boolean;
  isFilled: boolean;
  hasDots: boolean;
}

function lineOf({ name = "", x, y, color, isDashed, isFilled, hasDots }: Series, index: number): Line {
  if (x && x.length !== y.length) {
    throw new OptionError(
      `Cannot draw line ${index} "${name}": x has ${x.length} points, y has ${y.length}.`,
    );
  }
  if (color !== undefined) parseColor(color);
  return {
    name,
    x: x ?? Array.from({ length: y.length }, (_, k) => k),
    y,
    color: color ?? SERIES_COLORS[index % SERIES_COLORS.length]!,
    isDashed: isDashed ?? false,
    isFilled: isFilled ?? false,
    hasDots: hasDots ?? false,
  };
}

function limits(lists: readonly ArrayLike<number>[]): [low: number, high: number] | undefined {
  let low = Infinity;
  let high = -Infinity;
  for (const list of lists) {
    for (let k = 0; k < list.length; k++) {
      const value = list[k]!;
      if (!Number.isFinite(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low <= high ? [low, high] : undefined;
}

function drawLine({ x, y, color, isDashed, isFilled, hasDots }: Line, frame: Frame): string[] {
  const xOf = (k: number) => frame.x(x[k]!);
  const yOf = (k: number) => frame.y(y[k]!);
  const d = linePath(y.length, xOf, yOf, frame.width);
  const parts = isFilled
    ? [tag("path", { d: closed(d, frame.y(0)), fill: color, "fill-opacity": 0.18 })]
    : [];
  parts.push(tag("path", {
    d,
    fill: "none",
    stroke: color,
    "stroke-width": 1.6,
    "stroke-linejoin": "round",
    "stroke-dasharray": isDashed ? "6 4" : undefined,
  }));
  if (!hasDots) return parts;
  for (let k = 0; k < y.length; k++) {
    if (Number.isFinite(xOf(k)) && Number.isFinite(yOf(k))) {
      parts.push(tag("circle", { cx: xOf(k), cy: yOf(k), r: 3, fill: color }));
    }
  }
  return parts;
}

/** Closes each unbroken part of a path along a baseline, so that it can be filled. */
function closed(path: string, baseline: number): string {
  return path.split("M").slice(1).map((stretch) => {
    const points = stretch.split("L");
    const [first = "0"] = (points[0] ?? "").split(" ");
    const [last = "0"] = (points.at(-1) ?? "").split(" ");
    return `M${first} ${number(baseline)}L${stretch}L${last} ${number(baseline)}Z`;
  }).join("");
}
