/**
 * White space as Python defines it, where the official code's result depends on it: with U+001C-U+001F and U+0085,
 * without U+FEFF.
 *
 * @module
 */

const BLANK = "[\\t-\\r\\x1C-\\x20\\x85\\xA0\\u1680\\u2000-\\u200A\\u2028\\u2029\\u202F\\u205F\\u3000]";
const ONE_BLANK = new RegExp(`^${BLANK}$`);
const LINE_ENDS = "\\r\\n|[\\n-\\r\\x1C-\\x1E\\x85\\u2028\\u2029]";
const LINE_END = new RegExp(LINE_ENDS);

/** Whether the character at a place of a text is white space: Python's `str.isspace()`. */
export function blankAt(text: string, at: number): boolean {
  return ONE_BLANK.test(text.charAt(at));
}

/** Python's `str.strip()`. */
export function strip(text: string): string {
  let start = 0;
  let end = text.length;
  while (end > start && ONE_BLANK.test(text.charAt(end - 1))) end--;
  while (start < end && ONE_BLANK.test(text.charAt(start))) start++;
  return text.slice(start, end);
}

/** Python's `str.splitlines()`, except that a line end at the very end adds an empty line. */
export function splitLines(text: string): string[] {
  return text.split(LINE_END);
}
