import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { resample, Resampler } from "../lib/audio/resample.ts";
import { OptionError } from "../lib/errors.ts";
import { sine } from "./support/audio_signals.ts";
import { fixtures } from "./support/fixtures.ts";

async function floats(name: string): Promise<Float32Array> {
  return new Float32Array((await Deno.readFile(join(await fixtures(), "wav", name))).slice().buffer);
}

/** Signal to difference in dB, without `edge` samples at each end. */
function agreementDb(signal: Float32Array, other: Float32Array, edge: number): number {
  let power = 0;
  let difference = 0;
  for (let i = edge; i < signal.length - edge; i++) {
    power += signal[i]! ** 2;
    difference += (signal[i]! - other[i]!) ** 2;
  }
  return 10 * Math.log10(power / difference);
}

Deno.test("resample() agrees with soxr to 60 dB at every rate and has its length", async () => {
  const { resample: expected } = JSON.parse(
    await Deno.readTextFile(join(await fixtures(), "wav", "expected.json")),
  );
  for (const rate of Object.keys(expected)) {
    const input = await floats(`tones_${rate}.f32`);
    const reference = await floats(`tones_${rate}_to_16000.f32`);
    const output = resample(input, Number(rate), 16000);
    assertEquals([input.length, output.length], [expected[rate].input_frames, expected[rate].output_frames]);
    assertGreater(agreementDb(reference, output, 320), 70, `${rate} Hz`);
  }
});

Deno.test("resample() gives the sine itself to 110 dB, also at rates without a common divisor", () => {
  for (const rate of [8000, 11025, 22050, 44100, 44101, 48000, 47999, 96000, 192000]) {
    const output = resample(sine(1000, rate, rate), rate, 16000);
    assertGreater(agreementDb(sine(1000, 16000, 16000), output, 320), 110, `${rate} Hz`);
  }
});

Deno.test("resample() lets nothing through that 16 kHz can't hold", () => {
  for (const [hertz, rate] of [[8500, 44100], [12000, 48000], [20000, 44100]] as const) {
    const output = resample(sine(hertz, rate, rate), rate, 16000).subarray(1000, 15000);
    const loudest = output.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    assertLess(20 * Math.log10(loudest / 0.5), -110, `${hertz} Hz at ${rate} Hz`);
  }
});

Deno.test("Resampler.push() gives the same samples when blocks are of any size", () => {
  for (const rate of [8000, 44100, 44101, 48000, 16000]) {
    const input = sine(440, rate, 20_011);
    const whole = resample(input, rate, 16000);
    for (const size of [1, 333, 7919]) {
      const resampler = new Resampler(rate, 16000);
      const blocks: number[] = [];
      for (let at = 0; at < input.length; at += size) {
        blocks.push(...resampler.push(input.subarray(at, at + size)));
      }
      blocks.push(...resampler.flush());
      assertEquals(Float32Array.from(blocks), whole, `${rate} Hz in blocks of ${size}`);
    }
  }
});

Deno.test("resample() keeps the duration of very short clips and of none", () => {
  assertEquals(resample(new Float32Array(0), 44100, 16000).length, 0);
  assertEquals(resample(new Float32Array(1), 8000, 16000).length, 2);
  assertEquals(resample(new Float32Array(100), 44100, 16000).length, 36);
  const constant = resample(new Float32Array(4410).fill(0.5), 44100, 16000);
  assert(constant.subarray(200, 1400).every((x) => Math.abs(x - 0.5) < 1e-6));
});

Deno.test("Resampler() refuses rates that are none", () => {
  for (const rate of [0, -1, 0.5, NaN, Infinity]) assertThrows(() => new Resampler(rate, 16000), OptionError);
});
