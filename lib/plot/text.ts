/**
 * Texts of pictures: about how wide they are, and where lines break.
 *
 * @module
 */

/** Width of a character as a multiple of the font size: on the safe side, because fonts differ. */
const CHARACTER_WIDTH = 0.58;
const WIDE_CHARACTER =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\p{Emoji_Presentation}]/u;
// deno-lint-ignore no-control-regex
const FORBIDDEN_IN_XML = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g;

/** A text without what XML forbids. */
export function clean(text: string): string {
  return text.replace(FORBIDDEN_IN_XML, " ").toWellFormed();
}

/** About how many pixels wide a text is. */
export function textPixels(text: string, fontSize: number): number {
  const widths = Array.from(
    text.replace(/\p{M}/gu, ""),
    (letter) => WIDE_CHARACTER.test(letter) ? 1 : CHARACTER_WIDTH,
  );
  return fontSize * widths.reduce((sum, width) => sum + width, 0);
}

/** Breaks a text into at most three lines at spaces; what does not fit is cut off. */
export function wrap(text: string, fontSize: number, pixels: number): string[] {
  const lines: string[] = [];
  for (const word of clean(text).split(" ")) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length === 0 || (lines.length < 3 && textPixels(longer, fontSize) > pixels)) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines.map((line) => {
    const letters = Array.from(line);
    while (letters.length > 1 && textPixels(`${letters.join("")}…`, fontSize) > pixels) letters.pop();
    return letters.length < Array.from(line).length - 1 ? `${letters.join("")}…` : line;
  });
}

/** A number for people: three significant digits, an exponent only for very large and very small ones. */
export function shortNumber(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-4)) return value.toExponential(2).replace("e+", "e");
  return size >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
