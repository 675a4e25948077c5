/**
 * Events on their way to the one who reads them.
 *
 * @module
 */
import type { LiveEvent } from "./live_stream.ts";

/** A queue with one reader, who may be slow: of tentative texts only the newest waits, all else is kept. */
export class LiveEvents {
  #waiting: LiveEvent[] = [];
  #wake = () => {};
  #isOver = false;
  #failure: { error: unknown } | undefined;

  /** Appends an event. */
  push(event: LiveEvent): void {
    if (event.type === "tentative") this.#waiting = this.#waiting.filter(({ type }) => type !== "tentative");
    this.#waiting.push(event);
    this.#wake();
  }

  /** No more events come; with an error the reader gets it behind those that are there. */
  close(failure?: { error: unknown }): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure = failure;
    this.#wake();
  }

  /** Events as they come. */
  async *read(): AsyncGenerator<LiveEvent, void> {
    while (true) {
      for (let event = this.#waiting.shift(); event; event = this.#waiting.shift()) yield event;
      if (this.#isOver) break;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) throw failure.error;
  }
}
