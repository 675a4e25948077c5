import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { ModelError, OptionError } from "../lib/errors.ts";
import { alignerPrompt, fixTimestamps } from "../lib/text/timestamps.ts";
import { Tokenizer } from "../lib/text/tokenizer.ts";
import { splitWords } from "../lib/text/words.ts";
import { fixtures } from "./support/fixtures.ts";

interface AlignerCase {
  variant: string;
  language: string;
  text: string;
  words: string[];
  input_ids: number[];
  raw_ms: number[];
  items: { text: string; start: number; end: number }[];
}

const folder = await fixtures();
const read = (path: string) => Deno.readTextFile(join(folder, path));
const cases = JSON.parse(await read("cases/text_cases.json"));
const alignments: AlignerCase[] = JSON.parse(await read("cases/aligner.json"));

async function load(model: string): Promise<Tokenizer> {
  return await Tokenizer.fromFiles({
    vocabJson: await read(`models/${model}/vocab.json`),
    mergesText: await read(`models/${model}/merges.txt`),
    tokenizerConfigJson: await read(`models/${model}/tokenizer_config.json`),
  });
}

const tokenizer = await load("tiny-aligner-hf");

Deno.test("splitWords() follows the official cases", () => {
  let compared = 0;
  for (const { language, text, words } of [...cases.word_split, ...alignments]) {
    if (language === "Korean") continue; // the official code asks a dictionary, see below
    assertEquals(splitWords(text, language), words, text);
    compared++;
  }
  assertEquals(compared, 15);
});

Deno.test("splitWords() keeps Korean words whole and loses no letter", () => {
  assertEquals(splitWords("안녕하세요, 음성인식은 재미있습니다!", "Korean"), [
    "안녕하세요",
    "음성인식은",
    "재미있습니다",
  ]);
});

Deno.test("splitWords() takes white space, marks and rare ideographs as the official code does", () => {
  assertEquals(splitWords("a\x85b\u3000c\uFEFFd", "English"), ["a", "b", "cd"]);
  assertEquals(splitWords("e\u0301te \u{20000}x\u{2CEA1}豈 don’t ½²Ⅳ", "Chinese"), [
    "ete",
    "\u{20000}",
    "x",
    "\u{2CEA1}",
    "豈",
    "dont",
    "½²Ⅳ",
  ]);
});

Deno.test("alignerPrompt() gives the official ids and knows its markers", () => {
  const pad = tokenizer.require("<|audio_pad|>");
  const marker = tokenizer.require("<timestamp>");
  for (const { words, input_ids } of alignments) {
    const audioTokens = input_ids.filter((id) => id === pad).length;
    const prompt = alignerPrompt(tokenizer, words, audioTokens);
    assertEquals(prompt.ids, input_ids);
    assertEquals(prompt.ids.slice(1, 1 + audioTokens), new Array(audioTokens).fill(pad));
    assertEquals([prompt.audioStart, prompt.audioTokens], [1, audioTokens]);
    assertEquals(prompt.markers.length, 2 * words.length);
    assertEquals(prompt.markers.map((index) => input_ids[index]), new Array(2 * words.length).fill(marker));
  }
});

Deno.test("alignerPrompt() renders the official texts", () => {
  for (const { words, input_text } of cases.word_split) {
    const { ids } = alignerPrompt(tokenizer, words, 1);
    assertEquals(tokenizer.decode(ids, { skipSpecialTokens: false }), input_text);
  }
});

Deno.test("alignerPrompt() refuses control tokens, no audio, and tokenizers without <timestamp>", async () => {
  assertThrows(() => alignerPrompt(tokenizer, ["a", "b<timestamp>"], 1), OptionError, "<timestamp>");
  assertThrows(() => alignerPrompt(tokenizer, ["a"], 0), OptionError, "audio tokens");
  const recogniser = await load("tiny-mlx-8bit");
  assertThrows(() => alignerPrompt(recogniser, ["a"], 1), ModelError, "<timestamp>");
});

Deno.test("fixTimestamps() follows the official cases", () => {
  assertEquals(cases.fix_timestamp.length, 21);
  for (const { in: ms, out } of cases.fix_timestamp) assertEquals(fixTimestamps(ms), out);
  assertEquals(fixTimestamps([]), []);
});

Deno.test("fixTimestamps() repairs what the reference aligner said into its final times", () => {
  for (const { raw_ms, items } of alignments) {
    const seconds = fixTimestamps(raw_ms).map((ms) => ms / 1000);
    assertEquals(seconds, items.flatMap(({ start, end }) => [start, end]));
  }
});
