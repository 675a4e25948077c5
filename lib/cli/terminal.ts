/**
 * Where words go: transcripts to standard output, everything else to standard error.
 *
 * @module
 */
import { LibraryError, MLXError } from "../../ffi/mod.ts";
import { Qwen3ASRError } from "../errors.ts";
import { processEnvironment } from "../hub/environment.ts";
import { displayWidth } from "../output/mod.ts";
import { OutputError } from "./write_file.ts";

/** The reader of standard output has gone away (`| head`). */
export class OutputClosed extends Error {
  override name = "OutputClosed";
}

type Color = "red" | "green" | "yellow" | "cyan" | "bold" | "dim";

const CODES: Readonly<Record<Color, number>> = {
  red: 31,
  green: 32,
  yellow: 33,
  cyan: 36,
  bold: 1,
  dim: 2,
};

/** Control characters, those that C1 calls so and the marks that turn the direction of writing included. */
const CONTROL = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/** A name as it can be shown: a file's name may hold what moves the cursor or looks like another name. */
export function printable(text: string): string {
  return text.replace(CONTROL, (letter) => {
    const code = letter.codePointAt(0)!;
    const short = { 9: "\\t", 10: "\\n", 13: "\\r" }[code];
    return short ?? (code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`);
  });
}

/** The same for text of several lines. */
function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}

/** A colour, or a letter with its marks. */
const PIECES = new RegExp(String.raw`(\u001b\[[\d;]*m)|\P{M}\p{M}*`, "gu");

/** A line cut to some columns; colours take none. */
function clipped(line: string, columns: number): string {
  let left = columns;
  return line.replace(PIECES, (piece, color) => {
    if (color !== undefined) return piece;
    left -= displayWidth(piece);
    return left >= 0 ? piece : "";
  });
}

function writeAll(stream: typeof Deno.stdout, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
}

/** How much is said. */
export interface TerminalOptions {
  /** Only errors. */
  quiet?: boolean;
  /** More than usual. */
  verbose?: boolean;
  /** Colours; default: on a terminal, unless `NO_COLOR` is set. */
  color?: boolean | undefined;
}

/** Standard output and standard error of this process. */
export class Terminal {
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** Whether people watch standard error: bars may move. */
  readonly isLive: boolean;
  /** Whether a terminal that shows colours may be given some. */
  readonly #wantsColor: boolean;
  readonly #color: boolean;
  #drawn = 0;

  constructor({ quiet = false, verbose = false, color }: TerminalOptions = {}) {
    const isDumb = processEnvironment("TERM") === "dumb";
    this.quiet = quiet;
    this.verbose = verbose && !quiet;
    this.isLive = Deno.stderr.isTerminal() && !isDumb && !quiet;
    const isWanted = color ?? processEnvironment("NO_COLOR") === undefined;
    this.#wantsColor = isWanted && !isDumb;
    this.#color = isWanted && Deno.stderr.isTerminal() && !isDumb;
  }

  /** Width of the terminal. */
  get columns(): number {
    try {
      return Math.max(20, Deno.consoleSize().columns || 80);
    } catch {
      return 80;
    }
  }

  /** Text in a colour, where there are colours. */
  paint(color: Color, text: string): string {
    return this.#color ? `\x1b[${CODES[color]}m${text}\x1b[0m` : text;
  }

  /** The same for whoever has found out that it goes to a terminal. */
  paintOnScreen(color: Color, text: string): string {
    return this.#wantsColor ? `\x1b[${CODES[color]}m${text}\x1b[0m` : text;
  }

  /** Whether lines on a terminal may be drawn anew. */
  canDraw(stream: { isTerminal(): boolean }): boolean {
    return stream.isTerminal() && processEnvironment("TERM") !== "dumb" && !this.quiet;
  }

  /** The transcript, or what else was asked for. */
  write(text: string): void {
    this.clear();
    try {
      writeAll(Deno.stdout, text);
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) throw new OutputClosed();
      throw error;
    }
  }

  #say(text: string): void {
    this.clear();
    try {
      writeAll(Deno.stderr, `${text}\n`);
    } catch {
      // Nobody reads it.
    }
  }

  /** What went wrong, in one sentence. */
  error(message: string): void {
    this.#say(`${this.paint("red", "error:")} ${printableLines(message)}`);
  }

  /** What a user has to know. */
  warn(message: string): void {
    if (!this.quiet) this.#say(`${this.paint("yellow", "warning:")} ${printableLines(message)}`);
  }

  /** What is going on. */
  note(message: string): void {
    if (!this.quiet) this.#say(message);
  }

  /** What helps to find a fault; only when `verbose`. */
  detail(message: string): void {
    if (this.verbose) this.#say(this.paint("dim", printableLines(message)));
  }

  /** One line for programs, also when `quiet`. */
  line(text: string): void {
    this.#say(text);
  }

  /** A question without its answer's newline. */
  ask(question: string): void {
    this.clear();
    writeAll(Deno.stderr, question);
  }

  /** Shows lines at the bottom that the next call replaces, cut where they would wrap. Only where `isLive`. */
  draw(lines: readonly string[]): void {
    if (!this.isLive) return;
    const shown = lines.map((line) => clipped(line, this.columns - 1));
    const up = this.#drawn > 1 ? `\x1b[${this.#drawn - 1}A` : "";
    const start = this.#drawn > 0 ? `\r${up}\x1b[J` : "";
    writeAll(Deno.stderr, `${start}${shown.join("\n")}`);
    this.#drawn = lines.length;
  }

  /** Takes the lines of `draw` away. */
  clear(): void {
    if (this.#drawn > 0) this.draw([]);
    this.#drawn = 0;
  }
}

/** The last part of a text that fits into some columns, on one line. */
export function lastColumns(text: string, columns: number): string {
  const letters = [...text.replace(/\s+/g, " ").trim()];
  let width = 0;
  let start = letters.length;
  while (start > 0) {
    const next = displayWidth(letters[start - 1]!);
    if (width + next > columns) break;
    width += next;
    start--;
  }
  return letters.slice(start).join("");
}

/** A text cut to some columns, with an ellipsis in its middle where it is longer. */
export function fit(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  const half = Math.floor((columns - 1) / 2);
  const head = [...text];
  while (displayWidth(head.join("")) > half) head.pop();
  return `${head.join("")}…${lastColumns(text, columns - 1 - displayWidth(head.join("")))}`;
}

/** Rows as lines, each column as wide as its widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => widths[i] = Math.max(widths[i] ?? 0, displayWidth(cell)));
  }
  return rows.map((row) =>
    row.map((cell, i) => cell + " ".repeat(widths[i]! - displayWidth(cell))).join("  ").trimEnd() + "\n"
  ).join("");
}

/** What happened, for people; with `verbose` where an error nobody expected came from. */
export function sentence(error: unknown, verbose = false): string {
  if (!(error instanceof Error)) return String(error);
  const message = error.message.trim().replace(/\.$/, "");
  const isOurs = [Qwen3ASRError, LibraryError, MLXError, OutputError].some((kind) => error instanceof kind);
  if (isOurs) return message;
  if (error instanceof Deno.errors.NotCapable) {
    return `${message.split("\n")[0]}; docs/permissions.md has the flags for each use`;
  }
  if (verbose && error.stack) return error.stack;
  return `${error.name}: ${message.split("\n")[0]} (--verbose says where)`;
}
