/**
 * Bytes or samples in a row.
 *
 * @module
 */

/** What can be put behind its like. */
type Numbers = Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

/** Fills an array of the parts' whole length with one behind the other. */
function filled<T extends Numbers>(all: T, parts: readonly ArrayLike<number>[]): T {
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function lengthOf(parts: readonly ArrayLike<number>[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

/** A copy of all parts, one behind the other. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return filled(new Uint8Array(lengthOf(parts)), parts);
}

/** All parts, one behind the other; no copy where only one has something in it. */
export function joinSamples(parts: readonly Float32Array[]): Float32Array {
  const some = parts.filter(({ length }) => length > 0);
  return some.length === 1 ? some[0]! : filled(new Float32Array(lengthOf(some)), some);
}
