/**
 * A live stream that is opened when the first sound comes: what is pushed while the model is still being loaded waits.
 *
 * @module
 */
import type { LiveEvent, LiveStream } from "../recognize/live/live_stream.ts";
import type { VadOptions } from "../vad/intervals.ts";

/** What a client asks of a live stream. */
export interface HearingOptions {
  language: string | undefined;
  languages: readonly string[] | undefined;
  context: string | undefined;
  hotwords: readonly string[] | undefined;
  /** Seconds between two looks at an utterance. */
  stepSeconds: number | undefined;
  vad: VadOptions | undefined;
  logprobs: boolean;
}

/** A live stream of the loaded model. */
export interface Hearing {
  stream: LiveStream;
  /** The model is no longer needed for it. */
  release(): void;
}

/** Opens a live stream; rejects when the model cannot be loaded or an option is not usable. */
export type OpenHearing = (options: HearingOptions) => Promise<Hearing>;

/** A live stream from before it is there until its last event. */
export class Ear {
  /** What is to be done once the stream is there; undefined when it is. */
  #waiting: ((stream: LiveStream) => void)[] | undefined = [];
  #waitingSeconds = 0;
  #stream: LiveStream | undefined;
  readonly #hearing: Promise<Hearing>;
  readonly #closed = Promise.withResolvers<undefined>();
  #hasEnded = false;
  #closing: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;

  /** @param startSeconds Where in its session its sound begins. */
  constructor(open: OpenHearing, options: HearingOptions, readonly startSeconds = 0) {
    this.#hearing = open(options);
    this.#hearing.then(({ stream }) => this.#begin(stream), () => this.#forget());
  }

  #forget(): void {
    this.#waiting = undefined;
    this.#waitingSeconds = 0;
  }

  #begin(stream: LiveStream): void {
    const waiting = this.#waiting ?? [];
    this.#forget();
    this.#stream = stream;
    for (const act of waiting) this.#try(() => act(stream));
  }

  /** What one call breaks is told by the events, which somebody waits for. */
  #try(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#failure ??= { error };
      this.#closed.resolve(undefined);
    }
  }

  #do(act: (stream: LiveStream) => void): void {
    const stream = this.#stream;
    if (stream) this.#try(() => act(stream));
    else this.#waiting?.push(act);
  }

  /** Seconds that were pushed and are not heard. */
  get lagSeconds(): number {
    return this.#stream?.lagSeconds ?? this.#waitingSeconds;
  }

  /** Whether it was closed before its end. */
  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /** Appends sound. */
  push(samples: Int16Array, sampleRate: number): void {
    if (this.#waiting) this.#waitingSeconds += samples.length / sampleRate;
    this.#do((stream) => stream.push(samples, { sampleRate }));
  }

  /** Forgets what is not part of a finished utterance. */
  clear(): void {
    this.#do((stream) => stream.clear());
  }

  /** No more sound comes. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    // Its failure is one of the events' too.
    this.#do((stream) => void stream.end().catch(() => {}));
  }

  /** What is heard, until the end, or until it is closed. */
  async *events(): AsyncGenerator<LiveEvent, void> {
    const opened = await Promise.race([this.#hearing, this.#closed.promise]);
    const iterator = opened?.stream[Symbol.asyncIterator]();
    while (iterator) {
      const result = await Promise.race([iterator.next(), this.#closed.promise]);
      if (result === undefined || result.done) break;
      yield result.value;
    }
    if (this.#failure) throw this.#failure.error;
  }

  /** Gives everything back, whatever it was doing. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#closed.resolve(undefined);
    this.#forget();
    try {
      const { stream, release } = await this.#hearing;
      try {
        await stream[Symbol.asyncDispose]();
      } finally {
        release();
      }
    } catch {
      // It was never there, or it has told its reader.
    }
  }
}
