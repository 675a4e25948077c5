import { assert, assertEquals, assertLessOrEqual, assertRejects, assertThrows } from "@std/assert";
import { liveHandles } from "../ffi/mod.ts";
import { resample } from "../lib/audio/resample.ts";
import type { LiveTextEvent } from "../lib/recognize/live/live_stream.ts";
import { wordErrorRate } from "../lib/text/edit_distance.ts";
import { AudioError, type LiveEvent, type LiveOptions, OptionError, Qwen3ASR } from "../mod.ts";
import { randomNumbers } from "./support/audio_signals.ts";
import { longRecording, recordingPath, samplesOf } from "./support/demo_files.ts";

const RATE = 16_000;
const long = await longRecording();
const longSamples = await samplesOf(long.path);

/** Where to cut into pushes: pieces of at most `most` samples. */
function* pieces<T extends Float32Array | Int16Array>(samples: T, most: number, seed = 0): Generator<T> {
  const random = seed === 0 ? undefined : randomNumbers(seed);
  for (let at = 0; at < samples.length;) {
    const length = random ? 1 + Math.floor(random() * most) : most;
    yield samples.slice(at, at + length) as T;
    at += length;
  }
}

/** All events of a stream that is pushed as fast as it goes. */
async function heard(
  asr: Qwen3ASR,
  parts: Iterable<Float32Array | Int16Array>,
  { sampleRate = RATE, ...options }: LiveOptions & { sampleRate?: number } = {},
): Promise<LiveEvent[]> {
  await using session = asr.live({ onOverload: "wait", ...options });
  for (const part of parts) session.push(part, { sampleRate });
  session.end();
  return await Array.fromAsync(session);
}

function texts(events: readonly LiveEvent[], type: LiveTextEvent["type"]): string[] {
  const found: string[] = [];
  for (const event of events) {
    if (event.type === type) found[event.utterance] = (found[event.utterance] ?? "") + event.text;
  }
  return found;
}

/** What does not depend on when it was told. */
function told(events: readonly LiveEvent[]): unknown[] {
  return events.filter(({ type }) => type !== "tentative" && !type.startsWith("speech")).map((event) => ({
    ...event,
    lagSeconds: 0,
  }));
}

Deno.test("live() settles on the text that a recording has, commits nothing else, and tells its times", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const offline = await asr.transcribe(long.path);
  const events = await heard(asr, pieces(longSamples, 1600), { timestamps: "word", logprobs: true });
  const finals = texts(events, "final"), committed = texts(events, "committed");
  const rate = (text: string[]) => wordErrorRate(long.text, text.join(" ")).rate;
  const offlineRate = wordErrorRate(long.text, offline.text).rate;
  assertLessOrEqual(rate(finals), offlineRate + 0.02);
  assertLessOrEqual(rate(committed), offlineRate + 0.05);
  assert(finals.length > 20);
  const words = events.flatMap((event) => event.type === "final" ? event.words ?? [] : []);
  assertEquals(words.map(({ text }) => text).join(" "), finals.join(" "));
  const starts = words.map(({ startSeconds }) => startSeconds);
  assertEquals(starts.toSorted((a, b) => a - b), starts);
  // Words of a sentence begin where it was said.
  const first = words[0]!, sentence = long.sentences[0]!;
  assertLessOrEqual(Math.abs(first.startSeconds - sentence.startSeconds), 0.16);
  for (const event of events) {
    if (!("text" in event) || event.type === "tentative" || event.text === "") continue;
    const said = (event.logprobs ?? []).map(({ token }) => token).join("");
    assertEquals(said.trim(), event.text.trim());
  }
});

Deno.test("live() tells for every utterance: start, text that only grows, end, one final text", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const events = await heard(asr, pieces(longSamples.slice(0, 30 * RATE), 1600));
  const byUtterance = Map.groupBy(events, ({ utterance }) => utterance);
  assertEquals([...byUtterance.keys()], [...byUtterance.keys()].map((_, index) => index));
  let before = 0;
  for (const own of byUtterance.values()) {
    const kinds = own.map(({ type }) => type);
    assertEquals([kinds[0], kinds.at(-1)], ["speech-start", "final"]);
    assertEquals(kinds.filter((type) => !["committed", "tentative"].includes(type)).toSorted(), [
      "final",
      "speech-end",
      "speech-start",
    ]);
    const { startSeconds, endSeconds } = own.at(-1)!;
    assert(startSeconds >= before && endSeconds > startSeconds);
    before = endSeconds;
    assertEquals(new Set(own.map((event) => event.startSeconds)), new Set([startSeconds]));
  }
});

Deno.test("live() gives the same text however the sound is cut into pushes", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const some = longSamples.slice(0, 22 * RATE);
  const whole = told(await heard(asr, [some]));
  for (const [most, seed] of [[160, 0], [5000, 1], [40_000, 2], [513, 3]] as const) {
    assertEquals(told(await heard(asr, pieces(some, most, seed))), whole);
  }
});

Deno.test("live() takes 16 bits and other rates, also changing ones", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const samples = await samplesOf(recordingPath("dev-01-en.wav"));
  const expected = ["I see ten yellow windows."];
  const bits = Int16Array.from(samples, (sample) => Math.round(sample * 32767));
  assertEquals(texts(await heard(asr, pieces(bits, 1600)), "final"), expected);
  const wide = resample(samples, RATE, 48_000);
  assertEquals(texts(await heard(asr, pieces(wide, 4801), { sampleRate: 48_000 }), "final"), expected);
  await using session = asr.live();
  const half = Math.floor(wide.length / 2);
  session.push(wide.slice(0, half), { sampleRate: 48_000 });
  session.push(samples.slice(Math.round(half / 3)));
  session.end();
  assertEquals(texts(await Array.fromAsync(session), "final"), expected);
});

Deno.test("live() decodes nothing in silence, hum and hiss, and keeps no sound of it", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const random = randomNumbers(7);
  const sounds: ((i: number) => number)[] = [
    () => 0,
    (i) => 0.3 * Math.sin(2 * Math.PI * 50 * i / RATE) + 0.1 * Math.sin(2 * Math.PI * 150 * i / RATE),
    () => 0.2 * (random() - 0.5),
  ];
  for (const sound of sounds) {
    assertEquals(
      await heard(asr, pieces(Float32Array.from({ length: 40 * RATE }, (_, i) => sound(i)), 8000)),
      [],
    );
  }
});

Deno.test("live() without endpointing ends utterances by cut() alone, and at the longest length", async () => {
  await using asr = await Qwen3ASR.load("demo");
  await using session = asr.live({ endpointing: false, onOverload: "wait", maxUtteranceSeconds: 12 });
  session.cut(); // nothing is there
  session.push(longSamples.slice(0, 8 * RATE));
  session.cut();
  session.push(longSamples.slice(8 * RATE, 31 * RATE));
  session.end();
  const events = await Array.fromAsync(session);
  const finals = events.filter((event) => event.type === "final");
  const before = long.sentences.slice(0, 3).map(({ text }) => text).join(" ");
  assertLessOrEqual(wordErrorRate(before, finals[0]!.text).errors, 1);
  assertEquals(finals[0]!.endSeconds < 8, true);
  assertEquals(finals.length, 4); // near 12 s a short pause will do
  for (const { startSeconds, endSeconds } of finals) assertLessOrEqual(endSeconds - startSeconds, 12);
  const expected = long.sentences.filter(({ endSeconds }) => endSeconds < 31).map(({ text }) => text).join(
    " ",
  );
  assertLessOrEqual(wordErrorRate(expected, finals.map(({ text }) => text).join(" ")).rate, 0.05);
});

Deno.test("LiveSession.clear() forgets what is not cut, and what comes begins anew", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const samples = await samplesOf(recordingPath("dev-01-en.wav"));
  await using session = asr.live();
  session.push(longSamples.slice(0, 2 * RATE));
  session.clear();
  session.push(new Float32Array(RATE));
  session.push(samples);
  session.end();
  const finals = (await Array.fromAsync(session)).filter((event) => event.type === "final");
  assertEquals(finals.map(({ text }) => text), ["", "I see ten yellow windows."]);
  assert(finals[0]!.warning?.includes("cleared"));
});

Deno.test("LiveSession.push() refuses what is no sound, says why, and goes on without it", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const samples = await samplesOf(recordingPath("dev-01-en.wav"));
  await using session = asr.live();
  session.push(samples.slice(0, RATE));
  assertThrows(() => session.push(new Float32Array(RATE).fill(NaN)), AudioError, "NaN at 1.000 s");
  for (const sampleRate of [0, 44_100.5, NaN, 1e9]) {
    assertThrows(() => session.push(samples, { sampleRate }), OptionError, `sampleRate ${sampleRate}`);
  }
  assertThrows(() => session.push(JSON.parse("[1]")), OptionError, "Float32Array or Int16Array");
  session.push(samples.slice(RATE));
  const ended = session.end();
  assertThrows(() => session.push(samples), OptionError, "has ended");
  await ended; // though nobody reads
  assertEquals(texts(await Array.fromAsync(session), "final"), ["I see ten yellow windows."]);
});

Deno.test("a slow reader loses tentative texts only, and no sound", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const some = longSamples.slice(0, 16 * RATE);
  const quick = await heard(asr, pieces(some, 1600));
  await using session = asr.live({ onOverload: "wait" });
  session.push(some);
  await session.end();
  const slow = await Array.fromAsync(session);
  assertEquals(told(slow), told(quick));
  assertLessOrEqual(slow.filter(({ type }) => type === "tentative").length, 1);
});

Deno.test("live() under load lengthens or leaves out steps: the final texts stay", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const some = longSamples.slice(0, 22 * RATE);
  const all = await heard(asr, [some]);
  for (const onOverload of ["lengthen", "drop-tentative"] as const) {
    const events = await heard(asr, [some], { onOverload });
    assertEquals(texts(events, "final"), texts(all, "final"));
    assert(events.length < all.length);
    assert(events.some((event) => event.type === "committed" && event.lagSeconds > 5));
  }
});

Deno.test("an aborted or closed live stream ends with the reason and frees everything", async () => {
  const before = liveHandles();
  {
    await using asr = await Qwen3ASR.load("demo");
    const abort = new AbortController();
    const session = asr.live({ signal: abort.signal, onOverload: "wait" });
    session.push(longSamples.slice(0, 20 * RATE));
    const reason = new Error("enough");
    const reading = (async () => {
      for await (const { type } of session) if (type === "committed") abort.abort(reason);
    })();
    assertEquals(await assertRejects(() => reading), reason);
    assertThrows(() => session.push(longSamples), Error, "enough");
    await session.end();
    const closed = asr.live();
    closed.push(longSamples.slice(0, 20 * RATE));
    await closed[Symbol.asyncDispose]();
    await assertRejects(() => Array.fromAsync(closed), DOMException, "closed");
    const idle = asr.live();
    await idle[Symbol.asyncDispose]();
  }
  assertEquals(liveHandles(), before);
});

Deno.test("sessions side by side and a transcription beside them do not mix", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const names = ["dev-00-en.wav", "dev-01-en.wav", "dev-02-de.wav", "dev-04-en.wav"];
  const sounds = await Promise.all(names.map((name) => samplesOf(recordingPath(name))));
  const alone = [];
  for (const sound of sounds) alone.push(texts(await heard(asr, [sound]), "final"));
  const [whole, ...together] = await Promise.all([
    asr.transcribe(recordingPath("dev-03-en.wav")),
    ...sounds.map(async (sound) => texts(await heard(asr, pieces(sound, 3000)), "final")),
  ]);
  assertEquals(together, alone);
  assert(whole.text.length > 10);
});

Deno.test("live() in the official mode tells of each step once, and one final text", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const samples = await samplesOf(recordingPath("dev-01-en.wav")); // 2.9 s
  const events = await heard(asr, pieces(samples, 1600), { mode: "official", stepSeconds: 1 });
  assertEquals(events.at(-1)?.type, "final");
  assertEquals(texts(events, "final"), ["I see ten yellow windows."]);
  assertLessOrEqual(events.length, 1 + Math.floor(samples.length / RATE));
});
