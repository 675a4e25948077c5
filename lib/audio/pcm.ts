/**
 * Decoded blocks of any rate and number of channels become 16 kHz mono samples.
 *
 * @module
 */
import { Breath } from "../breathe.ts";
import { AudioError, OptionError } from "../errors.ts";
import type { Warning } from "../transcript.ts";
import { type Cancelled, Mixdown } from "./mixdown.ts";
import { Resampler } from "./resample.ts";
import { bytesKept, SAMPLE_RATE, Samples } from "./samples.ts";

/** Some interleaved samples, whole frames. */
export interface PcmBlock {
  channels: number;
  sampleRate: number;
  interleaved: Float32Array;
}

/** The part of a recording to keep. */
export interface TimeRange {
  /** Start, in seconds of the recording. @default {0} */
  startSeconds?: number;
  /** End, in seconds of the recording. @default {the end of the recording} */
  endSeconds?: number;
}

/** Samples resampled between two looks at the clock: 4 ms of work at most. */
const OUTPUT_AT_ONCE = 4096;

function sampleOf(seconds: number | undefined, fallback: number, name: string): number {
  if (seconds === undefined) return fallback;
  if (!(seconds >= 0)) {
    throw new OptionError(`Cannot use range.${name} ${seconds}: it must be seconds from 0 up.`);
  }
  return Math.round(seconds * SAMPLE_RATE);
}

function cancellation({ start, end, channel }: Cancelled, sampleRate: number, name: string): Warning {
  const [startSeconds, endSeconds] = [start / sampleRate, end / sampleRate];
  return {
    code: "audio-selected",
    startSeconds,
    endSeconds,
    message: `The channels of ${name} cancel each other between ${startSeconds.toFixed(1)} s and ` +
      `${endSeconds.toFixed(1)} s: channel ${channel} was heard there instead of their mean.`,
  };
}

/** Collects what a decoder gives. */
export class PcmSink implements Disposable {
  readonly samples: Samples = new Samples();
  readonly #name: string;
  readonly #start: number;
  readonly #end: number;
  readonly #maxSamples: number;
  readonly #breath: Breath;
  #resampler: Resampler | undefined;
  #format: { channels: number; sampleRate: number } | undefined;
  #mixdown: Mixdown | undefined;
  /** 16 kHz samples seen, kept or not. */
  #seen = 0;
  readonly #reserve: (bytes: number) => void;
  #reserved = 0;

  /** @throws {OptionError} When the range or the limit is impossible. */
  constructor(options: {
    name: string;
    range?: TimeRange | undefined;
    maxDurationSeconds?: number | undefined;
    signal?: AbortSignal | undefined;
    /** Is told of every byte before it is taken, and throws when there is no room. */
    reserve?: ((bytes: number) => void) | undefined;
  }) {
    const { range = {}, maxDurationSeconds = Infinity } = options;
    this.#name = options.name;
    this.#start = sampleOf(range.startSeconds, 0, "startSeconds");
    this.#end = sampleOf(range.endSeconds, Infinity, "endSeconds");
    if (this.#end <= this.#start) {
      throw new OptionError(`The range ends at ${range.endSeconds} s, expected after its start.`);
    }
    if (!(maxDurationSeconds > 0)) {
      throw new OptionError(`maxDurationSeconds is ${maxDurationSeconds}, expected above 0.`);
    }
    this.#maxSamples = maxDurationSeconds * SAMPLE_RATE;
    this.#reserve = options.reserve ?? (() => {});
    this.#breath = new Breath({ everyMs: 4, signal: options.signal });
  }

  /** Rate and channels of the first block. */
  get format(): { channels: number; sampleRate: number } {
    return this.#format ?? { channels: 0, sampleRate: 0 };
  }

  /** Whether the end of the range is reached: more blocks change nothing. */
  get full(): boolean {
    return this.#seen >= this.#end;
  }

  /**
   * Takes the next block.
   *
   * @throws {AudioError} When the limit is exceeded or a sample is not finite.
   */
  async push({ channels, sampleRate, interleaved }: PcmBlock): Promise<void> {
    this.#format ??= { channels, sampleRate };
    this.#mixdown ??= this.#openMixdown({ channels, sampleRate });
    for (const mono of this.#mixdown.push(interleaved)) await this.#resample(mono, sampleRate);
  }

  #openMixdown(format: { channels: number; sampleRate: number }): Mixdown {
    const mixdown = new Mixdown(format);
    this.#reserve(mixdown.bytes);
    return mixdown;
  }

  async #resample(mono: Float32Array, sampleRate: number): Promise<void> {
    const resampler = this.#resampler ??= new Resampler(sampleRate, SAMPLE_RATE);
    const count = Math.max(1, Math.floor(OUTPUT_AT_ONCE * sampleRate / SAMPLE_RATE));
    for (let at = 0; at < mono.length && !this.full; at += count) {
      this.#keep(resampler.push(mono.subarray(at, at + count)));
      await this.#breath.pause();
    }
  }

  /**
   * Takes 16 kHz mono samples as they are, without a copy.
   *
   * @throws {AudioError} When the limit is exceeded or a sample is not finite.
   */
  async wrap(samples: Float32Array): Promise<void> {
    this.#format = { channels: 1, sampleRate: SAMPLE_RATE };
    const kept = samples.subarray(this.#start, this.#end);
    this.#seen = samples.length;
    const block = 65536;
    for (let at = 0; at < kept.length; at += block) {
      this.samples.push(kept.subarray(at, at + block), { keep: true });
      this.#checkLimit();
      await this.#breath.pause();
    }
  }

  /**
   * Says that the recording is over.
   *
   * @throws {AudioError} When nothing was kept.
   */
  async finish(): Promise<void> {
    const left = this.#mixdown?.flush();
    if (left && !this.full) await this.#resample(left, this.format.sampleRate);
    if (this.#resampler && !this.full) this.#keep(this.#resampler.flush());
    this.samples.removeOffset();
    if (this.samples.length > 0) return;
    const seconds = this.#seen / SAMPLE_RATE;
    throw new AudioError(
      this.#seen > 0
        ? `The range starts at ${this.#start / SAMPLE_RATE} s, but ${this.#name} ends at ${
          seconds.toFixed(3)
        } s.`
        : `Cannot read ${this.#name}: it holds no samples.`,
    );
  }

  /** Gives back the memory that only reading needs. */
  [Symbol.dispose](): void {
    this.#reserve(-(this.#mixdown?.bytes ?? 0));
    this.#mixdown = undefined;
  }

  /** What a listener has to know about the channels. */
  get warnings(): Warning[] {
    const cancelled = this.#mixdown?.cancelled;
    return cancelled ? [cancellation(cancelled, this.format.sampleRate, this.#name)] : [];
  }

  /** Keeps the part of the samples that lies in the range. */
  #keep(samples: Float32Array): void {
    const from = Math.max(0, this.#start - this.#seen);
    const to = Math.min(samples.length, this.#end - this.#seen);
    this.#seen += samples.length;
    if (to <= from) return;
    const bytes = bytesKept(this.samples.length + to - from);
    if (bytes > this.#reserved) this.#reserve(bytes - this.#reserved);
    this.#reserved = Math.max(this.#reserved, bytes);
    this.samples.push(samples.subarray(from, to));
    this.#checkLimit();
  }

  #checkLimit(): void {
    if (this.samples.length <= this.#maxSamples) return;
    const limit = this.#maxSamples / SAMPLE_RATE;
    throw new AudioError(
      `Cannot read ${this.#name}: it is longer than ${limit} s, the limit that was set (maxDurationSeconds).`,
      { code: "audio-too-long" },
    );
  }
}
