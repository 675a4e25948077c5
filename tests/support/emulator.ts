/**
 * A terminal without a window: xterm.js, which knows wide letters, emoji, and how lines are broken anew when the width
 * changes.
 *
 * @module
 */
import graphemes from "@xterm/addon-unicode-graphemes";
import xterm from "@xterm/headless";

/** What a terminal shows. */
export class Emulator {
  readonly #terminal: InstanceType<typeof xterm.Terminal>;

  constructor(columns: number, rows: number) {
    this.#terminal = new xterm.Terminal({
      cols: columns,
      rows,
      scrollback: 10_000,
      allowProposedApi: true,
      convertEol: true, // As the system does for programs.
    });
    this.#terminal.loadAddon(new graphemes.UnicodeGraphemesAddon());
  }

  /** Takes output; resolves when it is shown. */
  write(output: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => this.#terminal.write(output, resolve));
  }

  get size(): { columns: number; rows: number } {
    return { columns: this.#terminal.cols, rows: this.#terminal.rows };
  }

  resize(columns: number, rows: number = this.#terminal.rows): void {
    this.#terminal.resize(columns, rows);
  }

  /** Rows, those that have scrolled away included, without empty ones at the end. */
  rows(): string[] {
    const { active } = this.#terminal.buffer;
    const rows = Array.from({ length: active.length }, (_, y) => active.getLine(y)!.translateToString(true));
    while (rows.at(-1) === "") rows.pop();
    return rows;
  }

  /** Lines as they were written: rows that a line was broken into are one again. */
  lines(): string[] {
    const { active } = this.#terminal.buffer;
    const lines: string[] = [];
    for (let y = 0; y < active.length; y++) {
      const line = active.getLine(y)!;
      const cells = Array.from({ length: line.length }, (_, x) => line.getCell(x)!);
      // Of a row that goes on in the next one, cells without a letter at the end had no room for a wide one.
      const text = cells.map((cell) => cell.getChars() || (cell.getWidth() === 0 ? "" : "\0")).join("")
        .replace(/\0+$/, "").replaceAll("\0", " ");
      if (line.isWrapped && lines.length > 0) lines[lines.length - 1] += text;
      else lines.push(text);
    }
    const trimmed = lines.map((line) => line.trimEnd());
    while (trimmed.at(-1) === "") trimmed.pop();
    return trimmed;
  }

  /** The dim letters of a row. */
  dimIn(row: number): string {
    const line = this.#terminal.buffer.active.getLine(row)!;
    return Array.from({ length: line.length }, (_, x) => line.getCell(x)!)
      .map((cell) => cell.isDim() ? cell.getChars() : "").join("");
  }
}
