/**
 * The lock around MLX: while an evaluation runs on a pool thread nobody may build a graph, whatever model it belongs
 * to. One for the process; taken through `Backend.exclusive`, or here where there is no backend yet.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { Mutex } from "../mutex.ts";

const lock = new Mutex();
/** The task that the running code was called by. */
const caller = new AsyncLocalStorage<object>();
/** The task that holds the lock. What a task leaves behind it, a promise nobody awaited, holds it no longer. */
let holder: object | undefined;

/**
 * Runs a task that has MLX for itself. Hold it for a stage or a few decode steps, never for a whole call; a task that
 * asks for the lock it holds waits for ever.
 *
 * @param signal Ends the waiting with its reason; a task that runs is left alone.
 */
export function exclusive<T>(task: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
  return lock.run(async () => {
    holder = {};
    try {
      return await caller.run(holder, task);
    } finally {
      holder = undefined;
    }
  }, signal);
}

/** @throws {Error} Outside of {@linkcode exclusive}: a mistake in this module, not of its user. */
export function assertExclusive(action: string): void {
  if (holder !== undefined && caller.getStore() === holder) return;
  throw new Error(`Cannot ${action} outside of backend.exclusive(): another task may be using MLX.`);
}
