/**
 * Writes without ever keeping the event loop waiting: sound goes on coming while nobody reads.
 *
 * @module
 */

/** Takes bytes and says how many it took. */
export type Write = (bytes: Uint8Array) => Promise<number>;

/** Texts on their way to a file, a pipe or a terminal, in order. */
export class Outlet {
  readonly #write: Write;
  readonly #onFailure: (error: unknown) => void;
  readonly #queue: Uint8Array[] = [];
  #working: Promise<void> | undefined;

  /** @param onFailure Called when a text could not be written: it is kept, and tried again with the next one. */
  constructor(write: Write, onFailure: (error: unknown) => void) {
    this.#write = write;
    this.#onFailure = onFailure;
  }

  /** Puts a text behind the others. */
  put(text: string): void {
    if (text === "") return;
    this.#queue.push(new TextEncoder().encode(text));
    this.#working ??= this.#work();
  }

  async #work(): Promise<void> {
    try {
      for (let bytes; (bytes = this.#queue[0]) !== undefined;) {
        const count = await this.#write(bytes);
        if (count < bytes.length) this.#queue[0] = bytes.subarray(count);
        else this.#queue.shift();
      }
    } catch (error) {
      this.#onFailure(error);
    } finally {
      this.#working = undefined;
    }
  }

  /** Waits until all is written; what cannot be, now neither, is returned. */
  async flush(): Promise<string> {
    await this.#working;
    if (this.#queue.length > 0) await this.#work();
    const decoder = new TextDecoder();
    return this.#queue.map((bytes) => decoder.decode(bytes, { stream: true })).join("");
  }
}
