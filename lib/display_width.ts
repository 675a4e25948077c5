/**
 * Columns a text takes on a screen where CJK and fullwidth characters are two columns wide
 * (Unicode Standard Annex 11, East Asian Width; characters of ambiguous width count as one).
 *
 * @module
 */

const WIDE = new RegExp(
  "[\\u1100-\\u115f\\u2329\\u232a\\u2630-\\u2637\\u268a-\\u268f\\u2e80-\\u303e\\u3041-\\u33ff\\u3400-\\ua4c6" +
    "\\ua960-\\ua97c\\uac00-\\ud7a3\\uf900-\\ufaff\\ufe10-\\ufe19\\ufe30-\\ufe6b\\uff01-\\uff60\\uffe0-\\uffe6" +
    "\\u{16fe0}-\\u{18d08}\\u{1aff0}-\\u{1b2fb}\\u{1d300}-\\u{1d376}\\u{1f200}-\\u{1f265}" +
    "\\u{20000}-\\u{3fffd}\\p{Emoji_Presentation}\\p{Regional_Indicator}\\ufe0f]",
  "u",
);
const ZERO = /^[\p{Mn}\p{Me}\p{Cf}\p{Cc}\u1160-\u11ff]*$/u;
const ASCII = /^[\x20-\x7e]*$/;
const CLUSTERS = new Intl.Segmenter("und", { granularity: "grapheme" });

/** Characters as a reader counts them: an emoji family or a letter with its accents is one. */
export function graphemes(text: string): string[] {
  return ASCII.test(text) ? text.split("") : Array.from(CLUSTERS.segment(text), ({ segment }) => segment);
}

/** Columns of one grapheme cluster: 0, 1 or 2. */
export function graphemeWidth(cluster: string): number {
  if (WIDE.test(cluster)) return 2;
  return ZERO.test(cluster) ? 0 : 1;
}

/**
 * Columns of a text without line breaks.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * assertEquals(displayWidth("naïve"), 5);
 * assertEquals(displayWidth("字幕です"), 8);
 * ```
 */
export function displayWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  return graphemes(text).reduce((sum, cluster) => sum + graphemeWidth(cluster), 0);
}
