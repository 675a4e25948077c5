import { assert, assertEquals } from "@std/assert";
import { Qwen3ASR, type TranscriptEvent } from "../mod.ts";
import { segmentsOf } from "../lib/recognize/long_form/segments.ts";
import { longRecording, recordingPath } from "./support/demo_files.ts";
import { speechMap } from "./support/speech_maps.ts";

Deno.test("segmentsOf() puts a sentence on each stretch of speech of its share, pauses in between", () => {
  const chunk = { startSeconds: 100, endSeconds: 110, language: "English" };
  const segments = segmentsOf({
    ...chunk,
    text: "One two three. One two three. One two three.",
    speech: speechMap(10, [[0.5, 2.5], [4, 6], [7, 9]]),
  });
  const times = segments.map(({ startSeconds, endSeconds }) => [startSeconds, endSeconds]);
  assertEquals(times, [[100.5, 102.5], [104, 106], [107, 109]]);
  const mixed = segmentsOf({ ...chunk, text: "今天天气好。 It is fine.", speech: speechMap(10, [[0, 9]]) });
  // Five characters of weight 2 and a full stop against eleven of weight 1.
  assert(Math.abs(mixed[0]!.endSeconds - 104.5) < 1e-9, String(mixed[0]!.endSeconds));
});

Deno.test("segmentsOf() gives times that never fall and stay inside the chunk, whatever text and speech", () => {
  let state = 5;
  const chance = () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
  for (let round = 0; round < 300; round++) {
    const endSeconds = 20 + 10 * chance();
    const borders = Array.from({ length: 2 * Math.floor(6 * chance()) }, () => (endSeconds - 20) * chance())
      .sort((a, b) => a - b);
    const intervals = Array.from(
      { length: borders.length / 2 },
      (_, i): [number, number] => [borders[2 * i]!, borders[2 * i + 1]!],
    );
    const text = Array.from(
      { length: 1 + Math.floor(8 * chance()) },
      () =>
        chance() < 0.5 ? "好".repeat(1 + 9 * chance()) + "。" : "A" + " word".repeat(1 + 9 * chance()) + ". ",
    )
      .join("");
    const speech = chance() < 0.1 ? undefined : speechMap(endSeconds - 20, intervals);
    const segments = segmentsOf({ startSeconds: 20, endSeconds, text, language: "", speech });
    const times = segments.flatMap((segment) => [segment.startSeconds, segment.endSeconds]);
    assert(segments.length > 0);
    assertEquals(times, [20, ...times, endSeconds].toSorted((a, b) => a - b).slice(1, -1), text);
  }
});

Deno.test("a range's chunks, segments and events have the recording's times", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const { path, sentences } = await longRecording();
  const startSeconds = sentences[3]!.startSeconds - 0.2;
  const endSeconds = sentences[5]!.endSeconds + 0.2;
  const chunkEvents: TranscriptEvent[] = [];
  const { chunks, segments, durationSeconds } = await asr.transcribe(path, {
    range: { startSeconds, endSeconds },
    chunkSeconds: 8,
    onProgress: (event) => event.type === "chunk" && chunkEvents.push(event),
  });
  const near = (a: number, b: number) => assert(Math.abs(a - b) < 1e-3, `${a} is ${b}`);
  near(durationSeconds, endSeconds - startSeconds);
  near(chunks[0]!.startSeconds, startSeconds);
  near(chunks.at(-1)!.endSeconds, endSeconds);
  for (const [index, chunk] of chunks.slice(1).entries()) near(chunk.startSeconds, chunks[index]!.endSeconds);
  for (const segment of segments) {
    const owner = chunks.find((chunk) =>
      chunk.startSeconds <= segment.startSeconds && segment.endSeconds <= chunk.endSeconds
    );
    assert(owner?.text.includes(segment.text), segment.text);
  }
  assertEquals(
    chunkEvents.map((event) => event.type === "chunk" && event.doneSeconds),
    chunks.map((chunk) => chunk.endSeconds),
  );
});

Deno.test("stats count a call's own work, however many calls run", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const paths = ["dev-00-en.wav", "dev-01-en.wav", "dev-04-en.wav"].map(recordingPath);
  const all = await Promise.all(paths.map((path) => asr.transcribe(path, { rescue: false })));
  for (const [index, { chunks: [chunk], stats }] of all.entries()) {
    // Every token and the stop token.
    assertEquals(stats.generatedTokens, chunk!.tokens.length + 1);
    assertEquals(stats.decodeSteps, chunk!.tokens.length + 1);
    const alone = await asr.transcribe(paths[index]!, { rescue: false });
    assertEquals(alone.stats.audioTokens, stats.audioTokens);
    assertEquals(alone.stats.promptTokens, stats.promptTokens);
    const { audioMs, melMs, encoderMs, prefillMs, decodeMs, hostMs, totalMs } = stats;
    assert(audioMs + melMs + encoderMs + prefillMs + decodeMs <= totalMs);
    assert(hostMs > 0 && hostMs < totalMs);
  }
});

Deno.test("maxTokens ends a chunk with that many tokens, marked truncated with a warning", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const { chunks, truncated, warnings } = await asr.transcribe(recordingPath("dev-00-en.wav"), {
    sampling: { maxTokens: 6 },
    rescue: false,
  });
  assertEquals([chunks[0]!.tokens.length, chunks[0]!.finishReason, truncated], [6, "length", true]);
  assert(warnings.some(({ code, message }) => code === "chunk-doubtful" && message.includes("budget")));
});
