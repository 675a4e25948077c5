/**
 * Round numbers along an axis.
 *
 * @module
 */

/** A labelled position on an axis. */
export interface Tick {
  /** Value. */
  at: number;
  /** Text beside it. */
  label: string;
}

/** What an axis shows: numbers, seconds as a clock, whole numbers, or names. */
export type AxisKind = "number" | "time" | "index" | "category";

const TIME_STEPS_SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 36000];
/** Shorter stretches of time read better as plain seconds. */
const CLOCK_FROM_SECONDS = 90;

/** About `count` round numbers within the limits, in order. */
export function ticksWithin(from: number, to: number, count: number, kind: AxisKind): Tick[] {
  if (kind === "category" || !(to > from)) return [];
  const rough = (to - from) / Math.max(1, count);
  if (kind === "time" && to - from > CLOCK_FROM_SECONDS) {
    const step = TIME_STEPS_SECONDS.find((seconds) => seconds >= rough) ?? niceStep(rough / 3600) * 3600;
    return multiples(from, to, step).map((at) => ({ at, label: clock(at) }));
  }
  const step = kind === "index" ? Math.max(1, niceStep(rough)) : niceStep(rough);
  const format = formatterFor(step, Math.max(Math.abs(from), Math.abs(to)));
  return multiples(from, to, step).map((at) => ({ at, label: format(at) }));
}

/** The nearest of 1, 2, 5, 10, 20, 50 ... */
function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const lead = rough / power;
  return power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
}

function multiples(from: number, to: number, step: number): number[] {
  const first = Math.ceil(from / step - 1e-6);
  const last = Math.floor(to / step + 1e-6);
  return Array.from({ length: last - first + 1 }, (_, k) => (first + k) * step);
}

function formatterFor(step: number, largest: number): (value: number) => string {
  if (largest >= 1e6 || largest < 1e-3) {
    const digits = Math.max(0, Math.floor(Math.log10(largest)) - Math.floor(Math.log10(step) + 1e-9));
    return (value) => value === 0 ? "0" : value.toExponential(digits).replace("e+", "e");
  }
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return (value) => (Math.abs(value) < step / 2 ? 0 : value).toFixed(decimals);
}

/** `1:05`, `1:01:05`, `-0:30`. */
function clock(seconds: number): string {
  const total = Math.round(Math.abs(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor(total / 60) % 60;
  const text = hours ? `${hours}:${two(minutes)}:${two(total % 60)}` : `${minutes}:${two(total % 60)}`;
  return seconds < 0 ? `-${text}` : text;
}

/** Shortens a text to a number of characters, with an ellipsis for the rest. */
export function shorten(text: string, characters: number): string {
  const all = Array.from(text);
  return all.length > characters ? `${all.slice(0, Math.max(1, characters - 1)).join("")}…` : text;
}

/** A number for people: three significant digits, an exponent only for very large and very small ones. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-4)) return value.toExponential(2).replace("e+", "e");
  if (size >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}
