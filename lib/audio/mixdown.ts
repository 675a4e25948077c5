/**
 * Several channels become one: their mean (spec 4.1, step 2), unless they cancel each other in it.
 *
 * A microphone wired the wrong way round makes right = -left: both can be heard, their mean is silence. Seconds whose
 * mean is far quieter than channels that have nothing to do with each other would leave are taken from the loudest
 * channel instead, up to the second in which the mean is sound again.
 *
 * @module
 */

/** Power of the mean beside that of unrelated channels: 1 for those, 0.05 at a correlation of -0.95. */
const CANCELLED = 0.05;
/** Below full scale by 60 dB there is nothing to hear. */
const LEAST_POWER = 1e-6;
/** Of one window, all channels. */
const MAX_WINDOW_SAMPLES = 1 << 20;

/** Where a channel stood in for the mean, in frames of the recording. */
export interface Cancelled {
  /** First frame. */
  start: number;
  /** Frame after the last. */
  end: number;
  /** Which channel, from 1. */
  channel: number;
}

/** Makes mono of interleaved samples, a second at a time. */
export class Mixdown {
  /** Bytes of memory that it takes. */
  readonly bytes: number;
  readonly #channels: number;
  readonly #window: Float32Array;
  readonly #mono: Float32Array;
  readonly #powers: Float64Array;
  #filled = 0;
  #frames = 0;
  /** The channel that stands in at the moment. */
  #channel: number | undefined;
  #cancelled: Cancelled | undefined;

  constructor({ channels, sampleRate }: { channels: number; sampleRate: number }) {
    const frames = Math.min(sampleRate, Math.floor(MAX_WINDOW_SAMPLES / channels));
    this.#channels = channels;
    this.#window = new Float32Array(channels === 1 ? 0 : frames * channels);
    this.#mono = new Float32Array(channels === 1 ? 0 : frames);
    this.#powers = new Float64Array(channels);
    this.bytes = this.#window.byteLength + this.#mono.byteLength;
  }

  /** From the first place to the last where a channel stood in; `undefined` when none did. */
  get cancelled(): Cancelled | undefined {
    return this.#cancelled;
  }

  /**
   * Takes samples, whole frames.
   *
   * @returns Windows that became complete, one after the other in the same memory: use each before the next.
   */
  *push(interleaved: Float32Array): Generator<Float32Array> {
    if (this.#channels === 1) return yield interleaved;
    for (let at = 0; at < interleaved.length;) {
      const part = interleaved.subarray(at, at + this.#window.length - this.#filled);
      this.#window.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === this.#window.length) yield this.flush();
    }
  }

  /** What is left at the end. */
  flush(): Float32Array {
    const channels = this.#channels, window = this.#window.subarray(0, this.#filled);
    const frames = window.length / channels;
    this.#filled = 0;
    let mixed = 0;
    this.#powers.fill(0);
    for (let frame = 0, at = 0; frame < frames; frame++) {
      let sum = 0;
      for (let channel = 0; channel < channels; channel++) {
        const x = window[at++]!;
        sum += x;
        this.#powers[channel]! += x * x;
      }
      const mean = sum / channels;
      this.#mono[frame] = mean;
      mixed += mean * mean;
    }
    this.#choose(mixed, frames);
    if (this.#channel !== undefined) this.#copy(window, this.#channel, frames);
    this.#frames += frames;
    return this.#mono.subarray(0, frames);
  }

  #choose(mixed: number, frames: number): void {
    const powers = this.#powers;
    const unrelated = powers.reduce((sum, power) => sum + power) / powers.length ** 2;
    const loudest = powers.indexOf(Math.max(...powers));
    if (!(powers[loudest]! > LEAST_POWER * frames)) return;
    if (mixed < CANCELLED * unrelated) this.#channel ??= loudest;
    else this.#channel = undefined;
  }

  #copy(window: Float32Array, channel: number, frames: number): void {
    for (let frame = 0; frame < frames; frame++) {
      this.#mono[frame] = window[frame * this.#channels + channel]!;
    }
    this.#cancelled ??= { start: this.#frames, end: 0, channel: channel + 1 };
    this.#cancelled.end = this.#frames + frames;
  }
}
