/**
 * Axes, and how wide their texts are: limits, and ticks where Plot's own are not the ones wanted.
 *
 * @module
 */
import { OptionError } from "../errors.ts";

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
/** A label that would take more than half of a phone's width. */
const TOO_LONG = /^(.{20})..+$/u;
/** Width of a character as a multiple of the font size: on the safe side, because fonts differ. */
const CHARACTER = 0.58;
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\p{Emoji_Presentation}]/u;

/** About how many pixels wide a text is. */
export function textPixels(text: string, fontSize: number): number {
  const letters = Array.from(text.replace(/\p{M}/gu, ""));
  return fontSize * letters.reduce((sum, letter) => sum + (WIDE.test(letter) ? 1 : CHARACTER), 0);
}

/** A text without what XML forbids. */
export function clean(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, " ").toWellFormed();
}

/** A text as contents or attribute in XML. */
export function escapeXML(text: string): string {
  return clean(text).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** A number for people: three significant digits, an exponent only for very large and very small ones. */
export function shortNumber(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-4)) return value.toExponential(2).replace("e+", "e");
  return size >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

/** An axis from its options; limits that they leave out come from the data. */
export function axisOf(options: AxisOptions = {}, low: number, high: number, natural: Axis["kind"]): Axis {
  const { from = low, to = high, ticks } = options;
  if (![from, to].every(Number.isFinite)) throw new OptionError(`Cannot draw an axis from ${from} to ${to}.`);
  const isOwn = natural === "index" && (options.from !== undefined || options.to !== undefined);
  const shown = ticks?.map(({ at, label }) => ({ at, label: clean(label).replace(TOO_LONG, "$1…") }));
  const axis = { kind: options.kind ?? (isOwn ? "number" : natural), from, to, ticks: shown, label: "" };
  const unit = axis.kind !== "time" ? "" : isClock(axis) ? "time (m:ss)" : "time (s)";
  const half = from === to ? 0.5 : 0;
  return { ...axis, from: from - half, to: to + half, label: clean(options.label ?? unit) };
}

function isClock({ kind, from, to }: Axis): boolean {
  return kind === "time" && Math.abs(to - from) > CLOCK_FROM_SECONDS;
}

/** The ticks that were asked for, at least `room` pixels apart. */
export function askedTicks({ from, to, ticks }: Axis, pixels: number, room: number): Tick[] | undefined {
  const [low, high] = [Math.min(from, to), Math.max(from, to)];
  let last = -Infinity;
  return ticks?.filter(({ at }) => at >= low && at <= high).toSorted((a, b) => a.at - b.at)
    .filter(({ at }) => (at - last) * pixels >= room * (high - low) && ((last = at), true));
}

/** Arguments for Plot's ticks, labels and grid: what was asked for, steps of a clock, or Plot's choice. */
export function tickArguments(axis: Axis, pixels: number, room: number, options: object): [object, object?] {
  const style = { labelArrow: "none", label: axis.label || null, tickSpacing: 80, ...options };
  const ticks = askedTicks(axis, pixels, room);
  const labels = new Map(ticks?.map(({ at, label }) => [at, label]));
  if (ticks) return [[...labels.keys()], { ...style, tickFormat: (at: number) => labels.get(at) }];
  const least = Math.abs(axis.to - axis.from) * style.tickSpacing / pixels;
  const interval = CLOCK_STEPS.find((step) => step >= least);
  if (isClock(axis)) return [{ ...style, interval, tickFormat: clock }];
  if (axis.kind === "index" && least < 1) return [{ ...style, interval: 1, tickFormat: "d" }];
  const largest = Math.max(Math.abs(axis.from), Math.abs(axis.to));
  return [{ ...style, tickFormat: largest < 1e-3 ? "~e" : largest >= 1e5 ? "~s" : undefined }];
}

/** `1:05`, `1:01:05`. */
function clock(seconds: number): string {
  const parts = [seconds / 3600, seconds / 60 % 60, seconds % 60].map(Math.floor);
  const [first, ...rest] = parts[0] ? parts : parts.slice(1);
  return [first, ...rest.map((part) => String(part).padStart(2, "0"))].join(":");
}
