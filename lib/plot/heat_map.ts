/**
 * Heat maps: mel spectrograms, attention, logits.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { axisOf } from "./axis.ts";
import { checkPalette, type PaletteName } from "./colors.ts";
import { type AxesOptions, type Chart, Figure, pixelsOf } from "./figure.ts";
import { checkMarks } from "./marks.ts";
import { image } from "./panel.ts";
import { checkData, type HeatMapData, limitsOf, rasterURL } from "./raster.ts";
import { shortNumber } from "./text.ts";

/** How to draw a heat map; limits of its axes are the outer edges of the first and last cells. */
export interface HeatMapOptions extends AxesOptions {
  /** Where the first row goes: `upper` as in a table, `lower` as in a spectrogram. @default {"upper"} */
  origin?: "upper" | "lower" | undefined;
  /** Colours from the smallest value to the largest. @default {"viridis"} */
  palette?: PaletteName | undefined;
  /** Value of the first colour. @default {the smallest, or where zero is pale as far from it as the largest} */
  min?: number | undefined;
  /** Value of the last colour. @default {the largest} */
  max?: number | undefined;
  /** Text above the colour bar. @default {""} */
  colorLabel?: string | undefined;
}

const [LOWEST, HIGHEST] = [120, 420];
const [ROW, LABELLED_ROW] = [3, 18];
const RAMP = Array.from({ length: 128 }, (_, k) => k / 127);

/**
 * Draws a matrix in colours.
 *
 * @param data Values row by row.
 * @throws {OptionError} When the values do not fill the rows and columns, or an option is not usable.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * const values = Float32Array.from({ length: 128 * 300 }, (_, k) => Math.sin(k / 500));
 * const x = { label: "time (s)", from: 0, to: 3 };
 * const mel = heatMap({ values, rows: 128, columns: 300 }, { title: "Log-mel", x, origin: "lower" });
 * assertEquals((await mel.toPNG()).subarray(1, 4), new TextEncoder().encode("PNG"));
 * ```
 */
export function heatMap(data: HeatMapData, options: HeatMapOptions = {}): Chart {
  checkData(data);
  const { rows, columns, values } = data;
  const isUpward = options.origin === "lower";
  const palette = checkPalette(options.palette);
  const [low, high] = limitsOf([values]) ?? [0, 1];
  const isSigned = palette === "RdBu" || palette === "PuOr";
  const far = options.max ?? Math.abs(options.min ?? Math.max(-low, high));
  const [min, max] = [options.min ?? (isSigned ? -far : low), options.max ?? (isSigned ? far : high)];
  if (!(max >= min)) throw new OptionError(`Cannot colour a heat map from ${min} to ${max}.`);
  const axis = axisOf({ label: options.colorLabel }, min, max, "number");
  const x = axisOf(options.x ?? {}, -0.5, columns - 0.5, "index");
  const y = axisOf(options.y ?? {}, isUpward ? -0.5 : rows - 0.5, isUpward ? rows - 0.5 : -0.5, "index");
  const usual = Math.max(LOWEST, Math.min(HIGHEST, rows * (y.ticks ? LABELLED_ROW : ROW)));
  const height = pixelsOf("height", options.height, y.ticks ? rows * LABELLED_ROW : usual);
  const colors = { min: axis.from, max: axis.to, palette, isUpward };
  const ramp = { values: RAMP, rows: RAMP.length, columns: 1 };
  return new Figure([{
    title: options.title ?? "",
    summary: `${rows} rows, ${columns} columns, ${shortNumber(min)} to ${shortNumber(max)}`,
    height,
    x,
    y,
    marks: checkMarks(options.marks),
    legend: [],
    colorBar: {
      axis,
      picture: (drawing) =>
        rasterURL(drawing, ramp, [1, RAMP.length], { min: 0, max: 1, palette, isUpward: true }),
    },
    draw: (drawing, pixels) => [
      image(drawing, rasterURL(drawing, data, [pixels, height], colors), [x.from, x.to], [y.from, y.to]),
    ],
  }], options.width);
}
