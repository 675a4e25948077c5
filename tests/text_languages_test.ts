import { assertEquals, assertInstanceOf, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { OptionError } from "../lib/errors.ts";
import {
  ALIGNER_LANGUAGES,
  askedLanguage,
  languageCode,
  LANGUAGES,
  mergeLanguages,
  normalizeLanguage,
  resolveLanguage,
} from "../lib/text/languages.ts";
import { fixtures } from "./support/fixtures.ts";

const cases = JSON.parse(await Deno.readTextFile(join(await fixtures(), "cases/text_cases.json")));
const isSupported = (name: string) => LANGUAGES.some((language) => language.name === name);

function messageOf(input: string): string {
  try {
    resolveLanguage(input);
  } catch (error) {
    assertInstanceOf(error, OptionError);
    return error.message;
  }
  throw new Error(`${input} was accepted`);
}

Deno.test("normalizeLanguage() follows the official cases", () => {
  assertEquals(cases.normalize_language.length, 7);
  for (const { in: name, normalized, supported, error } of cases.normalize_language) {
    if (error !== undefined) {
      assertThrows(() => normalizeLanguage(name), OptionError, "language is empty");
      continue;
    }
    assertEquals(normalizeLanguage(name), normalized);
    assertEquals(isSupported(normalized), supported);
  }
});

Deno.test("mergeLanguages() follows the official cases", () => {
  assertEquals(cases.merge_languages.length, 5);
  for (const { in: list, out } of cases.merge_languages) assertEquals(mergeLanguages(list), out);
});

Deno.test("LANGUAGES and ALIGNER_LANGUAGES have the official names", () => {
  assertEquals(
    LANGUAGES.map(({ name }) => name).join(", "),
    "Chinese, English, Cantonese, Arabic, German, French, Spanish, Portuguese, Indonesian, Italian, Korean, Russian, " +
      "Thai, Vietnamese, Japanese, Turkish, Hindi, Malay, Dutch, Swedish, Danish, Finnish, Polish, Czech, Filipino, " +
      "Persian, Greek, Romanian, Hungarian, Macedonian",
  );
  assertEquals(ALIGNER_LANGUAGES.length, 11);
  assertEquals(ALIGNER_LANGUAGES.filter((name) => !isSupported(name)), []);
});

Deno.test("resolveLanguage() accepts names and codes of all languages in any case", () => {
  for (const { name, code } of LANGUAGES) {
    for (const input of [name, name.toLowerCase(), ` ${name.toUpperCase()} `, code, code.toUpperCase()]) {
      assertEquals(resolveLanguage(input), name);
    }
    assertEquals(languageCode(name), code);
  }
  assertEquals(languageCode("Klingon"), undefined);
});

Deno.test("resolveLanguage() accepts tags, older codes and what languages call themselves", () => {
  const inputs = {
    Chinese: [
      "zh-CN",
      "zh_TW",
      "zh-Hans-HK",
      "cmn-HK",
      "zho",
      "cmn-Hans",
      "Mandarin",
      "中文",
      "汉语",
      "chino",
    ],
    Cantonese: ["yue-HK", "zh-yue", "粵語", "zh-HK", "zh_hk", "zh-Hant-HK", "zh-MO", "Chinese (Hong Kong)"],
    Portuguese: ["pt_BR", "pt-PT", "português", "portugues", "Brazilian Portuguese", "Portuguese (Brazil)"],
    English: ["en-US", "EN_gb", "eng"],
    French: ["francais", "FRANÇAIS", "Canadian French", "法语"],
    German: ["de-CH", "deu", "Deutsch"],
    Japanese: ["ja-JP", "日本語", "日语", "日文", "Japanisch"],
    Filipino: ["tl", "Tagalog"],
    Persian: ["Farsi", "فارسی"],
    Indonesian: ["in", "id-ID"],
    Russian: ["русский"],
    Korean: ["ko_KR", "한국어"],
    Macedonian: ["Македонски"],
  };
  for (const [name, spellings] of Object.entries(inputs)) {
    for (const spelling of spellings) assertEquals(resolveLanguage(spelling), name, spelling);
  }
});

Deno.test("resolveLanguage() suggests the nearest language and lists all", () => {
  assertStringIncludes(messageOf("Germn"), 'Unknown language "Germn", did you mean German (de)?');
  assertStringIncludes(messageOf("jp"), "did you mean Japanese (ja)?");
  assertStringIncludes(messageOf("portugese"), "did you mean Portuguese (pt)?");
  // Codes of other languages, not of countries; two letters are close to any name.
  assertStringIncludes(messageOf("uk"), 'Unknown language "uk" (Ukrainian): The model knows');
  assertStringIncludes(messageOf("be"), 'Unknown language "be" (Belarusian): The model knows');
  for (const code of ["uk", "my", "sr", "et", "xx"]) {
    assertEquals(messageOf(code).includes("did you mean"), false, code);
  }
  assertEquals(messageOf("Klingon-of-old").includes("did you mean"), false);
  for (const { name, code } of LANGUAGES) assertStringIncludes(messageOf("xx-nothing"), `${name} (${code})`);
  for (const input of ["", "  "]) assertStringIncludes(messageOf(input), "language is empty");
  for (const input of ["he", "english please", "-", "a_", "\u0000"]) messageOf(input);
});

Deno.test("askedLanguage() detects for auto and nothing, and knows every spelling else", () => {
  for (const none of [undefined, "", " ", "auto", " AUTO "]) assertEquals(askedLanguage(none), undefined);
  assertEquals(askedLanguage("de"), "German");
  assertThrows(() => askedLanguage("automatic"), OptionError);
});
