/**
 * Axes: their kind, their limits, and the tick labels that fit.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { type AxisKind, shorten, type Tick, ticksWithin } from "./ticks.ts";

/** Longest label of a tick, in characters; longer ones are shortened. */
const LONGEST_LABEL = 32;

/** How to draw an axis. */
export interface AxisOptions {
  /** Text beside the axis. @default {"" or, for times, their unit} */
  label?: string | undefined;
  /** Value at the left or lower end. @default {the smallest value} */
  from?: number | undefined;
  /** Value at the right or upper end. @default {the largest value} */
  to?: number | undefined;
  /** Labelled places instead of round numbers. Those that would overlap are left out. */
  ticks?: readonly Tick[] | undefined;
  /** `number`, or `time` for seconds that become `m:ss` in long recordings. @default {"number"} */
  kind?: "number" | "time" | undefined;
}

/** An axis whose options are all settled. */
export interface Axis {
  /** Undefined for the unit of a time axis. */
  label: string | undefined;
  from: number;
  to: number;
  kind: AxisKind;
  ticks: readonly Tick[] | undefined;
}

/** An axis from its options; limits that they leave out come from the data. */
export function axisOf(options: AxisOptions, from: number, to: number, kind: AxisKind): Axis {
  const axis: Axis = {
    label: options.label,
    from: options.from ?? from,
    to: options.to ?? to,
    kind: options.kind ?? (options.from === undefined && options.to === undefined ? kind : numeric(kind)),
    ticks: options.ticks,
  };
  if (!Number.isFinite(axis.from) || !Number.isFinite(axis.to)) {
    throw new OptionError(`Cannot draw an axis from ${axis.from} to ${axis.to}.`);
  }
  return axis.from === axis.to ? { ...axis, from: axis.from - 0.5, to: axis.to + 0.5 } : axis;
}

function numeric(kind: AxisKind): AxisKind {
  return kind === "index" ? "number" : kind;
}

/** The text beside an axis: that of its options, or the unit of time. */
export function axisLabel({ label, kind, from, to }: Axis): string {
  if (label !== undefined || kind !== "time") return label ?? "";
  return /:/.test(ticksWithin(from, to, 4, kind)[0]?.label ?? "") ? "time (m:ss)" : "time (s)";
}

/** Maps a value to its pixel. */
export type Scale = (value: number) => number;

/** The scale that maps `from` to the pixel `first` and `to` to `last`. */
export function scaleOf({ from, to }: Axis, first: number, last: number): Scale {
  return (value) => first + (value - from) / (to - from) * (last - first);
}

/** A tick with its pixel. */
export interface PlacedTick extends Tick {
  pixel: number;
}

/**
 * The ticks that lie on an axis and are at least `room` pixels apart.
 *
 * @param pixels Length of the axis.
 * @param count About how many round numbers to use.
 */
export function placeTicks(
  axis: Axis,
  scale: Scale,
  pixels: number,
  count: number,
  room: number,
): PlacedTick[] {
  const low = Math.min(axis.from, axis.to);
  const high = Math.max(axis.from, axis.to);
  const slack = (high - low) * 0.5 / pixels;
  const placed = (axis.ticks ?? ticksWithin(low, high, count, axis.kind))
    .filter(({ at }) => at >= low - slack && at <= high + slack)
    .map(({ at, label }) => ({ at, label: shorten(label, LONGEST_LABEL), pixel: scale(at) }))
    .sort((a, b) => a.pixel - b.pixel);
  let last = -Infinity;
  return placed.filter(({ pixel }) => {
    if (pixel - last < room) return false;
    last = pixel;
    return true;
  });
}

/** Whether labels written side by side would touch. */
export function labelsTouch(
  ticks: readonly PlacedTick[],
  widthOf: (text: string) => number,
  gap: number,
): boolean {
  return ticks.some(({ pixel, label }, k) => {
    const next = ticks[k + 1];
    return next !== undefined && next.pixel - pixel < (widthOf(label) + widthOf(next.label)) / 2 + gap;
  });
}
