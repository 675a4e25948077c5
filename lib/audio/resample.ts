/**
 * Change of sample rate by a polyphase windowed sinc: 64 zero crossings to each side, Kaiser window (beta 12),
 * cutoff at 0.96 of the lower Nyquist frequency.
 *
 * The output sample k stands at the input position k * from / to. Of those positions only `to / gcd(from, to)`
 * have different fractions (phases), so that each phase keeps its own row of filter taps. Where there are too
 * many phases (44101 -> 16000 Hz has 16000), 512 rows stand for all and neighbours are interpolated.
 *
 * @module
 */
import { OptionError } from "../errors.ts";

const ZERO_CROSSINGS = 64;
const KAISER_BETA = 12;
const ROLLOFF = 0.96;
const MAX_EXACT_PHASES = 1000;
/** Interpolating linearly between so many rows is 116 dB exact. */
const TABLE_PHASES = 512;

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** Power series of the Bessel function I0(beta sqrt(x)): coefficient k is (beta / 2)^2k / k!^2. */
const BESSEL_SERIES: Float64Array = (() => {
  const coefficients = new Float64Array(40);
  coefficients[0] = 1;
  for (let k = 1; k < coefficients.length; k++) {
    coefficients[k] = coefficients[k - 1]! * (KAISER_BETA / 2 / k) ** 2;
  }
  return coefficients;
})();

/** The Kaiser window, not normalised, where `inside` = 1 - (distance / half width)^2. */
function kaiser(inside: number): number {
  let sum = 0;
  for (let k = BESSEL_SERIES.length - 1; k >= 0; k--) sum = sum * inside + BESSEL_SERIES[k]!;
  return sum;
}

/** The taps around an output sample that lies at `fraction` behind an input sample; they sum up to 1. */
function makeRow(fraction: number, halfTaps: number, crossingsPerSample: number): Float32Array {
  const row = new Float32Array(2 * halfTaps);
  let sum = 0;
  for (let tap = 0; tap < row.length; tap++) {
    const crossings = (tap - halfTaps + 1 - fraction) * crossingsPerSample;
    const inside = 1 - (crossings / ZERO_CROSSINGS) ** 2;
    if (inside <= 0) continue;
    const sinc = crossings === 0 ? 1 : Math.sin(Math.PI * crossings) / (Math.PI * crossings);
    row[tap] = sinc * kaiser(inside);
    sum += row[tap]!;
  }
  for (let tap = 0; tap < row.length; tap++) row[tap]! /= sum;
  return row;
}

/** Filter taps for output samples that lie at a fraction `phase / phases` behind an input sample. */
interface FilterBank {
  /** Taps to each side of an output sample. */
  halfTaps: number;
  phases: number;
  /** Row p holds the taps of phase p; one more row than phases, so that there is always a next one. */
  rows: Float32Array[]; // [phases + 1][2 * halfTaps]
}

function makeFilterBank(fromRate: number, toRate: number): FilterBank {
  const crossingsPerSample = ROLLOFF * Math.min(fromRate, toRate) / fromRate;
  const halfTaps = Math.ceil(ZERO_CROSSINGS / crossingsPerSample) + 1;
  const exact = toRate / gcd(fromRate, toRate);
  const phases = exact <= MAX_EXACT_PHASES ? exact : TABLE_PHASES;
  const rows = Array.from(
    { length: phases + 1 },
    (_, phase) => makeRow(phase / phases, halfTaps, crossingsPerSample),
  );
  return { halfTaps, phases, rows };
}

/** Sum of products of a row of taps and the samples from `at` on. */
function dot(row: Float32Array, samples: Float32Array, at: number): number {
  const even = row.length & ~3;
  let a = 0, b = 0, c = 0, d = 0;
  let i = 0;
  for (; i < even; i += 4) {
    a += row[i]! * samples[at + i]!;
    b += row[i + 1]! * samples[at + i + 1]!;
    c += row[i + 2]! * samples[at + i + 2]!;
    d += row[i + 3]! * samples[at + i + 3]!;
  }
  for (; i < row.length; i++) a += row[i]! * samples[at + i]!;
  return a + b + c + d;
}

/** Length of `inputLength` samples after resampling: the duration is kept, to the nearest sample. */
export function resampledLength(inputLength: number, fromRate: number, toRate: number): number {
  return Math.round(inputLength * toRate / fromRate);
}

/**
 * Resamples one channel that arrives in blocks; the blocks' limits leave no trace in the result.
 *
 * @example
 * ```ts
 * import { Resampler } from "./resample.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const resampler = new Resampler(44100, 16000);
 * let length = 0;
 * for (let second = 0; second < 3; second++) length += resampler.push(new Float32Array(44100)).length;
 * assertEquals(length + resampler.flush().length, 48000);
 * ```
 */
export class Resampler {
  readonly #fromRate: number;
  readonly #toRate: number;
  readonly #bank: FilterBank | undefined;
  /** Input from `#bufferStart` on that is still needed, in the beginning; first silence before the first sample. */
  #buffer: Float32Array;
  #buffered: number;
  #bufferStart: number;
  #inputLength = 0;
  #outputLength = 0;

  /** @throws {OptionError} When a rate is not a positive whole number. */
  constructor(fromRate: number, toRate: number) {
    for (const rate of [fromRate, toRate]) {
      if (!Number.isInteger(rate) || rate < 1) {
        throw new OptionError(
          `A sample rate of ${rate} Hz is not possible, expected a whole number above 0.`,
        );
      }
    }
    this.#fromRate = fromRate;
    this.#toRate = toRate;
    this.#bank = fromRate === toRate ? undefined : makeFilterBank(fromRate, toRate);
    const before = this.#bank ? this.#bank.halfTaps - 1 : 0;
    this.#buffer = new Float32Array(before);
    this.#buffered = before;
    this.#bufferStart = -before;
  }

  /** Takes the next input and gives the output samples that no later input can change. */
  push(block: Float32Array): Float32Array {
    if (!this.#bank) return block.slice();
    this.#inputLength += block.length;
    return this.#produce(block, this.#bank, Infinity);
  }

  /** Gives what is left, as if silence followed. The resampler can't be used any more. */
  flush(): Float32Array {
    if (!this.#bank) return new Float32Array(0);
    const length = resampledLength(this.#inputLength, this.#fromRate, this.#toRate);
    return this.#produce(new Float32Array(2 * this.#bank.halfTaps), this.#bank, length);
  }

  #append(block: Float32Array): Float32Array {
    const length = this.#buffered + block.length;
    if (this.#buffer.length < length) {
      const larger = new Float32Array(2 * length);
      larger.set(this.#buffer.subarray(0, this.#buffered));
      this.#buffer = larger;
    }
    this.#buffer.set(block, this.#buffered);
    return this.#buffer.subarray(0, length);
  }

  #produce(block: Float32Array, bank: FilterBank, lastOutput: number): Float32Array {
    const input = this.#append(block);
    const available = this.#bufferStart + input.length - bank.halfTaps;
    const ready = Math.ceil(available * this.#toRate / this.#fromRate);
    const end = Math.max(this.#outputLength, Math.min(ready, lastOutput));
    const out = new Float32Array(end - this.#outputLength);
    for (let i = 0; i < out.length; i++) out[i] = this.#sample(input, bank, this.#outputLength + i);
    this.#outputLength = end;
    const firstNeeded = this.#position(end) - bank.halfTaps + 1;
    const drop = Math.max(0, Math.min(input.length, firstNeeded - this.#bufferStart));
    this.#buffer.copyWithin(0, drop, input.length);
    this.#buffered = input.length - drop;
    this.#bufferStart += drop;
    return out;
  }

  /** Index of the input sample at or before an output sample. */
  #position(output: number): number {
    return Math.floor(output * this.#fromRate / this.#toRate);
  }

  #sample(input: Float32Array, bank: FilterBank, output: number): number {
    // In whole numbers, so that hours later the fraction is still exact.
    const whole = this.#position(output);
    const remainder = output * this.#fromRate - whole * this.#toRate;
    const phase = remainder * bank.phases / this.#toRate;
    const row = Math.floor(phase);
    const at = whole - bank.halfTaps + 1 - this.#bufferStart;
    const sample = dot(bank.rows[row]!, input, at);
    if (row === phase) return sample;
    return sample + (phase - row) * (dot(bank.rows[row + 1]!, input, at) - sample);
  }
}

/**
 * Resamples one channel as a whole.
 *
 * @param samples [n]
 * @returns [round(n * toRate / fromRate)]
 * @throws {OptionError} When a rate is not a positive whole number.
 */
export function resample(samples: Float32Array, fromRate: number, toRate: number): Float32Array {
  const resampler = new Resampler(fromRate, toRate);
  const body = resampler.push(samples);
  const tail = resampler.flush();
  const out = new Float32Array(body.length + tail.length);
  out.set(body);
  out.set(tail, body.length);
  return out;
}
