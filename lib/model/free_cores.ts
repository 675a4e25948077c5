/**
 * Cores that other programs leave free, as /proc/stat says (Linux). A product in more threads than that waits for one
 * that does not run.
 *
 * @module
 */
import { cpuUsage } from "node:process";

/** /proc counts in hundredths of a second on every architecture. */
const TICKS_PER_SECOND = 100;
const LOOK_EVERY_MS = 250;
/** A core that others use for less than this part of the time counts as free. */
const TOLERATED = 0.4;

/** Seconds of processor time, of all programs and of this one, at a time in seconds. */
export interface CoreTimes {
  atSeconds: number;
  all: number;
  own: number;
}

/** Seconds in which the cores of the machine did something, and their number, from the text of /proc/stat. */
export function busySeconds(stat: string): { busy: number; cores: number } {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0, steal = 0] =
    /^cpu +(.*)$/m.exec(stat)?.[1]?.split(" ").map(Number) ?? [];
  const busy = (user + nice + system + irq + softIrq + steal) / TICKS_PER_SECOND;
  return { busy, cores: stat.match(/^cpu\d/gm)?.length ?? 0 };
}

/** Whole cores that others left free between two looks, at least one. */
export function freeBetween(before: CoreTimes, now: CoreTimes, cores: number): number {
  const seconds = now.atSeconds - before.atSeconds;
  const others = Math.max(0, now.all - before.all - (now.own - before.own)) / seconds;
  return Math.max(1, Math.floor(cores - others + TOLERATED));
}

/** The text of /proc/stat; empty where it may not be read, without asking the user for it. */
function readStat(): string {
  const path = "/proc/stat";
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return "";
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

let last: CoreTimes | undefined;
let free = Infinity;

/** Whole cores that other programs left free lately; Infinity as long as that is not known. Cheap: it looks rarely. */
export function freeCores(): number {
  const atSeconds = performance.now() / 1000;
  if (Deno.build.os !== "linux") return free;
  if (last && atSeconds - last.atSeconds < LOOK_EVERY_MS / 1000) return free;
  const stat = readStat();
  const { busy, cores } = busySeconds(stat);
  const { user, system } = cpuUsage();
  const now: CoreTimes = { atSeconds, all: busy, own: (user + system) / 1e6 };
  if (last && cores > 0) free = freeBetween(last, now, cores);
  last = now;
  return free;
}
