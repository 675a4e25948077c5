import { assert, assertEquals, assertFalse, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { ModelError } from "../lib/errors.ts";
import { TextStream } from "../lib/text/detokenizer.ts";
import { Tokenizer, type TokenizerFiles } from "../lib/text/tokenizer.ts";
import { fixtures } from "./support/fixtures.ts";

interface Case {
  text?: string;
  ids: number[];
  decode?: string;
  decode_skip_special?: string;
  decode_only?: string;
}

const folder = await fixtures();
const cases: Case[] = JSON.parse(await Deno.readTextFile(join(folder, "cases/tokenizer_cases.json")));
const read = (name: string) => Deno.readTextFile(join(folder, "models/tiny-hf", name));

const withoutJson = {
  vocabJson: await read("vocab.json"),
  mergesText: await read("merges.txt"),
  tokenizerConfigJson: await read("tokenizer_config.json"),
};
const tokenizerJson = await read("tokenizer.json");
const rebuilt = await Tokenizer.fromFiles(withoutJson);

/** What a converter once wrote into model folders: no split rule, every added token special. */
function brokenTokenizerJson(): string {
  const json = JSON.parse(tokenizerJson);
  json.pre_tokenizer = { type: "ByteLevel", add_prefix_space: false, use_regex: false };
  json.normalizer = null;
  for (const token of json.added_tokens) token.special = true;
  return JSON.stringify(json);
}

const sources: [string, TokenizerFiles][] = [
  ["vocab.json, merges.txt and tokenizer_config.json", withoutJson],
  ["tokenizer.json", { tokenizerJson }],
  ["all four files", { tokenizerJson, ...withoutJson }],
  ["a tokenizer.json without split rule", {
    tokenizerJson: brokenTokenizerJson(),
    tokenizerConfigJson: withoutJson.tokenizerConfigJson,
  }],
];

for (const [name, files] of sources) {
  Deno.test(`Tokenizer encodes and decodes as the reference from ${name}`, async () => {
    const tokenizer = await Tokenizer.fromFiles(files);
    assertEquals(tokenizer.size, 1262);
    for (const { text, ids, decode, decode_skip_special, decode_only } of cases) {
      if (text !== undefined) assertEquals(tokenizer.encode(text), ids, text);
      assertEquals(tokenizer.decode(ids, { skipSpecialTokens: false }), decode ?? decode_only);
      if (decode_skip_special !== undefined) assertEquals(tokenizer.decode(ids), decode_skip_special);
    }
  });
}

Deno.test("Tokenizer.fromFiles() keeps <asr_text> when tokenizer.json alone marks it special", async () => {
  const tokenizer = await Tokenizer.fromFiles({ tokenizerJson: brokenTokenizerJson() });
  assertEquals(
    tokenizer.decode(tokenizer.encode("language English<asr_text>Hi<|im_end|>")),
    "language English<asr_text>Hi",
  );
});

Deno.test("Tokenizer.decode() takes nothing, typed arrays and ids beyond the vocabulary", () => {
  assertEquals(rebuilt.decode([]), "");
  assertEquals(rebuilt.encode(""), []);
  assertEquals(rebuilt.decode(Int32Array.of(259, 292, 78, 300, 258, 75, 67)), "hello world");
  assertEquals(rebuilt.decode([259, rebuilt.size, 292, 151935, 78]), "hello");
});

Deno.test("Tokenizer knows its tokens by name", () => {
  assertEquals(rebuilt.idOf("<|im_end|>"), 1202);
  assertEquals(rebuilt.idOf("<timestamp>"), undefined);
  assertEquals(rebuilt.require("<asr_text>"), 1261);
  assert(rebuilt.isSpecial(1202));
  assertFalse(rebuilt.isSpecial(1261));
  assertFalse(rebuilt.isSpecial(0));
  assertThrows(() => rebuilt.require("<timestamp>"), ModelError, "<timestamp>");
});

Deno.test("Tokenizer.fromFiles() reads merges that begin with # and lines that end in CRLF", async () => {
  const tokenizer = await Tokenizer.fromFiles({
    vocabJson: '{"#": 0, "a": 1, "##": 2, "#a": 3}',
    mergesText: "#version: 0.2\r\n# #\r\n# a\r\n",
    tokenizerConfigJson: '{"added_tokens_decoder": {"4": {"content": "<asr_text>", "special": false}}}',
  });
  assertEquals(tokenizer.encode("##a#<asr_text>"), [2, 1, 0, 4]);
  assertEquals(tokenizer.size, 5);
});

Deno.test("Tokenizer.fromFiles() names the file that is missing or damaged", async () => {
  const damaged: [TokenizerFiles, string][] = [
    [{}, "vocab.json, merges.txt, tokenizer_config.json"],
    [{ ...withoutJson, mergesText: undefined }, "lacks merges.txt:"],
    [{ ...withoutJson, tokenizerConfigJson: undefined }, "lacks tokenizer_config.json"],
    [{ ...withoutJson, tokenizerConfigJson: "{}" }, "lacks tokenizer_config.json"],
    [{ ...withoutJson, vocabJson: withoutJson.vocabJson.slice(0, 100) }, "vocab.json is not JSON"],
    [{ ...withoutJson, vocabJson: "[]" }, "vocab.json must hold a JSON object"],
    [{ ...withoutJson, vocabJson: '{"a": "b"}' }, "vocab.json must map every token to an integer id"],
    [{ ...withoutJson, mergesText: "#version: 0.2\na b\nabc\n" }, "merges.txt line 3"],
    [{ tokenizerJson: '{"model": {"vocab": {}}}' }, "tokenizer.json has no BPE model"],
    [
      { tokenizerJson: '{"model": {"vocab": {}, "merges": []}, "added_tokens": [7]}' },
      "tokenizer.json lists",
    ],
  ];
  for (const [files, message] of damaged) {
    await assertRejects(() => Tokenizer.fromFiles(files), ModelError, message);
  }
});

Deno.test("TextStream gives together what decode() gives at once", () => {
  for (const { ids } of cases) {
    for (const skipSpecialTokens of [true, false]) {
      const stream = new TextStream(rebuilt, { skipSpecialTokens });
      const deltas = ids.map((id) => stream.push(id));
      assertEquals(deltas.join("") + stream.flush(), rebuilt.decode(ids, { skipSpecialTokens }));
    }
  }
});

Deno.test("TextStream holds a character back until its bytes are there", () => {
  const stream = new TextStream(rebuilt);
  assertEquals([98, 545].map((id) => rebuilt.decode([id])), ["\uFFFD", "\uFFFD"]);
  const emoji = rebuilt.encode("\u{1F600}");
  assertEquals(emoji.length, 3);
  assertEquals(emoji.map((id) => stream.push(id)), ["", "", "\u{1F600}"]);
  assertEquals(stream.push(emoji[0] ?? 0), "");
  assertEquals(stream.flush(), "\uFFFD");
  assertEquals(stream.push(64), "a");
});

Deno.test("fromFiles() names a tokenizer.json whose parts are of no known kind", async () => {
  const tokenizerJson = JSON.stringify({
    model: { type: "BPE", vocab: { a: 0, "<asr_text>": 1 }, merges: [] },
    added_tokens: [{ id: 1, content: "<asr_text>", special: false }],
    pre_tokenizer: { type: "Sequnce", pretokenizers: [{ type: "Split", pattern: { Regex: "a|b" } }] },
  });
  await assertRejects(() => Tokenizer.fromFiles({ tokenizerJson }), ModelError, "tokenizer.json is damaged");
});
