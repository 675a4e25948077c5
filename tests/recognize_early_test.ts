/**
 * The first words of a long recording, decoded while the rest is read: what comes out is what came out without.
 *
 * @module
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { encodeWav } from "../lib/audio/wav.ts";
import { loadAudio } from "../lib/audio/load.ts";
import { Qwen3ASR, type TranscribeOptions, type Transcript, type TranscriptEvent } from "../mod.ts";
import { recording } from "./support/audio_signals.ts";

const RATE = 16_000;
/** Chunks are short and batches small, so that half a minute is a long recording. */
const OPTIONS: TranscribeOptions = { chunkSeconds: 5, batchSize: 4, rescue: false };

/** Demo recordings in a row with gaps, two minutes and more. */
async function talk(options: { silentSeconds?: number; level?: (second: number) => number } = {}) {
  const { silentSeconds = 0, level = () => 1 } = options;
  const names = Array.from({ length: 24 }, (_, i) => `dev-${`${i}`.padStart(2, "0")}`);
  const files = await Array.fromAsync(
    Deno.readDir(new URL("../demo/recordings/", import.meta.url)),
    ({ name }) => name,
  );
  const voices = await Promise.all(
    names.map((name) => recording(files.find((file) => file.startsWith(name))!)),
  );
  const gaps = voices.map((_, i) => new Float32Array(Math.round((0.1 + i % 4 * 0.5) * RATE)));
  const parts = [new Float32Array(silentSeconds * RATE), ...voices.flatMap((voice, i) => [voice, gaps[i]!])];
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all.map((x, i) => x * level(i / RATE));
}

/** A WAV file as a stream that gives its end when it is asked to. */
function paused(
  samples: Float32Array,
  seconds: number,
): { stream: ReadableStream<Uint8Array>; goOn(): void } {
  const bytes = encodeWav(samples, { sampleRate: RATE, format: "float32" });
  const { promise, resolve } = Promise.withResolvers<void>();
  const middle = seconds * RATE * 4, step = 65_536;
  let at = 0;
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (at >= middle) await promise;
      controller.enqueue(bytes.slice(at, at += step));
      if (at >= bytes.length) controller.close();
    },
  });
  return { stream, goOn: resolve };
}

/** Without what differs from run to run. */
function comparable({ stats: _, ...transcript }: Transcript) {
  return transcript;
}

/** The transcript by the whole recording alone: going on from nothing leaves the early start out. */
async function whole(asr: Qwen3ASR, samples: Float32Array, options: TranscribeOptions): Promise<Transcript> {
  const nothing = await asr.transcribe(new Float32Array(RATE), options);
  return await asr.transcribe(samples, { ...options, resume: { ...nothing, chunks: [], segments: [] } });
}

async function early(asr: Qwen3ASR, samples: Float32Array, options: TranscribeOptions, seconds = 84) {
  const { stream, goOn } = paused(samples, seconds);
  const events: TranscriptEvent[] = [];
  for await (const event of asr.stream(stream, options)) {
    events.push(event);
    if (event.type === "delta") goOn();
  }
  const done = events.at(-1)!;
  assert(done.type === "done");
  return { events, transcript: done.transcript };
}

function deltasOf(events: readonly TranscriptEvent[]): string {
  return events.map((event) => event.type === "delta" ? event.text : "").join("");
}

Deno.test("stream() gives the first words before the end of the recording is there, and equal results", async () => {
  await using asr = await Qwen3ASR.load("demo");
  for (const options of [{ ...OPTIONS, rescue: true }, { ...OPTIONS, vad: "off" as const }]) {
    const samples = await talk({ silentSeconds: options.rescue ? 3 : 0 });
    // The end of the stream comes when the first words have come, or never.
    const { events, transcript } = await early(asr, samples, options);
    assertEquals(comparable(transcript), comparable(await whole(asr, samples, options)));
    const start = events.findIndex(({ type }) => type === "start");
    assertGreater(start, events.findIndex(({ type }) => type === "delta"));
    assert(events.slice(0, start).every(({ type }) => type === "delta" || type === "language"));
    if (!options.rescue) assertEquals(deltasOf(events), transcript.text);
    const told = events.flatMap((event) => event.type === "chunk" ? [event.chunk.index] : []);
    assertEquals(told.toSorted((a, b) => a - b), transcript.chunks.map(({ index }) => index));
  }
});

Deno.test("an early answer is dropped when the end of the recording changes its level", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const samples = await talk({ level: (second) => second < 86 ? 1 : 4 });
  const { events, transcript } = await early(asr, samples, OPTIONS);
  const expected = await whole(asr, samples, OPTIONS);
  assertEquals(comparable(transcript), comparable(expected));
  // What was said too early is not said again where it is the same.
  assertEquals(deltasOf(events), expected.text);
});

Deno.test("a recording that was read before has its first words before it is heard to its end", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const audio = await loadAudio(await talk());
  const events: TranscriptEvent[] = [];
  for await (const event of asr.stream(audio, OPTIONS)) events.push(event);
  assertGreater(events.findIndex(({ type }) => type === "start"), 0);
  const short: TranscriptEvent[] = [];
  for await (const event of asr.stream(audio.samples.slice(0, 30 * RATE), OPTIONS)) short.push(event);
  assertEquals(short[0]!.type, "start");
});

Deno.test("an early start ends with its call: by an error in the callback, an abort, a stream that breaks", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const samples = await talk();
  const thrown = await asr.transcribe(samples, {
    ...OPTIONS,
    onProgress: ({ type }) => {
      if (type === "delta") throw new Error("the caller's own");
    },
  }).catch((error) => error);
  assertEquals(thrown.message, "the caller's own");
  const controller = new AbortController();
  const partial = await asr.transcribe(paused(samples, 84).stream, {
    ...OPTIONS,
    signal: controller.signal,
    onAbort: "partial",
    onProgress: ({ type }) => type === "delta" && controller.abort(),
  });
  assertEquals([partial.partial, partial.text], [true, ""]);
  const { stream, goOn } = paused(samples, 84);
  const breaking = stream.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(block, controller) {
        if (isBroken) controller.error(new Error("the line is dead"));
        else controller.enqueue(block);
      },
    }),
  );
  let isBroken = false;
  const broken = await asr.transcribe(breaking, {
    ...OPTIONS,
    onProgress: ({ type }) => {
      if (type !== "delta") return;
      isBroken = true;
      goOn();
    },
  }).catch((error) => error);
  assert(broken.message.includes("the line is dead"), broken.message);
  assertEquals(asr.pending, 0);
});
