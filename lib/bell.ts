/**
 * Waiting until somebody says that there is news.
 *
 * @module
 */

/** A condition that one waits for and others bring about. Whoever waits looks first, and again when it has rung. */
export class Bell {
  #ring = Promise.withResolvers<void>();

  /** Wakes those who wait. */
  ring(): void {
    this.#ring.resolve();
    this.#ring = Promise.withResolvers<void>();
  }

  /** Resolves at the next ring. */
  get rung(): Promise<void> {
    return this.#ring.promise;
  }
}
