/**
 * Bar charts: one bar, or a group of bars, for each name.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { type Axis, axisOf, type AxisOptions } from "./axis.ts";
import { type Chart, CHART_WIDTH, type ChartOptions, Figure, pixelsOf } from "./chart.ts";
import { parseColor, SERIES_COLORS } from "./colors.ts";
import type { Frame } from "./panel.ts";
import { tag, textPixels, textTag } from "./svg.ts";
import { shortNumber } from "./ticks.ts";

/** A bar, or a group of them. */
export interface Bar {
  /** Name below or beside the bar. */
  label: string;
  /** Length, or one for each series. Not finite: no bar. */
  value: number | readonly number[];
  /** `#rrggbb`, for a single bar. @default {the colour of its series} */
  color?: string | undefined;
}

/** How to draw bars. */
export interface BarChartOptions extends ChartOptions {
  /** Names of the values of a group, for the legend. @default {[]} */
  series?: readonly string[] | undefined;
  /** `horizontal` suits long names. @default {"vertical"} */
  orientation?: "vertical" | "horizontal" | undefined;
  /** The axis of the lengths. @default {from 0} */
  values?: AxisOptions | undefined;
  /** Text beside the names. @default {""} */
  label?: string | undefined;
}

const HEIGHT = 220;
const ROW_HEIGHT = 24;
/** Share of the space of a name that its bars fill. */
const FILL = 0.76;
/** Space for the number at the end of a bar, as a share of the range of the values. */
const PADDING = 0.12;
const NUMBER_SIZE = 11;

/**
 * Draws bars with their values.
 *
 * @throws {OptionError} When there are no bars or an option is not usable.
 *
 * @example
 * ```ts
 * import { assertStringIncludes } from "@std/assert";
 * const chart = barChart([{ label: "mel", value: 12 }, { label: "encoder", value: 140 }, { label: "decoder", value: 310 }], {
 *   title: "Where the time went",
 *   values: { label: "milliseconds" },
 * });
 * assertStringIncludes(chart.toSVG(), ">310</text>");
 * ```
 */
export function barChart(bars: readonly Bar[], options: BarChartOptions = {}): Chart {
  if (bars.length === 0) throw new OptionError("Cannot draw a bar chart: there are no bars.");
  for (const { color } of bars) if (color !== undefined) parseColor(color);
  const isFlat = options.orientation === "horizontal";
  const names = nameAxis(bars, options.label, isFlat);
  const lengths = lengthAxis(bars, options.values ?? {});
  const groups = Math.max(...bars.map((bar) => valuesOf(bar).length));
  const panel = {
    title: options.title ?? "",
    height: pixelsOf(
      "height",
      options.height,
      isFlat ? bars.length * Math.max(ROW_HEIGHT, groups * 16) : HEIGHT,
    ),
    x: isFlat ? lengths : names,
    y: isFlat ? names : lengths,
    marks: [],
    legend: (options.series ?? []).map((text, k) => ({
      text,
      color: SERIES_COLORS[k % SERIES_COLORS.length]!,
    })),
    draw: (frame: Frame) => bars.flatMap((bar, k) => drawGroup(bar, k, groups, frame, isFlat)),
  };
  return new Figure([panel], {
    width: pixelsOf("width", options.width, CHART_WIDTH),
    title: "",
    sharedX: false,
  });
}

function valuesOf({ value }: Bar): readonly number[] {
  return typeof value === "number" ? [value] : value;
}

/** The axis of the names: from left to right, or from top to bottom. */
function nameAxis(bars: readonly Bar[], label: string | undefined, isFlat: boolean): Axis {
  const [first, last] = [-0.5, bars.length - 0.5];
  const ticks = bars.map((bar, at) => ({ at, label: bar.label }));
  return { label, from: isFlat ? last : first, to: isFlat ? first : last, kind: "category", ticks };
}

function lengthAxis(bars: readonly Bar[], options: AxisOptions): Axis {
  const finite = [0, ...bars.flatMap(valuesOf).filter(Number.isFinite)];
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const room = (high - low) * PADDING || 1;
  return axisOf(options, low < 0 ? low - room : 0, high > 0 ? high + room : 0, "number");
}

function drawGroup(bar: Bar, index: number, groups: number, frame: Frame, isFlat: boolean): string[] {
  const names = isFlat ? frame.y : frame.x;
  const lengths = isFlat ? frame.x : frame.y;
  const thickness = Math.abs(names(1) - names(0)) * FILL / groups;
  return valuesOf(bar).flatMap((value, k) => {
    if (!Number.isFinite(value)) return [];
    const start = names(index) - thickness * groups / 2 + k * thickness;
    const [zero, end] = [lengths(0), lengths(value)];
    const [low, high] = [Math.min(zero, end), Math.max(zero, end)];
    const box = isFlat
      ? { x: low, y: start, width: high - low, height: thickness }
      : { x: start, y: low, width: thickness, height: high - low };
    const fill = bar.color ?? SERIES_COLORS[k % SERIES_COLORS.length]!;
    return [
      tag("rect", { ...box, fill, stroke: "#ffffff", "stroke-width": groups > 1 ? 1 : 0 }),
      ...drawNumber(value, start + thickness / 2, end, thickness, isFlat),
    ];
  });
}

/** Writes a value at the end of its bar, if the bar is thick enough. */
function drawNumber(
  value: number,
  middle: number,
  end: number,
  thickness: number,
  isFlat: boolean,
): string[] {
  const text = shortNumber(value);
  const away = value < 0 ? -1 : 1;
  if (isFlat) {
    if (thickness < NUMBER_SIZE) return [];
    const anchor = away > 0 ? "start" : "end";
    const place = { x: end + 4 * away, y: middle + NUMBER_SIZE / 3, "text-anchor": anchor };
    return [textTag(text, { ...place, "font-size": NUMBER_SIZE })];
  }
  if (thickness < textPixels(text, NUMBER_SIZE)) return [];
  const place = { x: middle, y: away > 0 ? end - 4 : end + NUMBER_SIZE + 1, "text-anchor": "middle" };
  return [textTag(text, { ...place, "font-size": NUMBER_SIZE })];
}
