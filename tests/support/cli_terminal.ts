/**
 * Runs the command line in a pseudo-terminal, which the program `script` provides, and works out what a person would see.
 *
 * @module
 */
import { join } from "@std/path";
import { ROOT } from "./cli_process.ts";

const COLUMNS = 90;
const ROWS = 30;

/** Cursor up, clear below, any other escape sequence, carriage return or line feed, a character. */
const SEQUENCES = new RegExp(
  String.raw`\u001b\[(\d+)A|(\u001b\[J)|(\u001b\[[\d;?]*[a-zA-Z])|(\r|\n)|([^])`,
  "gu",
);

/** The lines that a terminal shows after some output, without colours. */
export function screenOf(output: string): string[] {
  const lines: string[] = [""];
  let row = 0;
  let column = 0;
  const put = (letter: string) => {
    while (lines.length <= row) lines.push("");
    const line = lines[row]!.padEnd(column);
    lines[row] = line.slice(0, column) + letter + line.slice(column + 1);
    column++;
  };
  for (const [, up, clear, color, end, letter] of output.matchAll(SEQUENCES)) {
    if (up !== undefined) row = Math.max(0, row - Number(up));
    else if (clear !== undefined) {
      lines.length = row + 1;
      lines[row] = (lines[row] ?? "").slice(0, column);
    } else if (end === "\r") column = 0;
    else if (end === "\n") [row, column] = [row + 1, 0];
    else if (letter !== undefined && color === undefined) put(letter);
  }
  return lines.map((line) => line.trimEnd());
}

/** A command in a pseudo-terminal. */
export class TerminalSession implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #keys: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #read: Promise<void>;
  readonly #name: string;
  #output = "";
  #wake = () => {};

  /** Starts `deno run -A mod.ts ARGS` in it. `program` stands in for mod.ts; `redirect` goes behind the command, e.g. `2>file`. */
  constructor(
    args: readonly string[],
    options: {
      cwd: string;
      env?: Record<string, string>;
      columns?: number;
      program?: string;
      redirect?: string;
      /** A command that runs before the program and again after it, in the same terminal. */
      around?: string;
    },
  ) {
    const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
    const program = join(ROOT, options.program ?? "mod.ts");
    const line = [Deno.execPath(), "run", "--no-check", "-A", program, ...args].map(quote).join(" ");
    this.#name = join(options.cwd, ".terminal");
    const size = `stty cols ${options.columns ?? COLUMNS} rows ${ROWS} -echo`;
    const named = `sh -c 'echo $$ >"$0"; exec "$@"' ${quote(`${this.#name}.pid`)} ${line}`;
    const run = `${named} ${options.redirect ?? ""}`;
    const { around } = options;
    const all = around === undefined
      ? `exec ${run}`
      : `trap : INT; ${around}; ${run}; code=$?; ${around}; exit $code`;
    const command = `tty >${quote(this.#name)}; ${size}; ${all}`;
    this.#child = new Deno.Command("script", {
      args: Deno.build.os === "darwin"
        ? ["-q", "/dev/null", "sh", "-c", command]
        : ["-q", "-e", "-c", command, "/dev/null"],
      env: { TERM: "xterm-256color", SHELL: "/bin/sh", NO_COLOR: "", ...options.env },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
      cwd: options.cwd,
    }).spawn();
    this.#keys = this.#child.stdin.getWriter();
    this.#read = this.#collect();
  }

  async #collect(): Promise<void> {
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      this.#output += text;
      this.#wake();
    }
  }

  /** All output so far, with its escape sequences. */
  get output(): string {
    return this.#output;
  }

  /** Waits until the output matches. */
  async until(pattern: RegExp): Promise<void> {
    const timeout = AbortSignal.timeout(60_000);
    while (!pattern.test(this.#output)) {
      if (timeout.aborted) throw new Error(`${pattern} did not come; there is:\n${this.#output}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 500);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Waits until a completely drawn screen matches, and returns it. */
  async frame(pattern: RegExp): Promise<string[]> {
    const redraw = new RegExp(String.raw`\r(\u001b\[\d+A)?\u001b\[J`, "g");
    for (let from = 0;;) {
      await this.until(new RegExp(`${pattern.source}[^]*${redraw.source}`));
      const ends = [...this.#output.matchAll(redraw)].map(({ index }) => index);
      const end = ends.find((at, i) => at > from && pattern.test(this.#output.slice(ends[i - 1] ?? 0, at)));
      if (end !== undefined) return screenOf(this.#output.slice(0, end));
      from = ends.at(-1) ?? 0;
    }
  }

  /** Presses keys: "\x03" is Ctrl-C. */
  async press(keys: string): Promise<void> {
    await this.#keys.write(new TextEncoder().encode(keys));
  }

  /** Asks the system about the terminal, or changes it, with `stty`. */
  async stty(...args: string[]): Promise<string> {
    const name = (await Deno.readTextFile(this.#name)).trim();
    const flag = Deno.build.os === "darwin" ? "-f" : "-F";
    const { stdout } = await new Deno.Command("stty", { args: [flag, name, ...args] }).output();
    return new TextDecoder().decode(stdout);
  }

  /** Sends a signal to the program. */
  async signal(signal: Deno.Signal): Promise<void> {
    Deno.kill(Number(await Deno.readTextFile(`${this.#name}.pid`)), signal);
  }

  /** Waits for the end, and returns the exit code and the last screen. */
  async end(): Promise<{ code: number; screen: string[] }> {
    const { code } = await this.#child.status;
    await this.#read;
    await this.#keys.close().catch(() => {});
    const screen = screenOf(this.#output);
    while (screen.at(-1) === "") screen.pop();
    return { code, screen };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.#child.status;
    await this.#read.catch(() => {});
  }
}
