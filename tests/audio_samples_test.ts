import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertMatch,
  assertThrows,
} from "@std/assert";
import { loadAudio } from "../lib/audio/load.ts";
import { bytesKept, SAMPLE_RATE, Samples } from "../lib/audio/samples.ts";
import { AudioError } from "../lib/errors.ts";
import { isSame, recording } from "./support/audio_signals.ts";

const ramp = (length: number, from = 0) => Float32Array.from({ length }, (_, i) => (from + i) / 1e6);

Deno.test("Samples.push() keeps the order of samples when blocks are of any size", () => {
  const samples = new Samples();
  for (let at = 0, size = 1; at < 300_000; at += size, size = size * 7 % 99_991) {
    samples.push(ramp(Math.min(size, 300_000 - at), at));
  }
  assertEquals(samples.length, 300_000);
  assertEquals(samples.durationSeconds, 300_000 / SAMPLE_RATE);
  assertEquals(samples.slice(), ramp(300_000));
  for (const [start, end] of [[0, 1], [65_535, 65_537], [65_536, 131_072], [1, 299_999]] as const) {
    assertEquals(samples.slice(start, end), ramp(end - start, start));
  }
});

Deno.test("Samples.push() goes on after an array that was wrapped without a copy", () => {
  const samples = Samples.of(ramp(70_000));
  samples.push(ramp(70_000, 70_000));
  assertEquals(samples.slice(), ramp(140_000));
});

Deno.test("Samples.slice() gives a copy and stops at the ends of the recording", () => {
  const samples = Samples.of(ramp(100));
  samples.slice(0, 100).fill(9);
  assertEquals(samples.slice(-50, 1000), ramp(100));
  assertEquals(samples.slice(200, 300).length, 0);
});

Deno.test("Samples.slice() divides by the peak of the whole recording when that is above 1", () => {
  const samples = Samples.of(new Float32Array([0.5, -4, 1, 2]));
  assertEquals(samples.peak, 4);
  assertEquals([...samples.slice(2, 4)], [0.25, 0.5]);
  assertEquals([...Samples.of(new Float32Array([0.5, -1])).slice()], [0.5, -1]);
});

Deno.test("Samples.push() says where when a sample is not a number", () => {
  const samples = Samples.of(ramp(16_000));
  const block = ramp(16_000);
  block[8_000] = NaN;
  const error = assertThrows(() => samples.push(block), AudioError);
  assertMatch(error.message, /holds NaN at 1\.500 s/);
  assertEquals(samples.length, 16_000);
  block[8_000] = -Infinity;
  assertMatch(assertThrows(() => Samples.of(block), AudioError).message, /holds -Infinity at 0\.500 s/);
});

/** Something like noise, the same every time. */
function noise(length: number): Uint32Array {
  let state = 1;
  return Uint32Array.from({ length }, () => state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0);
}

Deno.test("Samples.slice() gives 16-bit samples back exactly, however long the recording", () => {
  const values = Float32Array.from(noise(4 * 60 * SAMPLE_RATE), (value) => ((value >>> 16) - 32768) / 32768);
  values[values.length - 70_000] = -1;
  const samples = new Samples();
  for (let at = 0; at < values.length; at += 10_007) samples.push(values.subarray(at, at + 10_007));
  assertEquals(samples.slice(), values);
  assertEquals(samples.peak, 1);
});

Deno.test("Samples.slice() of a long recording is true to a 32,000th of the loudest sample around", () => {
  const length = 3 * 60 * SAMPLE_RATE;
  const loudness = (i: number) => 10 ** (-4 * Math.abs(Math.sin(i / 300_000)));
  const values = Float32Array.from(noise(length), (value, i) => loudness(i) * (value / 2 ** 31 - 1));
  const samples = new Samples();
  for (let at = 0; at < length; at += 99_991) samples.push(values.subarray(at, at + 99_991));
  const kept = samples.slice();
  const plain = 2 * 60 * SAMPLE_RATE;
  assertEquals(kept.slice(0, plain), values.slice(0, plain));
  let worst = 0, changed = 0;
  for (let block = 0; block < length; block += 65_536) {
    const peak = values.subarray(block, block + 65_536).reduce(
      (most, value) => Math.max(most, Math.abs(value)),
      0,
    );
    for (let i = block; i < Math.min(length, block + 65_536); i++) {
      const error = Math.abs(kept[i]! - values[i]!);
      worst = Math.max(worst, error / peak);
      if (error > 0) changed++;
    }
  }
  // Half a step of a scale that may be up to twice what the peak needs.
  assertEquals(worst <= 1 / 32_000, true, `${worst}`);
  assertEquals(changed > 100_000, true, "the last minute is kept in 16 bits");
  assertEquals(samples.slice(length - 500, length - 400), kept.slice(length - 500, length - 400));
});

Deno.test("Samples takes no memory but its own while it grows, and discard() gives it back at once", () => {
  const samples = new Samples();
  const second = new Float32Array(SAMPLE_RATE).fill(0.25);
  const before = Deno.memoryUsage().external;
  for (let seconds = 0; seconds < 3600; seconds++) samples.push(second);
  const grown = Deno.memoryUsage().external - before;
  assert(grown <= bytesKept(samples.length) + 1e6, `${grown} bytes`);
  samples.discard();
  const left = Deno.memoryUsage().external - before;
  assert(left < 1e6, `${left} bytes`);
});

/** As a recording that is read to its end. */
function read(samples: Float32Array): Samples {
  const all = Samples.of(samples);
  all.removeOffset();
  return all;
}

Deno.test("Samples.removeOffset() takes an offset away, and leaves recordings without one as they are", async () => {
  const speech = await recording("dev-01-en.wav");
  const mean = speech.reduce((sum, x) => sum + x) / speech.length;
  for (const added of [0.005, 0.03, -0.03]) {
    const moved = read(speech.map((x) => x + added));
    assertAlmostEquals(moved.offset, mean + added, 1e-6);
    assert(moved.slice().every((x, i) => Math.abs(x - (speech[i]! - mean)) < 1e-6), `${added}`);
  }
  // dev-05-de has the largest mean of those that come with the module: 0.0016.
  for (const name of ["dev-05-de.wav", "dev-18-en.wav", "long-en.wav"]) {
    const samples = await recording(name);
    assertEquals(read(samples).offset, 0, name);
    assert(isSame(read(samples).slice(), samples), name);
  }
  // Full scale is measured without it: nothing is made quieter for an offset.
  const loud = Float32Array.from({ length: 16000 }, (_, i) => 0.5 + (i % 2 === 0 ? 0.9 : -0.9));
  assertAlmostEquals(read(loud).peak, 0.9, 1e-6);
  assertAlmostEquals(read(loud).slice(0, 1)[0]!, 0.9, 1e-6);
  // Too short to tell an offset from a low sound.
  assertEquals(read(new Float32Array(15999).fill(0.5)).offset, 0);
});

Deno.test("loadAudio() takes the offset of a recording away", async () => {
  const speech = await recording("dev-01-en.wav");
  const { samples } = await loadAudio(speech.map((x) => x + 0.03));
  assertGreater(samples.offset, 0.029);
  assert(samples.slice().every((x, i) => Math.abs(x - speech[i]!) < 0.002));
});

Deno.test("Samples.hasPlainLevel says whether samples are read as they came, Samples.settledLength how far", () => {
  const samples = new Samples();
  const block = new Float32Array(65_536).fill(0.001);
  samples.push(block.subarray(0, 1000));
  assertEquals([samples.hasPlainLevel, samples.settledLength], [true, 1000]);
  for (let i = 0; i < 31; i++) samples.push(block);
  // What comes after two minutes is packed when its block is full.
  assertEquals([samples.hasPlainLevel, samples.settledLength], [true, 31 * 65_536]);
  const before = samples.slice(0, samples.settledLength);
  samples.push(new Float32Array(65_536).fill(0.9));
  assertEquals(samples.slice(0, before.length), before);
  assertEquals(samples.hasPlainLevel, false, "the mean is a fault");
  for (let i = 0; i < 200; i++) samples.push(block.map((x, at) => at % 2 ? x : -x));
  samples.removeOffset();
  assertEquals([samples.offset === 0, samples.hasPlainLevel], [false, false]);
  const loud = Samples.of(Float32Array.of(0.5, -1.01));
  assertEquals(loud.hasPlainLevel, false);
});
