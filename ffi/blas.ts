/**
 * Threads of the library that multiplies matrices on a CPU, where it is OpenBLAS (Linux). Elsewhere, e.g. over Apple's
 * Accelerate, nothing is found and nothing is done.
 *
 * OpenBLAS takes a thread per core, and its threads wait for each other actively: with another busy program on the
 * machine a product waits for a thread that does not run, and burns a core on it.
 *
 * @module
 */
import { onceOpen } from "./library.ts";

const GET = { parameters: [], result: "i32", optional: true } as const;
const SET = { parameters: ["i32"], result: "void", optional: true } as const;

/** Those of libmlxc's own products and passes, and of OpenBLAS with the wheel's prefix, plain names and 64-bit indices. */
const SYMBOLS = {
  qwen3asr_natural_threads: GET,
  qwen3asr_threads: GET,
  qwen3asr_use_threads: SET,
  scipy_openblas_get_num_threads: GET,
  scipy_openblas_set_num_threads: SET,
  scipy_openblas_get_num_threads64_: GET,
  scipy_openblas_set_num_threads64_: SET,
  openblas_get_num_threads: GET,
  openblas_set_num_threads: SET,
  openblas_get_num_threads64_: GET,
  openblas_set_num_threads64_: SET,
} as const satisfies Deno.ForeignLibraryInterface;

interface ThreadControl {
  get: () => number;
  set: (count: number) => void;
  natural: number;
}

/** Nothing where the library has no OpenBLAS. */
const opened = onceOpen((libraryPath): ThreadControl | undefined => {
  if (Deno.build.os !== "linux") return undefined;
  // A symbol is looked for in all that the library depends on.
  const { symbols } = Deno.dlopen(libraryPath, SYMBOLS);
  const pairs = [
    [symbols.scipy_openblas_get_num_threads, symbols.scipy_openblas_set_num_threads],
    [symbols.scipy_openblas_get_num_threads64_, symbols.scipy_openblas_set_num_threads64_],
    [symbols.openblas_get_num_threads, symbols.openblas_set_num_threads],
    [symbols.openblas_get_num_threads64_, symbols.openblas_set_num_threads64_],
  ] as const;
  const { qwen3asr_natural_threads: chosen, qwen3asr_threads: get, qwen3asr_use_threads: set } = symbols;
  if (chosen && get && set) {
    // OpenBLAS knows the cores, but not a container's share of them.
    const natural = Math.min(chosen(), navigator.hardwareConcurrency);
    set(natural);
    return { get, set, natural };
  }
  for (const [get, set] of pairs) {
    if (get && set) return { get, set, natural: get() };
  }
  return undefined;
});

/** Threads of a large product. */
export interface BlasThreads {
  /** As it is now. */
  now: number;
  /** As OpenBLAS chose: a thread per core, or what `OPENBLAS_NUM_THREADS` says. */
  natural: number;
}

/** Threads of OpenBLAS; undefined where another library multiplies, or none is open yet. */
export function blasThreads(): BlasThreads | undefined {
  const found = opened();
  return found && { now: found.get(), natural: found.natural };
}

/**
 * Sets the threads of products, for the whole process; does nothing where there is no OpenBLAS. No product of OpenBLAS's
 * may be running.
 *
 * @param count Threads; undefined: as many as OpenBLAS chose when it was opened.
 */
export function useBlasThreads(count?: number): void {
  const found = opened();
  const wanted = count ?? found?.natural;
  if (found && wanted !== undefined && found.get() !== wanted) found.set(wanted);
}
