/**
 * Notices a connection on which nothing happens any more.
 *
 * @module
 */
import { TransientError } from "./retry.ts";

/** Aborts its signal when it is not touched for some time, or when the caller's signal is aborted. */
export class Watchdog implements Disposable {
  /** To hand to whatever may stall. */
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #seconds: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Starts watching. */
  constructor(seconds: number, parent?: AbortSignal) {
    this.#seconds = seconds;
    this.signal = parent === undefined
      ? this.#controller.signal
      : AbortSignal.any([parent, this.#controller.signal]);
    this.touch();
  }

  /** Something happened. */
  touch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#controller.abort(new TransientError(`nothing came for ${this.#seconds} s`));
    }, this.#seconds * 1000);
  }

  /** Stops watching. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
