/**
 * Sound from a source into a live stream, and what comes out of it to whoever shows or writes it.
 *
 * @module
 */
import { sleep } from "../../abortable.ts";
import type { LiveStream } from "../../recognize/live/live_stream.ts";
import type { Sink } from "./sinks.ts";
import type { LiveSource } from "./sources.ts";
import { peakOf } from "./status.ts";

const LOOK_SECONDS = 0.05;

/** A run, for those who show it. */
export class LiveRun {
  /** Of the sound just now, from 0 to 1. */
  peak = 0;
  /** Whether sound is taken; with push-to-talk only after a key. */
  isOpen: boolean;
  /** Whether no more sound comes. */
  isEnding = false;
  readonly #stream: LiveStream;
  readonly #source: LiveSource;

  constructor(stream: LiveStream, source: LiveSource, options: { isOpen: boolean }) {
    this.#stream = stream;
    this.#source = source;
    this.isOpen = options.isOpen;
  }

  get seconds(): number {
    return this.#stream.pushedSeconds;
  }

  get lagSeconds(): number {
    return this.#stream.lagSeconds;
  }

  /** Begins to talk, or ends it. */
  toggle(): void {
    if (this.isEnding) return;
    this.isOpen = !this.isOpen;
    if (!this.isOpen) this.#stream.cut();
  }

  /** Asks for the end: what was said until now is still heard. */
  stop(): void {
    this.isEnding = true;
    this.#source.stop();
  }

  async #feed(): Promise<void> {
    for await (const block of this.#source.blocks()) {
      this.peak = peakOf(block);
      if (!this.isOpen || block.length === 0) continue;
      this.#stream.push(block);
      while (this.#stream.lagSeconds > this.#source.aheadSeconds && !this.isEnding) {
        await sleep(LOOK_SECONDS);
      }
    }
  }

  async #consume(sink: Sink): Promise<void> {
    try {
      for await (const event of this.#stream) sink.event(event);
    } finally {
      this.stop();
    }
  }

  /**
   * Runs until the source ends or is asked to.
   *
   * @throws What went wrong with the source, after all that was heard before was handed on.
   */
  async all(sink: Sink): Promise<void> {
    const consuming = this.#consume(sink);
    consuming.catch(() => {}); // Awaited below.
    let failure: { error: unknown } | undefined;
    try {
      await this.#feed();
    } catch (error) {
      failure = { error };
    }
    this.isEnding = true;
    this.peak = 0;
    await Promise.race([this.#stream.end(), consuming]);
    await consuming;
    if (failure) throw failure.error;
  }
}
