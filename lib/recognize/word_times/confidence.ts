/**
 * How sure the decoder was of each word of a text.
 *
 * @module
 */
import type { TokenLogprob } from "../../transcript.ts";

/** Bytes in which a word may be missing from what the decoder wrote before the search for it is given up. */
const SEARCH_AHEAD = 400;

/** Where bytes begin in others, from `from` up to `to`; -1 where they do not. */
function indexOfBytes(bytes: Uint8Array, wanted: Uint8Array, from: number, to: number): number {
  const last = Math.min(to, bytes.length - wanted.length);
  for (let at = from; at <= last; at++) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  return -1;
}

/**
 * Mean probability of the tokens that wrote each word.
 *
 * @param words In order, as the text has them.
 * @param tokens Those of the text. Parsing may have changed a little of what they say.
 * @returns From 0 to 1; undefined for a word that no token wrote, or whose tokens were not chosen freely.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const token = (text: string, probability: number) => ({
 *   id: 0, token: text, bytes: [...new TextEncoder().encode(text)], logprob: Math.log(probability),
 * });
 * assertEquals(wordConfidences(["Hello", "you."], [token("Hello", 0.5), token(" you", 1), token(".", 0.5)]), [0.5, 0.75]);
 * ```
 */
export function wordConfidences(
  words: readonly string[],
  tokens: readonly TokenLogprob[],
): (number | undefined)[] {
  const bytes = Uint8Array.from(tokens.flatMap((token) => token.bytes));
  const owner = Int32Array.from(tokens.flatMap((token, index) => token.bytes.map(() => index)));
  const encoder = new TextEncoder();
  let cursor = 0;
  return words.map((word) => {
    const wanted = encoder.encode(word);
    const at = wanted.length === 0 ? -1 : indexOfBytes(bytes, wanted, cursor, cursor + SEARCH_AHEAD);
    if (at < 0) return undefined;
    cursor = at + wanted.length;
    const probabilities = tokens.slice(owner[at]!, owner[cursor - 1]! + 1)
      .map(({ logprob }) => Math.exp(logprob))
      .filter((probability) => Number.isFinite(probability));
    if (probabilities.length === 0) return undefined;
    return probabilities.reduce((sum, probability) => sum + probability, 0) / probabilities.length;
  });
}
