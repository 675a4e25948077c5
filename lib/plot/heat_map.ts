/**
 * Heat maps: mel spectrograms, attention, logits.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { axisOf, shortNumber } from "./axis.ts";
import { type AxesOptions, type Chart, chartOf } from "./figure.ts";
import { pictureMark } from "./panel.ts";
import { type HeatMapData, limitsOf, rasterURL } from "./raster.ts";

/** d3's palettes that every kind of colour vision can read; those for signed values are pale at zero. */
const SIGNED = { viridis: false, magma: false, cividis: false, RdBu: true, PuOr: true };

/** How to draw a heat map; limits of its axes are the outer edges of the first and last cells. */
export interface HeatMapOptions extends AxesOptions {
  /** Where the first row goes: `upper` as in a table, `lower` as in a spectrogram. @default {"upper"} */
  origin?: "upper" | "lower" | undefined;
  /** Colours; `RdBu` and `PuOr` are for signed values, pale at zero. @default {"viridis"} */
  palette?: "viridis" | "magma" | "cividis" | "RdBu" | "PuOr" | undefined;
  /** Value of the first colour. @default {the smallest, or where zero is pale as far from it as the largest} */
  min?: number | undefined;
  /** Value of the last colour. @default {the largest} */
  max?: number | undefined;
  /** Text above the colour bar. @default {""} */
  colorLabel?: string | undefined;
}

const [LOWEST, HIGHEST, ROW, LABELLED_ROW] = [120, 420, 3, 18];
const RAMP = { values: Array.from({ length: 128 }, (_, k) => k / 127), rows: 128, columns: 1 };

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
 * const mel = heatMap({ values, rows: 128, columns: 300 }, { title: "Log-mel", origin: "lower" });
 * assertEquals((await mel.toPNG()).subarray(1, 4), new TextEncoder().encode("PNG"));
 * ```
 */
export function heatMap(data: HeatMapData, options: HeatMapOptions = {}): Chart {
  const { rows, columns, values } = data;
  const { palette = "viridis", origin } = options;
  if (!(rows > 0 && columns > 0 && Number.isInteger(rows) && values.length === rows * columns)) {
    const size = `${rows} rows and ${columns} columns from ${values.length} values`;
    throw new OptionError(`Cannot draw a heat map of ${size}.`);
  }
  if (!Object.hasOwn(SIGNED, palette)) {
    throw new OptionError(`There is no palette "${palette}": use ${Object.keys(SIGNED).join(", ")}.`);
  }
  const [low, high] = limitsOf([values]) ?? [0, 1];
  const far = options.max ?? Math.abs(options.min ?? Math.max(-low, high));
  const { min = SIGNED[palette] ? -far : low, max = SIGNED[palette] ? far : high } = options;
  if (!(max >= min)) throw new OptionError(`Cannot colour a heat map from ${min} to ${max}.`);
  const axis = axisOf({ label: options.colorLabel }, min, max, "number");
  const x = axisOf(options.x, -0.5, columns - 0.5, "index");
  const [first, last] = origin === "lower" ? [-0.5, rows - 0.5] : [rows - 0.5, -0.5];
  const y = axisOf(options.y, first!, last!, "index");
  const bar = { width: 1, height: RAMP.rows, min: 0, max: 1, palette, isUpward: true };
  return chartOf(options, {
    summary: `${rows} rows, ${columns} columns, ${shortNumber(min)} to ${shortNumber(max)}`,
    height: y.ticks ? rows * LABELLED_ROW : Math.max(LOWEST, Math.min(HIGHEST, rows * ROW)),
    x,
    y,
    legend: [],
    colorBar: { axis, picture: (drawing) => rasterURL(drawing, RAMP, bar) },
    draw: (drawing, size, { from, to }) => {
      const width = size.width * (x.to - x.from) / (to - from);
      const how = { ...size, min: axis.from, max: axis.to, palette, isUpward: origin === "lower" };
      return [
        pictureMark(
          drawing,
          rasterURL(drawing, data, how),
          Math.abs(width),
          size.height,
          (x.from + x.to) / 2,
        ),
      ];
    },
  });
}
