/**
 * How far MLX evaluates ahead of its threads on a CPU.
 *
 * It stops at ten tasks (a hundred operations), all streams together: whoever prepares more waits until some are computed.
 * With two streams, who prepares work for one waits for work of the other, and threads that could compute have nothing to
 * do. And this thread may prepare a decode step while the one before is computed, but must not wait. MLX has no setting
 * for it; libmlxc as the build script of this package makes it has a function (Linux).
 *
 * @module
 */
import { onceOpen } from "./library.ts";

const SYMBOLS = {
  qwen3asr_run_ahead: { parameters: ["i32"], result: "void", optional: true },
} as const satisfies Deno.ForeignLibraryInterface;

/** A graph of some thousand operations at once. */
const TASKS = 1000;
/** Two decode steps of as many layers as the real models have. */
const STEP_TASKS = 256;

/** MLX counts so many tasks more as done, or fewer. Null where the library has no such function. */
const find = onceOpen((path) => Deno.dlopen(path, SYMBOLS).symbols.qwen3asr_run_ahead);
let isAhead = false;

/**
 * From now on MLX prepares a whole graph without waiting, in this process. Results of all its operations have their
 * memory then: graphs should be small. Only the first call does anything.
 *
 * @returns Whether the library can.
 */
export function runAhead(): boolean {
  const call = find();
  if (call && !isAhead) {
    call(TASKS);
    isAhead = true;
  }
  return Boolean(call);
}

/** Does something, e.g. enqueues a decode step, while MLX prepares without waiting, where the library can. */
export function withoutWaiting<T>(work: () => T): T {
  const call = find();
  call?.(STEP_TASKS);
  try {
    return work();
  } finally {
    call?.(-STEP_TASKS);
  }
}
