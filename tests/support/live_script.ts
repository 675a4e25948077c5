/**
 * A live stream that says what is written down for it, whatever it hears.
 *
 * @module
 */
import { EventQueue } from "../../lib/event_queue.ts";
import type { LiveEvent, LiveStream, LiveTextEvent } from "../../lib/recognize/live/live_stream.ts";

/** An event that comes when so many seconds were pushed, or at the end. */
export interface ScriptLine {
  atSeconds: number;
  event: LiveEvent;
}

const SAMPLE_RATE = 16000;

/** A text event with everything filled in. */
export function textEvent(
  type: LiveTextEvent["type"],
  utterance: number,
  text: string,
  more: Partial<LiveTextEvent> = {},
): LiveTextEvent {
  return {
    type,
    utterance,
    text,
    startSeconds: utterance,
    endSeconds: utterance + 0.9,
    language: "English",
    lagSeconds: 0.25,
    ...more,
  };
}

/** Follows a script. */
export class ScriptedStream implements LiveStream {
  readonly #script: ScriptLine[];
  readonly #ready = new EventQueue<LiveEvent>();
  #pushed = 0;
  /** How often an utterance was cut, and what was pushed until then, in samples. */
  readonly cuts: number[] = [];
  /** Seconds that are not heard yet, for those who look. */
  lagSeconds = 0;

  readonly #hangs: boolean;

  /** @param hangs Whether the end never comes. */
  constructor(script: readonly ScriptLine[], hangs = false) {
    this.#script = [...script];
    this.#hangs = hangs;
  }

  get pushedSeconds(): number {
    return this.#pushed / SAMPLE_RATE;
  }

  #release(untilSeconds: number): void {
    while (this.#script[0] !== undefined && this.#script[0].atSeconds <= untilSeconds) {
      this.#ready.push(this.#script.shift()!.event);
    }
  }

  push(samples: Float32Array | Int16Array): void {
    this.#pushed += samples.length;
    this.#release(this.pushedSeconds);
  }

  cut(): void {
    this.cuts.push(this.#pushed);
  }

  clear(): void {}

  /** What has a time beyond the end comes as far as it is final: speech that was begun. */
  end(): Promise<void> {
    if (this.#hangs) return new Promise(() => {});
    const rest = this.#script.splice(0).filter(({ event }) => event.type === "final");
    for (const { event } of rest) this.#ready.push(event);
    this.#ready.close();
    return Promise.resolve();
  }

  [Symbol.asyncIterator](): AsyncGenerator<LiveEvent> {
    return this.#ready.read();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#ready.close();
    return Promise.resolve();
  }
}
