/**
 * Voice activity of sound that is still coming.
 *
 * @module
 */
import { Breath } from "../breathe.ts";
import { CONTEXT_SAMPLES, FRAME_SAMPLES } from "./frames.ts";
import type { VadNetwork } from "./network.ts";
import { recur } from "./probabilities.ts";
import { Memory } from "./recurrence.ts";

/** Probabilities of a stream, equal to those of the whole recording however it is cut into pushes. */
export class VadStream {
  readonly #network: VadNetwork;
  readonly #memory = new Memory();
  /** The context of the next frame, then what there is of it. */
  #audio = new Float32Array(CONTEXT_SAMPLES);
  /** The push before: they take turns. */
  #last: Promise<unknown> = Promise.resolve();

  /** Begins a stream; `network` must outlive it. */
  constructor(network: VadNetwork) {
    this.#network = network;
  }

  /**
   * Appends samples.
   *
   * @param samples 16 kHz mono, [-1, 1]; any number of them. Copied.
   * @returns Probabilities of the frames that are complete now: none to many.
   */
  push(samples: Float32Array): Promise<Float32Array<ArrayBuffer>> {
    const audio = new Float32Array(this.#audio.length + samples.length);
    audio.set(this.#audio);
    audio.set(samples, this.#audio.length);
    const whole = Math.floor((audio.length - CONTEXT_SAMPLES) / FRAME_SAMPLES) * FRAME_SAMPLES;
    this.#audio = audio.slice(whole);
    return this.#frames(audio.subarray(0, CONTEXT_SAMPLES + whole));
  }

  /**
   * Ends the stream.
   *
   * @returns The probability of the last frame, filled up with zeros; none when it was complete.
   */
  finish(): Promise<Float32Array<ArrayBuffer>> {
    const isComplete = this.#audio.length === CONTEXT_SAMPLES;
    return this.push(new Float32Array(isComplete ? 0 : CONTEXT_SAMPLES + FRAME_SAMPLES - this.#audio.length));
  }

  #frames(audio: Float32Array): Promise<Float32Array<ArrayBuffer>> {
    const done = this.#last.then(() => this.#compute(audio));
    this.#last = done.catch(() => {}); // The caller's; those behind it go on.
    return done;
  }

  async #compute(audio: Float32Array): Promise<Float32Array<ArrayBuffer>> {
    const probabilities = new Float32Array((audio.length - CONTEXT_SAMPLES) / FRAME_SAMPLES);
    if (probabilities.length === 0) return probabilities;
    const gates = await this.#network.gates(audio);
    await recur(this.#network.recurrence, gates, this.#memory, probabilities, new Breath({ everyMs: 4 }));
    return probabilities;
  }
}
