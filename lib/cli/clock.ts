/**
 * Times and sizes as people write them.
 *
 * @module
 */
import { clock } from "../clock.ts";
import { OptionError } from "../errors.ts";

/** `2.3 s` below a minute, `2:05` above. */
export function length(seconds: number): string {
  return seconds < 60 ? `${seconds.toFixed(1)} s` : clock(seconds);
}

/** `35x`, `2.4x`: how many times faster than the recording plays. */
export function speed(times: number): string {
  if (!Number.isFinite(times)) return "-";
  return `${times < 10 ? times.toFixed(1) : Math.round(times)}x`;
}

/** `1.2 GB`, `34 MB`. */
export function size(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

function secondsOf(text: string): number {
  if (!/^\d+(:[0-5]?\d){0,2}(\.\d+)?$/.test(text)) return NaN;
  return text.split(":").reduce((total, part) => total * 60 + Number(part), 0);
}

/**
 * `1:00-2:30`, `90-`, `-0:30`, `1:02:03.5-1:02:10`.
 *
 * @throws {OptionError} When it is nothing of the kind, or ends before it begins.
 */
export function parseRange(text: string): { startSeconds?: number; endSeconds?: number } {
  const [from = "", to = "", ...more] = text.split("-").map((part) => part.trim());
  const startSeconds = from === "" ? 0 : secondsOf(from);
  const endSeconds = to === "" ? Infinity : secondsOf(to);
  const isRange = text.includes("-") && more.length === 0 && (from !== "" || to !== "");
  if (!isRange || Number.isNaN(startSeconds) || Number.isNaN(endSeconds)) {
    throw new OptionError(`Cannot use --range ${text}: it must look like 1:00-2:30, 90- or -0:30`);
  }
  if (endSeconds <= startSeconds) {
    throw new OptionError(`Cannot use --range ${text}: it ends before it begins`);
  }
  return { startSeconds, ...(to === "" ? {} : { endSeconds }) };
}
