/**
 * Settles limits, axes, sizes and colours of a heat map before it is drawn.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { type Axis, axisOf, type AxisOptions } from "./axis.ts";
import { checkData, FIRST_LEVEL, type HeatMapData, LEVELS, limitsOf } from "./cells.ts";
import { type Color, paletteColors, type PaletteName, parseColor } from "./colors.ts";
import { shorten } from "./ticks.ts";
import { checkMarks, type Mark } from "./marks.ts";

/** How to draw a heat map. */
export interface HeatMapOptions {
  /** Text above. @default {""} */
  title?: string | undefined;
  /** `from` and `to` are the outer edges of the first and last column. @default {column numbers} */
  x?: AxisOptions | undefined;
  /** `from` and `to` are the lower and the upper edge of the picture. @default {row numbers} */
  y?: AxisOptions | undefined;
  /** Where the first row goes: `upper` as in a table, `lower` as in a spectrogram. @default {"upper"} */
  origin?: "upper" | "lower" | undefined;
  /** Colours, from the smallest value to the largest. @default {"viridis"} */
  palette?: PaletteName | undefined;
  /** Value of the first colour. @default {the smallest value} */
  min?: number | undefined;
  /** Value of the last colour. @default {the largest value} */
  max?: number | undefined;
  /** Text beside the colour bar. @default {""} */
  colorLabel?: string | undefined;
  /** Pixels of the cells without margins. @default {whole pixels per cell, 380 to 900 where there are enough cells} */
  width?: number | undefined;
  /** Pixels of the cells without margins. @default {whole pixels per cell, about 320} */
  height?: number | undefined;
  /** Vertical lines and spans. @default {[]} */
  marks?: readonly Mark[] | undefined;
}

/** Everything needed to draw a heat map. */
export interface HeatMapPlan {
  title: string;
  data: HeatMapData;
  x: Axis;
  y: Axis;
  isUpward: boolean;
  min: number;
  max: number;
  width: number;
  height: number;
  colorLabel: string;
  palette: PaletteName;
  marks: readonly Mark[];
}

const LONGEST_TITLE = 120;
const MAX_WIDTH = 900;
const WIDTH = 760;
const HEIGHT = 320;
const MAX_HEIGHT = 480;
const LARGEST_CELL = 24;
const LABELLED_CELL = 14;

/** Fills in what the options leave out. */
export function planOf(data: HeatMapData, options: HeatMapOptions): HeatMapPlan {
  checkData(data);
  const { rows, columns } = data;
  const isUpward = options.origin === "lower";
  const [low, high] = limitsOf(data);
  const min = options.min ?? low;
  const max = options.max ?? high;
  if (!(max >= min)) throw new OptionError(`Cannot colour a heat map from ${min} to ${max}.`);
  return {
    title: shorten(options.title ?? "", LONGEST_TITLE),
    data,
    x: axisOf(options.x ?? {}, -0.5, columns - 0.5, "index"),
    y: axisOf(options.y ?? {}, isUpward ? -0.5 : rows - 0.5, isUpward ? rows - 0.5 : -0.5, "index"),
    isUpward,
    min: max > min ? min : min - 0.5,
    max: max > min ? max : max + 0.5,
    width: sizeOf("width", options.width, pixelsFor(columns, WIDTH, MAX_WIDTH, 1)),
    height: sizeOf(
      "height",
      options.height,
      pixelsFor(rows, HEIGHT, MAX_HEIGHT, options.y?.ticks ? LABELLED_CELL : 1),
    ),
    colorLabel: options.colorLabel ?? "",
    palette: options.palette ?? "viridis",
    marks: checkMarks(options.marks ?? []),
  };
}

/** Whole pixels per cell when there are few cells, one or less when there are many. */
function pixelsFor(cells: number, wanted: number, most: number, smallestCell: number): number {
  if (cells > wanted / 2 && cells <= most) return Math.max(cells, wanted / 2);
  if (cells > most) return most;
  return cells * Math.max(smallestCell, Math.min(LARGEST_CELL, Math.floor(wanted / cells)));
}

function sizeOf(name: string, asked: number | undefined, fallback: number): number {
  if (asked === undefined) return fallback;
  if (Number.isInteger(asked) && asked >= 1 && asked <= 8192) return asked;
  throw new OptionError(`Cannot draw a heat map with ${name} ${asked}: use whole pixels from 1 to 8192.`);
}

/** Colours of text, lines and values, by index. */
export function heatMapPalette(
  { palette, marks }: HeatMapPlan,
): { colors: Color[]; colorOf: (hex: string) => number } {
  const own = ["#ffffff", "#1f1f1f", "#6b6b6b", "#dddddd", "#b8b8b8", "#000000"];
  const named = [...new Set(marks.flatMap(({ color }) => color?.toLowerCase() ?? []))];
  const fixed = [...own, ...named].slice(0, FIRST_LEVEL);
  const colors = Array.from({ length: FIRST_LEVEL }, (_, k) => parseColor(fixed[k] ?? "#000000"));
  const colorOf = (hex: string) => Math.max(1, fixed.indexOf(hex.toLowerCase()));
  return { colors: [...colors, ...paletteColors(palette, LEVELS)], colorOf };
}
