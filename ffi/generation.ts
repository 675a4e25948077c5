/**
 * mlx-c's ABI moves without notice and dlopen checks nothing, so generations are told apart by symbols that came with
 * them and by MLX's version. The table in symbols.ts fits the two youngest.
 *
 * @module
 */

/** A time in mlx-c's history in which the functions we use kept their arguments. */
export interface Generation {
  /** e.g. `mlx-c for MLX 0.32.2`. */
  name: string;
  /** Whether symbols.ts has the right arguments for it. */
  supported: boolean;
  /** Whether it is from before those that are supported. */
  isOld: boolean;
}

/** Symbols that date a library, oldest first: a library that has one has all before it. */
export const MARKERS = [
  "mlx_bartlett",
  "mlx_fft_fftfreq",
  "mlx_stream_new_thread_unsafe",
  "mlx_stream_thread_local_new",
] as const;

const NAMES = [
  "mlx-c before 0.6.0",
  "mlx-c 0.6.0",
  "mlx-c for MLX 0.31",
  "mlx-c for MLX 0.32.2",
  "mlx-c 0.7.0",
] as const;

const OLDEST_MLX = [0, 32, 0];

function atLeast(version: string, floor: readonly number[]): boolean {
  const parts = version.split(".").map((part) => parseInt(part, 10));
  for (const [index, least] of floor.entries()) {
    const part = parts[index] ?? 0;
    if (part !== least) return part > least;
  }
  return true;
}

/** Classifies a library by which markers it has and the MLX version it reports. */
export function classify(has: (symbol: string) => boolean, mlxVersion: string): Generation {
  let age = 0;
  while (age < MARKERS.length && has(MARKERS[age]!)) age++;
  const strange = MARKERS.slice(age).find(has);
  if (strange) {
    return { name: `unknown (has ${strange} but not ${MARKERS[age]})`, supported: false, isOld: false };
  }
  const supported = age >= 3 && atLeast(mlxVersion, OLDEST_MLX);
  return { name: NAMES[age]!, supported, isOld: !supported };
}
