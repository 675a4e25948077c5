/**
 * How far a transcript is from what was said.
 *
 * @module
 */

/** Result of {@linkcode wordErrorRate}. */
export interface WordErrors {
  /** Substituted, inserted and missing words. */
  errors: number;
  /** Words of the reference. */
  words: number;
  /** errors / words (0.05 = 5 %); an empty reference counts as one word. May exceed 1. */
  rate: number;
}

/** Writing systems without spaces between words: every character counts as a word. */
const UNSPACED_SCRIPT =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

/**
 * Fewest insertions, removals and replacements that turn one list into the other (Levenshtein).
 *
 * Time is proportional to the product of the lengths, memory to the second.
 */
export function editDistance<T>(from: readonly T[], to: readonly T[]): number {
  let row = Int32Array.from({ length: to.length + 1 }, (_, column) => column);
  let next = new Int32Array(to.length + 1);
  for (const [index, item] of from.entries()) {
    next[0] = index + 1;
    for (let column = 1; column <= to.length; column++) {
      const diagonal = (row[column - 1] ?? 0) + (item === to[column - 1] ? 0 : 1);
      next[column] = Math.min(diagonal, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1);
    }
    [row, next] = [next, row];
  }
  return row[to.length] ?? 0;
}

/**
 * The words that two texts are compared by: NFKC, lower case, typographic apostrophes made plain; everything but
 * letters, marks, numbers and apostrophes between them separates words. Characters of Chinese, Japanese,
 * Thai and similar scripts are words of their own. Numbers are not spelled out.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(comparableWords("It’s 5 o'clock -- “Isn't it?”"), ["it's", "5", "o'clock", "isn't", "it"]);
 * ```
 */
export function comparableWords(text: string): string[] {
  const plain = text.normalize("NFKC").toLowerCase().replace(/[\u2018\u2019\u02BC]/g, "'");
  return (plain.match(/[\p{L}\p{M}\p{N}]+(?:'[\p{L}\p{M}\p{N}]+)*/gu) ?? []).flatMap((word) =>
    UNSPACED_SCRIPT.test(word)
      ? word.split(new RegExp(`(${UNSPACED_SCRIPT.source}\\p{M}*)`, "u")).filter((part) => part !== "")
      : [word]
  );
}

/**
 * Word error rate of a transcript, on {@linkcode comparableWords}.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(wordErrorRate("The train leaves at ten.", "the train leave at"), { errors: 2, words: 5, rate: 0.4 });
 * ```
 */
export function wordErrorRate(reference: string, hypothesis: string): WordErrors {
  const words = comparableWords(reference);
  const errors = editDistance(words, comparableWords(hypothesis));
  return { errors, words: words.length, rate: errors / Math.max(words.length, 1) };
}
