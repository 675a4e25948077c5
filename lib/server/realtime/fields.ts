/**
 * Reading JSON that a client sent: every field is known and of its kind, or the error names it.
 *
 * @module
 */
import { meantName } from "../../check_options.ts";
import { RealtimeError } from "./realtime_error.ts";

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Shown in messages: short, and what it was. */
export function shown(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? String(value);
  return `'${text.length > 60 ? text.slice(0, 60) + "..." : text}'`;
}

/** @throws {RealtimeError} Always: this value will not do. */
export function refuse(param: string, message: string, code = "invalid_value"): never {
  throw new RealtimeError(code, message, { param });
}

/** Whether a value is a JSON object. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * An object that has no other fields than these.
 *
 * @throws {RealtimeError} When it is something else, or has one that is not known.
 */
export function asObject(param: string, value: unknown, known: readonly string[]): JsonObject {
  if (!isObject(value)) return refuse(param, `${param} is ${shown(value)}, expected an object.`);
  for (const name of Object.keys(value)) {
    if (known.includes(name)) continue;
    const whole = `${param}.${name.slice(0, 60)}`;
    const meant = meantName(name.slice(0, 60), known);
    const hint = meant === undefined ? "" : ` Did you mean '${param}.${meant}'?`;
    refuse(whole, `Unknown parameter: '${whole}'.${hint}`, "unknown_parameter");
  }
  return value;
}

/** @throws {RealtimeError} When it is no string. */
export function asText(param: string, value: unknown): string {
  return typeof value === "string" ? value : refuse(param, `${param} is ${shown(value)}, expected a string.`);
}

/** @throws {RealtimeError} When it is no number of these bounds. */
export function asNumber(param: string, value: unknown, least: number, most: number): number {
  const fits = typeof value === "number" && value >= least && value <= most;
  return fits
    ? value
    : refuse(param, `${param} is ${shown(value)}, expected a number from ${least} to ${most}.`);
}

/** @throws {RealtimeError} When it is none of these words. */
export function asOneOf<T extends string>(param: string, value: unknown, words: readonly T[]): T {
  return words.find((word) => word === value) ??
    refuse(param, `${param} is ${shown(value)}, expected one of ${words.join(", ")}.`);
}

/** @throws {RealtimeError} When it is no list of strings, or longer than `most`. */
export function asTexts(param: string, value: unknown, most: number): string[] {
  if (!Array.isArray(value)) return refuse(param, `${param} is ${shown(value)}, expected a list of strings.`);
  if (value.length > most) {
    refuse(param, `${param} has ${value.length} values, at most ${most} are taken.`, "too_many_values");
  }
  return value.map((item) => asText(param, item).trim()).filter((item) => item !== "");
}
