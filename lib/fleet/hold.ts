/**
 * Holding on to a job: the queue is told in time that somebody is at it, and whether it is still wanted is asked.
 *
 * @module
 */
import type { Delivery, Queue } from "./queue.ts";
import { JobError } from "./queue_error.ts";

/** Parts of a lease after which the queue is told: one message may be lost, and a slow network is no end. */
const BEATS_A_LEASE = 3;

/** The job was cancelled, or done by another. */
export class NotWanted extends JobError {
  /** "NotWanted". */
  override name = "NotWanted";
}

/** A job in hand, until it is disposed of. */
export class Hold implements Disposable {
  readonly #lost = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;
  /** Aborted when the job is not wanted any more, or the worker shall stop. */
  readonly signal: AbortSignal;

  /** Begins to hold. */
  constructor(queue: Queue, delivery: Delivery, leaseSeconds: number, stop: AbortSignal) {
    this.signal = AbortSignal.any([stop, this.#lost.signal]);
    this.#timer = setInterval(async () => {
      delivery.working();
      // No answer is none: the server may be away.
      const isWanted = await queue.has(delivery.job).catch(() => true);
      if (!isWanted) this.#lost.abort(new NotWanted("The job is not in the queue any more."));
    }, leaseSeconds * 1000 / BEATS_A_LEASE);
  }

  /** Lets go. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** Saves the latest of what comes faster than it can be saved. */
export class Saver<T> {
  readonly #save: (value: T) => Promise<void>;
  #next: { value: T } | undefined;
  #saving: Promise<void> | undefined;

  /** @param save May fail: then the next is saved, or none. */
  constructor(save: (value: T) => Promise<void>) {
    this.#save = save;
  }

  async #run(): Promise<void> {
    while (this.#next !== undefined) {
      const { value } = this.#next;
      this.#next = undefined;
      await this.#save(value).catch(() => {});
    }
    this.#saving = undefined;
  }

  /** Takes a value to save. */
  push(value: T): void {
    this.#next = { value };
    this.#saving ??= this.#run();
  }

  /** Waits for what was taken. */
  async settled(): Promise<void> {
    await this.#saving;
  }
}
