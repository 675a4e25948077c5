/**
 * Joins the texts of chunks, and splits a text into sentences.
 *
 * @module
 */

/** A letter of a script that puts no spaces between words. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}々〇ー]/u;
/** CJK and full-width punctuation carries its own space; an opening bracket wants none after it. */
const NO_SPACE_AFTER = /[\u3000-\u303F\uFF00-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65([{¿¡]$/;
const NO_SPACE_BEFORE = /^[\u3000-\u303F\uFF00-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65)\]},.;:!?%]/;
const ENDS_WITH_STOP = /[.,;:!?]["')\]]?$/;

function endsUnspaced(text: string): boolean {
  return UNSPACED.test(text.match(/\p{L}(?=\P{L}*$)/u)?.[0] ?? "");
}

function startsUnspaced(text: string): boolean {
  return UNSPACED.test(text.match(/\p{L}/u)?.[0] ?? "");
}

function separator(before: string, after: string): string {
  if (before === "" || after === "") return "";
  if (NO_SPACE_AFTER.test(before) || NO_SPACE_BEFORE.test(after)) return "";
  if (ENDS_WITH_STOP.test(before)) return " ";
  return endsUnspaced(before) && startsUnspaced(after) ? "" : " ";
}

/**
 * Joins the texts of consecutive chunks: with a space between words, without one inside Chinese, Japanese, Thai, Lao,
 * Khmer or Burmese text and around full-width punctuation. Korean has spaces. Digits and symbols go with the letters
 * next to them. White space at the ends of the texts and empty texts are dropped.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(joinTexts(["The train ", "leaves.", "", " At ten."]), "The train leaves. At ten.");
 * assertEquals(joinTexts(["今天天气", "很好。", "走吧"]), "今天天气很好。走吧");
 * ```
 */
export function joinTexts(texts: readonly string[]): string {
  let joined = "";
  for (const text of texts.map((text) => text.trim())) joined += separator(joined.slice(-64), text) + text;
  return joined;
}

/** Text whose last full stop does not end the sentence: titles, and abbreviations that something follows. */
const ABBREVIATION =
  /(?:^|[\s("])(?:mr|mrs|ms|dr|prof|st|vs|sen|gen|col|capt|jr|sr|hr|fr|nr|bzw|ca|z\.\s?b|d\.\s?h|e\.g|i\.e)\.\s*$/i;
/** Initials do not end a sentence ("U.S.", "J. S. Bach"), but "So am I." does. */
const INITIAL = /(?:^|[\s("])(?:(?:\p{L}\.)+\p{Lu}|(?!I)\p{Lu})\.\s*$/u;

/** One segmenter is enough: ICU's sentence rules know the full stops of all scripts, whatever the locale. */
let segmenter: Intl.Segmenter | undefined;

/**
 * Sentences of a text with their punctuation, without the white space around them. Lines count as sentences. Scripts
 * without sentence punctuation (Thai) come back as one.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(splitSentences("Mr. Smith paid $3.50! Really?"), ["Mr. Smith paid $3.50!", "Really?"]);
 * assertEquals(splitSentences("今天很好。走吧！"), ["今天很好。", "走吧！"]);
 * ```
 */
export function splitSentences(text: string): string[] {
  segmenter ??= new Intl.Segmenter("en", { granularity: "sentence" });
  const sentences: string[] = [];
  let sentence = "";
  for (const { segment } of segmenter.segment(text)) {
    sentence += segment;
    const isUnfinished = ABBREVIATION.test(sentence) || INITIAL.test(sentence);
    if (isUnfinished && !/[\r\n]\s*$/.test(sentence)) continue;
    sentences.push(sentence.trim());
    sentence = "";
  }
  sentences.push(sentence.trim());
  return sentences.filter((sentence) => sentence !== "");
}
