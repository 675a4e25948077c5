/**
 * Who may come in, and whose turn it is.
 *
 * A ticket is given before a body is read, so that the number of bodies, recordings in memory and waiting clients is
 * bounded by one number. Turns go round the clients, not down the line: somebody with thirty recordings waits behind
 * somebody with one. Long recordings never take all turns: a short one does not wait for the end of an hour.
 *
 * @module
 */
import { HttpError } from "./http_error.ts";

/** Calls that were given up but have not looked at their signal yet; as many as this may overlap with new ones. */
const SPARE = 4;

/** Recordings of more seconds are decoded in several chunks. */
const SHORT_SECONDS = 30;

/** A request that was let in. */
export interface Ticket {
  /**
   * Resolves when it is this request's turn; rejects with the reason when the request is aborted.
   *
   * @param durationSeconds Length of its recording. @default {0}
   */
  turn(durationSeconds?: number): Promise<void>;
  /** Gives the place back. `settled`: the work that is still about to notice its abort. */
  release(settled?: Promise<unknown>): void;
}

interface Place {
  client: string;
  controller: AbortController;
  state: "reading" | "waiting" | "running" | "gone";
  isLong: boolean;
  start: () => void;
}

/** Options of {@linkcode FairQueue}. */
export interface QueueOptions {
  /** Requests that run at once. */
  parallel: number;
  /** Requests that are read or wait. */
  waiting: number;
}

/** The one queue of a server. */
export class FairQueue {
  readonly #options: QueueOptions;
  readonly #places = new Set<Place>();
  /** Clients with waiting requests; the first is next. */
  readonly #clients = new Map<string, Place[]>();
  #running = 0;
  #runningLong = 0;
  #leaving = 0;
  /** Smoothed seconds of a turn. */
  #turnSeconds = 1;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /** Requests that run. */
  get running(): number {
    return this.#running;
  }

  /** Requests that are read or wait. */
  get waiting(): number {
    return this.#places.size - this.#running;
  }

  /** Seconds until another try makes sense. */
  get retryAfterSeconds(): number {
    const ahead = this.#places.size / this.#options.parallel;
    return Math.min(600, Math.max(1, ahead * this.#turnSeconds));
  }

  #full(): HttpError {
    return new HttpError(429, "The server is busy: all places in its queue are taken. Try again later.", {
      code: "queue_full",
      retryAfterSeconds: this.retryAfterSeconds,
    });
  }

  /** When all is full, the newest request of the client that has by far the most gives way. */
  #makeRoom(client: string): boolean {
    const byClient = new Map<string, Place[]>();
    for (const place of this.#places) {
      byClient.set(place.client, [...byClient.get(place.client) ?? [], place]);
    }
    const mine = byClient.get(client)?.length ?? 0;
    const [greediest] = [...byClient.values()].sort((a, b) => b.length - a.length);
    const victim = greediest?.findLast(({ state }) => state !== "running");
    if (!victim || greediest!.length < mine + 2) return false;
    victim.controller.abort(this.#full());
    this.#leave(victim);
    return true;
  }

  /**
   * Lets a request in.
   *
   * @param controller Is aborted with a 429 when the request must give way.
   * @throws {HttpError} 429 when there is no place.
   */
  admit(client: string, controller: AbortController): Ticket {
    const { parallel, waiting } = this.#options;
    if (this.#places.size >= parallel + waiting && !this.#makeRoom(client)) throw this.#full();
    const place: Place = { client, controller, state: "reading", isLong: false, start: () => {} };
    this.#places.add(place);
    let started = 0;
    return {
      turn: async (durationSeconds = 0) => {
        place.isLong = durationSeconds > SHORT_SECONDS;
        await this.#wait(place);
        started = performance.now();
      },
      release: (settled) => {
        if (place.state === "running") {
          const seconds = (performance.now() - started) / 1000;
          this.#turnSeconds += 0.2 * (seconds - this.#turnSeconds);
          if (settled) this.#linger(settled);
        }
        this.#leave(place);
      },
    };
  }

  #linger(settled: Promise<unknown>): void {
    this.#leaving++;
    const left = () => {
      this.#leaving--;
      this.#next();
    };
    settled.then(left, left);
  }

  async #wait(place: Place): Promise<void> {
    const { signal } = place.controller;
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => {
      this.#leave(place);
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    place.state = "waiting";
    place.start = resolve;
    this.#clients.set(place.client, [...this.#clients.get(place.client) ?? [], place]);
    this.#next();
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #leave(place: Place): void {
    if (place.state === "gone") return;
    if (place.state === "running") {
      this.#running--;
      if (place.isLong) this.#runningLong--;
    }
    if (place.state === "waiting") {
      const rest = (this.#clients.get(place.client) ?? []).filter((other) => other !== place);
      if (rest.length > 0) this.#clients.set(place.client, rest);
      else this.#clients.delete(place.client);
    }
    place.state = "gone";
    this.#places.delete(place);
    this.#next();
  }

  /** The next one's first request; one turn is never a long recording's, unless there is only one. */
  #take(): Place | undefined {
    const mayBeLong = this.#runningLong < Math.max(1, this.#options.parallel - 1);
    for (const [client, places] of this.#clients) {
      const place = places.find(({ isLong }) => mayBeLong || !isLong);
      if (!place) continue;
      const rest = places.filter((other) => other !== place);
      this.#clients.delete(client);
      // To the end of the round.
      if (rest.length > 0) this.#clients.set(client, rest);
      return place;
    }
    return undefined;
  }

  #next(): void {
    const { parallel } = this.#options;
    while (this.#running < parallel && this.#running + this.#leaving < parallel + SPARE) {
      const place = this.#take();
      if (!place) return;
      place.state = "running";
      this.#running++;
      if (place.isLong) this.#runningLong++;
      place.start();
    }
  }
}
