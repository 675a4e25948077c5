/**
 * How long a model is kept: overlapping calls use it, and it is freed once.
 *
 * @module
 */

/** Something that calls use until it is closed, and that is freed when the last of them has ended. */
export class Lifetime {
  readonly #free: () => void;
  readonly #refuse: () => Error;
  readonly #freed = Promise.withResolvers<void>();
  #isClosed = false;
  #isFreed = false;
  #users = 0;

  /**
   * @param free Called once.
   * @param refuse The error of those who come too late.
   */
  constructor(free: () => void, refuse: () => Error) {
    this.#free = free;
    this.#refuse = refuse;
  }

  /** Calls that run or wait. */
  get users(): number {
    return this.#users;
  }

  /** @throws The error of the constructor, once closed. */
  assertOpen(): void {
    if (this.#isClosed) throw this.#refuse();
  }

  /** Runs a call. */
  async use<T>(call: () => Promise<T>): Promise<T> {
    this.assertOpen();
    this.#users++;
    try {
      return await call();
    } finally {
      this.#users--;
      this.#settle();
    }
  }

  /** Takes no more calls, frees now or when those that run have ended, and resolves then. Twice is harmless. */
  close(): Promise<void> {
    this.#isClosed = true;
    this.#settle();
    return this.#freed.promise;
  }

  #settle(): void {
    if (!this.#isClosed || this.#isFreed || this.#users > 0) return;
    this.#isFreed = true;
    this.#free();
    this.#freed.resolve();
  }
}
