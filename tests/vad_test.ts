/**
 * Voice activity: the network against the official one, streams against whole recordings, intervals against the
 * official rule.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { liveHandles, openLibrary, saveSafetensors, scope, zeros } from "../ffi/mod.ts";
import { loadAudio } from "../lib/audio/load.ts";
import { Samples } from "../lib/audio/samples.ts";
import { ModelError, OptionError } from "../lib/errors.ts";
import { FRAME_SAMPLES } from "../lib/vad/frames.ts";
import { speechRanges, SpeechTracker, type VadOptions } from "../lib/vad/intervals.ts";
import { VadNetwork } from "../lib/vad/network.ts";
import { speechProbabilities } from "../lib/vad/probabilities.ts";
import { VadStream } from "../lib/vad/stream.ts";
import { fixtures } from "./support/fixtures.ts";
import { loadVad, vadBackend } from "./support/vad_network.ts";

const ROOT = join(import.meta.dirname!, "..");
const TOLERANCE = 1e-4;
/** Sums of float32 in another order: a batch of a few frames against one of many. */
const REORDERED = 3e-5;
const DATA = join(await fixtures(), "vad");

interface Reference {
  file: string;
  samples: number;
  probabilities: number[];
  intervals: [number, number][];
  intervals_pad0_silence500: [number, number][];
}

async function reference(name: string): Promise<Reference> {
  return JSON.parse(await Deno.readTextFile(join(DATA, "reference", `${name}.json`)));
}

/** Every reference; of four mixes there is no sound here. */
async function references(): Promise<Reference[]> {
  const files = await Array.fromAsync(Deno.readDir(join(DATA, "reference")));
  return await Promise.all(files.map(({ name }) => reference(name.replace(".json", ""))));
}

async function pathOf(file: string): Promise<string | undefined> {
  const places = [
    join(ROOT, "demo", "recordings", file),
    join(DATA, "..", "audio", file),
    join(DATA, file.replace(".wav", ".flac")),
  ];
  for (const path of places) if (await Deno.stat(path).then(() => true, () => false)) return path;
  return undefined;
}

async function soundOf(file: string): Promise<Samples> {
  return (await loadAudio((await pathOf(file))!)).samples;
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assertEquals(a.length, b.length);
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}

function pairs(probabilities: Float32Array, samples: number, options: VadOptions = {}): number[][] {
  return speechRanges(probabilities, samples, options).map(({ startSample, endSample }) => [
    startSample,
    endSample,
  ]);
}

Deno.test("speechProbabilities() are those of the official model, and so are the intervals", async () => {
  using vad = await loadVad();
  let compared = 0;
  for (const { file, samples, probabilities, intervals } of await references()) {
    if (await pathOf(file) === undefined) continue;
    const sound = await soundOf(file);
    assertEquals(sound.length, samples, file);
    const ours = await speechProbabilities(vad, sound);
    const difference = largestDifference(ours, probabilities);
    assert(difference < TOLERANCE, `${file}: ${difference}`);
    assertEquals(pairs(ours, samples), intervals, file);
    compared++;
  }
  assertEquals(compared, 17);
});

Deno.test("speechRanges() are those of the official rule", async () => {
  const all = await references();
  assertEquals(all.length, 21);
  for (const { file, samples, probabilities, intervals, intervals_pad0_silence500 } of all) {
    const exact = Float32Array.from(probabilities);
    assertEquals(pairs(exact, samples), intervals, file);
    const patient = { minSilenceSeconds: 0.5, speechPadSeconds: 0 };
    assertEquals(pairs(exact, samples, patient), intervals_pad0_silence500, file);
  }
});

Deno.test("VadStream gives what the whole recording gives, however it is cut", async () => {
  using vad = await loadVad();
  const { samples, probabilities } = await reference("dev-00-en");
  const sound = (await soundOf("dev-00-en.wav")).slice();
  const whole = await speechProbabilities(vad, Samples.of(sound));
  for (const lengths of [[1600], [1, 511, 512, 513, 0, 7], [sound.length]]) {
    const stream = new VadStream(vad);
    const found: number[] = [];
    for (let at = 0, turn = 0; at < sound.length; turn++) {
      const length = lengths[turn % lengths.length]!;
      found.push(...await stream.push(sound.subarray(at, at + length)));
      at += length;
      assertEquals(found.length, Math.floor(Math.min(at, sound.length) / FRAME_SAMPLES));
    }
    found.push(...await stream.finish());
    assert(largestDifference(found, whole) < REORDERED, `pushes of ${lengths}`);
    assert(largestDifference(found, probabilities) < TOLERANCE);
    assertEquals(pairs(Float32Array.from(found), samples), pairs(whole, samples));
  }
});

Deno.test("VadStream takes pushes in order when nobody waits for them, and two streams do not mix", async () => {
  using vad = await loadVad();
  const sound = (await soundOf("dev-01-en.wav")).slice();
  const [a, b] = [new VadStream(vad), new VadStream(vad)];
  const pushed: Promise<Float32Array>[] = [];
  for (let at = 0; at < sound.length; at += 8000) {
    pushed.push(a.push(sound.subarray(at, at + 8000)));
    b.push(sound.subarray(at, at + 8000).map((x) => -0.5 * x));
  }
  pushed.push(a.finish());
  const found = (await Promise.all(pushed)).flatMap((some) => [...some]);
  await b.finish();
  assert(largestDifference(found, (await reference("dev-01-en")).probabilities) < TOLERANCE);
});

Deno.test("VadStream is empty for no sound, and has nothing left after whole frames", async () => {
  using vad = await loadVad();
  assertEquals((await new VadStream(vad).finish()).length, 0);
  const stream = new VadStream(vad);
  assertEquals((await stream.push(new Float32Array(2 * FRAME_SAMPLES))).length, 2);
  assertEquals((await stream.finish()).length, 0);
  assertEquals((await speechProbabilities(vad, new Samples())).length, 0);
});

Deno.test("speechProbabilities() carries its memory over blocks of a long recording", async () => {
  using vad = await loadVad();
  const { probabilities } = await reference("long-en");
  const sound = await soundOf("long-en.wav");
  const twice = new Samples();
  // The second time begins in the middle of a block, with whatever the first has left in memory.
  twice.push(sound.slice());
  twice.push(sound.slice());
  const ours = await speechProbabilities(vad, twice);
  assertEquals(ours.length, Math.ceil(2 * sound.length / FRAME_SAMPLES));
  assert(
    largestDifference(ours.subarray(0, probabilities.length - 1), probabilities.slice(0, -1)) < TOLERANCE,
  );
  const stream = new VadStream(vad);
  const streamed = [...await stream.push(twice.slice()), ...await stream.finish()];
  assert(largestDifference(ours, streamed) < REORDERED);
});

Deno.test("speechProbabilities() leaves no arrays behind, aborted or not", async () => {
  const before = liveHandles();
  {
    using vad = await loadVad();
    const loaded = liveHandles();
    const sound = await soundOf("long-en.wav");
    const pending = speechProbabilities(vad, sound);
    await pending;
    assertEquals(liveHandles(), loaded);
    const controller = new AbortController();
    const aborted = speechProbabilities(vad, sound, controller.signal);
    setTimeout(() => controller.abort(new DOMException("enough", "AbortError")));
    await assertRejects(() => aborted, DOMException, "enough");
    assertEquals(liveHandles(), loaded);
  }
  assertEquals(liveHandles(), before);
});

Deno.test("VadNetwork.load() says which tensor is wrong", async () => {
  openLibrary();
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "other.safetensors");
    await assertRejects(() => VadNetwork.load(path, vadBackend()), ModelError, `there is no file ${path}`);
    await Deno.writeTextFile(path, "no tensors");
    await assertRejects(() => VadNetwork.load(path, vadBackend()), ModelError, "not a safetensors file");
    scope(() => saveSafetensors(path, new Map([["stft_conv.weight", zeros([258, 256])]])));
    await assertRejects(
      () => VadNetwork.load(path, vadBackend()),
      ModelError,
      "tensor stft_conv.weight is F32 [258, 256], expected F32 [258, 1, 256]",
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("SpeechTracker tells while frames come whether somebody speaks", () => {
  const tracker = new SpeechTracker({ minSilenceSeconds: 0.096 });
  const speaking: boolean[] = [];
  const ended: number[][] = [];
  // Eight frames in a row are 0.256 s; 0.4 ends nothing, three frames of 0.3 after the first do.
  for (const p of [0.4, 0.6, ...Array(8).fill(0.9), 0.4, 0.3, 0.5, 0.3, 0.4, 0.3, 0.3, 0.3]) {
    const range = tracker.push(p);
    speaking.push(tracker.speaking);
    if (range) ended.push([range.startSample / FRAME_SAMPLES, range.endSample / FRAME_SAMPLES]);
  }
  assertEquals(ended, [[1, 13]]);
  assertEquals(speaking.indexOf(true), 1);
  assertEquals(speaking.lastIndexOf(true), 15);
});

Deno.test("speechRanges() joins, drops and widens as the options say", () => {
  const frames = (...runs: [probability: number, frames: number][]) =>
    Float32Array.from(runs.flatMap(([probability, count]) => Array(count).fill(probability)));
  const two = frames([0, 10], [0.9, 20], [0, 10], [0.9, 20], [0, 10]);
  const samples = two.length * FRAME_SAMPLES;
  assertEquals(pairs(two, samples, { speechPadSeconds: 0 }), [[5120, 15360], [20480, 30720]]);
  // The last silence is too short as well: what is open reaches to the end.
  assertEquals(pairs(two, samples, { speechPadSeconds: 0, minSilenceSeconds: 0.4 }), [[5120, samples]]);
  assertEquals(pairs(two, samples, { minSpeechSeconds: 0.7 }), []);
  // Half the gap where two would meet; the recording's ends hold.
  assertEquals(pairs(two, samples, { speechPadSeconds: 1 }), [[0, 17920], [17920, 35840]]);
  assertEquals(pairs(two, samples, { threshold: 0.95 }), []);
  assertEquals(pairs(two.map((p) => p / 3), samples, { threshold: 0.2, speechPadSeconds: 0 }).length, 2);
});

Deno.test("speechRanges() refuses options that mean nothing", () => {
  const bad: [VadOptions, string][] = [
    [{ threshold: 0 }, "threshold 0: it must be"],
    [{ threshold: 1 }, "threshold 1: it must be"],
    [{ threshold: NaN }, "threshold NaN: it must be"],
    [{ minSilenceSeconds: -1 }, "minSilenceSeconds -1: it must be"],
    [{ minSpeechSeconds: Infinity }, "minSpeechSeconds Infinity: it must be"],
    [{ speechPadSeconds: NaN }, "speechPadSeconds NaN: it must be"],
  ];
  for (const [options, message] of bad) {
    assertThrows(() => speechRanges(new Float32Array(1), 512, options), OptionError, message);
  }
});

Deno.test("silence, noise and a tone are no speech at any level", async () => {
  using vad = await loadVad();
  for (const level of [0, 0.003, 0.3]) {
    const random = (i: number) => Math.sin(i * 12.9898) * 43758.5453 % 1;
    const sounds = [
      (i: number) => level * random(i),
      (i: number) => level * Math.sin(i * 2 * Math.PI * 440 / 16000),
    ];
    for (const sound of sounds) {
      const samples = Samples.of(Float32Array.from({ length: 160_000 }, (_, i) => sound(i)));
      assertEquals(speechRanges(await speechProbabilities(vad, samples), samples.length), []);
    }
  }
  assertAlmostEquals((await speechProbabilities(vad, Samples.of(new Float32Array(512))))[0]!, 0.0017, 1e-3);
});
