/**
 * MLX's memory counters and limits, in bytes.
 *
 * @module
 */
import { check } from "./error.ts";
import { native, openLibrary } from "./library.ts";

const size = new BigUint64Array(1);

function read(call: (result: BigUint64Array<ArrayBuffer>) => number, functionName: string): number {
  openLibrary();
  check(call(size), functionName);
  return Number(size[0]);
}

/** Bytes in live arrays. */
export function activeMemory(): number {
  return read((result) => native.mlx_get_active_memory(result), "mlx_get_active_memory");
}

/** Bytes kept for reuse. */
export function cacheMemory(): number {
  return read((result) => native.mlx_get_cache_memory(result), "mlx_get_cache_memory");
}

/** Largest {@linkcode activeMemory} since the last reset. */
export function peakMemory(): number {
  return read((result) => native.mlx_get_peak_memory(result), "mlx_get_peak_memory");
}

/** Starts a new measurement of {@linkcode peakMemory}. */
export function resetPeakMemory(): void {
  openLibrary();
  check(native.mlx_reset_peak_memory(), "mlx_reset_peak_memory");
}

/** Gives the memory kept for reuse back to the system. */
export function clearCache(): void {
  openLibrary();
  check(native.mlx_clear_cache(), "mlx_clear_cache");
}

/** Limits the memory kept for reuse; returns the old limit. */
export function setCacheLimit(bytes: number): number {
  return read((result) => native.mlx_set_cache_limit(result, BigInt(bytes)), "mlx_set_cache_limit");
}
