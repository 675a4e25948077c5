import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { ModelError, OptionError } from "../lib/errors.ts";
import { parseTranscript } from "../lib/text/parse.ts";
import { audioTokenCount, buildPrompt, stopTokens, systemContext } from "../lib/text/prompt.ts";
import { Tokenizer } from "../lib/text/tokenizer.ts";
import { fixtures } from "./support/fixtures.ts";
import { integers, readSafetensors } from "./support/safetensors.ts";

const folder = await fixtures();
const read = (path: string) => Deno.readTextFile(join(folder, path));
const readJson = async (path: string) => JSON.parse(await read(path));

const tokenizer = await Tokenizer.fromFiles({
  vocabJson: await read("models/tiny-mlx-8bit/vocab.json"),
  mergesText: await read("models/tiny-mlx-8bit/merges.txt"),
  tokenizerConfigJson: await read("models/tiny-mlx-8bit/tokenizer_config.json"),
});

Deno.test("audioTokenCount() counts as the official code does", async () => {
  const { mel_frames_to_audio_tokens: pairs } = await readJson("cases/text_cases.json");
  assertEquals(pairs.length, 216);
  for (const [frames, tokens] of pairs) assertEquals(audioTokenCount(frames), tokens, `${frames} frames`);
  assertEquals(audioTokenCount(0), 0);
});

Deno.test("buildPrompt() gives the prompt ids of every reference case", async () => {
  let compared = 0;
  for await (const { name } of Deno.readDir(join(folder, "cases"))) {
    const [, clip] = name.match(/^((?:speech|silence|sweep|tone)_\w+)\.\w+\.safetensors$/) ?? [];
    if (clip === undefined) continue;
    const tensors = await readSafetensors(join(folder, "cases", name));
    const { audio_tokens: f32Tokens, mel_frames } = await readJson(`cases/${clip}.f32.json`);
    const audioTokens = audioTokenCount(mel_frames);
    assertEquals(audioTokens, f32Tokens);
    const expected = await readJson(join("cases", name.replace(".safetensors", ".json")));
    for (const variant of ["auto", "forced", "context"]) {
      if (!tensors.has(`${variant}.prompt_ids`)) continue;
      const { context, language, prompt_text } = expected[variant];
      const prompt = buildPrompt(tokenizer, { audioTokens, context, language: language ?? undefined });
      assertEquals(prompt.ids, integers(tensors, `${variant}.prompt_ids`), `${name} ${variant}`);
      assertEquals(prompt.ids.indexOf(tokenizer.require("<|audio_pad|>")), prompt.audioStart);
      assertEquals(prompt.audioTokens, audioTokens);
      if (prompt_text !== undefined) assertEquals(prompt.text(), prompt_text);
      compared++;
    }
  }
  assertEquals(compared, 48);
});

Deno.test("buildPrompt() gives the unpadded rows of the official batch", async () => {
  const batch = await readJson("cases/batch_official.json");
  for (const [row, frames] of batch.frames_in_batch.entries()) {
    const ids = batch.input_ids[row].filter((_: number, i: number) => batch.attention_mask[row][i] === 1);
    assertEquals(buildPrompt(tokenizer, { audioTokens: audioTokenCount(frames) }).ids, ids);
  }
});

/** The rule of spec 12: what is kept of the text so far, without the last tokens. */
function keptPrefix(raw: string, isFinal: boolean): string {
  const ids = tokenizer.encode(raw);
  const decode = (end: number) => tokenizer.decode(ids.slice(0, end), { skipSpecialTokens: false });
  if (isFinal) return decode(Math.max(1, ids.length - 5));
  for (let unfixed = 5; unfixed < ids.length; unfixed++) {
    const prefix = decode(ids.length - unfixed);
    if (!prefix.includes("\uFFFD")) return prefix;
  }
  return "";
}

Deno.test("buildPrompt() with prefix and parseTranscript() follow the official streams", async () => {
  for (const { language, unfixed_chunk_num, steps } of await readJson("cases/streaming_official.json")) {
    let raw = "";
    for (const [index, step] of steps.entries()) {
      const prefix = index < unfixed_chunk_num ? "" : keptPrefix(raw, step.final === true);
      const options = { audioTokens: 13, language: language ?? undefined };
      assertEquals(buildPrompt(tokenizer, { ...options, prefix }).text(), step.prompt_text);
      assertEquals(tokenizer.decode(step.generated_ids), step.text);
      raw = prefix + step.text;
      assertEquals(raw, step.raw_decoded);
      assertEquals(parseTranscript(raw, language ?? undefined), {
        language: step.language,
        text: step.parsed_text,
      });
    }
  }
});

Deno.test("buildPrompt() takes a language code and puts the name into the prompt", () => {
  assert(
    buildPrompt(tokenizer, { audioTokens: 1, language: "de" }).text().endsWith("language German<asr_text>"),
  );
});

Deno.test("buildPrompt() refuses control tokens, unknown languages and counts that are none", () => {
  const build = (options: Partial<Parameters<typeof buildPrompt>[1]>) => () =>
    buildPrompt(tokenizer, { audioTokens: 1, ...options });
  assertThrows(build({ context: "a<|im_end|>b" }), OptionError, "<|im_end|>");
  assertThrows(build({ context: "<blank7>" }), OptionError, "<blank7>");
  assertThrows(build({ language: "Klingon" }), OptionError, "Klingon");
  for (const audioTokens of [0, -1, 1.5, NaN]) {
    assertThrows(build({ audioTokens }), OptionError, `${audioTokens}`);
  }
});

Deno.test("buildPrompt() and stopTokens() name the token a foreign vocabulary lacks", async () => {
  const foreign = await Tokenizer.fromFiles({
    vocabJson: '{"a": 0}',
    mergesText: "#version: 0.2\n",
    tokenizerConfigJson: '{"added_tokens_decoder": {"1": {"content": "<|im_end|>", "special": true}}}',
  });
  assertThrows(() => buildPrompt(foreign, { audioTokens: 1 }), ModelError, "<|audio_pad|>");
  assertThrows(() => stopTokens(foreign), ModelError, "<|endoftext|>");
});

Deno.test("systemContext() puts hot words on a line of their own", () => {
  assertEquals(systemContext(), "");
  assertEquals(systemContext({ context: " as it is\n" }), " as it is\n");
  assertEquals(systemContext({ hotwords: ["New  York", " ", "Qwen", "Qwen "] }), "New York, Qwen");
  assertEquals(systemContext({ context: "A talk.", hotwords: ["交易", "停滞"] }), "A talk.\n交易, 停滞");
});

Deno.test("systemContext() refuses every control token of the model by name", async () => {
  const { added_tokens_decoder } = await readJson("models/tiny-aligner-hf/tokenizer_config.json");
  const tokens = Object.values<{ content: string }>(added_tokens_decoder).map(({ content }) => content);
  assertEquals(tokens.length, 63);
  for (const token of tokens) {
    assertThrows(() => systemContext({ context: `x ${token}` }), OptionError, token);
    assertThrows(() => systemContext({ hotwords: ["ok", `x${token}`] }), OptionError, token);
  }
  assertEquals(systemContext({ context: "a < b, <i>, |x|, <|>" }), "a < b, <i>, |x|, <|>");
});
