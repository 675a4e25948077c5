/**
 * The line below live text: whether something is heard, how loud, how far behind the text is.
 *
 * @module
 */
import { displayWidth } from "../../output/mod.ts";
import { clock } from "../../clock.ts";
import { bar } from "../progress.ts";
import { fit, printable } from "../terminal.ts";

const METER_COLUMNS = 8;
/** What the meter shows as nothing. */
const QUIET_DB = -60;
const FULL_SCALE = 32768;
/** A lag that is worth a word, in seconds: between two steps it is a second as a rule. */
const LAG_SECONDS = 1.5;

/** The loudest sample of a block, from 0 to 1. */
export function peakOf(block: Float32Array | Int16Array): number {
  let peak = 0;
  for (const sample of block) {
    const size = sample < 0 ? -sample : sample;
    if (size > peak) peak = size;
  }
  return block instanceof Int16Array ? peak / FULL_SCALE : peak;
}

/** What there is to say. */
export interface StatusFacts {
  /** `waiting` for a key, `talking` after it; `ending` after Ctrl-C. */
  state: "listening" | "waiting" | "talking" | "ending";
  seconds: number;
  /** Of the sound just now, from 0 to 1. */
  peak: number;
  lagSeconds: number;
  source: string;
}

const STATES: Readonly<Record<StatusFacts["state"], string>> = {
  listening: "Ctrl-C ends",
  waiting: "space: talk, q: end",
  talking: "space: done",
  ending: "ending (Ctrl-C: at once)",
};

/** As much of it as there is room for; the most important is last to go. */
export function statusLine(
  { state, seconds, peak, lagSeconds, source }: StatusFacts,
  columns: number,
): string {
  const loud = peak > 0 ? 1 - 20 * Math.log10(peak) / QUIET_DB : 0;
  const meter = `${state === "waiting" ? "○" : "●"} ${clock(seconds)} ${bar(loud, METER_COLUMNS)}▏`;
  const lag = lagSeconds >= LAG_SECONDS ? ` ${lagSeconds.toFixed(1)} s behind` : "";
  const what = STATES[state];
  const name = fit(printable(source), Math.max(12, Math.floor(columns / 3)));
  const choices = [`${meter}${lag}  ${what}  ${name}`, `${meter}${lag}  ${what}`, `${meter}${lag}`, meter];
  return choices.find((line) => displayWidth(line) <= columns) ?? fit(meter, columns);
}
