/**
 * Axes: their limits, and ticks where Plot's own are not the ones wanted.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { clean, textPixels } from "./text.ts";

/** A labelled position on an axis. */
export interface Tick {
  /** Value. */
  at: number;
  /** Text beside it. */
  label: string;
}

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

/** An axis whose options are all settled; an index counts whole things and is never shared. */
export interface Axis {
  label: string;
  from: number;
  to: number;
  kind: "number" | "time" | "index";
  ticks: readonly Tick[] | undefined;
}

/** Steps of a clock, in seconds: Plot's for numbers would be 50 and 100. */
const CLOCK_STEPS = [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 36000, 86400];
/** Shorter stretches of time read better as plain seconds. */
const CLOCK_FROM_SECONDS = 90;

/** An axis from its options; limits that they leave out come from the data. */
export function axisOf(options: AxisOptions, low: number, high: number, kind: Axis["kind"]): Axis {
  const { from = low, to = high, ticks } = options;
  if (!Number.isFinite(from) || !Number.isFinite(to)) {
    throw new OptionError(`Cannot draw an axis from ${from} to ${to}.`);
  }
  const isOwn = kind === "index" && (options.from !== undefined || options.to !== undefined);
  const axis = { kind: options.kind ?? (isOwn ? "number" : kind), from, to, ticks, label: "" };
  const unit = axis.kind !== "time" ? "" : isClock(axis) ? "time (m:ss)" : "time (s)";
  const half = from === to ? 0.5 : 0;
  return { ...axis, from: from - half, to: to + half, label: clean(options.label ?? unit) };
}

function isClock({ kind, from, to }: Axis): boolean {
  return kind === "time" && Math.abs(to - from) > CLOCK_FROM_SECONDS;
}

/** The ticks that an axis has of its own, at least `room` pixels apart; undefined where Plot's are right. */
export function ownTicks(axis: Axis, pixels: number, room: number): Tick[] | undefined {
  const [low, high] = [Math.min(axis.from, axis.to), Math.max(axis.from, axis.to)];
  const least = room * (high - low) / pixels;
  if (axis.ticks) {
    let last = -Infinity;
    return axis.ticks.filter(({ at }) => at >= low && at <= high).toSorted((a, b) => a.at - b.at)
      .filter(({ at }) => at - last >= least && ((last = at), true))
      .map(({ at, label }) => ({ at, label: clean(label) }));
  }
  if (!isClock(axis) && !(axis.kind === "index" && least < 1)) return undefined;
  const wide = least * textPixels("0:00:00", 1);
  const step = isClock(axis) ? CLOCK_STEPS.find((step) => step >= wide) ?? high - low : 1;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, k) => {
    const at = (first + k) * step;
    return { at, label: isClock(axis) ? clock(at) : String(at) };
  });
}

/** `1:05`, `1:01:05`, `-0:30`. */
function clock(seconds: number): string {
  const parts = [Math.abs(seconds) / 3600, Math.abs(seconds) / 60 % 60, Math.abs(seconds) % 60].map(
    Math.floor,
  );
  const [first, ...rest] = parts[0] ? parts : parts.slice(1);
  return [`${seconds < 0 ? "-" : ""}${first}`, ...rest.map((part) => String(part).padStart(2, "0"))].join(
    ":",
  );
}

/** The axis for Plot: its scale's limits, and the arguments of its ticks, grid and labels. */
export function tickArguments(
  axis: Axis,
  ticks: readonly Tick[] | undefined,
  options: object,
): [object, object?] {
  const largest = Math.max(Math.abs(axis.from), Math.abs(axis.to));
  if (!ticks) return [{ ...options, tickFormat: largest < 1e-3 ? "~e" : largest >= 1e5 ? "~s" : undefined }];
  const labels = new Map(ticks.map(({ at, label }) => [at, label]));
  return [[...labels.keys()], { ...options, tickFormat: (at: number) => labels.get(at) ?? "" }];
}
