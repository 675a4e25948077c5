/**
 * Sound of a stream, from what was pushed to 16 kHz samples that are kept until they were heard.
 *
 * @module
 */
import { Resampler } from "../../audio/resample.ts";
import { SAMPLE_RATE } from "../../audio/samples.ts";
import { AudioError, OptionError } from "../../errors.ts";
import { joinSamples } from "../../join_arrays.ts";

/** Lowest and highest rate that sound comes in. */
const RATES = { least: 4000, most: 768_000 };
const INT16 = 32768;

/** Samples as floats, copied; refuses what is no number. */
function floats(samples: Float32Array | Int16Array, atSeconds: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(samples.length);
  const scale = samples instanceof Int16Array ? 1 / INT16 : 1;
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i]! * scale;
    if (!(Math.abs(sample) < Infinity)) {
      throw new AudioError(
        `The sound holds ${sample} at ${atSeconds.toFixed(3)} s of the stream, expected finite samples: ` +
          "nothing of this push was taken.",
      );
    }
    // A stream's peak is not known before its end: what is louder than full scale is clipped.
    out[i] = Math.max(-1, Math.min(1, sample));
  }
  return out;
}

/** Turns what is pushed into 16 kHz samples. */
export class Intake {
  #rate = SAMPLE_RATE;
  #resampler: Resampler | undefined;
  #seconds = 0;

  /** Seconds that were pushed. */
  get seconds(): number {
    return this.#seconds;
  }

  /**
   * Takes samples.
   *
   * @returns What of them is complete at 16 kHz.
   * @throws {AudioError} When a sample is NaN or infinite.
   * @throws {OptionError} When they are no samples, or the rate is not usable.
   */
  push(samples: Float32Array | Int16Array, sampleRate: number): Float32Array {
    if (!(samples instanceof Float32Array || samples instanceof Int16Array)) {
      throw new OptionError(
        "Cannot push this into a live stream: samples must be a Float32Array or Int16Array.",
      );
    }
    if (!Number.isInteger(sampleRate) || sampleRate < RATES.least || sampleRate > RATES.most) {
      throw new OptionError(
        `Cannot use sampleRate ${sampleRate}: it must be a whole number from ${RATES.least} to ${RATES.most}.`,
        { option: "sampleRate" },
      );
    }
    const taken = floats(samples, this.#seconds);
    this.#seconds += samples.length / sampleRate;
    const before = sampleRate === this.#rate ? new Float32Array(0) : this.flush();
    this.#rate = sampleRate;
    if (sampleRate === SAMPLE_RATE) return joinSamples([before, taken]);
    this.#resampler ??= new Resampler(sampleRate, SAMPLE_RATE);
    return joinSamples([before, this.#resampler.push(taken)]);
  }

  /** What the resampler still holds, as if silence followed. */
  flush(): Float32Array {
    const rest = this.#resampler?.flush() ?? new Float32Array(0);
    this.#resampler = undefined;
    return rest;
  }
}

/** The end of a series of numbers that grows at its end and is forgotten at its beginning. */
export class Tail {
  #values = new Float32Array(1024);
  #start = 0;
  #length = 0;

  /** Place of the first value that is kept. */
  get start(): number {
    return this.#start;
  }

  /** Place after the last value. */
  get end(): number {
    return this.#start + this.#length;
  }

  /** Appends values. */
  push(values: Float32Array): void {
    const length = this.#length + values.length;
    if (length > this.#values.length) {
      const larger = new Float32Array(2 * length);
      larger.set(this.#values.subarray(0, this.#length));
      this.#values = larger;
    }
    this.#values.set(values, this.#length);
    this.#length = length;
  }

  /** Copies a stretch; what is outside of what is kept is left out. */
  slice(from: number, to: number): Float32Array<ArrayBuffer> {
    const at = (place: number) => Math.max(0, Math.min(place - this.#start, this.#length));
    return this.#values.slice(at(from), at(to));
  }

  /** Forgets what is before a place. */
  forget(before: number): void {
    const count = Math.min(before - this.#start, this.#length);
    // In large pieces: moving the rest costs as much as it is long.
    if (count < this.#length - count) return;
    this.#values.copyWithin(0, count, this.#length);
    this.#start += count;
    this.#length -= count;
    const room = Math.max(1024, 2 * this.#length);
    if (this.#values.length > 4 * room) this.#values = this.#values.slice(0, room);
  }
}
