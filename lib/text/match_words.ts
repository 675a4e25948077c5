/**
 * Which words of a known text were heard: the cheapest way to turn one list of words into the other.
 *
 * @module
 */
import { editDistance } from "./edit_distance.ts";

/** Words this like each other, in parts of the longer one's letters, are the same word heard or spelled otherwise. */
const LEAST_LIKENESS = 0.5;
/** How far the texts may be apart before matches are no longer looked for, in words; */
const LEAST_BAND = 600;
/** and in parts of the longer text. */
const BAND_PART = 0.1;

/** As words are compared: compatible forms made one, lower case. */
function comparable(word: string): string {
  return word.normalize("NFKC").toLowerCase();
}

/** From 0, nothing in common, to 1. */
function likeness(a: string, b: string): number {
  if (a === b) return 1;
  const longest = Math.max(a.length, b.length);
  return 1 - editDistance(a.split(""), b.split("")) / longest;
}

/** Costs of a pair of words that stand for each other. */
class Likeness {
  readonly #known = new Map<string, number>();

  of(a: string, b: string): number {
    if (a === b) return 1;
    const key = `${a} ${b}`;
    let found = this.#known.get(key);
    if (found === undefined) this.#known.set(key, found = likeness(a, b));
    return found;
  }
}

/** How a cell of the table is reached. */
const NONE = 0, PAIR = 1, KNOWN = 2, HEARD = 3;

/**
 * The heard word that each known word was heard as.
 *
 * Time is proportional to the length times the band in which matches are looked for: a tenth of the text, at least 600
 * words.
 *
 * @param known Words of the text.
 * @param heard Words of a recogniser.
 * @returns Indices into `heard`, rising; undefined for words that nobody was heard saying.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const heard = ["the", "train", "leaves", "at", "ten"];
 * assertEquals(matchWords(["The", "red", "train", "leave", "at", "Ten"], heard), [0, undefined, 1, 2, 3, 4]);
 * ```
 */
export function matchWords(known: readonly string[], heard: readonly string[]): (number | undefined)[] {
  const a = known.map(comparable), b = heard.map(comparable);
  const likeness = new Likeness();
  const band = Math.ceil(
    Math.max(LEAST_BAND, BAND_PART * Math.max(a.length, b.length)) + Math.abs(a.length - b.length),
  );
  const width = 2 * band + 1;
  /** First column of a row: the band follows the diagonal of the table. */
  const firstOf = (row: number) => Math.round(row * b.length / Math.max(1, a.length)) - band;
  const moves = new Uint8Array((a.length + 1) * width);
  let before = new Float32Array(width).fill(Infinity);
  for (let row = 0; row <= a.length; row++) {
    const first = firstOf(row), shift = row > 0 ? first - firstOf(row - 1) : 0;
    const costs = new Float32Array(width).fill(Infinity);
    for (let at = 0; at < width; at++) {
      const column = first + at;
      if (column < 0 || column > b.length) continue;
      let cost = row === 0 && column === 0 ? 0 : Infinity, move = NONE;
      if (row > 0) {
        const pair = column > 0 ? likeness.of(a[row - 1]!, b[column - 1]!) : 0;
        const paired = pair >= LEAST_LIKENESS ? (before[at + shift - 1] ?? Infinity) + 1 - pair : Infinity;
        if (paired < cost) [cost, move] = [paired, PAIR];
        const left = (before[at + shift] ?? Infinity) + 1;
        if (left < cost) [cost, move] = [left, KNOWN];
      }
      const more = at > 0 ? costs[at - 1]! + 1 : Infinity;
      if (more < cost) [cost, move] = [more, HEARD];
      costs[at] = cost;
      moves[row * width + at] = move;
    }
    before = costs;
  }
  const found: (number | undefined)[] = a.map(() => undefined);
  for (let row = a.length, column = b.length; row > 0 || column > 0;) {
    const move = moves[row * width + column - firstOf(row)];
    if (move === NONE) break;
    if (move === PAIR) found[row - 1] = column - 1;
    if (move !== HEARD) row--;
    if (move !== KNOWN) column--;
  }
  return found;
}
