/**
 * A terminal on which some lines at the bottom change while others above are finished.
 *
 * @module
 */
import { rowsOfLine, type ScreenLine } from "./lines.ts";
import type { Write } from "./outlet.ts";

/** Columns and rows of a terminal. */
export interface ScreenSize {
  columns: number;
  rows: number;
}

/** What waits to be shown above the changing lines: a text, or a call that writes by other ways. */
type Finished = string | (() => void);

/**
 * Draws only what is new when the terminal is ready for it: one that is stopped (Ctrl-S) stops nothing else.
 *
 * Terminals break lines anew when their width changes, so that lines drawn before may take more rows now. Some leave out the
 * line with the cursor: it stands in an empty one below.
 */
export class LiveScreen {
  readonly #write: Write;
  readonly #size: () => ScreenSize;
  readonly #finished: Finished[] = [];
  #wanted: readonly ScreenLine[] = [];
  #drawn: readonly ScreenLine[] = [];
  #isDirty = false;
  #working: Promise<void> | undefined;
  #failure: unknown;

  /** @param size Asked anew whenever something is drawn. */
  constructor(write: Write, size: () => ScreenSize) {
    this.#write = write;
    this.#size = size;
  }

  /** Columns that a line may take: the last one stays free, where terminals differ. */
  get columns(): number {
    return Math.max(2, this.#size().columns - 1);
  }

  /** Lines that may change: more than the rows of a terminal cannot be taken back. */
  get rows(): number {
    return Math.max(1, this.#size().rows - 2);
  }

  /** Shows a text that stays, above the changing lines; it ends with a line feed. */
  print(text: string): void {
    if (text !== "") this.#finish(text);
  }

  /** Lets something else write on the same terminal, above the changing lines. */
  say(act: () => void): void {
    this.#finish(act);
  }

  #finish(what: Finished): void {
    this.#finished.push(what);
    this.#isDirty = true;
    this.#working ??= this.#work();
  }

  /** Shows the changing lines instead of those before. */
  show(lines: readonly ScreenLine[], isResized = false): void {
    const isSame = lines.length === this.#wanted.length &&
      lines.every(({ text }, index) => text === this.#wanted[index]!.text);
    if (isSame && !isResized) return;
    this.#wanted = lines;
    this.#isDirty = true;
    this.#working ??= this.#work();
  }

  /** Waits until all that is wanted is shown. */
  async idle(): Promise<void> {
    await this.#working;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Takes the changing lines away and waits until all is written. */
  async close(): Promise<void> {
    this.show([]);
    await this.idle();
  }

  /** To the beginning of the lines that were drawn, and all of them away. */
  #erase(): string {
    if (this.#drawn.length === 0) return "";
    const { columns } = this.#size();
    const rows = this.#drawn.reduce((sum, line) => sum + rowsOfLine(line, columns), 0);
    this.#drawn = [];
    return `\r\x1b[${rows}A\x1b[J`;
  }

  async #send(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += await this.#write(bytes.subarray(at));
  }

  async #work(): Promise<void> {
    try {
      while (this.#isDirty) {
        // What is asked for in one go appears in one go: a final text and the end of the one it replaces.
        await Promise.resolve();
        this.#isDirty = false;
        let text = this.#erase();
        for (const what of this.#finished.splice(0)) {
          if (typeof what === "string") {
            text += what;
          } else {
            await this.#send(text);
            text = "";
            what();
          }
        }
        this.#drawn = this.#wanted.slice(-this.rows);
        await this.#send(text + this.#drawn.map((line) => `${line.text}\n`).join(""));
      }
    } catch (error) {
      this.#failure = error;
    } finally {
      this.#working = undefined;
    }
  }
}
