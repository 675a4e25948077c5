/**
 * Waveforms: samples over time.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import type { AxesOptions, Chart } from "./figure.ts";
import { lineChart } from "./line_chart.ts";
import { limitsOf } from "./raster.ts";

/** How to draw a wave. */
export interface WaveformOptions extends AxesOptions {
  /** Samples a second. @default {16000} */
  sampleRate?: number | undefined;
  /** Time of the first sample. @default {0} */
  startSeconds?: number | undefined;
  /** `#rrggbb`, or `currentColor` for that of the text. @default {"#0072b2"} */
  color?: string | undefined;
}

const HEIGHT = 120;
const HEADROOM = 1.05;

/**
 * Draws samples over time: the range of them for each pixel, or a line when there are few.
 *
 * @param samples One channel, [samples].
 * @throws {OptionError} When there are no samples or an option is not usable.
 *
 * @example
 * ```ts
 * import { assertStringIncludes } from "@std/assert";
 * const samples = Float32Array.from({ length: 16000 }, (_, k) => Math.sin(k / 20));
 * const wave = waveform(samples, { title: "One second", marks: [{ from: 0.2, to: 0.5, label: "chunk 1" }] });
 * assertStringIncludes(await wave.toSVG(), "chunk 1");
 * ```
 */
export function waveform(samples: ArrayLike<number>, options: WaveformOptions = {}): Chart {
  const { sampleRate = 16000, startSeconds: from = 0, color, height = HEIGHT } = options;
  if (samples.length === 0) throw new OptionError("Cannot draw a waveform: there are no samples.");
  if (!(sampleRate > 0)) throw new OptionError(`Cannot draw a waveform with sample rate ${sampleRate}.`);
  const [low, high] = limitsOf([samples]) ?? [0, 0];
  const peak = (Math.max(-low, high) || 1) * HEADROOM;
  const times = Float64Array.from({ length: samples.length }, (_, k) => from + k / sampleRate);
  return lineChart([{ x: times, y: samples, color }], {
    ...options,
    height,
    x: { kind: "time", from, to: from + samples.length / sampleRate, ...options.x },
    y: { label: "amplitude", from: -peak, to: peak, ...options.y },
  });
}
