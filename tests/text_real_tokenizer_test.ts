import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { buildPrompt, stopTokens } from "../lib/text/prompt.ts";
import { LANGUAGES } from "../lib/text/languages.ts";
import { Tokenizer } from "../lib/text/tokenizer.ts";
import { fixtures } from "./support/fixtures.ts";
import { realTokenizerFiles } from "./support/real_vocabulary.ts";

interface Cases {
  prompts: { n_audio: number; context: string; language: string | null; ids: number[] }[];
  text: { text: string; ids: number[]; decode: string; decode_skip_special: string }[];
  decode: { ids: number[]; decode: string; decode_skip_special: string }[];
}

const path = join(await fixtures(), "cases/real_tokenizer_cases.json");
const cases: Cases = JSON.parse(await Deno.readTextFile(path));
const files = realTokenizerFiles();
const tokenizer = await Tokenizer.fromFiles(files);

async function sha256(text: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toHex();
}

Deno.test("realTokenizerFiles() gives the bytes of the published files", async () => {
  assertEquals(
    await sha256(files.vocabJson),
    "ca10d7e9fb3ed18575dd1e277a2579c16d108e32f27439684afa0e10b1440910",
  );
  assertEquals(
    await sha256(files.mergesText),
    "8831e4f1a044471340f7c0a83d7bd71306a5b867e95fd870f74d0c5308a904d5",
  );
  assertEquals(tokenizer.size, 151705);
  assertEquals(tokenizer.require("<|audio_pad|>"), 151676);
  assertEquals(
    (await Tokenizer.fromFiles(realTokenizerFiles({ aligner: true }))).require("<timestamp>"),
    151705,
  );
});

Deno.test("buildPrompt() gives the official ids of the real vocabulary for all languages and contexts", () => {
  const languages = new Set<string | null>();
  for (const { n_audio, context, language, ids } of cases.prompts) {
    const prompt = buildPrompt(tokenizer, { audioTokens: n_audio, context, language: language ?? undefined });
    assertEquals(prompt.ids, ids, `${language} ${JSON.stringify(context)}`);
    assertEquals(prompt.ids.slice(prompt.audioStart - 1, prompt.audioStart + 3), [
      151669,
      151676,
      151676,
      151670,
    ]);
    languages.add(language);
  }
  assertEquals(languages.size, LANGUAGES.length + 1);
});

Deno.test("Tokenizer encodes and decodes the real vocabulary as the reference", () => {
  for (const { text, ids, decode, decode_skip_special } of cases.text) {
    assertEquals(tokenizer.encode(text), ids, text);
    assertEquals(tokenizer.decode(ids, { skipSpecialTokens: false }), decode);
    assertEquals(tokenizer.decode(ids), decode_skip_special);
  }
  for (const { ids, decode, decode_skip_special } of cases.decode) {
    assertEquals(tokenizer.decode(ids, { skipSpecialTokens: false }), decode);
    assertEquals(tokenizer.decode(ids), decode_skip_special);
  }
});

Deno.test("Tokenizer splits at white space, case and marks as the Rust library (0.23.3) does", () => {
  const rust: [string, number[]][] = [
    ["a\u0085 b", [64, 126, 227, 293]],
    ["a\uFEFF b", [64, 3225, 293]],
    ["\u180Ex", [123970, 236, 87]],
    ["a\x1C\x1D b", [64, 216, 217, 293]],
    ["x\u2028\u2029y", [87, 378, 101, 378, 102, 88]],
    [" \u00A0\u3000 z", [17091, 22441, 1147]],
    ["'\u017F 'S", [6, 144815, 364, 50]],
    ["DON'T I'Ll", [84641, 17323, 358, 91426, 75]],
    ["e\u0301 \u0301x", [963, 220, 53839, 87]],
    ["\u200B\u200D.", [15692, 378, 235, 13]],
    ["\u0663\u0664 \u00BD\u00B2\u2163", [149, 96, 149, 97, 220, 26062, 29456, 70467, 96]],
    [" \n \n\n x \r\r\n", [715, 4710, 856, 94691]],
  ];
  for (const [text, ids] of rust) assertEquals(tokenizer.encode(text), ids, JSON.stringify(text));
});

Deno.test("stopTokens() finds both ends by name", () => {
  assertEquals(stopTokens(tokenizer), [151645, 151643]);
});
