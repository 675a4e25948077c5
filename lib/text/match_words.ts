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
function likenessOf(a: string, b: string): number {
  const longest = Math.max(a.length, b.length);
  if (Math.min(a.length, b.length) < LEAST_LIKENESS * longest) return 0;
  return 1 - editDistance(a.split(""), b.split("")) / longest;
}

/** Likeness of words by their numbers, each pair computed once. */
class Likeness {
  readonly #numbers = new Map<string, number>();
  readonly #words: string[] = [];
  readonly #known = new Map<number, number>();

  /** Numbers of words: the same for the same word. */
  numbersOf(words: readonly string[]): number[] {
    return words.map((word) => {
      const number = this.#numbers.get(word) ?? this.#words.push(word) - 1;
      this.#numbers.set(word, number);
      return number;
    });
  }

  of(a: number, b: number): number {
    if (a === b) return 1;
    const key = a * 2 ** 24 + b;
    let found = this.#known.get(key);
    if (found === undefined) this.#known.set(key, found = likenessOf(this.#words[a]!, this.#words[b]!));
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
  const likeness = new Likeness();
  const a = likeness.numbersOf(known.map(comparable)), b = likeness.numbersOf(heard.map(comparable));
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
      const more = at > 0 ? costs[at - 1]! + 1 : Infinity;
      const left = row > 0 && at + shift < width ? before[at + shift]! + 1 : Infinity;
      const diagonal = row > 0 && column > 0 && at + shift > 0
        ? before[at + shift - 1] ?? Infinity
        : Infinity;
      let cost = row === 0 && column === 0 ? 0 : Math.min(more, left);
      let move = cost === Infinity || row + column === 0 ? NONE : left < more ? KNOWN : HEARD;
      // A pair costs nothing at best.
      const pair = diagonal <= cost && diagonal < Infinity ? likeness.of(a[row - 1]!, b[column - 1]!) : 0;
      if (pair >= LEAST_LIKENESS && diagonal + 1 - pair <= cost) {
        cost = diagonal + 1 - pair;
        move = PAIR;
      }
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
