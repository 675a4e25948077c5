/**
 * The languages Qwen3-ASR knows, and the ways people write their names. Spec 10.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { nearestName } from "../nearest_name.ts";
import { strip } from "./whitespace.ts";

/** A language of the model. */
export interface Language {
  /** English name as the prompt spells it. */
  readonly name: string;
  /** ISO 639 code. */
  readonly code: string;
}

/** All languages, in the official order. */
export const LANGUAGES: readonly Language[] = [
  { name: "Chinese", code: "zh" },
  { name: "English", code: "en" },
  { name: "Cantonese", code: "yue" },
  { name: "Arabic", code: "ar" },
  { name: "German", code: "de" },
  { name: "French", code: "fr" },
  { name: "Spanish", code: "es" },
  { name: "Portuguese", code: "pt" },
  { name: "Indonesian", code: "id" },
  { name: "Italian", code: "it" },
  { name: "Korean", code: "ko" },
  { name: "Russian", code: "ru" },
  { name: "Thai", code: "th" },
  { name: "Vietnamese", code: "vi" },
  { name: "Japanese", code: "ja" },
  { name: "Turkish", code: "tr" },
  { name: "Hindi", code: "hi" },
  { name: "Malay", code: "ms" },
  { name: "Dutch", code: "nl" },
  { name: "Swedish", code: "sv" },
  { name: "Danish", code: "da" },
  { name: "Finnish", code: "fi" },
  { name: "Polish", code: "pl" },
  { name: "Czech", code: "cs" },
  { name: "Filipino", code: "fil" },
  { name: "Persian", code: "fa" },
  { name: "Greek", code: "el" },
  { name: "Romanian", code: "ro" },
  { name: "Hungarian", code: "hu" },
  { name: "Macedonian", code: "mk" },
];

/** Names of the languages the forced aligner knows. Spec 10. */
export const ALIGNER_LANGUAGES: readonly string[] = [
  "Chinese",
  "English",
  "Cantonese",
  "French",
  "German",
  "Italian",
  "Japanese",
  "Korean",
  "Portuguese",
  "Russian",
  "Spanish",
];

/** Names that the locale database does not give for these languages. */
const ALIASES: Readonly<Record<string, string>> = {
  "mandarin": "zh",
  "zh-yue": "yue",
  "farsi": "fa",
  "tagalog": "fil",
  "castilian": "es",
  "粤语": "yue",
  "粵語": "yue",
  "廣東話": "yue",
  "广东话": "yue",
  "普通话": "zh",
  "македонски": "mk",
};

const nameByCode: ReadonlyMap<string, string> = new Map(LANGUAGES.map(({ name, code }) => [code, name]));
const codeByName: ReadonlyMap<string, string> = new Map(LANGUAGES.map(({ name, code }) => [name, code]));

/** What a language calls itself: "deutsch" for de, as the locale database has it. */
function ownName(code: string): string {
  return new Intl.DisplayNames([code], { type: "language" }).of(code)?.toLowerCase() ?? "";
}

/** Name for a BCP 47 tag, by its language part: "pt_BR", "zh-Hant-TW", "deu". */
function byTag(tag: string): string | undefined {
  try {
    return nameByCode.get(new Intl.Locale(tag.replaceAll("_", "-")).language);
  } catch {
    return undefined; // not a well-formed tag, so not a code
  }
}

/** The language most people of a country speak: "jp" was meant to be "ja". */
function byCountry(code: string): string | undefined {
  return /^[a-z]{2}$/.test(code) ? byTag(new Intl.Locale(`und-${code}`).maximize().language) : undefined;
}

function unknownLanguage(given: string, wanted: string): OptionError {
  const guess = byCountry(wanted) ?? nearestName(wanted, LANGUAGES.map(({ name }) => name));
  const hint = guess ? `, did you mean ${guess} (${codeByName.get(guess)})?` : ":";
  const list = LANGUAGES.map(({ name, code }) => `${name} (${code})`).join(", ");
  return new OptionError(`Unknown language "${given}"${hint} The model knows ${list}`, {
    code: "language-unknown",
  });
}

/**
 * The canonical name of a language, as it stands in the prompt.
 *
 * @param nameOrCode English name in any case, ISO 639 code, BCP 47 tag (`zh-CN`, `pt_BR`), or the language's own name.
 * @throws {OptionError} When there is no such language; the message suggests the nearest and lists all.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(resolveLanguage("english"), "English");
 * assertEquals(resolveLanguage("pt_BR"), "Portuguese");
 * assertEquals(resolveLanguage("Deutsch"), "German");
 * ```
 */
export function resolveLanguage(nameOrCode: string): string {
  const wanted = nameOrCode.trim().toLowerCase();
  if (wanted === "") throw new OptionError("The language is empty: leave it out to have it detected");
  const byName = LANGUAGES.find(({ name }) => name.toLowerCase() === wanted)?.name;
  const name = byName ?? nameByCode.get(ALIASES[wanted.replaceAll("_", "-")] ?? "") ?? byTag(wanted) ??
    LANGUAGES.find(({ code }) => ownName(code) === wanted)?.name;
  if (name === undefined) throw unknownLanguage(nameOrCode, wanted);
  return name;
}

/**
 * The official spelling rule: blanks cut off, first letter upper case, the rest lower case. Nothing is looked up.
 *
 * @throws {OptionError} When nothing is left.
 */
export function normalizeLanguage(name: string): string {
  const [first, ...rest] = strip(name);
  if (first === undefined) throw new OptionError("The language is empty: leave it out to have it detected");
  return first.toUpperCase() + rest.join("").toLowerCase();
}

/** ISO 639 code of a canonical name, or undefined for a name the model made up. */
export function languageCode(name: string): string | undefined {
  return codeByName.get(name);
}

/**
 * One entry for the whole recording from the languages of its chunks: empty ones and repeats of the one before
 * dropped, joined by ",". Spec 11.1.
 */
export function mergeLanguages(list: readonly string[]): string {
  return list.filter((name) => name !== "").filter((name, index, kept) => name !== kept[index - 1]).join(",");
}
