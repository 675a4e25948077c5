/**
 * Pixels: matrices as small PNG files (Plot's own raster needs a canvas), and PNG files with few colours.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { paletteColors, type PaletteName } from "./colors.ts";
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

/** Colours of a heat map: more cannot be told apart and make files larger. */
const LEVELS = 128;
const GREY = [0x9a, 0x9a, 0x9a];
const MOST_COLORS = 256;

/** Refuses a matrix whose rows and columns do not fit the number of its values. */
export function checkData({ values, rows, columns }: HeatMapData): void {
  const isSize = (count: number) => Number.isInteger(count) && count > 0;
  if (isSize(rows) && isSize(columns) && values.length === rows * columns) return;
  throw new OptionError(
    `Cannot draw a heat map of ${rows} rows and ${columns} columns from ${values.length} values.`,
  );
}

/** The smallest and the largest finite value of lists; nothing when there is none. */
export function limitsOf(lists: readonly ArrayLike<number>[]): [low: number, high: number] | undefined {
  let [low, high] = [Infinity, -Infinity];
  for (const list of lists) {
    for (let k = 0; k < list.length; k++) {
      if (!Number.isFinite(list[k]!)) continue;
      low = Math.min(low, list[k]!);
      high = Math.max(high, list[k]!);
    }
  }
  return low <= high ? [low, high] : undefined;
}

/** How to colour cells. */
export interface RasterOptions {
  /** Values of the first and the last colour; smaller and larger values get these colours too. */
  min: number;
  max: number;
  palette: PaletteName;
  /** Whether the first row is the lowest. */
  isUpward: boolean;
}

/** A matrix as a data URL, at most a pixel for each cell; where cells are smaller than pixels, their mean. */
export function rasterURL(
  { plot, encode }: Drawing,
  data: HeatMapData,
  [width, height]: [width: number, height: number],
  { min, max, palette, isUpward }: RasterOptions,
): string {
  const columns = binsOf(data.columns, width);
  const rows = binsOf(data.rows, height);
  if (isUpward) rows.reverse();
  const pixels = rows.flatMap((row) =>
    columns.map((column) => {
      const part = Math.min(1, Math.max(0, (meanOf(data, row, column) - min) / (max - min)));
      return Number.isNaN(part) ? LEVELS : Math.round(part * (LEVELS - 1));
    })
  );
  const colors = [...paletteColors(plot, palette, LEVELS), GREY];
  const size = { width: columns.length, height: rows.length };
  const png = encode({ ...size, data: Uint8Array.from(pixels), channels: 1, palette: colors });
  return `data:image/png;base64,${png.toBase64()}`;
}

/** First cell of each pixel of a side, and the cell after its last. */
function binsOf(cells: number, most: number): [first: number, end: number][] {
  const pixels = Math.min(cells, Math.ceil(most));
  return Array.from({ length: pixels }, (_, k) => [
    Math.floor(k * cells / pixels),
    Math.ceil((k + 1) * cells / pixels),
  ]);
}

/** The mean of the finite values of some cells, NaN when there is none. */
function meanOf({ values, columns }: HeatMapData, [top, bottom]: number[], [left, right]: number[]): number {
  let [sum, count] = [0, 0];
  for (let row = top!; row < bottom!; row++) {
    for (let at = row * columns + left!; at < row * columns + right!; at++) {
      if (!Number.isFinite(values[at]!)) continue;
      sum += values[at]!;
      count++;
    }
  }
  return sum / count;
}

/** A PNG file of pixels [height * width * 4] with the 256 most frequent colours: a third of the size of all of them. */
export function smallPNG(
  { encode }: Drawing,
  image: { width: number; height: number; data: Uint8Array },
): Uint8Array {
  const all = new Uint32Array(image.data.buffer, image.data.byteOffset, image.data.length / 4);
  const counts = new Map<number, number>();
  for (const color of all) counts.set(color, (counts.get(color) ?? 0) + 1);
  const colors = [...counts].sort(([, a], [, b]) => b - a).map(([color]) => color);
  const palette = colors.slice(0, MOST_COLORS).map((
    color,
  ) => [color & 255, color >> 8 & 255, color >> 16 & 255]);
  const nearest = (color: number) => {
    const away = palette.map(([red = 0, green = 0, blue = 0]) =>
      Math.abs(red - (color & 255)) + Math.abs(green - (color >> 8 & 255)) +
      Math.abs(blue - (color >> 16 & 255))
    );
    return away.indexOf(Math.min(...away));
  };
  const places = new Map(colors.map((color, k) => [color, k < MOST_COLORS ? k : nearest(color)]));
  return encode({
    ...image,
    data: Uint8Array.from(all, (color) => places.get(color)!),
    channels: 1,
    palette,
  });
}
