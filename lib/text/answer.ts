/**
 * From an answer to what a reader sees. A model that hears little of what it knows writes its own frame where text
 * should be: a second language line, half of one, "language None", the full stop of a sentence it did not hear. The
 * official parser (`parse.ts`) takes only the first line away; here nothing of the frame is left.
 *
 * @module
 */
import { LANGUAGES } from "./languages.ts";
import { type ParsedTranscript, parseTranscript } from "./parse.ts";
import { TEXT_TAG } from "./tokenizer_definition.ts";
import { strip } from "./whitespace.ts";

/** Language lines, whole; or a tag by itself. */
const FRAMES = new RegExp(`\\s*(?:\\blanguage \\p{L}+(?: \\p{L}+)?\\s*)?${TEXT_TAG}\\s*`, "giu");
/** "No speech", and whatever was written on from there. */
const NONE = /(?:^|\s*\b)language None\b.*$/su;
/** What may become one of the two when more tokens come. */
const BEGINNING = /(?:^|\s|\b)l(?:a(?:n(?:g(?:u(?:a(?:g(?:e(?: \p{L}*){0,2}\s*(?:<[a-z_]*)?)?)?)?)?)?)?)?$/iu;
/** Marks that end what was not written. */
const ORPHANED_MARKS = /^\s*(?:[.,;:!?]+(?=\s|$)|[。，、；：！？]+)\s*/u;

/** The word that an answer begins with. */
const FIRST_WORD = "language";
/** The longest answer that is taken for the beginning of a language line. */
const LANGUAGE_LINE = 64;

/** Text without frames and without the marks they leave in front. */
function withoutFrames(text: string): string {
  return strip(text.replace(FRAMES, " ").replace(NONE, "")).replace(ORPHANED_MARKS, "");
}

/** A language line whose tag never came. Undefined when the answer begins otherwise. */
function unfinished(raw: string): ParsedTranscript | undefined {
  if (!FIRST_WORD.startsWith(raw.slice(0, FIRST_WORD.length)) || raw.includes(TEXT_TAG)) return undefined;
  const said = raw.slice(FIRST_WORD.length);
  const [, name = "", rest = ""] = /^ (\p{L}+)\b(.*)$/su.exec(said) ?? [];
  const known = LANGUAGES.some((language) => language.name === name);
  if (known) return { language: name, text: withoutFrames(rest) };
  if (name === "None" || name !== "" && raw.length <= LANGUAGE_LINE) return { language: "", text: "" };
  return { language: "", text: withoutFrames(said) }; // No name: a drawn answer lost its way.
}

/**
 * Reads an answer as `parseTranscript` does, and takes every further trace of the model's frame away.
 *
 * @param raw The decoded tokens.
 * @param forcedLanguage The language the prompt already named.
 *
 * @example
 * ```ts
 * import { parseAnswer } from "./answer.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseAnswer("language German<asr_text>Guten Tag."), { language: "German", text: "Guten Tag." });
 * assertEquals(parseAnswer("language None and"), { language: "", text: "" });
 * assertEquals(parseAnswer("language None<asr_text>", "German"), { language: "German", text: "" });
 * ```
 */
export function parseAnswer(raw: string, forcedLanguage?: string): ParsedTranscript {
  const stray = forcedLanguage ? undefined : unfinished(strip(raw));
  if (stray) return stray;
  const { language, text } = parseTranscript(raw, forcedLanguage);
  return { language, text: withoutFrames(text) };
}

/** The part of a text that later tokens cannot turn into a frame, without those that are there. */
export function settledText(text: string): string {
  return withoutFrames(text.replace(BEGINNING, ""));
}
