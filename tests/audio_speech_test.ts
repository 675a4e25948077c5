import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { join } from "@std/path";
import { measureSpeech, measureSpeechInTurns } from "../lib/audio/speech.ts";
import { DEMO, powerOf, recording, sentenceSpans, sine, whiteNoise } from "./support/audio_signals.ts";

const TWENTY_SECONDS = 20 * 16000;

async function demoNames(): Promise<string[]> {
  const lines = (await Deno.readTextFile(join(DEMO, "refs.tsv"))).trim().split("\n").slice(1);
  return lines.map((line) => line.split("\t")[0]!);
}

/** White noise that brings the recording to a ratio of signal to noise. */
function withNoise(samples: Float32Array, signalToNoiseDb: number): Float32Array {
  const amplitude = Math.sqrt(3 * powerOf(samples)) * 10 ** (-signalToNoiseDb / 20);
  const noise = whiteNoise(samples.length, amplitude);
  return samples.map((x, i) => x + noise[i]!);
}

function peakOf(samples: Float32Array): number {
  return samples.reduce((peak, x) => Math.max(peak, Math.abs(x)), 0);
}

/** Sentences of which some moment lies more than 0.3 s outside of the measured speech. */
async function missedSentences(samples: Float32Array): Promise<number[]> {
  const { intervals } = measureSpeech(samples);
  const isNear = (time: number) =>
    intervals.some(({ startSeconds, endSeconds }) => time > startSeconds - 0.3 && time < endSeconds + 0.3);
  const missed: number[] = [];
  for (const { start, end } of await sentenceSpans()) {
    for (let time = start; time <= end; time += 0.01) {
      if (isNear(time)) continue;
      missed.push(start);
      break;
    }
  }
  return missed;
}

Deno.test("measureSpeech() gives 0 s and stationary when the sound is steady", () => {
  const steady = {
    silence: new Float32Array(TWENTY_SECONDS),
    "loud white noise": whiteNoise(TWENTY_SECONDS, 1),
    "faint white noise": whiteNoise(TWENTY_SECONDS, 0.001),
    "440 Hz": sine(440, 16000, TWENTY_SECONDS),
    hum: sine(50, 16000, TWENTY_SECONDS).map((x, i) => x + 0.2 * Math.sin(2 * Math.PI * 150 * i / 16000)),
  };
  for (const [name, samples] of Object.entries(steady)) {
    const { speechSeconds, intervals, stationary } = measureSpeech(samples);
    assertEquals([speechSeconds, intervals.length, stationary], [0, 0, true], name);
  }
});

Deno.test("measureSpeech() gives 0 s but not stationary for beeps, bursts of noise and clicks", () => {
  const noise = whiteNoise(TWENTY_SECONDS, 1);
  const moving = {
    beeps: noise.map((_, i) => Math.floor(i / 8000) % 2 ? Math.sin(i / 3) / 2 : 0),
    bursts: noise.map((x, i) => x * (Math.floor(i / 16000) % 2 ? 0.3 : 0.003)),
    clicks: noise.map((x, i) => i % 8000 < 320 ? 0.8 : 0.001 * x),
    "a fan switched on": noise.map((x, i) => x * (i > TWENTY_SECONDS / 2 ? 0.3 : 0.01)),
  };
  for (const [name, samples] of Object.entries(moving)) {
    const { speechSeconds, stationary } = measureSpeech(samples);
    assertEquals([speechSeconds, stationary], [0, false], name);
  }
});

Deno.test("measureSpeech() finds every sentence of the long recording, clean and at 10 dB", async () => {
  const samples = await recording("long-en.wav");
  assertEquals(await missedSentences(samples), []);
  assertEquals(await missedSentences(withNoise(samples, 10)), []);
});

Deno.test("measureSpeech() gives about the true seconds of the long recording's sentences", async () => {
  const trueSeconds = (await sentenceSpans()).reduce((sum, { start, end }) => sum + end - start, 0);
  const { speechSeconds } = measureSpeech(await recording("long-en.wav"));
  assertAlmostEquals(speechSeconds / trueSeconds, 1, 0.1);
});

Deno.test("measureSpeech() counts nearly all of speech without pauses", async () => {
  const samples = await recording("long-en.wav");
  const sentences: number[] = [];
  for (const { start, end } of await sentenceSpans()) {
    sentences.push(...samples.subarray((start + 0.08) * 16000, (end - 0.08) * 16000));
  }
  const dense = Float32Array.from(sentences);
  assertGreater(measureSpeech(dense).speechSeconds, 0.9 * dense.length / 16000);
});

Deno.test("measureSpeech() stays within 20 % when speech is clipped, quiet, or noisy", async () => {
  for (const name of await demoNames()) {
    const clean = await recording(name);
    const peak = peakOf(clean);
    const { speechSeconds, stationary } = measureSpeech(clean);
    assert(speechSeconds > 1 && speechSeconds < clean.length / 16000, `${name}: ${speechSeconds} s`);
    assertEquals(stationary, false);
    const spoiled = {
      clipped: clean.map((x) => Math.max(-1, Math.min(1, 10 * x / peak))),
      "-40 dBFS": clean.map((x) => Math.round(327.68 * x / peak) / 32768),
      "10 dB": withNoise(clean, 10),
    };
    for (const [how, samples] of Object.entries(spoiled)) {
      const ratio = measureSpeech(samples).speechSeconds / speechSeconds;
      assertAlmostEquals(ratio, 1, 0.2, `${name}, ${how}`);
    }
  }
});

Deno.test("measureSpeech() hears a quiet speaker after a loud one", async () => {
  const samples = await recording("long-en.wav");
  const { speechSeconds } = measureSpeech(samples);
  const fading = samples.map((x, i) => i < samples.length / 2 ? x : 0.03 * x);
  assertAlmostEquals(measureSpeech(fading).speechSeconds / speechSeconds, 1, 0.1);
});

Deno.test("measureSpeech() gives energy in dB of full scale per 10 ms", () => {
  const { energyDb, frameSeconds, noiseFloorDb } = measureSpeech(sine(440, 16000, 16050));
  assertEquals([energyDb.length, frameSeconds], [101, 0.01]);
  // 0.5 ^ 2 / 2 = -9.03 dB
  assertAlmostEquals(energyDb[50]!, -9.03, 0.3);
  assertAlmostEquals(noiseFloorDb, -9.03, 0.3);
  assertEquals(measureSpeech(new Float32Array(320)).energyDb, new Float32Array([-100, -100]));
});

Deno.test("measureSpeech() keeps its intervals in order, apart, and inside of the audio", async () => {
  for (const name of await demoNames()) {
    const samples = await recording(name);
    const { intervals, speechSeconds } = measureSpeech(samples);
    let last = -1;
    let sum = 0;
    for (const { startSeconds, endSeconds } of intervals) {
      assert(startSeconds > last && endSeconds > startSeconds, `${name}: ${startSeconds} to ${endSeconds}`);
      last = endSeconds;
      sum += endSeconds - startSeconds;
    }
    assert(last <= samples.length / 16000);
    assertAlmostEquals(sum, speechSeconds, 1e-9);
  }
});

Deno.test("measureSpeech() gives 0 s for less audio than a syllable", async () => {
  for (const length of [0, 1, 800]) {
    const { speechSeconds } = measureSpeech(
      (await recording("dev-05-de.wav")).subarray(16000, 16000 + length),
    );
    assertLess(speechSeconds, 0.051);
  }
});

Deno.test("measureSpeechInTurns() gives the same and lets the event loop run", async () => {
  const samples = await recording("long-en.wav");
  const long = new Float32Array(samples.length * 6);
  for (let i = 0; i < 6; i++) long.set(samples, i * samples.length);
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const inTurns = await measureSpeechInTurns(long);
  clearInterval(timer);
  assertGreater(turns, 2);
  assertEquals(inTurns, measureSpeech(long));
});
