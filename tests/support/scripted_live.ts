/**
 * A live stream that says what a test tells it to, instead of a model.
 *
 * @module
 */
import { EventQueue } from "../../lib/event_queue.ts";
import type { LiveEvent, LiveStream } from "../../lib/recognize/live/live_stream.ts";
import type { LiveOptions } from "../../lib/recognize/live/options.ts";
import type { Hearing, HearingOptions } from "../../lib/server/ear.ts";

/** A live stream whose events a test writes. */
export class ScriptedStream implements LiveStream {
  /** Everything that was asked of it, in order. */
  readonly calls: string[] = [];
  readonly rates = new Set<number>();
  samples = 0;
  lagSeconds = 0;
  pushedSeconds = 0;
  isDisposed = false;
  readonly #queue = new EventQueue<LiveEvent>();

  constructor(readonly options: LiveOptions) {}

  push(samples: Float32Array | Int16Array, { sampleRate = 16_000 } = {}): void {
    if (this.calls.at(-1) !== "push") this.calls.push("push");
    this.rates.add(sampleRate);
    this.samples += samples.length;
    this.pushedSeconds += samples.length / sampleRate;
    this.onPush();
  }
  cut(): void {
    this.calls.push("cut");
  }
  clear(): void {
    this.calls.push("clear");
  }
  end(): Promise<void> {
    this.calls.push("end");
    this.onEnd();
    return Promise.resolve();
  }
  /** What it does with every piece of sound. */
  onPush = () => {};
  /** What it does when no more sound comes. */
  onEnd = () => this.done();

  /** Something is heard. */
  say(...events: Partial<LiveEvent>[]): void {
    for (const event of events) {
      const usual = { utterance: 0, startSeconds: 0, endSeconds: 1 };
      const text = event.type?.startsWith("speech") ? {} : { text: "", language: "", lagSeconds: 0 };
      this.#queue.push({ ...usual, ...text, ...event } as LiveEvent);
    }
  }
  /** Nothing more is heard. */
  done(): void {
    this.#queue.close();
  }
  /** Hearing fails. */
  fail(error: unknown): void {
    this.#queue.close({ error });
  }

  [Symbol.asyncIterator](): AsyncGenerator<LiveEvent> {
    return this.#queue.read();
  }
  [Symbol.asyncDispose](): Promise<void> {
    this.isDisposed = true;
    this.done();
    return Promise.resolve();
  }
}

/** Opens scripted streams and keeps them. */
export class ScriptedModel {
  readonly streams: ScriptedStream[] = [];
  released = 0;
  /** What a stream says as soon as it is there. */
  onOpen: (stream: ScriptedStream) => void = () => {};

  /** Opens one. */
  stream(options: LiveOptions): ScriptedStream {
    const stream = new ScriptedStream(options);
    this.streams.push(stream);
    this.onOpen(stream);
    return stream;
  }

  readonly open = (options: HearingOptions): Promise<Hearing> => {
    return Promise.resolve({ stream: this.stream(options), release: () => this.released++ });
  };
}

/** Lets everything happen that is only waiting for its turn. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve));
}
