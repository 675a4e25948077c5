import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { decodeWav } from "../lib/audio/wav.ts";
import { loadFolder } from "../lib/load_folder.ts";
import { alignClip } from "../lib/recognize/align.ts";
import type { ClipRequest } from "../lib/recognize/clip.ts";
import { Engine } from "../lib/recognize/engine.ts";
import { OfficialRecipe } from "../lib/recognize/live/official.ts";
import { Timing } from "../lib/recognize/timing.ts";
import { resolveLanguage } from "../lib/text/languages.ts";
import { fixTimestamps } from "../lib/text/timestamps.ts";
import { fixtures } from "./support/fixtures.ts";

const CPU = { device: "cpu", dtype: "float32" } as const;

async function openEngine(name: string): Promise<Engine> {
  const { model, tokenizer } = await loadFolder(join(await fixtures(), "models", name), CPU);
  return new Engine(model, tokenizer);
}

async function samplesOf(clip: string): Promise<Float32Array> {
  return decodeWav(await Deno.readFile(join(await fixtures(), "audio", `${clip}.wav`))).interleaved;
}

async function readCase<T>(name: string): Promise<T> {
  return JSON.parse(await Deno.readTextFile(join(await fixtures(), "cases", name))) as T;
}

const GREEDY = { context: "", temperature: 0, seed: 0 };

Deno.test("Engine.decode() gives the texts of the official transcribe(), auto and forced with context", async () => {
  using engine = await openEngine("tiny-hf");
  const official = await readCase<{
    clips: string[];
    languages: (string | null)[];
    contexts: string[];
    max_new_tokens: number;
    results: { language: string; text: string }[];
  }>("pipeline_official.json");
  assertEquals(official.clips.length, 2);
  for (const [index, clip] of official.clips.entries()) {
    const language = official.languages[index];
    const request: ClipRequest = {
      ...GREEDY,
      samples: await samplesOf(clip),
      context: official.contexts[index]!,
      language: language ? resolveLanguage(language) : undefined,
      maxTokens: official.max_new_tokens,
    };
    const [answer] = await engine.decode([request], { timing: new Timing() });
    assertEquals({ language: answer!.language, text: answer!.text }, official.results[index]);
  }
});

Deno.test("Engine.decode() of a batch gives the official batch's tokens, row by row", async () => {
  using engine = await openEngine("tiny-hf");
  const official = await readCase<{ clips: string[]; greedy_ids: number[][] }>("batch_official.json");
  const requests = await Promise.all(official.clips.map(async (clip) => ({
    ...GREEDY,
    samples: await samplesOf(clip),
    maxTokens: 32,
  })));
  const answers = await engine.decode(requests, { timing: new Timing() });
  const singles = [];
  for (const request of requests) {
    singles.push((await engine.decode([request], { timing: new Timing() }))[0]!);
  }
  const stops = new Set([engine.tokenizer.require("<|im_end|>"), engine.tokenizer.require("<|endoftext|>")]);
  for (const [index, expected] of official.greedy_ids.entries()) {
    const stop = expected.findIndex((id) => stops.has(id));
    const until = stop < 0 ? expected : expected.slice(0, stop);
    // A loop may be cut earlier than 32 tokens; what is there must be the same.
    assertEquals(answers[index]!.tokens, singles[index]!.tokens);
    const { tokens, finishReason } = answers[index]!;
    assertEquals(tokens, until.slice(0, tokens.length));
    if (finishReason !== "repetition") assertEquals(tokens.length, until.length);
  }
});

Deno.test("OfficialRecipe goes the official stream's steps: raw text, parsed text and language after each", async () => {
  using engine = await openEngine("tiny-hf");
  interface Stream {
    clip: string;
    language: string | null;
    chunk_size_sec: number;
    unfixed_chunk_num: number;
    unfixed_token_num: number;
    max_new_tokens: number;
    steps: { samples: number; raw_decoded: string; parsed_text: string; language: string }[];
  }
  const streams = await readCase<Stream[]>("streaming_official.json");
  assertEquals(streams.length, 2);
  for (const stream of streams) {
    const samples = await samplesOf(stream.clip);
    const session = new OfficialRecipe(engine, {
      language: stream.language ? resolveLanguage(stream.language) : undefined,
      context: "",
      stepSamples: Math.round(stream.chunk_size_sec * 16_000),
      unfixedSteps: stream.unfixed_chunk_num,
      unfixedTokens: stream.unfixed_token_num,
      maxTokens: stream.max_new_tokens,
      signal: undefined,
    });
    let fed = 0;
    for (const step of stream.steps) {
      const after = await session.push(samples.subarray(fed, step.samples));
      fed = step.samples;
      const isLast = step === stream.steps.at(-1);
      const now = isLast ? await session.finish() : after;
      assertEquals(session.rawText, step.raw_decoded);
      assertEquals([now.text, now.language], [step.parsed_text, step.language]);
    }
  }
});

/** What the official code gives out for times that a model said. */
function officialItems(words: readonly string[], rawMs: readonly number[]) {
  const fixed = fixTimestamps(rawMs).map((ms) => ms / 1000);
  return words.map((text, index) => ({ text, start: fixed[2 * index]!, end: fixed[2 * index + 1]! }));
}

Deno.test("alignClip() gives the official aligner's classes and word times on both layouts", async () => {
  interface Alignment {
    variant: string;
    clip: string;
    words: string[];
    raw_ms: number[];
    items: { text: string; start: number; end: number }[];
  }
  const cases = await readCase<Alignment[]>("aligner.json");
  assertEquals(cases.length, 8);
  for (const [variant, folder] of [["f32", "tiny-aligner-hf"], ["q8", "tiny-aligner-mlx-8bit"]] as const) {
    const { model, tokenizer } = await loadFolder(join(await fixtures(), "models", folder), CPU);
    using _free = model;
    const own = cases.filter((one) => one.variant === variant);
    assertEquals(own.length, 4);
    for (const one of own) {
      const rawMs = await alignClip(model, tokenizer, await samplesOf(one.clip), one.words);
      assertEquals(rawMs, one.raw_ms);
      assertEquals(officialItems(one.words, rawMs), one.items);
    }
  }
});
