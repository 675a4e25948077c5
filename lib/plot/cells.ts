/**
 * Matrices as pixels: each cell several pixels large, or each pixel the mean of several cells.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { Canvas } from "./canvas.ts";

/** A matrix, row after row. Values that are not finite are drawn grey. */
export interface HeatMapData {
  /** [rows * columns]. */
  values: ArrayLike<number>;
  /** Cells from top to bottom. */
  rows: number;
  /** Cells from left to right. */
  columns: number;
}

/** Palette entries for values; those before them are for text, lines and missing values. */
export const LEVELS = 240;
export const FIRST_LEVEL = 256 - LEVELS;
/** Palette index for a value that is not finite. */
export const MISSING = 4;

/** Refuses a matrix whose rows and columns do not fit the number of its values. */
export function checkData({ values, rows, columns }: HeatMapData): void {
  const isSize = (count: number) => Number.isInteger(count) && count > 0;
  if (isSize(rows) && isSize(columns) && values.length === rows * columns) return;
  throw new OptionError(
    `Cannot draw a heat map of ${rows} rows and ${columns} columns from ${values.length} values.`,
  );
}

/** The smallest and the largest finite value; 0 and 1 when there is none. */
export function limitsOf({ values }: HeatMapData): [min: number, max: number] {
  let min = Infinity;
  let max = -Infinity;
  for (let k = 0; k < values.length; k++) {
    const value = values[k]!;
    if (!Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return min <= max ? [min, max] : [0, 1];
}

/** How to turn cells into pixels. */
export interface CellOptions {
  width: number;
  height: number;
  /** Values of the first and the last colour; smaller and larger values get these colours too. */
  min: number;
  max: number;
  /** Whether the first row is the lowest. */
  isUpward: boolean;
}

/** Draws a matrix as a bitmap without anything around it. */
export function drawCells(data: HeatMapData, { width, height, min, max, isUpward }: CellOptions): Canvas {
  const canvas = new Canvas(width, height);
  const columns = binsOf(data.columns, width);
  const rows = binsOf(data.rows, height);
  for (let y = 0; y < height; y++) {
    const row = rows[isUpward ? height - 1 - y : y]!;
    for (let x = 0; x < width; x++) {
      const mean = meanOf(data, row, columns[x]!);
      const fraction = Math.min(1, Math.max(0, (mean - min) / (max - min)));
      canvas.pixels[y * width + x] = Number.isNaN(mean)
        ? MISSING
        : FIRST_LEVEL + Math.round(fraction * (LEVELS - 1));
    }
  }
  return canvas;
}

interface Bin {
  first: number;
  end: number;
}

/** The cells behind each pixel of a side: one cell where pixels outnumber cells, else several. */
function binsOf(cells: number, pixels: number): Bin[] {
  return Array.from({ length: pixels }, (_, k) => {
    if (pixels >= cells) {
      const cell = Math.floor((k + 0.5) * cells / pixels);
      return { first: cell, end: cell + 1 };
    }
    return { first: Math.floor(k * cells / pixels), end: Math.ceil((k + 1) * cells / pixels) };
  });
}

function meanOf({ values, columns }: HeatMapData, rows: Bin, across: Bin): number {
  let sum = 0;
  let count = 0;
  for (let row = rows.first; row < rows.end; row++) {
    for (let column = across.first; column < across.end; column++) {
      const value = values[row * columns + column]!;
      if (!Number.isFinite(value)) continue;
      sum += value;
      count++;
    }
  }
  return count ? sum / count : NaN;
}
