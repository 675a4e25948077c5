/**
 * Long loops in TypeScript give the event loop a turn every few milliseconds, one loop after the other.
 *
 * A turn by `setImmediate` costs microseconds, but while one is always due, Deno looks at its sockets only now and then
 * (every 61st time): new connections wait, and with many loops they wait for seconds. So all loops of a process share one line,
 * in which each turn lets one of them go on, and some of the turns are timers: then nothing is due, and I/O is seen to.
 *
 * @module
 */
import { setImmediate } from "node:timers";

/** Longest stretch of turns without a timer. A timer takes some 1 to 2 ms. */
const REST_EVERY_MS = 40;

/** Loops that want to go on. */
const waiting: (() => void)[] = [];
let isMoving = false;
/** Turns that loops have had. */
let turns = 0;
let lastRest = performance.now();

/** Lets the first in line go on; what it does until its next `await` belongs to this turn. */
function next(): void {
  if (performance.now() - lastRest >= REST_EVERY_MS) {
    setTimeout(() => {
      lastRest = performance.now();
      next();
    }, 0);
    return;
  }
  turns++;
  waiting.shift()?.();
  isMoving = waiting.length > 0;
  if (isMoving) setImmediate(next);
}

/** One turn of the event loop: timers and I/O run, and the other loops that wait for theirs. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (isMoving) return;
    isMoving = true;
    setImmediate(next);
  });
}

/** Waiting for less than this, the event loop may not have come to its sockets. */
const LEAST_REST_MS = 0.5;

/** Waits for what another thread computes. If no loop moved meanwhile, nothing was due: as good a rest as a timer's. */
export async function resting<T>(computed: Promise<T>): Promise<T> {
  const start = performance.now(), before = turns, wasMoving = isMoving;
  const result = await computed;
  const end = performance.now();
  if (!wasMoving && !isMoving && turns === before && end - start >= LEAST_REST_MS) lastRest = end;
  return result;
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
