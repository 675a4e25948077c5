/**
 * Heat maps: mel spectrograms, attention, logits; as small PNG files within axes, because Plot's raster needs a canvas.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { axisOf, binsOf, limitsOf, shortNumber } from "./axis.ts";
import { type AxesOptions, type Chart, chartOf, pictureMark } from "./figure.ts";
import type { Drawing } from "./libraries.ts";

/** A matrix, row after row. Values that are not finite are drawn grey. */
export interface HeatMapData {
  /** [rows * columns]. */
  values: ArrayLike<number>;
  /** Cells from top to bottom. */
  rows: number;
  /** Cells from left to right. */
  columns: number;
}

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
/** Colours: more cannot be told apart, and make files larger. */
const LEVELS = 128;
const GREY = [0x9a, 0x9a, 0x9a];
/** A colour bar, its first colour below. */
const RAMP = { values: Array.from({ length: LEVELS }, (_, k) => -k), rows: LEVELS, columns: 1 };

/**
 * Draws a matrix in colours.
 *
 * @param data Values row by row.
 * @throws {OptionError} When the values do not fill the rows and columns, or an option is not usable.
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
  const bar = { width: 1, height: LEVELS, min: 1 - LEVELS, max: 0, palette };
  return chartOf(options, {
    summary: `${rows} rows, ${columns} columns, ${shortNumber(min)} to ${shortNumber(max)}`,
    height: y.ticks ? rows * LABELLED_ROW : Math.max(LOWEST, Math.min(HIGHEST, rows * ROW)),
    x,
    y,
    legend: [],
    colorBar: { axis, picture: (drawing) => rasterURL(drawing, RAMP, bar) },
    draw: (drawing, { width, height }, { from, to }) => {
      const size = { width: Math.abs(width * (x.to - x.from) / (to - from)), height };
      const colors = { min: axis.from, max: axis.to, palette, isUpward: origin === "lower" };
      const url = rasterURL(drawing, data, { ...size, ...colors });
      return [pictureMark(drawing, url, { ...size, x: (x.from + x.to) / 2 })];
    },
  });
}

/** Pixels, and the values of the first and the last colour. */
type RasterOptions = Record<"width" | "height" | "min" | "max", number> & {
  palette: string;
  /** Whether the first row is the lowest. @default {false} */
  isUpward?: boolean;
};

/** A matrix as a data URL: at most a pixel for each cell, or the mean of several. */
function rasterURL({ plot, encode }: Drawing, data: HeatMapData, options: RasterOptions): string {
  const { values, rows, columns } = data;
  const { min, max, palette, isUpward } = options;
  const [across, down] = [binsOf(columns, options.width), binsOf(rows, options.height)];
  const levels = (isUpward ? down.toReversed() : down).flatMap(([top, bottom]) =>
    across.map(([left, right]) => {
      let [sum, count] = [0, 0];
      for (let row = top; row < bottom; row++) {
        for (let at = row * columns + left; at < row * columns + right; at++) {
          if (Number.isFinite(values[at]!)) [sum, count] = [sum + values[at]!, count + 1];
        }
      }
      const part = Math.min(1, Math.max(0, (sum / count - min) / (max - min)));
      return count ? Math.round(part * (LEVELS - 1)) : LEVELS;
    })
  );
  const { apply } = plot.scale({ color: { type: "linear", scheme: palette, domain: [0, LEVELS - 1] } });
  const colors = Array.from({ length: LEVELS }, (_, level) => channelsOf(apply(level)));
  const size = { width: across.length, height: down.length, channels: 1 as const };
  const png = encode({ ...size, data: Uint8Array.from(levels), palette: [...colors, GREY] });
  return `data:image/png;base64,${png.toBase64()}`;
}

/** Channels of `#rrggbb` or `rgb(r, g, b)`, the two ways in which d3 writes colours. */
function channelsOf(color: string): number[] {
  if (color.startsWith("#")) return Array.from(Uint8Array.fromHex(color.slice(1)));
  return Array.from(color.matchAll(/\d+/g), ([digits]) => Number(digits));
}
