/**
 * Stand-in for `jsr:@std/cli/parse-args` on machines that cannot reach JSR: the same names, options and results.
 * Published code imports the real one. The types are simpler: options named in `boolean`, `string` and `collect`
 * are typed, everything else is `unknown` (the real package says `any` when none of the three is given).
 *
 * @module
 */

/** What `ParseOptions` takes for a list of option names. */
export type Names<T extends string> = T | readonly T[];

/** How a command line is to be read; every field means what it means in `jsr:@std/cli/parse-args`. */
export interface ParseOptions<
  B extends string = string,
  S extends string = string,
  C extends string = string,
> {
  /**
   * Whether what follows `--` goes to the result's `"--"` instead of the end of `_`.
   *
   * @default {false}
   */
  "--"?: boolean;
  /**
   * Other names of an option; each name gets the value.
   *
   * @default {{}}
   */
  alias?: Record<string, Names<string>>;
  /**
   * Options that take no value (`--flag=false` and a following `true` or `false` are read). They are `false`
   * when absent. `true`: every `--name` without `=` is one.
   *
   * @default {false}
   */
  boolean?: boolean | Names<B>;
  /**
   * Options whose uses are collected into an array instead of the last one winning.
   *
   * @default {[]}
   */
  collect?: Names<C>;
  /**
   * Values of options that are absent.
   *
   * @default {{}}
   */
  default?: Record<string, unknown>;
  /**
   * Options that `--no-NAME` sets to `false`.
   *
   * @default {[]}
   */
  negatable?: Names<string>;
  /**
   * Whether everything after the first argument that is no option goes to `_` as it is.
   *
   * @default {false}
   */
  stopEarly?: boolean;
  /**
   * Options whose values stay strings; all others become numbers when they look like one. `"_"` names the
   * arguments that are no options.
   *
   * @default {[]}
   */
  string?: Names<S>;
  /** Called with whatever no other field names; what it answers `false` to is left out of the result. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** What `parseArgs` returns. */
export type Args<B extends string = never, S extends string = never, C extends string = never> =
  & { [K in Exclude<B, C>]: boolean }
  & { [K in B & C]: boolean[] }
  & { [K in Exclude<S, C>]?: string }
  & { [K in S & C]: string[] }
  & { [K in Exclude<C, B | S>]: unknown[] }
  & { _: Array<string | number>; "--"?: string[] }
  & Record<string, unknown>;

type Nested = Record<string, unknown>;

function asList(names: boolean | Names<string> | undefined): readonly string[] {
  if (names === undefined || typeof names === "boolean") return [];
  return typeof names === "string" ? [names] : names;
}

function isNested(value: unknown): value is Nested {
  return typeof value === "object" && value !== null;
}

function toNumberIfNumeric(text: string): string | number {
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

function isTruthWord(text: string | undefined): text is "true" | "false" {
  return text === "true" || text === "false";
}

/** The table of what each name is, with aliases spread out. */
class Definitions {
  readonly aliases = new Map<string, Set<string>>();
  readonly booleans: Set<string>;
  readonly strings: Set<string>;
  readonly collected: Set<string>;
  readonly negatable: Set<string>;
  readonly everyLongIsBoolean: boolean;

  constructor(options: ParseOptions) {
    for (const [key, value] of Object.entries(options.alias ?? {})) {
      if (value === undefined) throw new TypeError("Alias value must be defined");
      const group = [key, ...asList(value)];
      for (const name of group) this.aliases.set(name, new Set(group.filter((other) => other !== name)));
    }
    this.booleans = this.#withAliases(options.boolean);
    this.strings = this.#withAliases(options.string);
    this.collected = this.#withAliases(options.collect);
    this.negatable = this.#withAliases(options.negatable);
    this.everyLongIsBoolean = options.boolean === true;
  }

  #withAliases(names: boolean | Names<string> | undefined): Set<string> {
    const listed = asList(names).filter((name) => name !== "");
    return new Set(listed.flatMap((name) => [name, ...this.aliases.get(name) ?? []]));
  }

  isBoolean(key: string): boolean {
    return this.booleans.has(key) || [...this.aliases.get(key) ?? []].some((name) => this.booleans.has(name));
  }

  isKnown(key: string): boolean {
    return this.booleans.has(key) || this.strings.has(key) || this.aliases.has(key);
  }

  /** Value of an option that stands alone. */
  bare(key: string): string | boolean {
    return this.strings.has(key) ? "" : true;
  }
}

/** The result under construction; `a.b` is a property of a property. */
class Result {
  readonly values: Nested & { _: Array<string | number> } = { _: [] };

  has(path: string): boolean {
    let at: unknown = this.values;
    for (const key of path.split(".")) {
      if (!isNested(at) || !Object.hasOwn(at, key)) return false;
      at = at[key];
    }
    return true;
  }

  set(path: string, value: unknown, collect = false): void {
    const keys = path.split(".");
    const last = keys.pop() ?? "";
    let at: Nested = this.values;
    for (const key of keys) {
      const inner = Object.hasOwn(at, key) ? at[key] : undefined;
      const next: Nested = isNested(inner) ? inner : {};
      if (next !== inner) define(at, key, next);
      at = next;
    }
    const old = Object.hasOwn(at, last) ? at[last] : undefined;
    if (!collect) define(at, last, value);
    else if (Array.isArray(old)) old.push(value);
    else define(at, last, old ? [old, value] : [value]);
  }
}

/** An own property, also for names like `__proto__`. */
function define(object: Nested, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

class Parser {
  readonly #defs: Definitions;
  readonly #options: ParseOptions;
  readonly #result = new Result();
  #args: readonly string[] = [];
  #at = 0;

  constructor(options: ParseOptions) {
    this.#options = options;
    this.#defs = new Definitions(options);
  }

  parse(args: readonly string[]): Nested {
    const end = args.indexOf("--");
    this.#args = end === -1 ? args : args.slice(0, end);
    const rest = end === -1 ? [] : args.slice(end + 1);
    for (this.#at = 0; this.#at < this.#args.length; this.#at++) {
      const arg = this.#args[this.#at] ?? "";
      if (/^--./s.test(arg)) this.#long(arg);
      else if (/^-./s.test(arg)) this.#short(arg);
      else if (this.#operand(arg)) break;
    }
    this.#fillIn();
    if (this.#options["--"]) this.#result.values["--"] = rest;
    else this.#result.values._.push(...rest);
    return this.#result.values;
  }

  /** Returns whether parsing stops here. */
  #operand(arg: string): boolean {
    const values = this.#result.values._;
    if (this.#options.unknown?.(arg) !== false) {
      values.push(this.#defs.strings.has("_") ? arg : toNumberIfNumeric(arg));
    }
    if (!this.#options.stopEarly) return false;
    values.push(...this.#args.slice(this.#at + 1));
    return true;
  }

  #store(key: string, value: string | boolean, arg: string, collect = true): void {
    const anyBoolean = this.#defs.everyLongIsBoolean && /^--[^=]+$/.test(arg);
    if (!this.#defs.isKnown(key) && !anyBoolean && this.#options.unknown?.(arg, key, value) === false) return;
    const stored = typeof value === "string" && !this.#defs.strings.has(key)
      ? toNumberIfNumeric(value)
      : value;
    for (const name of [key, ...this.#defs.aliases.get(key) ?? []]) {
      this.#result.set(name, stored, collect && this.#defs.collected.has(key));
    }
  }

  /** Gives `key` the next argument when it may have one, else the value of an option that stands alone. */
  #storeWithNext(key: string, arg: string, mayTake: (next: string) => boolean): void {
    const next = this.#args[this.#at + 1];
    if (next && mayTake(next)) this.#store(key, next, arg);
    else if (isTruthWord(next)) this.#store(key, next === "true", arg);
    else return this.#store(key, this.#defs.bare(key), arg);
    this.#at++;
  }

  #long(arg: string): void {
    const [, name = "", text] = /^--(.+?)(?:=(.+))?$/s.exec(arg) ?? [];
    const negated = name.startsWith("no-") && name.length > 3 ? name.slice(3) : undefined;
    if (text !== undefined) {
      // As in the original, `--no-x=value` is about `x`.
      const key = negated ?? name;
      return this.#store(key, this.#defs.booleans.has(key) ? text !== "false" : text, arg);
    }
    if (negated !== undefined && this.#defs.negatable.has(negated)) {
      return this.#store(negated, false, arg, false);
    }
    this.#storeWithNext(
      name,
      arg,
      (next) => !this.#defs.everyLongIsBoolean && !this.#defs.isBoolean(name) && !next.startsWith("-"),
    );
  }

  /** `-abc`, `-n5`, `-n=5`, `-I/path`, `-f -`: letters until one of them swallows the rest. */
  #short(arg: string): void {
    for (let i = 1; i < arg.length - 1; i++) {
      const letter = arg.charAt(i);
      const rest = arg.slice(i + 1);
      const isLetter = /[A-Za-z]/.test(letter);
      const assigned = /=(.+)/.exec(rest)?.[1];
      if (rest === "-") return this.#store(letter, rest, arg);
      if (isLetter && assigned !== undefined) return this.#store(letter, assigned, arg);
      if (isLetter && /-?\d+(\.\d*)?(e-?\d+)?$/.test(rest)) return this.#store(letter, rest, arg);
      if (rest.length > 1 && /^\W/.test(rest)) return this.#store(letter, rest, arg);
      this.#store(letter, this.#defs.bare(letter), arg);
    }
    const key = arg.slice(-1);
    this.#storeWithNext(key, arg, (next) => !this.#defs.isBoolean(key) && !/^--?[^-]/.test(next));
  }

  #fillIn(): void {
    for (const [key, value] of Object.entries(this.#options.default ?? {})) {
      if (this.#result.has(key)) continue;
      for (const name of [key, ...this.#defs.aliases.get(key) ?? []]) this.#result.set(name, value);
    }
    const { booleans, strings, collected } = this.#defs;
    for (const key of booleans) {
      if (!this.#result.has(key)) this.#result.set(key, collected.has(key) ? [] : false);
    }
    for (const key of strings) {
      if (!this.#result.has(key) && collected.has(key)) this.#result.set(key, []);
    }
  }
}

/**
 * Reads command line arguments into an object.
 *
 * @param args The arguments, as in `Deno.args`.
 * @param options What the options are called and mean.
 * @returns Options by name; `_` has the arguments that are no options.
 *
 * @example
 * ```ts
 * import { parseArgs } from "@std/cli/parse-args";
 * import { assertEquals } from "@std/assert";
 *
 * const args = parseArgs(["--foo", "--bar=baz", "./quux.txt"]);
 * assertEquals(args, { foo: true, bar: "baz", _: ["./quux.txt"] });
 * ```
 */
export function parseArgs<B extends string = never, S extends string = never, C extends string = never>(
  args: readonly string[],
  options: ParseOptions<B, S, C> = {},
): Args<B, S, C> {
  return new Parser(options).parse(args) as Args<B, S, C>;
}
