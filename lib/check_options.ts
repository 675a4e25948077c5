/**
 * Options as they come from a caller, who may write JavaScript, hold a value of another program's, or have misspelt a
 * name: each is honoured or refused, none is ignored. Rules stand beside the options that they are about; the public
 * functions check with them, and so do command line and server, so that a bound is written once.
 *
 * @module
 */
import { OptionError } from "./errors.ts";
import { nearestName } from "./nearest_name.ts";

/** What a value must be. */
export interface Rule {
  /** Continues "it must be": "a number from 0". */
  readonly must: string;
  /** Whether a value is. Left out options are not asked about. */
  readonly fits: (value: unknown) => boolean;
  /** Rules of an object's fields. */
  readonly fields?: Readonly<Record<string, Rule>>;
}

/** Rules for all options of a kind: the compiler notices one that is missing. */
export type Rules<T> = Readonly<Record<keyof T, Rule>>;

/** Any string. */
export const text: Rule = { must: "a text", fits: (value) => typeof value === "string" };
/** True or false. */
export const flag: Rule = { must: "true or false", fits: (value) => typeof value === "boolean" };
/** A function. */
export const callback: Rule = { must: "a function", fits: (value) => typeof value === "function" };
/** A signal that ends a call. */
export const signal: Rule = { must: "an AbortSignal", fits: (value) => value instanceof AbortSignal };
/** Any strings. */
export const texts: Rule = {
  must: "a list of texts",
  fits: (value) => Array.isArray(value) && value.every((item) => typeof item === "string"),
};
/** Layers, chunks: whole numbers; whether there are so many is asked where it is known. */
export const numbers: Rule = {
  must: "a list of numbers",
  fits: (value) => Array.isArray(value) && value.every((item) => typeof item === "number"),
};

/** A finite number that is not below `least`. */
export function from(least: number): Rule {
  return {
    must: `a number from ${least}`,
    fits: (value) => typeof value === "number" && Number.isFinite(value) && value >= least,
  };
}

/** A number above 0, `Infinity` included. */
export const positive: Rule = {
  must: "a number above 0",
  fits: (value) => typeof value === "number" && value > 0,
};

/** A number of at least 0, `Infinity` included. */
export const notNegative: Rule = {
  must: "a number from 0",
  fits: (value) => typeof value === "number" && value >= 0,
};

/** A whole number of some bounds. */
export function wholeFrom(least: number, most = Infinity): Rule {
  return {
    must: `a whole number from ${least}${most === Infinity ? "" : ` to ${most}`}`,
    fits: (value) => Number.isInteger(value) && Number(value) >= least && Number(value) <= most,
  };
}

/** One of some words. */
export function oneOf(...words: readonly string[]): Rule {
  return {
    must: `one of ${words.map((word) => `"${word}"`).join(", ")}`,
    fits: (value) => words.some((word) => word === value),
  };
}

/** Whether a value is an object with names, as JSON has them. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An object with fields of its own. */
export function object<T>(fields: Rules<T>): Rule {
  return { must: `an object with ${Object.keys(fields).join(", ")}`, fits: isObject, fields };
}

/** What other programs call our options. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  abortSignal: "signal",
  clip: "range",
  keywords: "hotwords",
  prompt: "context",
};

/**
 * The name that somebody meant: another program's word for it, the end of a dotted name, its beginning, or the nearest.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const known = ["language", "sampling.temperature", "range"];
 * assertEquals(meantName("lang", known), "language");
 * assertEquals(meantName("temperature", known), "sampling.temperature");
 * assertEquals(meantName("clip", known), "range");
 * assertEquals(meantName("colour", known), undefined);
 * ```
 */
export function meantName(word: string, known: readonly string[]): string | undefined {
  const lower = word.toLowerCase();
  const other = Object.hasOwn(ELSEWHERE, word) ? ELSEWHERE[word] : undefined;
  return known.find((name) => name === other) ??
    known.find((name) => name.endsWith(`.${word}`)) ??
    (lower.length >= 3 ? known.find((name) => name.toLowerCase().startsWith(lower)) : undefined) ??
    nearestName(word, known);
}

/** A value as a message shows it: short, on one line. */
function shown(value: unknown): string {
  if (typeof value === "function") return "a function";
  let whole = String(value);
  if (typeof value === "string" || Array.isArray(value) || isObject(value)) {
    try {
      whole = JSON.stringify(value);
    } catch {
      // It holds itself, or a bigint.
    }
  }
  return whole.length > 60 ? `${whole.slice(0, 60)}...` : whole;
}

function namesOf(rules: Readonly<Record<string, Rule>>): string[] {
  return Object.entries(rules).flatMap(([name, { fields }]) =>
    fields === undefined ? [name] : [name, ...Object.keys(fields).map((inner) => `${name}.${inner}`)]
  );
}

function unknownOption(name: string, prefix: string, rules: Readonly<Record<string, Rule>>): OptionError {
  const meant = meantName(name, namesOf(rules));
  const hint = meant === undefined
    ? `there are ${Object.keys(rules).map((known) => prefix + known).join(", ")}`
    : `did you mean "${prefix}${meant}"?`;
  return new OptionError(`Unknown option "${prefix}${name}": ${hint}${meant === undefined ? "." : ""}`, {
    option: prefix + name,
  });
}

function check(given: object, rules: Readonly<Record<string, Rule>>, prefix: string): void {
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) throw unknownOption(name, prefix, rules);
    if (!rule.fits(value)) {
      throw new OptionError(`Cannot use ${prefix}${name} ${shown(value)}: it must be ${rule.must}.`, {
        option: prefix + name,
      });
    }
    if (rule.fields !== undefined && isObject(value)) check(value, rule.fields, `${prefix}${name}.`);
  }
}

/**
 * Checks a call's options.
 *
 * @throws {OptionError} Naming the first that is unknown, or has a value that makes no sense.
 */
export function checkOptions<T>(given: unknown, rules: Rules<T>): void {
  if (!isObject(given)) {
    throw new OptionError(`Cannot use the options ${shown(given)}: they must be an object, or left out.`);
  }
  check(given, rules, "");
}
