/**
 * Lines through many points, reduced to the points that change a pixel.
 *
 * @module
 */
import { number } from "./svg.ts";

/** From this many points per pixel on, only the first, lowest, highest and last of each pixel are kept. */
const DENSE = 4;

/**
 * An SVG path through points from left to right. A point that is not finite interrupts it.
 *
 * @param width Pixels of the plot: points far outside are left out.
 */
export function linePath(
  count: number,
  xOf: (k: number) => number,
  yOf: (k: number) => number,
  width: number,
): string {
  const path: string[] = [];
  let isBroken = true;
  for (const k of worthDrawing(count, xOf, yOf, width)) {
    const [x, y] = [xOf(k), yOf(k)];
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      isBroken = true;
      continue;
    }
    path.push(`${isBroken ? "M" : "L"}${number(x)} ${number(y)}`);
    isBroken = false;
  }
  return path.join("");
}

/** Indices of the points that change the picture. */
function worthDrawing(
  count: number,
  xOf: (k: number) => number,
  yOf: (k: number) => number,
  width: number,
): number[] {
  const all = Array.from({ length: count }, (_, k) => k);
  if (count < DENSE * width) return all;
  const columns = Map.groupBy(
    all,
    (k) => Number.isFinite(yOf(k)) ? Math.floor(xOf(k)) : `gap at ${Math.floor(xOf(k))}`,
  );
  return [...columns.values()].flatMap((column) => {
    const extremes = column.reduce(
      ([low, high], k) => [yOf(k) < yOf(low) ? k : low, yOf(k) > yOf(high) ? k : high] as const,
      [column[0]!, column[0]!] as const,
    );
    return [...new Set([column[0]!, ...extremes, column.at(-1)!])];
  }).sort((a, b) => a - b);
}
