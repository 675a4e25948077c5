/**
 * Detects a decoder that repeats itself, while it decodes and afterwards.
 *
 * @module
 */
import { comparableWords } from "./edit_distance.ts";
import { splitSentences } from "./join.ts";

/** A sequence of ids at the end of a list that is repeated back to back. */
export interface TokenLoop {
  /** Where the first copy begins: `ids.slice(0, startIndex + period)` is the text said once. */
  startIndex: number;
  /** Ids per copy. */
  period: number;
  /** Whole copies, the first included. */
  repeats: number;
}

/** Options of {@linkcode findTokenLoop}. */
export interface TokenLoopOptions {
  /**
   * Longest loop, in tokens, that is looked for.
   *
   * @default {40}
   */
  maxPeriod?: number;
  /**
   * Copies back to back that make a loop of this period; the default is {@linkcode minLoopRepeats}.
   */
  minRepeats?: (period: number) => number;
}

/**
 * So many copies back to back that nobody says them: 26 of one token, 14 of two, 8 of four, and never less than four, so that laughter,
 * telephone numbers, rows of zeros and a chorus sung three times pass.
 */
export function minLoopRepeats(period: number): number {
  return Math.max(4, Math.ceil(24 / period) + 2);
}

/** How many ids at the end equal the one `period` before them, looked at up to `limit`. */
function matchesAtEnd(ids: readonly number[], period: number, limit: number): number {
  let count = 0;
  for (let i = ids.length - 1; count < limit && i >= period && ids[i] === ids[i - period]; i--) count++;
  return count;
}

/**
 * Looks for a loop at the end of a growing list of ids. Cheap enough for every decode step: outside loops it
 * compares about one id per period.
 *
 * @returns The loop with the shortest period, or undefined.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const chorus = [11, 12, 13, 14, 15, 16];
 * assertEquals(findTokenLoop([7, ...chorus, ...chorus]), undefined);
 * const loop = Array.from({ length: 6 }, () => chorus).flat();
 * assertEquals(findTokenLoop([7, ...loop]), { startIndex: 1, period: 6, repeats: 6 });
 * ```
 */
export function findTokenLoop(ids: readonly number[], options: TokenLoopOptions = {}): TokenLoop | undefined {
  const { maxPeriod = 40, minRepeats = minLoopRepeats } = options;
  for (let period = 1; period <= maxPeriod; period++) {
    const needed = (minRepeats(period) - 1) * period;
    if (needed + period > ids.length || matchesAtEnd(ids, period, needed) < needed) continue;
    const matches = matchesAtEnd(ids, period, ids.length);
    return {
      startIndex: ids.length - matches - period,
      period,
      repeats: Math.floor(matches / period) + 1,
    };
  }
  return undefined;
}

/** A sentence's words as a key for comparing, "" for sentences so short that people do repeat them. */
function repetitionKey(sentence: string): string {
  const words = comparableWords(sentence);
  const characters = words.filter((word) =>
    /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u.test(word)
  );
  const isLong = characters.length >= 8 || words.length - characters.length >= 4;
  return isLong ? words.join(" ") : "";
}

/**
 * Sentences that a text has twice, word for word, next to each other or with one other between them: a sign that a
 * decoder read the same stretch of speech twice. Case and punctuation are not compared; sentences of fewer than
 * 4 words (8 Chinese or Japanese characters) do not count.
 *
 * @returns Each such sentence once, as it is written the first time.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   findRepeatedSentences("I see ten windows. It is small. I see ten windows. Yes. Yes."),
 *   ["I see ten windows."],
 * );
 * ```
 */
export function findRepeatedSentences(text: string): string[] {
  const sentences = splitSentences(text);
  const keys = sentences.map(repetitionKey);
  const repeated = new Map<string, string>();
  for (const [index, key] of keys.entries()) {
    const earlier = keys[index - 1] === key ? index - 1 : index - 2;
    if (key === "" || keys[earlier] !== key || repeated.has(key)) continue;
    repeated.set(key, sentences[earlier] ?? "");
  }
  return [...repeated.values()];
}
