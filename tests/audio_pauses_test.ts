import { assert, assertEquals, assertGreater, assertLessOrEqual, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { bestPause, type ChunkPlan, planChunks, splitOfficial } from "../lib/audio/pauses.ts";
import { Samples } from "../lib/audio/samples.ts";
import { decodeWav } from "../lib/audio/wav.ts";
import { OptionError } from "../lib/errors.ts";
import { randomNumbers, recording, sentenceSpans, whiteNoise } from "./support/audio_signals.ts";
import { fixtures } from "./support/fixtures.ts";

/** Every sample belongs to exactly one entry, and no audio entry is too long. */
function assertCovers(plan: ChunkPlan[], length: number, chunkSeconds: number): void {
  let at = 0;
  for (const { startSample, endSample, kind } of plan) {
    assertEquals(startSample, at);
    assertGreater(endSample, startSample);
    if (kind === "audio") assertLessOrEqual(endSample - startSample, chunkSeconds * 16000);
    at = endSample;
  }
  assertEquals(at, length);
}

/** A tone whose loudness is given per 0.1 s. */
function toneOf(levels: number[]): Float32Array {
  return Float32Array.from(
    { length: levels.length * 1600 },
    (_, i) => levels[Math.floor(i / 1600)]! * Math.sin(i),
  );
}

Deno.test("splitOfficial() cuts where the official code does", async () => {
  const folder = await fixtures();
  const { split_audio_into_chunks: cases } = JSON.parse(
    await Deno.readTextFile(join(folder, "cases", "text_cases.json")),
  );
  assertGreater(cases.length, 3);
  for (const { clip, max_chunk_sec, search_expand_sec, min_window_ms, lengths, offsets_sec } of cases) {
    const samples = Samples.of(
      decodeWav(await Deno.readFile(join(folder, "audio", `${clip}.wav`))).interleaved,
    );
    const pieces = await splitOfficial(samples, {
      limitSeconds: max_chunk_sec,
      searchSeconds: search_expand_sec,
      windowSeconds: min_window_ms / 1000,
    });
    assertEquals(pieces.map((piece) => piece.paddedSamples), lengths);
    assertEquals(
      pieces.map((piece) => piece.startSample),
      offsets_sec.map((x: number) => Math.round(x * 16000)),
    );
    assertCovers(pieces.map((piece) => ({ ...piece, kind: "audio" })), samples.length, 1200);
  }
});

Deno.test("splitOfficial() leaves a recording within the limit as it is", async () => {
  const samples = Samples.of(new Float32Array(3000));
  assertEquals(await splitOfficial(samples), [{ startSample: 0, endSample: 3000, paddedSamples: 3000 }]);
});

Deno.test("splitOfficial() cuts exact silence at its first sample within reach", async () => {
  const samples = Samples.of(toneOf([...Array(90).fill(0.5), ...Array(20).fill(0), ...Array(40).fill(0.5)]));
  const [first] = await splitOfficial(samples, { limitSeconds: 10, searchSeconds: 2 });
  assertEquals(first!.endSample, 9 * 16000);
});

Deno.test("planChunks() never cuts a sentence of the long recording", async () => {
  const wave = await recording("long-en.wav");
  const spans = await sentenceSpans();
  for (const chunkSeconds of [6, 8, 10, 12, 15, 20, 28, 30, 45, 60]) {
    const plan = await planChunks(Samples.of(wave), { chunkSeconds });
    assertCovers(plan, wave.length, chunkSeconds);
    assertLessOrEqual(plan.length, Math.ceil(2 * wave.length / 16000 / chunkSeconds) + 1);
    for (const { startSample } of plan) {
      const cut = startSample / 16000;
      const inside = spans.find(({ start, end }) => start < cut && cut < end);
      assertEquals(inside, undefined, `${chunkSeconds} s chunks: cut at ${cut}`);
    }
  }
});

Deno.test("planChunks() never cuts a sentence when noise fills the pauses", async () => {
  const wave = await recording("long-en.wav");
  const spans = await sentenceSpans();
  const noise = whiteNoise(wave.length, 0.01);
  const noisy = wave.map((x, i) => x + noise[i]!);
  const plan = await planChunks(Samples.of(noisy), { chunkSeconds: 12 });
  assertCovers(plan, wave.length, 12);
  for (const { startSample } of plan) {
    const cut = startSample / 16000;
    assertEquals(spans.find(({ start, end }) => start + 0.05 < cut && cut < end - 0.05), undefined);
  }
});

Deno.test("planChunks() puts every sample into one entry when the audio is random pieces of all kinds", async () => {
  const random = randomNumbers(5);
  for (let round = 0; round < 40; round++) {
    const parts = Array.from({ length: 1 + Math.floor(random() * 6) }, () => {
      const level = [0, 0, 1e-5, 0.01, 0.5][Math.floor(random() * 5)]!;
      const length = Math.floor(random() * 16000 * 4);
      return whiteNoise(length, level, round);
    });
    const samples = new Samples();
    for (const part of parts) samples.push(part);
    const chunkSeconds = 1 + random() * 5;
    const plan = await planChunks(samples, { chunkSeconds, minimumSilenceSeconds: random() });
    assertCovers(plan, samples.length, chunkSeconds);
    for (const { startSample, endSample, kind } of plan) {
      const loudest = samples.slice(startSample, endSample).reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      if (kind === "silence") assert(loudest < 1 / 32768, `round ${round}: silence of ${loudest}`);
    }
  }
});

Deno.test("planChunks() sets digital silence aside and leaves 0.1 s of it beside the audio", async () => {
  const wave = toneOf([...Array(20).fill(0), 0.5, 0.5, ...Array(15).fill(0), 0.5, ...Array(9).fill(0)]);
  assertEquals(await planChunks(Samples.of(wave)), [
    { startSample: 0, endSample: 19 * 1600, kind: "silence" },
    { startSample: 19 * 1600, endSample: 23 * 1600, kind: "audio" },
    { startSample: 23 * 1600, endSample: 36 * 1600, kind: "silence" },
    // The 0.9 s at the end are below `minimumSilenceSeconds`.
    { startSample: 36 * 1600, endSample: 47 * 1600, kind: "audio" },
  ]);
});

Deno.test("planChunks() gives one entry for nothing but silence and none for no samples", async () => {
  const silence = Samples.of(new Float32Array(5001).fill(2e-5));
  assertEquals(await planChunks(silence), [{ startSample: 0, endSample: 5001, kind: "silence" }]);
  assertEquals(await planChunks(new Samples()), []);
});

Deno.test("planChunks() takes the longer pause rather than the nearer one", async () => {
  const levels: number[] = Array(140).fill(0.5);
  levels.fill(0.01, 60, 66); // 0.6 s at 6 s
  levels.fill(0.01, 95, 96); // 0.1 s at 9.5 s
  const [first] = await planChunks(Samples.of(toneOf([...levels, ...levels])), { chunkSeconds: 10 });
  assertEquals(first!.endSample, 6.3 * 16000);
});

Deno.test("planChunks() balances the last two chunks when there is no pause", async () => {
  const noise = whiteNoise(16000 * 11, 0.5);
  const plan = await planChunks(Samples.of(noise), { chunkSeconds: 10 });
  assertEquals(plan.length, 2);
  for (const { startSample, endSample } of plan) assertGreater(endSample - startSample, 2.4 * 16000);
});

Deno.test("planChunks() refuses chunks below a second", async () => {
  for (const chunkSeconds of [0.5, 0, -1, NaN]) {
    await assertRejects(() => planChunks(new Samples(), { chunkSeconds }), OptionError);
  }
});

Deno.test("planChunks() stops when the signal is aborted", async () => {
  const samples = Samples.of(new Float32Array(16000 * 600));
  const controller = new AbortController();
  const plan = planChunks(samples, {}, controller.signal);
  controller.abort(new Error("enough"));
  const error = await assertRejects(() => plan, Error);
  assertEquals(error.message, "enough");
});

Deno.test("bestPause() finds the longest pause inside a chunk", async () => {
  const wave = (await recording("long-en.wav")).subarray(0, 11 * 16000);
  // The longest gap between sentences of the first 11 s lies between 7.36 and 8.76 s.
  const cut = bestPause(wave) / 16000;
  assert(cut > 7.36 && cut < 8.76, `cut at ${cut}`);
  // From 1 to 4 s: between 1.73 and 2.83 s.
  const early = bestPause(wave, { fromSample: 16000, toSample: 64000 }) / 16000;
  assert(early > 1.73 && early < 2.83, `cut at ${early}`);
});

Deno.test("bestPause() stays within its limits when there is no pause or nearly no audio", () => {
  const noise = whiteNoise(160_000, 0.5);
  const cut = bestPause(noise);
  assert(cut >= 40_000 && cut <= 120_000, `cut at ${cut}`);
  assertEquals(bestPause(new Float32Array(100)), 50);
});
