/**
 * One thing that a proof looked at.
 *
 * @module
 */

/** A question, its answer, and whether it is the right one. */
export interface Check {
  /** What was looked at. */
  name: string;
  passed: boolean;
  /** What was found. */
  found: string;
  /** What must be found. */
  expected: string;
}

/** Smallest and largest of some numbers, and whether all are finite. */
export function spanOf(values: Float32Array): { min: number; max: number; isFinite: boolean } {
  let [min, max, isFinite] = [Infinity, -Infinity, true];
  for (const value of values) {
    isFinite &&= Number.isFinite(value);
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min, max, isFinite };
}

/** `[128, 1100]` */
export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}
