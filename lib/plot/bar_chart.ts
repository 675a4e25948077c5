/**
 * Bar charts: one bar, or a group of bars, for each name.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { axisOf, type AxisOptions, shortNumber, textPixels } from "./axis.ts";
import { type Chart, chartOf, type ChartOptions } from "./figure.ts";
import { seriesColor } from "./marks.ts";
import { limitsOf } from "./raster.ts";

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
  /** Text beside the names. @default {""} */
  label?: string | undefined;
}

const [HEIGHT, BAR_HEIGHT, ROW_HEIGHT] = [220, 22, 28];
/** Share of the space of a name that its bars fill. */
const FILL = 0.76;
/** Space for the number at the end of a bar, as a share of the range of the values. */
const PADDING = 0.14;
const NUMBER_SIZE = 13;

/**
 * Draws bars with their values.
 *
 * @throws {OptionError} When there are no bars or an option is not usable.
 *
 * @example
 * ```ts
 * import { assertStringIncludes } from "@std/assert";
 * const bars = [{ label: "mel", value: 12 }, { label: "decoder", value: 310 }];
 * const chart = barChart(bars, { title: "Where the time went", values: { label: "milliseconds" } });
 * assertStringIncludes(await chart.toSVG(), ">310</text>");
 * ```
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
  const room = (high - low) * PADDING || 1;
  const lengths = axisOf(options.values, low && low - room, high || low === 0 ? high + room : 0, "number");
  const ends: [number, number] = isFlat ? [bars.length - 0.5, -0.5] : [-0.5, bars.length - 0.5];
  const ticks = bars.map(({ label }, at) => ({ at, label }));
  const names = axisOf({ label: options.label, ticks }, ...ends, "index");
  return chartOf(options, {
    summary: bars.map(({ label }, k) => `${label} ${groups[k]!.map(shortNumber).join("/")}`).join(", "),
    height: isFlat ? bars.length * Math.max(ROW_HEIGHT, most * BAR_HEIGHT) : HEIGHT,
    x: isFlat ? lengths : names,
    y: isFlat ? names : lengths,
    legend: (options.series ?? []).map((text, k) => ({ text, color: seriesColor(k) })),
    draw: ({ plot }, { width, height }) => {
      const pixels = (isFlat ? height : width) / bars.length * thick;
      const numbers = boxes.map((box) => ({ ...box, text: shortNumber(box.value) }))
        .filter(({ text }) => pixels >= (isFlat ? NUMBER_SIZE : textPixels(text, NUMBER_SIZE)));
      const text = { text: "text", fontSize: NUMBER_SIZE };
      const zero = () => 0;
      return [
        plot.rect(boxes, {
          ...isFlat
            ? { x1: zero, x2: "value", y1: "start", y2: "end" }
            : { x1: "start", x2: "end", y1: zero, y2: "value" },
          fill: "color",
          inset: most > 1 ? 0.5 : 0,
        }),
        ...[1, -1].map((sign) =>
          plot.text(
            numbers.filter(({ value }) => (value < 0) === (sign < 0)),
            isFlat
              ? { ...text, x: "value", y: "middle", textAnchor: sign > 0 ? "start" : "end", dx: 4 * sign }
              : { ...text, x: "middle", y: "value", lineAnchor: sign > 0 ? "bottom" : "top", dy: -3 * sign },
          )
        ),
      ];
    },
  });
}
