/**
 * Splits text into the words that get a time of their own. Spec 13.
 *
 * A word has two spellings: what the forced aligner hears of it, letters and digits only, and what the text says. Every
 * character of the text but the white space between words belongs to exactly one word.
 *
 * @module
 */
import { languageCode } from "./languages.ts";
import { blankAt } from "./whitespace.ts";

/** A word of a text. */
export interface WordSpan {
  /** Limits in the text, in code units. */
  from: number;
  to: number;
  /** As the text has it, punctuation included. */
  text: string;
  /** As the aligner hears it; "" where a text has no letter at all. */
  spoken: string;
}

/** Ideographs that the official code splits off one by one. */
const IDEOGRAPH =
  /[\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B820}-\u{2CEAF}\uF900-\uFAFF]/u;
/** Letters, numbers and the ASCII apostrophe; everything else, combining marks too, is dropped. */
const SPOKEN = /[\p{L}\p{N}']/u;
/** What belongs to the word after it. */
const OPENING = /^[\p{Ps}\p{Pi}¿¡$£€¥#@]+$/u;

/** A stretch that is not blank; it may have no letter. */
type Piece = Omit<WordSpan, "text">;

/** What the aligner hears. */
function spokenOf(piece: string): string {
  return piece.replace(/[^\p{L}\p{N}']/gu, "");
}

/** Words between blanks, ideographs one by one: the official rule for all languages but two. */
function spacedPieces(text: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  /** The piece that the next character goes on with. */
  let open: Piece | undefined;
  for (const character of text) {
    const to = at + character.length;
    if (blankAt(text, at)) open = undefined;
    else if (!SPOKEN.test(character)) {
      const ends = open !== undefined && open.spoken !== "";
      const opens = ends && IDEOGRAPH.test(open!.spoken) && OPENING.test(character);
      if (open === undefined || opens) pieces.push(open = { from: at, to, spoken: "" });
      else open.to = to;
    } else if (IDEOGRAPH.test(character)) {
      // What stands before it in its run of characters and says nothing goes with it.
      if (open?.spoken === "") Object.assign(open, { to, spoken: character });
      else pieces.push(open = { from: at, to, spoken: character });
    } else if (open === undefined || IDEOGRAPH.test(open.spoken)) {
      pieces.push(open = { from: at, to, spoken: character });
    } else {
      open.to = to;
      open.spoken += character;
    }
    at = to;
  }
  return pieces;
}

/** Words of a language that is written without spaces, or where they say little. */
function segmentedPieces(text: string, locale: string): Piece[] {
  const segments = new Intl.Segmenter(locale, { granularity: "word" }).segment(text);
  return Array.from(segments).flatMap(({ segment, index }) => {
    const from = index + segment.length - segment.trimStart().length;
    const word = segment.trim();
    return word === "" ? [] : [{ from, to: from + word.length, spoken: spokenOf(word) }];
  });
}

/** Gives what says nothing to the word before it; opening brackets, and what no word stands before, to the one after. */
function attach(text: string, pieces: readonly Piece[]): WordSpan[] {
  const words: Piece[] = [];
  /** Start of what waits for the next word. */
  let waiting: number | undefined;
  for (const [index, { from, to, spoken }] of pieces.entries()) {
    if (spoken !== "") {
      words.push({ from: waiting ?? from, to, spoken });
      waiting = undefined;
      continue;
    }
    const last = words.at(-1);
    const opensNext = OPENING.test(text.slice(from, to)) && pieces[index + 1]?.from === to;
    if (last && waiting === undefined && !opensNext) last.to = to;
    else waiting ??= from;
  }
  if (waiting !== undefined) {
    const to = pieces.at(-1)!.to;
    const last = words.at(-1);
    if (last) last.to = to;
    else words.push({ from: waiting, to, spoken: "" });
  }
  return words.map(({ from, to, spoken }) => ({ from, to, text: text.slice(from, to), spoken }));
}

/**
 * Splits a text into words that keep its own spelling, case and punctuation.
 *
 * The split is the official one. Japanese and Korean are approximations: the official code uses a tagger (nagisa) and a
 * scored dictionary (soynlp), this code the segmenter built into the JavaScript engine. Japanese words are mostly the
 * same; Korean ones stay whole between spaces, where soynlp also splits off particles. Callers with words of their own
 * use {@linkcode ownWords}.
 *
 * @param language Canonical name, e.g. "Japanese".
 * @returns In order. What lies between two words, before the first and after the last is white space.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const words = wordSpans("“Hello, world!” It's e-mail – yes", "English");
 * assertEquals(words.map(({ text }) => text), ["“Hello,", "world!”", "It's", "e-mail –", "yes"]);
 * assertEquals(words.map(({ spoken }) => spoken), ["Hello", "world", "It's", "email", "yes"]);
 * assertEquals(wordSpans("你好，「abc」中", "Chinese").map(({ text }) => text), ["你", "好，", "「abc」", "中"]);
 * ```
 */
export function wordSpans(text: string, language: string): WordSpan[] {
  const code = languageCode(language);
  return attach(text, code === "ja" || code === "ko" ? segmentedPieces(text, code) : spacedPieces(text));
}

/**
 * Words that a caller has split, each one word whatever it is made of. Their text is the words with a space between.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(ownWords(["音声", "認識。"]).map(({ from, spoken }) => [from, spoken]), [[0, "音声"], [3, "認識"]]);
 * ```
 */
export function ownWords(words: readonly string[]): WordSpan[] {
  let at = 0;
  return words.map((text) => {
    const from = at;
    at += text.length + 1;
    return { from, to: from + text.length, text, spoken: spokenOf(text) };
  });
}

/**
 * Words as the aligner hears them, cleaned of punctuation.
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
  return wordSpans(text, language).flatMap(({ spoken }) => spoken === "" ? [] : [spoken]);
}
