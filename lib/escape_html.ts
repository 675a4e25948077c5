/**
 * Texts within HTML and XML.
 *
 * @module
 */

const NAMES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** A text as contents or attribute of an element. */
export function escapeHTML(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => NAMES[letter]!);
}
