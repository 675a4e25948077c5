/**
 * Writes SVG.
 *
 * @module
 */

/** Values of attributes; numbers are written with at most two decimals. */
export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** Width of a character as a multiple of the font size: on the safe side, because fonts differ. */
const CHARACTER_WIDTH = 0.6;
const WIDE_CHARACTER =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\p{Emoji_Presentation}]/u;

/** Escapes a text for XML and HTML, inside attributes too. */
export function escapeMarkup(text: string): string {
  return text
    .replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;").replaceAll("'", "&#39;");
}

/** A number with at most two decimals. */
export function number(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** An element. Children are markup already. */
export function tag(name: string, attributes: Attributes, ...children: string[]): string {
  const written = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : ` ${key}="${typeof value === "number" ? number(value) : escapeMarkup(value)}"`
  ).join("");
  return children.length ? `<${name}${written}>${children.join("")}</${name}>` : `<${name}${written}/>`;
}

// deno-lint-ignore no-control-regex
const FORBIDDEN_IN_XML = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g;

/** A text element. Characters that XML forbids become spaces. */
export function textTag(text: string, attributes: Attributes): string {
  return tag("text", attributes, escapeMarkup(text.replace(FORBIDDEN_IN_XML, " ").toWellFormed()));
}

/** About how many pixels wide a text is. */
export function textPixels(text: string, fontSize: number): number {
  return Array.from(text).reduce((sum, character) => {
    if (/\p{M}/u.test(character)) return sum;
    return sum + fontSize * (WIDE_CHARACTER.test(character) ? 1 : CHARACTER_WIDTH);
  }, 0);
}
