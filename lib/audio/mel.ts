/**
 * Log-mel spectrogram of WhisperFeatureExtractor (spec 4.2), all float32:
 *
 *   samples [n] -> reflect-pad 200 -> frames [T, 400] * Hann -> |rfft|^2 [T, 201] -> mel [T, 128]
 *   -> log10, clamped to the clip's maximum - 8 -> (x + 4) / 4 -> [128, T],   T = floor(n / 160)
 *
 * @module
 */
import {
  abs,
  add,
  asStrided,
  fromData,
  keep,
  log10,
  matmul,
  maxAll,
  maximum,
  type MLXArray,
  multiply,
  rfft,
  scalar,
  square,
  subtract,
  transpose,
} from "../../ffi/mod.ts";
import { SAMPLE_RATE } from "./samples.ts";

/** Length of a frame and of the transform, in samples. */
export const FRAME_SAMPLES = 400;
/** Distance of two frames, in samples: 10 ms. */
export const HOP_SAMPLES = 160;
/** Shorter audio cannot be reflected at its ends; it is padded with zeros to half a second. */
const SHORTEST_SAMPLES = FRAME_SAMPLES / 2 + 1;
const PADDED_SAMPLES = 8_000;

/** What lies further below the clip's maximum is raised to there, in powers of ten. */
export const CLAMP_DECADES = 8;

const BINS = FRAME_SAMPLES / 2 + 1;

/** Slaney's mel scale: linear below 1 kHz, logarithmic above. */
function hertzToMel(hertz: number): number {
  return hertz < 1000 ? 3 * hertz / 200 : 15 + 27 * Math.log(hertz / 1000) / Math.log(6.4);
}

function melToHertz(mel: number): number {
  return mel < 15 ? 200 * mel / 3 : 1000 * Math.exp(Math.log(6.4) * (mel - 15) / 27);
}

/**
 * Slaney-normalised triangles `[201, melBins]`, row-major, computed in float64.
 *
 * @param melBins Number of triangles between 0 and 8 kHz.
 */
export function melFilters(melBins = 128): Float32Array<ArrayBuffer> {
  const top = hertzToMel(SAMPLE_RATE / 2);
  const corners = Array.from({ length: melBins + 2 }, (_, index) => melToHertz(top * index / (melBins + 1)));
  const filters = new Float32Array(BINS * melBins);
  for (let bin = 0; bin < BINS; bin++) {
    const hertz = bin * SAMPLE_RATE / 2 / (BINS - 1);
    for (let mel = 0; mel < melBins; mel++) {
      const [left, centre, right] = [corners[mel]!, corners[mel + 1]!, corners[mel + 2]!];
      const height = Math.min((hertz - left) / (centre - left), (right - hertz) / (right - centre));
      filters[bin * melBins + mel] = Math.max(0, height) * 2 / (right - left);
    }
  }
  return filters;
}

/** Periodic Hann window. */
export function hannWindow(): Float32Array<ArrayBuffer> {
  return Float32Array.from(
    { length: FRAME_SAMPLES },
    (_, i) => 0.5 - 0.5 * Math.cos(2 * Math.PI * i / FRAME_SAMPLES),
  );
}

/** Clamps log powers `[T, melBins]` from below and scales them: mel `[melBins, T]`. Build inside a scope. */
export function clampMel(logPower: MLXArray, floor: MLXArray): MLXArray {
  return transpose(multiply(add(maximum(logPower, floor), scalar(4)), scalar(0.25)), [1, 0]);
}

/** Number of mel frames of a clip. */
export function melFrameCount(samples: number): number {
  return Math.floor((samples < SHORTEST_SAMPLES ? PADDED_SAMPLES : samples) / HOP_SAMPLES);
}

function reflectPad(samples: Float32Array): Float32Array<ArrayBuffer> {
  const side = FRAME_SAMPLES / 2;
  const length = samples.length < SHORTEST_SAMPLES ? PADDED_SAMPLES : samples.length;
  const padded = new Float32Array(length + 2 * side);
  padded.set(samples, side);
  for (let i = 1; i <= side; i++) {
    padded[side - i] = padded[side + i]!;
    padded[side + length - 1 + i] = padded[side + length - 1 - i]!;
  }
  return padded;
}

/** Computed once for each number of bands: 25,000 numbers that every clip needs. */
const filtersOf = new Map<number, Float32Array<ArrayBuffer>>();

/** The front end with its tables on a device; build inside a scope. */
export class LogMel implements Disposable {
  readonly #window: MLXArray;
  readonly #filters: MLXArray;
  readonly melBins: number;

  constructor(melBins = 128) {
    this.melBins = melBins;
    this.#window = keep(fromData(hannWindow()));
    const filters = filtersOf.get(melBins) ?? melFilters(melBins);
    filtersOf.set(melBins, filters);
    this.#filters = keep(fromData(filters, [BINS, melBins]));
  }

  /**
   * @param samples 16 kHz mono in [-1, 1].
   * @returns float32 `[melBins, floor(samples / 160)]`, lazy.
   */
  apply(samples: Float32Array): MLXArray {
    const logPower = this.logPower(samples);
    return clampMel(logPower, subtract(maxAll(logPower), scalar(CLAMP_DECADES)));
  }

  /**
   * What does not depend on the loudest frame of the clip.
   *
   * @param firstFrame Frames before it are left out.
   * @returns float32 `[frames, melBins]`, lazy.
   */
  logPower(samples: Float32Array, firstFrame = 0): MLXArray {
    const reflected = reflectPad(samples);
    const padded = fromData(reflected.subarray(firstFrame * HOP_SAMPLES));
    reflected.buffer.transfer(0); // Copied: megabytes that need not wait for the collector.
    const count = melFrameCount(samples.length) - firstFrame;
    const frames = asStrided(padded, [count, FRAME_SAMPLES], [HOP_SAMPLES, 1]); // [T, 400]
    const power = square(abs(rfft(multiply(frames, this.#window), FRAME_SAMPLES))); // [T, 201]
    return log10(maximum(matmul(power, this.#filters), scalar(1e-10))); // [T, melBins]
  }

  [Symbol.dispose](): void {
    this.#window.dispose();
    this.#filters.dispose();
  }
}
