/**
 * First come, first served.
 *
 * @module
 */
import { abortable } from "./abortable.ts";

/** Runs one task at a time, in the order of asking. */
export class Mutex {
  #tail: Promise<void> = Promise.resolve();

  /**
   * Waits for its turn, after all that asked earlier.
   *
   * @param signal Ends the waiting, with its reason.
   * @returns Ends the turn; whoever has it must call this.
   */
  async acquire(signal?: AbortSignal): Promise<() => void> {
    const before = this.#tail;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#tail = promise;
    try {
      await abortable(before, signal);
      return resolve;
    } catch (error) {
      // A task that leaves the queue still lets nobody overtake those before it.
      before.then(resolve);
      throw error;
    }
  }

  /**
   * Runs `task` after all tasks asked for earlier; its error is the caller's alone.
   *
   * @param signal Ends the waiting, with its reason; a task that runs is left alone.
   */
  async run<T>(task: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    const release = await this.acquire(signal);
    try {
      return await task();
    } finally {
      release();
    }
  }
}
