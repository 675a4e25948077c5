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
  "汉语": "zh",
  "漢語": "zh",
  "华语": "zh",
  "華語": "zh",
  "国语": "zh",
  "國語": "zh",
  "македонски": "mk",
};

const nameByCode: ReadonlyMap<string, string> = new Map(LANGUAGES.map(({ name, code }) => [code, name]));
const codeByName: ReadonlyMap<string, string> = new Map(LANGUAGES.map(({ name, code }) => [name, code]));

/** Where Chinese is spoken as Cantonese; those who mean Mandarin there write cmn or zh-Hans. */
const CANTONESE_REGIONS = ["HK", "MO"];

/** Name for a BCP 47 tag, by its language part: "pt_BR", "zh-Hant-TW", "deu". */
function byTag(tag: string): string | undefined {
  try {
    const { language, region = "", script } = new Intl.Locale(tag.replaceAll("_", "-"));
    const isCantonese = /^(zh|zho|chi)\b/i.test(tag.replaceAll("_", "-")) && script !== "Hans" &&
      CANTONESE_REGIONS.includes(region);
    return nameByCode.get(isCantonese ? "yue" : language);
  } catch {
    return undefined; // not a well-formed tag, so not a code
  }
}

/** Tags whose names people write: "Brazilian Portuguese", "Chinese (Hong Kong)". */
const NAMED_TAGS = (
  "pt-BR pt-PT en-US en-GB en-AU en-CA en-IN en-IE en-NZ en-ZA es-419 es-ES es-MX es-AR es-US fr-FR fr-CA fr-CH " +
  "fr-BE de-DE de-AT de-CH it-IT it-CH nl-NL nl-BE zh-CN zh-TW zh-HK zh-MO zh-SG zh-Hans zh-Hant ar-001 ar-EG ar-SA " +
  "ro-MD fa-AF fa-IR"
).split(" ");

/** Without case, accents and differences of width: "Français" is "francais". */
function folded(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

let writtenNames: Map<string, string> | undefined;

/** What the locale database calls the languages, in all of them; made at the first name that is no English one. */
function byWrittenName(wanted: string): string | undefined {
  writtenNames ??= new Map(
    [...LANGUAGES.map(({ code }) => code), "zh-Hant"].flatMap((locale) =>
      (["dialect", "standard"] as const).flatMap((languageDisplay) => {
        const names = new Intl.DisplayNames([locale], { type: "language", languageDisplay });
        return [...LANGUAGES.map(({ code }) => code), ...NAMED_TAGS].map((tag) =>
          [folded(names.of(tag) ?? ""), byTag(tag) ?? ""] as const
        );
      })
    ),
  );
  return writtenNames.get(folded(wanted));
}

/** What a code stands for that is a language's, in English: Ukrainian for "uk". */
function nameOfCode(code: string): string | undefined {
  if (!/^[a-z]{2,3}$/.test(code)) return undefined;
  return new Intl.DisplayNames(["en"], { type: "language", fallback: "none" }).of(code);
}

/** The language most people of a country speak: "jp" was meant to be "ja". */
function byCountry(code: string): string | undefined {
  if (!/^[a-z]{2}$/.test(code)) return undefined;
  const country = new Intl.DisplayNames(["en"], { type: "region", fallback: "none" }).of(code.toUpperCase());
  return country === undefined ? undefined : byTag(new Intl.Locale(`und-${code}`).maximize().language);
}

/** What was meant; a code that is another language's is meant as it stands, and two letters resemble anything. */
function guessOf(wanted: string): string | undefined {
  if (wanted.length > 3) return nearestName(wanted, LANGUAGES.map(({ name }) => name));
  return nameOfCode(wanted) === undefined ? byCountry(wanted) : undefined;
}

function unknownLanguage(given: string, wanted: string): OptionError {
  const guess = guessOf(wanted);
  const other = nameOfCode(wanted);
  const hint = guess ? `, did you mean ${guess} (${codeByName.get(guess)})?` : other ? ` (${other}):` : ":";
  const list = LANGUAGES.map(({ name, code }) => `${name} (${code})`).join(", ");
  return new OptionError(`Unknown language "${given}"${hint} The model knows ${list}`, {
    code: "language-unknown",
  });
}

/**
 * The canonical name of a language, as it stands in the prompt.
 *
 * @param nameOrCode Name in English or in any of the languages, in any case, with or without accents (`Deutsch`,
 *   `francais`, `日语`, `Brazilian Portuguese`), ISO 639 code, or BCP 47 tag (`zh-CN`, `pt_BR`; `zh-HK` is Cantonese).
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
    byWrittenName(wanted);
  if (name === undefined) throw unknownLanguage(nameOrCode, wanted);
  return name;
}

/**
 * The language that was asked for.
 *
 * @param name See {@link resolveLanguage}; "auto" and nothing at all ask for none.
 * @returns Its canonical name, or `undefined` when it is to be detected.
 * @throws {OptionError} When there is no such language.
 */
export function askedLanguage(name = ""): string | undefined {
  const asked = name.trim();
  return asked === "" || asked.toLowerCase() === "auto" ? undefined : resolveLanguage(asked);
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
