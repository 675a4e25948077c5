/**
 * Loading on two streams of a CPU: a thread of its own reads and widens every second layer. Most of the time goes into
 * pages of memory that are touched for the first time, and into numbers that are unpacked one by one.
 *
 * @module
 */
import { type MLXArray, onStream, sideStream } from "../../ffi/mod.ts";
import type { BackendPolicy } from "./backend.ts";

/** Makes layers; where the policy has two streams, every second on the other one. */
export function makeAlternately<T>(
  { loadStreams }: BackendPolicy,
  count: number,
  make: (index: number) => T,
): T[] {
  const isAside = (index: number) => loadStreams === 2 && index % 2 === 1;
  return Array.from(
    { length: count },
    (_, index) => isAside(index) ? onStream(sideStream(), () => make(index)) : make(index),
  );
}

/** Groups of parameters with those joined that are loaded together. Dense ones have more besides them in memory. */
export function loadTogether(
  { loadStreams, denseWeights }: BackendPolicy,
  groups: readonly MLXArray[][],
): MLXArray[][] {
  const count = loadStreams === 1 ? 1 : denseWeights ? 2 : 4;
  const together: MLXArray[][] = [];
  for (let start = 0; start < groups.length; start += count) {
    together.push(groups.slice(start, start + count).flat());
  }
  return together;
}
