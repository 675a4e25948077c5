/**
 * Chunks of a recording whose voice activity is known.
 *
 * @module
 */
import { assert, assertEquals, assertGreaterOrEqual, assertLessOrEqual, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { bestPause, planSpeech, type SpeechPlan } from "../lib/audio/pauses.ts";
import { loadAudio } from "../lib/audio/load.ts";
import { Samples } from "../lib/audio/samples.ts";
import { SpeechMap } from "../lib/audio/speech_map.ts";
import { OptionError } from "../lib/errors.ts";
import { FRAME_SAMPLES } from "../lib/vad/frames.ts";
import { speechRanges } from "../lib/vad/intervals.ts";
import { fixtures } from "./support/fixtures.ts";

const RATE = 16_000;

/** A map whose probability at a second is given. */
function mapOf(seconds: number, probability: (second: number) => number): SpeechMap {
  const samples = seconds * RATE;
  const probabilities = Float32Array.from(
    { length: Math.ceil(samples / FRAME_SAMPLES) },
    (_, frame) => probability((frame + 0.5) * FRAME_SAMPLES / RATE),
  );
  const ranges = speechRanges(probabilities, samples, { speechPadSeconds: 0 });
  return new SpeechMap({ samples, frameSamples: FRAME_SAMPLES, probabilities, ranges });
}

/** Hum whose loudness at a second is given. */
function hum(seconds: number, loudness: (second: number) => number): Float32Array {
  return Float32Array.from(
    { length: seconds * RATE },
    (_, i) => loudness(i / RATE) * Math.sin(2 * Math.PI * 100 * i / RATE),
  );
}

const within = (from: number, to: number) => (second: number) => second >= from && second < to;

function seconds(plan: readonly SpeechPlan[]): [start: number, end: number, kind: string][] {
  return plan.map(({ startSample, endSample, kind }) => [startSample / RATE, endSample / RATE, kind]);
}

Deno.test("planSpeech() cuts where voice activity hears a pause, though energy has a better one", async () => {
  const pause = within(4, 4.4);
  const speech = mapOf(10, (second) => pause(second) ? 0.1 : 0.9);
  // A stop in the middle of a word is silent; music goes on through the pause.
  const sound = Samples.of(hum(10, (second) => within(5, 5.3)(second) ? 0.001 : 0.5));
  const [first, second, ...more] = await planSpeech(sound, speech, { chunkSeconds: 6 });
  assertEquals(more, []);
  assertEquals(first!.endSample, second!.startSample);
  assertGreaterOrEqual(first!.endSample, 4.05 * RATE);
  assertLessOrEqual(first!.endSample, 4.35 * RATE);
  assertEquals(bestPause(sound.slice(), { speech }), first!.endSample);
});

Deno.test("planSpeech() lets energy say where in a pause", async () => {
  const speech = mapOf(10, (second) => within(4, 5.5)(second) ? 0.1 : 0.9);
  for (const quiet of [4.3, 4.7, 5.1]) {
    const sound = hum(10, (second) => within(quiet, quiet + 0.12)(second) ? 0.01 : 0.5);
    const [first] = await planSpeech(Samples.of(sound), speech, { chunkSeconds: 7, noSpeechSeconds: 3 });
    assertGreaterOrEqual(first!.endSample, quiet * RATE);
    assertLessOrEqual(first!.endSample, (quiet + 0.12) * RATE);
  }
});

Deno.test("planSpeech() cuts speech without a pause where it is least likely", async () => {
  const speech = mapOf(10, (second) => within(5, 5.2)(second) ? 0.6 : 0.99);
  const sound = Samples.of(hum(10, (second) => within(4.2, 4.6)(second) ? 0.01 : 0.5));
  const [first, second] = seconds(await planSpeech(sound, speech, { chunkSeconds: 6 }));
  assertGreaterOrEqual(first![1], 5);
  assertLessOrEqual(first![1], 5.2);
  assertEquals(second![1], 10);
});

Deno.test("planSpeech() sets long stretches without speech aside, and leaves a tenth of a second beside the speech", async () => {
  const talk = [within(3.2, 6.4), within(7.68, 9.6), within(16, 19.2)];
  const speech = mapOf(24, (second) => talk.some((inside) => inside(second)) ? 0.9 : 0.05);
  const plan = await planSpeech(Samples.of(hum(24, () => 0.3)), speech, { noSpeechSeconds: 2 });
  assertEquals(seconds(plan), [
    [0, 3.1, "no-speech"],
    [3.1, 9.7, "audio"],
    [9.7, 15.9, "no-speech"],
    [15.9, 19.3, "audio"],
    [19.3, 24, "no-speech"],
  ]);
  assertEquals(seconds(await planSpeech(Samples.of(hum(24, () => 0.3)), speech, { noSpeechSeconds: 30 })), [
    [0, 24, "audio"],
  ]);
});

Deno.test("planSpeech() tells silence from sound in which nobody speaks", async () => {
  const none = mapOf(10, () => 0.01);
  assertEquals(seconds(await planSpeech(Samples.of(hum(10, () => 0.3)), none)), [[0, 10, "no-speech"]]);
  assertEquals(seconds(await planSpeech(Samples.of(new Float32Array(10 * RATE)), none)), [[
    0,
    10,
    "silence",
  ]]);
  // Digital silence is set aside after one second already, voice activity or not.
  const gap = mapOf(10, (second) => within(4, 5.5)(second) ? 0.05 : 0.9);
  const sound = Samples.of(hum(10, (second) => within(4, 5.5)(second) ? 0 : 0.3));
  assertEquals(seconds(await planSpeech(sound, gap, { noSpeechSeconds: 2 })), [[0, 4.1, "audio"], [
    4.1,
    5.4,
    "silence",
  ], [
    ...[5.4, 10],
    "audio",
  ]]);
});

Deno.test("planSpeech() of a mix keeps every sentence whole in one chunk, and skips most of the rest", async () => {
  const folder = join(await fixtures(), "vad");
  for (const name of ["mix-00", "mix-02"]) {
    const { samples } = await loadAudio(join(folder, `${name}.flac`));
    const reference = JSON.parse(await Deno.readTextFile(join(folder, "reference", `${name}.json`)));
    const probabilities = Float32Array.from(reference.probabilities as number[]);
    const ranges = speechRanges(probabilities, samples.length);
    const speech = new SpeechMap({
      samples: samples.length,
      frameSamples: FRAME_SAMPLES,
      probabilities,
      ranges,
    });
    const plan = await planSpeech(samples, speech);
    let at = 0;
    for (const { startSample, endSample } of plan) {
      assertEquals(startSample, at);
      at = endSample;
    }
    assertEquals(at, samples.length);
    const truth = (await Deno.readTextFile(join(folder, `${name}.tsv`))).trim().split("\n").slice(1);
    for (const line of truth) {
      const [start, end] = line.split("\t").map((part) => Number(part) * RATE) as [number, number];
      const middle = (start + end) / 2;
      const chunk = plan.find((piece) => piece.startSample <= middle && middle < piece.endSample)!;
      assertEquals(chunk.kind, "audio", line);
      // The network ends a fading word up to 0.1 s early; the guard has that.
      assertLessOrEqual(chunk.startSample, start);
      assertGreaterOrEqual(chunk.endSample, end);
    }
    const heard = plan.filter(({ kind }) => kind === "audio")
      .reduce((sum, { startSample, endSample }) => sum + endSample - startSample, 0);
    assert(heard < 0.5 * samples.length, `${heard / samples.length}`);
  }
});

Deno.test("planSpeech() refuses chunks below a second", async () => {
  const plan = () => planSpeech(new Samples(), mapOf(0, () => 0), { chunkSeconds: 0.5 });
  await assertRejects(plan, OptionError, "chunkSeconds is 0.5");
});

Deno.test("SpeechMap.within() is the map of the piece, wherever it begins in a frame", () => {
  const whole = mapOf(10, (second) => within(2, 3)(second) || within(5, 6)(second) ? 0.9 : 0.1);
  const piece = whole.within({ startSample: 40_000, endSample: 90_000 });
  assertEquals(piece.samples, 50_000);
  for (let at = 0; at < 50_000; at += 777) {
    assertEquals(piece.likeliest(at, at + 1600), whole.likeliest(at + 40_000, Math.min(at + 41_600, 90_176)));
  }
  assertEquals(piece.ranges.length, 2);
  assertEquals(piece.ranges[0]!.startSample, 0);
  assertEquals(piece.within({ startSample: 20_000, endSample: 30_000 }).ranges, []);
  const [first, second] = piece.ranges;
  assertEquals(piece.gaps(), [{ startSample: first!.endSample, endSample: second!.startSample }]);
});
