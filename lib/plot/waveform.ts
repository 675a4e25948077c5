/**
 * Waveforms: samples over time.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { axisOf, type AxisOptions } from "./axis.ts";
import { type Chart, CHART_WIDTH, type ChartOptions, Figure, pixelsOf } from "./chart.ts";
import { parseColor, SERIES_COLORS } from "./colors.ts";
import type { Frame } from "./panel.ts";
import { checkMarks, type Mark } from "./marks.ts";
import { linePath } from "./paths.ts";
import { number, tag } from "./svg.ts";

/** How to draw a wave. */
export interface WaveformOptions extends ChartOptions {
  /** Samples a second. @default {16000} */
  sampleRate?: number | undefined;
  /** Time of the first sample. @default {0} */
  startSeconds?: number | undefined;
  /** The time axis, in seconds. @default {the duration of the samples} */
  x?: AxisOptions | undefined;
  /** The axis of amplitudes. @default {up to the loudest sample} */
  y?: AxisOptions | undefined;
  /** `#rrggbb`. @default {"#0072b2"} */
  color?: string | undefined;
  /** Cut points, chunks, words. @default {[]} */
  marks?: readonly Mark[] | undefined;
}

const HEIGHT = 130;
const HEADROOM = 1.05;
/** With fewer samples per pixel a line is drawn, with more the range of the samples of each pixel. */
const SAMPLES_FOR_RANGE = 2;

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
 * assertStringIncludes(wave.toSVG(), "chunk 1");
 * ```
 */
export function waveform(samples: ArrayLike<number>, options: WaveformOptions = {}): Chart {
  const { sampleRate = 16000, startSeconds = 0, title = "" } = options;
  if (samples.length === 0) throw new OptionError("Cannot draw a waveform: there are no samples.");
  if (!(sampleRate > 0)) throw new OptionError(`Cannot draw a waveform with sample rate ${sampleRate}.`);
  const color = options.color ?? SERIES_COLORS[0]!;
  parseColor(color);
  const peak = peakOf(samples);
  const panel = {
    title,
    height: pixelsOf("height", options.height, HEIGHT),
    x: axisOf(options.x ?? {}, startSeconds, startSeconds + samples.length / sampleRate, "time"),
    y: axisOf({ label: "amplitude", ...options.y }, -peak * HEADROOM, peak * HEADROOM, "number"),
    marks: checkMarks(options.marks ?? []),
    legend: [],
    draw: (frame: Frame) => [drawWave(samples, (k) => frame.x(startSeconds + k / sampleRate), frame, color)],
  };
  return new Figure([panel], {
    width: pixelsOf("width", options.width, CHART_WIDTH),
    title: "",
    sharedX: false,
  });
}

function peakOf(samples: ArrayLike<number>): number {
  let peak = 0;
  for (let k = 0; k < samples.length; k++) {
    const size = Math.abs(samples[k]!);
    if (size > peak && size < Infinity) peak = size;
  }
  return peak || 1;
}

function drawWave(
  samples: ArrayLike<number>,
  xOf: (k: number) => number,
  { y, width }: Frame,
  color: string,
): string {
  const perPixel = samples.length / Math.max(1, xOf(samples.length) - xOf(0));
  if (perPixel < SAMPLES_FOR_RANGE) {
    const d = linePath(samples.length, xOf, (k) => y(samples[k]!), width);
    return tag("path", { d, fill: "none", stroke: color, "stroke-width": 1.2, "stroke-linejoin": "round" });
  }
  const first = Math.max(0, Math.floor(xOf(0)));
  const end = Math.min(Math.ceil(width), Math.ceil(xOf(samples.length)));
  const origin = xOf(0);
  const columns: string[] = [];
  for (let column = first; column < end; column++) {
    const from = Math.max(0, Math.floor((column - origin) * perPixel));
    const to = Math.min(samples.length, Math.ceil((column + 1 - origin) * perPixel));
    const [low, high] = rangeOf(samples, from, to);
    if (low > high) continue;
    const [top, bottom] = [y(high), Math.max(y(low), y(high) + 0.6)];
    columns.push(`M${column + 0.5} ${number(top)}V${number(bottom)}`);
  }
  return tag("path", { d: columns.join(""), fill: "none", stroke: color });
}

function rangeOf(samples: ArrayLike<number>, from: number, to: number): [low: number, high: number] {
  let low = Infinity;
  let high = -Infinity;
  for (let k = from; k < to; k++) {
    const value = samples[k]!;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}
