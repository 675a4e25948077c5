/**
 * Pixels: matrices as small PNG files (Plot's own raster needs a canvas), and PNG files of few colours.
 *
 * @module
 */
import type { Drawing, Pixels } from "./libraries.ts";

/** A matrix, row after row. Values that are not finite are drawn grey. */
export interface HeatMapData {
  /** [rows * columns]. */
  values: ArrayLike<number>;
  /** Cells from top to bottom. */
  rows: number;
  /** Cells from left to right. */
  columns: number;
}

/** Colours of a heat map: more cannot be told apart, and make files larger. */
const LEVELS = 128;
const GREY = [0x9a, 0x9a, 0x9a];
const MOST_COLORS = 256;

/** The smallest and the largest finite value of lists; nothing when there is none. */
export function limitsOf(lists: readonly ArrayLike<number>[]): [low: number, high: number] | undefined {
  let [low, high] = [Infinity, -Infinity];
  for (const list of lists) {
    for (let k = 0; k < list.length; k++) {
      if (list[k]! < low && list[k]! > -Infinity) low = list[k]!;
      if (list[k]! > high && list[k]! < Infinity) high = list[k]!;
    }
  }
  return low <= high ? [low, high] : undefined;
}

/** How to colour cells, from the first to the last colour: at most a pixel for each, or the mean of several. */
export type RasterOptions = Record<"width" | "height" | "min" | "max", number> & {
  palette: string;
  /** Whether the first row is the lowest. */
  isUpward: boolean;
};

/** A matrix as a data URL. */
export function rasterURL({ plot, encode }: Drawing, data: HeatMapData, options: RasterOptions): string {
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

/** First cell of each pixel of a side, and the cell after its last. */
function binsOf(cells: number, most: number): [first: number, end: number][] {
  const pixels = Math.min(cells, Math.ceil(most));
  const edge = (k: number) => k * cells / pixels;
  return Array.from({ length: pixels }, (_, k) => [Math.floor(edge(k)), Math.ceil(edge(k + 1))]);
}

/** Channels of `#rrggbb` or `rgb(r, g, b)`, the two ways in which d3 writes colours. */
function channelsOf(color: string): number[] {
  if (color.startsWith("#")) return Array.from(Uint8Array.fromHex(color.slice(1)));
  return Array.from(color.matchAll(/\d+/g), ([digits]) => Number(digits));
}

/** A PNG file of pixels [height * width * 4] with their most frequent colours: a third of the size of all. */
export function smallPNG({ encode }: Drawing, { data, ...size }: Pixels): Uint8Array {
  const pixels = new Uint32Array(data.buffer, data.byteOffset, data.length / 4);
  const counts = new Map<number, number>();
  for (const color of pixels) counts.set(color, (counts.get(color) ?? 0) + 1);
  const colors = [...counts.keys()].sort((a, b) => counts.get(b)! - counts.get(a)!);
  const channels = colors.map((color) => [color & 255, color >> 8 & 255, color >> 16 & 255]);
  const palette = channels.slice(0, MOST_COLORS);
  const nearest = (color: number[]) => {
    const away = palette.map((other) => other.reduce((sum, part, k) => sum + Math.abs(part - color[k]!), 0));
    return away.indexOf(Math.min(...away));
  };
  const places = new Map(colors.map((color, k) => [color, k < MOST_COLORS ? k : nearest(channels[k]!)]));
  const indices = Uint8Array.from(pixels, (color) => places.get(color)!);
  return encode({ ...size, data: indices, channels: 1, palette });
}
