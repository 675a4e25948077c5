/**
 * The lines of one cue: as few as fit, of like length, broken where the text allows it best.
 *
 * @module
 */
import type { Atom, BreakKind } from "./line_break.ts";

/** How much a line break of each kind is worth avoiding, in squared columns. */
const LINE_BREAK_COST: Record<BreakKind, number> = {
  segment: 0,
  sentence: 0,
  clause: 10,
  word: 200,
  "cjk-word": 320,
  forced: 600,
};

/** Columns of atoms side by side, spaces between them included. */
export function widthOf(atoms: readonly Atom[]): number {
  const spaces = atoms.reduce(
    (sum, { spaceAfter }, k) => sum + (spaceAfter && k < atoms.length - 1 ? 1 : 0),
    0,
  );
  return atoms.reduce((sum, { width }) => sum + width, spaces);
}

/** Fills lines one after the other and tells after each atom how many lines and columns are in use. */
export class LineFiller {
  lines = 1;
  columns = 0;
  #lineColumns = 0;
  #space = 0;

  constructor(readonly maxColumns: number) {}

  add({ width, spaceAfter }: Atom): void {
    this.columns += this.#space + width;
    if (this.#lineColumns + this.#space + width > this.maxColumns) {
      this.lines++;
      this.#lineColumns = width;
    } else {
      this.#lineColumns += this.#space + width;
    }
    this.#space = spaceAfter ? 1 : 0;
  }
}

interface Layout {
  lines: number;
  cost: number;
  /** Index after the last atom of the first line. */
  end: number;
}

/** Lays out atoms in as few lines as possible, none wider than `maxColumns` (atoms are never wider). */
export function layOut<T extends Atom>(atoms: readonly T[], maxColumns: number): T[][] {
  const best: Layout[] = [];
  best[atoms.length] = { lines: 0, cost: 0, end: atoms.length };
  for (let from = atoms.length - 1; from >= 0; from--) {
    best[from] = bestFirstLine(atoms, from, best, maxColumns);
  }
  const lines: T[][] = [];
  for (let from = 0; from < atoms.length; from = best[from]!.end) {
    lines.push(atoms.slice(from, best[from]!.end));
  }
  return lines;
}

function bestFirstLine(
  atoms: readonly Atom[],
  from: number,
  best: readonly Layout[],
  maxColumns: number,
): Layout {
  let found: Layout | undefined;
  const line = new LineFiller(maxColumns);
  for (let end = from + 1; end <= atoms.length; end++) {
    line.add(atoms[end - 1]!);
    if (line.lines > 1) break;
    const rest = best[end]!;
    const isLast = end === atoms.length;
    const lines = rest.lines + 1;
    const cost = rest.cost + (maxColumns - line.columns) ** 2 +
      (isLast ? 0 : LINE_BREAK_COST[atoms[end - 1]!.breakAfter]);
    if (!found || lines < found.lines || lines === found.lines && cost < found.cost) {
      found = { lines, cost, end };
    }
  }
  return found!;
}

/** A line as text. */
export function textOfLine(atoms: readonly Pick<Atom, "text" | "spaceAfter">[]): string {
  return atoms.map(({ text, spaceAfter }, k) => spaceAfter && k < atoms.length - 1 ? text + " " : text).join(
    "",
  );
}
