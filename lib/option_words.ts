/**
 * Options and operands of a command line, told apart by Deno's own `node:util`: no package is fetched for it.
 *
 * @module
 */
import { parseArgs } from "node:util";

/** An option that a command knows. */
export interface OptionWord {
  /** Without dashes. */
  name: string;
  /** A letter that means the same. */
  short?: string;
  /** Whether a value stands behind it; otherwise it is a switch, which `--no-NAME` turns off. */
  takesValue: boolean;
}

/** One option as it was written. */
export interface WrittenOption<Word extends OptionWord> {
  /** The option that is meant; `undefined` for one that nobody knows. */
  option: Word | undefined;
  /** What stands on the command line, without a value. */
  written: string;
  /** What a switch says, the value of another option; `undefined` when its value is missing. */
  value: string | boolean | undefined;
}

/** A command line, in its order. */
export interface CommandWords<Word extends OptionWord> {
  operands: string[];
  options: WrittenOption<Word>[];
}

/** A value may begin with a dash only where it can't be taken for an option. */
function valueOf(text: string | undefined, isInline: boolean, isShort: boolean): string | undefined {
  if (text === undefined) return undefined;
  const value = isInline && isShort ? text.replace(/^=/, "") : text;
  return value === "" || (!isInline && /^-./.test(value)) ? undefined : value;
}

/**
 * Splits a command line: `--name value`, `--name=value`, `-n value`, `-nvalue`, `-abc`, `--no-name`; behind `--` all
 * are operands.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const known = [{ name: "format", short: "f", takesValue: true }, { name: "quiet", takesValue: false }];
 * const { operands, options } = commandWords(["-f", "srt", "a.wav", "--no-quiet"], known);
 * assertEquals(operands, ["a.wav"]);
 * assertEquals(options.map(({ option, value }) => [option?.name, value]), [["format", "srt"], ["quiet", false]]);
 * ```
 */
export function commandWords<Word extends OptionWord>(
  args: readonly string[],
  known: readonly Word[],
): CommandWords<Word> {
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(known.map(({ name, short, takesValue }) => [name, {
      type: takesValue ? "string" : "boolean",
      ...(short === undefined ? {} : { short }),
    }])),
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const found: CommandWords<Word> = { operands: [], options: [] };
  for (const token of tokens) {
    if (token.kind === "positional") found.operands.push(token.value);
    if (token.kind !== "option") continue;
    const { name, rawName: written, value, inlineValue } = token;
    const option = known.find((option) => option.name === name);
    const denied = known.find((option) => !option.takesValue && written === `--no-${option.name}`);
    if (option === undefined || !option.takesValue) {
      const on = option !== undefined && value !== "false";
      found.options.push({ option: option ?? denied, written, value: on });
    } else {
      const text = valueOf(value, inlineValue ?? false, !written.startsWith("--"));
      found.options.push({ option, written, value: text });
    }
  }
  return found;
}
