/**
 * What the larger operations compute, by their formulas in float64.
 *
 * @module
 */
import { along, at, type Plain, plain } from "./ffi_reference.ts";

/** The sum of some numbers. */
export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

function row(a: Plain, index: readonly number[]): number[] {
  return along(a, index, index.length - 1);
}

/** Each row divided by its root mean square, times the weight. */
export function rmsNormed(x: Plain, weight: Plain, eps: number): Plain {
  return plain(x.shape, (index) => {
    const square = mean(row(x, index).map((value) => value * value));
    return at(x, index) / Math.sqrt(square + eps) * at(weight, index);
  });
}

/** Each row without its mean, divided by its deviation, scaled and shifted. */
export function layerNormed(x: Plain, weight: Plain, bias: Plain, eps: number): Plain {
  return plain(x.shape, (index) => {
    const values = row(x, index), middle = mean(values);
    const variance = mean(values.map((value) => (value - middle) ** 2));
    return (at(x, index) - middle) / Math.sqrt(variance + eps) * at(weight, index) + at(bias, index);
  });
}

/** Halves rotated against each other; positions per batch row. */
export function rotated(x: Plain, width: number, base: number, offsets: number[]): Plain {
  const half = width / 2;
  return plain(x.shape, (index) => {
    const [batch, head, position, i] = index as [number, number, number, number];
    if (i >= width) return at(x, index);
    const angle = (offsets[batch]! + position) * base ** (-(i % half) / half);
    const other = i < half
      ? -at(x, [batch, head, position, i + half])
      : at(x, [batch, head, position, i - half]);
    return at(x, index) * Math.cos(angle) + other * Math.sin(angle);
  });
}

/** softmax(q k^T scale + mask) v by its formula; `mask` gives what is added. */
export function attended(
  q: Plain,
  k: Plain,
  v: Plain,
  scale: number,
  mask: (index: number[]) => number,
): Plain {
  const [, heads, , width] = q.shape as [number, number, number, number];
  const [, kvHeads, keys] = k.shape as [number, number, number];
  return plain(q.shape, ([b, h, l, i]) => {
    const kv = Math.floor(h! / (heads / kvHeads));
    const scores = Array.from({ length: keys }, (_, s) => {
      const dot = sum(
        Array.from({ length: width }, (_, j) => at(q, [b!, h!, l!, j]) * at(k, [b!, kv, s, j])),
      );
      return Math.exp(dot * scale + mask([b!, h!, l!, s]));
    });
    return sum(scores.map((score, s) => score * at(v, [b!, kv, s, i!]))) / sum(scores);
  });
}
