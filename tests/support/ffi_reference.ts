/**
 * Arrays in plain TypeScript, with which the results of ffi/ are compared.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import * as mx from "../../ffi/mod.ts";

/** An n-dimensional array in row order. */
export interface Plain {
  shape: number[];
  data: number[];
}

/** Every index of a shape, in row order. */
export function* indices(shape: readonly number[]): Generator<number[]> {
  const [first, ...rest] = shape;
  if (first === undefined) {
    yield [];
    return;
  }
  for (let i = 0; i < first; i++) {
    for (const tail of indices(rest)) yield [i, ...tail];
  }
}

/** An array from a formula. */
export function plain(shape: number[], value: (index: number[]) => number): Plain {
  return { shape, data: [...indices(shape)].map(value) };
}

/** Numbers in [-1, 1] without a simple pattern, which could hide an error. */
export function wave(shape: number[], seed = 1): Plain {
  let at = 0;
  return plain(shape, () => Math.fround(Math.sin(1.7 * at++ + seed)));
}

/** 0, 1, 2... in row order. */
export function count(shape: number[]): Plain {
  let at = 0;
  return plain(shape, () => at++);
}

/** The element at an index, with NumPy's broadcasting: size 1 and absent leading dimensions repeat. */
export function at({ shape, data }: Plain, index: readonly number[]): number {
  const skipped = index.length - shape.length;
  let flat = 0;
  shape.forEach((size, axis) => flat = flat * size + (size === 1 ? 0 : index[axis + skipped]!));
  return data[flat]!;
}

/** The values along the axis that passes through an index. */
export function along(a: Plain, index: readonly number[], axis: number): number[] {
  return Array.from({ length: a.shape[axis]! }, (_, i) => at(a, index.with(axis, i)));
}

/** The same as an MLX array, in the caller's scope. */
export function toMLX({ shape, data }: Plain, dtype: mx.DType = "float32"): mx.MLXArray {
  const whole = mx.fromData(Float32Array.from(data), shape);
  return dtype === "float32" ? whole : mx.astype(whole, dtype);
}

/** Same shape, and every element within `tolerance` (absolute, or relative above 1). */
export function assertNear(actual: mx.MLXArray, expected: Plain, tolerance = 1e-5, what = ""): void {
  assertEquals(actual.shape, expected.shape, what);
  mx.toFloat32(actual).forEach((value, i) => {
    const wanted = expected.data[i]!;
    const fits = Math.abs(value - wanted) <= tolerance * Math.max(1, Math.abs(wanted));
    assert(fits, `${what}: element ${i} is ${value}, expected ${wanted}`);
  });
}

/** The CPU, because a GPU has no float64 and rounds differently. */
export const CPU = new mx.Stream("cpu");

/** A test on the CPU, in a scope that leaves no array behind. */
export function ffiTest(name: string, body: () => void): void {
  Deno.test(name, () => {
    const before = mx.liveHandles();
    mx.onStream(CPU, () => mx.scope(body));
    assertEquals(mx.liveHandles(), before, "live handles");
  });
}
