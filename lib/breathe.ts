/**
 * Long loops in TypeScript give the event loop a turn every few milliseconds.
 *
 * @module
 */
import { setImmediate } from "node:timers";

/** One turn of the event loop: timers and I/O run. Costs some microseconds. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Counts time since the last turn of the event loop. `await breath.pause()` costs nothing until it is due. */
export class Breath {
  readonly #everyMs: number;
  readonly #signal: AbortSignal | undefined;
  #last = performance.now();

  /**
   * @param options.everyMs Longest stretch of work between two turns. @default {8}
   * @param options.signal Checked at every turn; `pause()` then rejects with its reason.
   */
  constructor(options: { everyMs?: number; signal?: AbortSignal | undefined } = {}) {
    this.#everyMs = options.everyMs ?? 8;
    this.#signal = options.signal;
  }

  /** Whether a turn is due. */
  get due(): boolean {
    return performance.now() - this.#last >= this.#everyMs;
  }

  /** Lets timers and I/O run when a turn is due. */
  async pause(): Promise<void> {
    if (!this.due) return;
    await turn();
    this.#last = performance.now();
    this.#signal?.throwIfAborted();
  }
}
