/**
 * Where a subtitle may be broken, and how good each place is. A short form of Unicode Standard Annex 14:
 *
 * - at white space, except before a lone closing mark ("Vraiment ?") and after a lone opening one ("« oui »");
 * - after a hyphen or dash between letters;
 * - between CJK characters, except before closing punctuation and small kana and after opening brackets;
 * - at dictionary words in scripts written without spaces (Thai, Lao, Khmer, Burmese);
 * - Hangul only at white space;
 * - anywhere, between grapheme clusters, in a word that is wider than a line.
 *
 * @module
 */
import { displayWidth, graphemes, graphemeWidth } from "../display_width.ts";

/** What a break interrupts, best first. `cjk-word` lies inside a word, `forced` inside an unbreakable one. */
export type BreakKind = "segment" | "sentence" | "clause" | "word" | "cjk-word" | "forced";

/** A piece of text that is never broken. */
export interface Atom {
  text: string;
  /** Columns. */
  width: number;
  /** Whether the text goes on after a space. */
  spaceAfter: boolean;
  /** What a break after this atom would interrupt. */
  breakAfter: BreakKind;
  /** Offset in the normalised text. */
  offset: number;
}

const SPACES = /[\t\n\v\f\r \u0085\u1680\u2000-\u2006\u2008-\u200a\u2028\u2029\u205f\u3000]+/g;
// deno-lint-ignore no-control-regex
const CONTROLS = /[\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]/g;
const CJK =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\u3000-\u303f\uff01-\uff65]/u;
const CJK_START = new RegExp(`^${CJK.source}`, "u");
const CJK_END = new RegExp(`${CJK.source}$`, "u");
const DICTIONARY = /[\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const CLOSING =
  /^[\p{Pe}\p{Pf}!,.:;?%…·‧、。〃々〻ー・！，．：；？％～゛゜ゝゞヽヾぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ،؛؟۔।॥»]/u;
const CLOSING_APART = /^(?:[!?:;%»›]+|\p{Pe}+)$/u;
const OPENING = /[\p{Ps}\p{Pi}¿¡«‹]$/u;
const OPENING_APART = /^[«‹\p{Ps}]+$/u;
const SENTENCE_END = /[.!?…。！？．؟۔।॥።။]["'”’»›\p{Pe}]*$/u;
const CLAUSE_END = /[,;:，、；：،؛—–]["'”’»›\p{Pe}]*$/u;
const HYPHEN = /\p{L}[-‐–—/]$/u;
const LETTER = /^\p{L}/u;
const ZERO_WIDTH_SPACE = "\u200b";

/** Longest run of closing marks that is looked through for the end of a sentence. */
const MARKS = 6;

const WORDS = new Intl.Segmenter("und", { granularity: "word" });

/** White space as single spaces, none at the ends; control characters as U+FFFD. */
export function normaliseSpace(text: string): string {
  return text.replace(SPACES, " ").replace(CONTROLS, "\ufffd").replace(/^ | $/g, "");
}

/** Whether two pieces of text that were recognised apart are joined by a space. */
export function needsSpace(before: string, after: string): boolean {
  return !CJK_END.test(before) || !CJK_START.test(after);
}

/**
 * Cuts a text into atoms, none wider than a line.
 *
 * @param text A normalised text.
 * @param maxColumns Columns of a line, at least 2.
 */
export function breakText(text: string, maxColumns: number): Atom[] {
  const wordStarts = CJK.test(text) || DICTIONARY.test(text)
    ? new Set(Array.from(WORDS.segment(text), ({ index }) => index))
    : undefined;
  const atoms: Atom[] = [];
  let piece = "";
  let offset = 0;
  const close = (end: number, spaceAfter: boolean, breakAfter: BreakKind) => {
    if (piece) atoms.push(...fit(piece, offset, maxColumns, spaceAfter, breakAfter));
    piece = "";
    offset = end + (spaceAfter ? 1 : 0);
  };
  const clusters = graphemes(text);
  let at = 0;
  for (const [k, cluster] of clusters.entries()) {
    if (cluster === " ") {
      const next = wordAfter(clusters, k);
      if (CLOSING_APART.test(next) || OPENING_APART.test(piece)) piece += " ";
      else close(at, true, kindOf(piece, "word"));
    } else {
      piece += cluster;
      const next = clusters[k + 1];
      if (next !== undefined && next !== " ") {
        const end = at + cluster.length;
        const kind = breakBetween(piece, cluster, next, wordStarts?.has(end) ?? false);
        if (kind) close(end, false, kind);
      }
    }
    at += cluster.length;
  }
  close(at, false, "segment");
  return atoms;
}

function wordAfter(clusters: readonly string[], space: number): string {
  let end = space + 1;
  while (end < clusters.length && clusters[end] !== " ") end++;
  return clusters.slice(space + 1, end).join("");
}

function breakBetween(
  piece: string,
  before: string,
  after: string,
  isWordStart: boolean,
): BreakKind | undefined {
  if (before === ZERO_WIDTH_SPACE) return "word";
  if (CLOSING.test(after) || OPENING.test(before)) return undefined;
  if (CJK.test(before) || CJK.test(after)) return kindOf(piece, isWordStart ? "word" : "cjk-word");
  if (HYPHEN.test(piece.slice(-3)) && LETTER.test(after)) return "word";
  return isWordStart && DICTIONARY.test(before) && DICTIONARY.test(after) ? "word" : undefined;
}

function kindOf(piece: string, otherwise: BreakKind): BreakKind {
  const end = piece.slice(-MARKS);
  if (SENTENCE_END.test(end)) return "sentence";
  return CLAUSE_END.test(end) ? "clause" : otherwise;
}

/** The piece as one atom, or as several where it is wider than a line. */
function fit(
  text: string,
  offset: number,
  maxColumns: number,
  spaceAfter: boolean,
  breakAfter: BreakKind,
): Atom[] {
  const width = displayWidth(text);
  if (width <= maxColumns) return [{ text, width, spaceAfter, breakAfter, offset }];
  const atoms: Atom[] = [];
  let part: Atom = { text: "", width: 0, spaceAfter: false, breakAfter: "forced", offset };
  for (const cluster of graphemes(text)) {
    const columns = graphemeWidth(cluster);
    if (part.width + columns > maxColumns) {
      const end = part.offset + part.text.length;
      atoms.push(trimEnd(part));
      part = { text: "", width: 0, spaceAfter: false, breakAfter: "forced", offset: end };
    }
    if (cluster === " " && part.text === "") {
      atoms.at(-1)!.spaceAfter = true;
      part.offset++;
      continue;
    }
    part.text += cluster;
    part.width += columns;
  }
  return [...atoms, { ...part, spaceAfter, breakAfter }];
}

/** A space that a forced break uncovered becomes the break. */
function trimEnd(atom: Atom): Atom {
  if (!atom.text.endsWith(" ")) return atom;
  return { ...atom, text: atom.text.slice(0, -1), width: atom.width - 1, spaceAfter: true };
}
