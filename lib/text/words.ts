/**
 * Splits text into the words that the forced aligner times. Spec 13.
 *
 * @module
 */
import { languageCode } from "./languages.ts";
import { splitBlanks } from "./whitespace.ts";

/** Ideographs that the official code splits off one by one. */
const IDEOGRAPH =
  /([\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B820}-\u{2CEAF}\uF900-\uFAFF])/u;

/** Letters, numbers and the ASCII apostrophe; everything else, combining marks too, is dropped. */
function clean(piece: string): string {
  return piece.replace(/[^\p{L}\p{N}']/gu, "");
}

/** Words between blanks, ideographs one by one: the official rule for all languages but two. */
function splitSpaced(text: string): string[] {
  return splitBlanks(text).flatMap((piece) => clean(piece).split(IDEOGRAPH));
}

function splitWithDictionary(text: string, locale: string): string[] {
  const segments = new Intl.Segmenter(locale, { granularity: "word" }).segment(text);
  return Array.from(segments, ({ segment }) => clean(segment));
}

/**
 * Splits a transcript into the words that get a time of their own, cleaned of punctuation.
 *
 * Japanese and Korean are approximations: the official code uses a tagger (nagisa) and a scored dictionary (soynlp),
 * this code the segmenter built into the JavaScript engine. Japanese words are mostly the same; Korean ones stay whole
 * between spaces, where soynlp also splits off particles. Pass words of your own to `alignerPrompt` where it matters.
 *
 * @param language Canonical name, e.g. "Japanese".
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(splitWords("Hello, world! It's e-mail", "English"), ["Hello", "world", "It's", "email"]);
 * assertEquals(splitWords("你好，abc中文", "Chinese"), ["你", "好", "abc", "中", "文"]);
 * ```
 */
export function splitWords(text: string, language: string): string[] {
  const code = languageCode(language);
  const words = code === "ja" || code === "ko" ? splitWithDictionary(text, code) : splitSpaced(text);
  return words.filter((word) => word !== "");
}
