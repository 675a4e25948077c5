/**
 * Events from callbacks to a loop that reads them.
 *
 * @module
 */
import { Bell } from "./bell.ts";

/** A queue with one reader, who may be slow. */
export class EventQueue<Event> {
  #waiting: Event[] = [];
  readonly #news = new Bell();
  #isOver = false;
  #failure: { error: unknown } | undefined;

  /** Appends an event. */
  push(event: Event): void {
    this.#waiting.push(event);
    this.#news.ring();
  }

  /** Takes back what was not read yet. */
  drop(isStale: (event: Event) => boolean): void {
    this.#waiting = this.#waiting.filter((event) => !isStale(event));
  }

  /** Whether no more events come. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** No more events come; with an error the reader gets it behind those that are there. Once. */
  close(failure?: { error: unknown }): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure = failure;
    this.#news.ring();
  }

  /** Events as they come. */
  async *read(): AsyncGenerator<Event, void> {
    while (true) {
      for (let event = this.#waiting.shift(); event !== undefined; event = this.#waiting.shift()) yield event;
      if (this.#isOver) break;
      await this.#news.rung;
    }
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) throw failure.error;
  }
}
