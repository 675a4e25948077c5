/**
 * Which tokens wrote a part of a text, and how sure the decoder was of it.
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
 * Which tokens wrote each of some texts.
 *
 * @param texts In order, as the whole text has them.
 * @param tokens Those of the whole text. Parsing may have changed a little of what they say.
 * @returns From a token up to, not including, another; undefined for a text that no token wrote.
 */
export function tokenRanges(
  texts: readonly string[],
  tokens: readonly TokenLogprob[],
): ([from: number, to: number] | undefined)[] {
  const bytes = Uint8Array.from(tokens.flatMap((token) => token.bytes));
  const owner = Int32Array.from(tokens.flatMap((token, index) => token.bytes.map(() => index)));
  const encoder = new TextEncoder();
  let cursor = 0;
  return texts.map((text) => {
    const wanted = encoder.encode(text);
    const at = wanted.length === 0 ? -1 : indexOfBytes(bytes, wanted, cursor, cursor + SEARCH_AHEAD);
    if (at < 0) return undefined;
    cursor = at + wanted.length;
    return [owner[at]!, owner[cursor - 1]! + 1];
  });
}

/** The tokens themselves; see {@linkcode tokenRanges}. */
export function tokensOfTexts(
  texts: readonly string[],
  tokens: readonly TokenLogprob[],
): (TokenLogprob[] | undefined)[] {
  return tokenRanges(texts, tokens).map((range) => range && tokens.slice(...range));
}

/** Mean; undefined of nothing. What is not finite does not count. */
function mean(values: readonly number[]): number | undefined {
  const finite = values.filter(Number.isFinite);
  return finite.length === 0 ? undefined : finite.reduce((sum, value) => sum + value, 0) / finite.length;
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
  return tokensOfTexts(words, tokens).map((own) => own && mean(own.map(({ logprob }) => Math.exp(logprob))));
}

/** Mean logarithm of the probability of tokens: 0 when none was chosen freely. */
export function meanLogprob(tokens: readonly TokenLogprob[]): number {
  return mean(tokens.map(({ logprob }) => logprob)) ?? 0;
}
