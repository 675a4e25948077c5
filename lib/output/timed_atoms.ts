/**
 * Times for every piece of text of a segment: from its aligned words where it has them, by text length elsewhere.
 *
 * @module
 */
import type { Segment, Word } from "../transcript.ts";
import { type Atom, breakText, normaliseSpace } from "./line_break.ts";

/** An atom with its place in the recording. */
export interface TimedAtom extends Atom {
  startSeconds: number;
  endSeconds: number;
  /** Which of the segments it belongs to. */
  segment: number;
  /** Whether a word with a time gave its own. */
  fromWord: boolean;
}

/** Characters in which a word may be missing from the text before the search for it is given up. */
const SEARCH_AHEAD = 80;

/** The atoms of a segment, in order, their times inside the segment and never running backwards. */
export function timeAtoms(segment: Segment, index: number, maxColumns: number): TimedAtom[] {
  const text = normaliseSpace(segment.text);
  const atoms = breakText(text, maxColumns).map((atom): TimedAtom => ({
    ...atom,
    startSeconds: NaN,
    endSeconds: NaN,
    segment: index,
    fromWord: false,
  }));
  if (segment.words) placeWords(atoms, text, segment);
  spreadRest(atoms, segment);
  return atoms;
}

function placeWords(atoms: TimedAtom[], text: string, segment: Segment): void {
  let clock = segment.startSeconds;
  let first = 0;
  for (const { from, to, word } of findWords(text, segment.words ?? [])) {
    while (atoms[first + 1] !== undefined && atoms[first + 1]!.offset <= from) first++;
    const touched = atoms.slice(first, lastTouched(atoms, first, to) + 1);
    const start = Math.min(Math.max(word.startSeconds, clock), segment.endSeconds);
    const end = Math.min(Math.max(word.endSeconds, start), segment.endSeconds);
    spread(touched, start, end, (atom) => overlap(atom, from, to), true);
    clock = end;
  }
}

function lastTouched(atoms: readonly TimedAtom[], first: number, to: number): number {
  let last = first;
  while (last + 1 < atoms.length && atoms[last + 1]!.offset < to) last++;
  return last;
}

function overlap(atom: Atom, from: number, to: number): number {
  return Math.min(atom.offset + atom.text.length, to) - Math.max(atom.offset, from);
}

/** Divides a stretch of time among atoms by weight. An atom that has a time already keeps its start. */
function spread(
  atoms: readonly TimedAtom[],
  start: number,
  end: number,
  weightOf: (atom: TimedAtom) => number,
  fromWord: boolean,
): void {
  const weights = atoms.map((atom) => Math.max(weightOf(atom), 1e-3));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let done = 0;
  for (const [k, atom] of atoms.entries()) {
    if (Number.isNaN(atom.startSeconds)) atom.startSeconds = start + (end - start) * done / total;
    done += weights[k]!;
    atom.endSeconds = k === atoms.length - 1 ? end : start + (end - start) * done / total;
    atom.fromWord = fromWord;
  }
}

function spreadRest(atoms: TimedAtom[], segment: Segment): void {
  for (let from = 0; from < atoms.length; from++) {
    if (atoms[from]!.fromWord) continue;
    let to = from;
    while (to + 1 < atoms.length && !atoms[to + 1]!.fromWord) to++;
    const start = atoms[from - 1]?.endSeconds ?? segment.startSeconds;
    const end = atoms[to + 1]?.startSeconds ?? segment.endSeconds;
    spread(
      atoms.slice(from, to + 1),
      start,
      end,
      ({ width, spaceAfter }) => width + (spaceAfter ? 1 : 0),
      false,
    );
    from = to;
  }
}

interface FoundWord {
  /** Limits in the text, in code units. */
  from: number;
  to: number;
  word: Word;
}

/** Looks the words up in the text, in order. Only letters and digits count: aligners drop punctuation. */
function findWords(text: string, words: readonly Word[]): FoundWord[] {
  const { letters, offsets } = lettersOf(text);
  const found: FoundWord[] = [];
  let cursor = 0;
  for (const word of words) {
    const wanted = lettersOf(word.text).letters;
    const at = letters.slice(cursor, cursor + SEARCH_AHEAD + wanted.length).indexOf(wanted);
    if (!wanted || at < 0 || !Number.isFinite(word.startSeconds) || !Number.isFinite(word.endSeconds)) {
      continue;
    }
    const end = cursor + at + wanted.length;
    found.push({ from: offsets[cursor + at]!, to: offsets[end - 1]! + 1, word });
    cursor = end;
  }
  return found;
}

/** The text in lower case without all but letters and digits, and where each code unit of that came from. */
function lettersOf(text: string): { letters: string; offsets: number[] } {
  let letters = "";
  const offsets: number[] = [];
  let at = 0;
  for (const character of text) {
    if (/[\p{L}\p{N}]/u.test(character)) {
      for (const unit of character.toLowerCase().split("")) {
        letters += unit;
        offsets.push(at);
      }
    }
    at += character.length;
  }
  return { letters, offsets };
}
