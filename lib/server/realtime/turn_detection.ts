/**
 * Who says where a turn ends: voice activity, or the client.
 *
 * @module
 */
import { asNumber, asObject, asOneOf } from "./fields.ts";

/** Turns end at pauses. */
export interface ServerVad {
  type: "server_vad";
  threshold: number;
  prefix_padding_ms: number;
  silence_duration_ms: number;
  /** Sound without speech of this length is committed as an empty turn. */
  idle_timeout_ms: number | null;
}

/** What OpenAI has where nothing is said. */
export const USUAL_VAD: ServerVad = {
  type: "server_vad",
  threshold: 0.5,
  prefix_padding_ms: 300,
  silence_duration_ms: 500,
  idle_timeout_ms: null,
};

/** Pauses that end a turn where the client would have its meaning decide. */
const EAGERNESS_MS = { low: 2000, medium: 1000, auto: 1000, high: 500 } as const;
/** Longest pause and padding: beyond, a client has mistaken the unit. */
const MOST_MS = 60_000;
const IDLE_MS = { least: 1000, most: 300_000 } as const;
/** Voice activity has to be between something and something. */
const THRESHOLD = { least: 0.01, most: 0.99 } as const;
/** Fields that ask for answers, which there are none of. */
const OF_ANSWERS = ["create_response", "interrupt_response"];

/**
 * Reads `turn_detection`. `semantic_vad` becomes pauses of a length that goes with its eagerness, and is shown so.
 *
 * @returns null: the client commits.
 * @throws {RealtimeError} When it is none of the kinds.
 */
export function turnDetectionOf(param: string, value: unknown, before: ServerVad | null): ServerVad | null {
  if (value === null) return null;
  const known = [
    "type",
    "threshold",
    "prefix_padding_ms",
    "silence_duration_ms",
    "idle_timeout_ms",
    "eagerness",
  ];
  const given = asObject(param, value, [...known, ...OF_ANSWERS]);
  const type = asOneOf(`${param}.type`, given["type"] ?? "server_vad", ["server_vad", "semantic_vad"]);
  if (type === "semantic_vad") {
    asObject(param, value, ["type", "eagerness", ...OF_ANSWERS]);
    const eagerness = asOneOf(`${param}.eagerness`, given["eagerness"] ?? "auto", [
      "low",
      "medium",
      "high",
      "auto",
    ]);
    return { ...USUAL_VAD, silence_duration_ms: EAGERNESS_MS[eagerness] };
  }
  asObject(param, value, [...known.filter((name) => name !== "eagerness"), ...OF_ANSWERS]);
  const base = before ?? USUAL_VAD;
  const number = (name: string, usual: number, least: number, most: number): number => {
    return given[name] === undefined || given[name] === null
      ? usual
      : asNumber(`${param}.${name}`, given[name], least, most);
  };
  const threshold = number("threshold", base.threshold, 0, 1);
  const idle = given["idle_timeout_ms"] === undefined ? base.idle_timeout_ms : given["idle_timeout_ms"];
  return {
    type,
    threshold: Math.min(THRESHOLD.most, Math.max(THRESHOLD.least, threshold)),
    prefix_padding_ms: number("prefix_padding_ms", base.prefix_padding_ms, 0, MOST_MS),
    silence_duration_ms: number("silence_duration_ms", base.silence_duration_ms, 0, MOST_MS),
    idle_timeout_ms: idle === null
      ? null
      : asNumber(`${param}.idle_timeout_ms`, idle, IDLE_MS.least, IDLE_MS.most),
  };
}
