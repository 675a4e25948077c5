/**
 * Arguments and environment to values: flag, then variable, then default.
 *
 * @module
 */
import { meantName, type Rule } from "../check_options.ts";
import { OptionError } from "../errors.ts";
import { processEnvironment } from "../hub/environment.ts";
import { nearestName } from "../nearest_name.ts";
import { commandWords } from "../option_words.ts";
import { type OptionSpec, variableOf } from "./option_specs.ts";

const TRUE = /^(1|true|yes|on)$/i;
const FALSE = /^(0|false|no|off)$/i;

/** What was given on the command line and in the environment. */
export class Arguments {
  /** Arguments that are no options. */
  readonly operands: readonly string[];
  readonly #values: ReadonlyMap<string, readonly string[] | boolean>;
  readonly #flags: ReadonlySet<string>;

  /** Use {@linkcode readArguments}. */
  constructor(
    operands: readonly string[],
    values: ReadonlyMap<string, readonly string[] | boolean>,
    flags: ReadonlySet<string>,
  ) {
    this.operands = operands;
    this.#values = values;
    this.#flags = flags;
  }

  /** Whether an option stands on the command line itself; one from the environment may be meant for other calls. */
  isFlag(name: string): boolean {
    return this.#flags.has(name);
  }

  /** Whether a switch is on; `undefined` when nothing was said. */
  maybe(name: string): boolean | undefined {
    const value = this.#values.get(name);
    return typeof value === "boolean" ? value : undefined;
  }

  /** Whether a switch is on. */
  on(name: string): boolean {
    return this.maybe(name) ?? false;
  }

  /** All values of an option. */
  all(name: string): readonly string[] {
    const value = this.#values.get(name);
    return typeof value === "object" ? value : [];
  }

  /** The value of an option; the last one counts. */
  text(name: string): string | undefined {
    return this.all(name).at(-1);
  }

  /** All values of an option that takes a list, split at commas. */
  list(name: string): string[] {
    return this.all(name).flatMap((value) => value.split(",")).map((part) => part.trim()).filter((part) =>
      part !== ""
    );
  }

  /**
   * A number.
   *
   * @throws {OptionError} When it is none, or not what the option of the library must be.
   */
  number(name: string, rule: Rule): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = text.trim() === "" ? NaN : Number(text);
    if (rule.fits(value)) return value;
    throw new OptionError(`Cannot use --${name} ${text}: it must be ${rule.must}`);
  }

  /**
   * One of some words.
   *
   * @throws {OptionError} For any other, with the nearest.
   */
  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const found = choices.find((choice) => choice === text.toLowerCase());
    if (found !== undefined) return found;
    const nearest = nearestName(text, choices);
    const hint = nearest === undefined ? "" : `, did you mean ${nearest}?`;
    throw new OptionError(`Cannot use --${name} ${text}: it must be one of ${choices.join(", ")}${hint}`);
  }
}

function unknownOption(written: string, specs: readonly OptionSpec[]): OptionError {
  const name = written.replace(/^-+/, "");
  const nearest = written.startsWith("--") ? meantName(name, specs.map((spec) => spec.name)) : undefined;
  const hint = nearest === undefined ? "see --help" : `did you mean --${nearest}?`;
  return new OptionError(`Unknown option ${written}: ${hint}`);
}

function missingValue({ name, value = "" }: OptionSpec): OptionError {
  return new OptionError(
    `--${name} needs a value (${value}); write --${name}=VALUE when it begins with a dash`,
  );
}

function texts(value: string[] | boolean | undefined): string[] {
  return typeof value === "object" ? value : [];
}

function fromEnvironment(spec: OptionSpec): string[] | boolean | undefined {
  if (spec.onlyFlag) return undefined;
  const variable = variableOf(spec);
  const text = processEnvironment(variable);
  if (text === undefined) return undefined;
  if (spec.value !== undefined) return [text];
  if (TRUE.test(text)) return true;
  if (FALSE.test(text)) return false;
  throw new OptionError(`Cannot use ${variable}=${text}: it is a switch, 1 or 0`);
}

/**
 * Reads a command line.
 *
 * @throws {OptionError} For an unknown option (with the nearest known one) or a missing value.
 */
export function readArguments(args: readonly string[], specs: readonly OptionSpec[]): Arguments {
  const { operands, options } = commandWords(
    args,
    specs.map((spec) => ({ ...spec, takesValue: spec.value !== undefined })),
  );
  const given = new Map<string, string[] | boolean>();
  for (const { option, written, value } of options) {
    if (option === undefined) throw unknownOption(written, specs);
    if (value === undefined) throw missingValue(option);
    if (typeof value === "boolean") given.set(option.name, value);
    else given.set(option.name, [...texts(given.get(option.name)), value]);
  }
  const flags = new Set(given.keys());
  for (const spec of specs) {
    const value = given.has(spec.name) ? undefined : fromEnvironment(spec);
    if (value !== undefined) given.set(spec.name, value);
  }
  return new Arguments(operands, given, flags);
}
