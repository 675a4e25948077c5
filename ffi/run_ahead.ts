/**
 * How far MLX evaluates ahead of its threads on a CPU.
 *
 * It stops at ten tasks (a hundred operations), all streams together. With one stream that costs nothing. With two, whoever
 * prepares work for one waits for work of the other to be done, and threads that could compute have nothing to do. MLX has
 * no setting for it; libmlxc as the build script of this package makes it has a function (Linux).
 *
 * @module
 */
import { libraryInfo } from "./library.ts";

const SYMBOLS = {
  qwen3asr_run_ahead: { parameters: ["i32"], result: "void", optional: true },
} as const satisfies Deno.ForeignLibraryInterface;

/** A graph of some thousand operations at once. */
const TASKS = 1000;

/** Undefined until it was looked for. */
let isAhead: boolean | undefined;

/**
 * From now on MLX prepares a whole graph without waiting, in this process. Results of all its operations have their
 * memory then: graphs should be small. Only the first call does anything.
 *
 * @returns Whether the library can.
 */
export function runAhead(): boolean {
  const library = libraryInfo();
  return library ? isAhead ??= tell(library.path) : false;
}

function tell(libraryPath: string): boolean {
  const { qwen3asr_run_ahead: call } = Deno.dlopen(libraryPath, SYMBOLS).symbols;
  call?.(TASKS);
  return call !== null;
}
