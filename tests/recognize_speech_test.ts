import { assert, assertEquals, assertLess, assertLessOrEqual, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { loadAudio, OptionError, Qwen3ASR, type TranscribeOptions, type Transcript } from "../mod.ts";
import { wordErrorRate } from "../lib/text/edit_distance.ts";
import { longRecording } from "./support/demo_files.ts";
import { fixtures } from "./support/fixtures.ts";
import { randomNumbers, whiteNoise } from "./support/audio_signals.ts";

const RATE = 16_000;
const FRAME = /^language|language None|asr_text|^[.,;:!?]+\s/;

/** Chords, one after the other. */
function music(seconds: number): Float32Array {
  const random = randomNumbers(3);
  const samples = new Float32Array(seconds * RATE);
  for (let at = 0; at < samples.length; at += RATE / 2) {
    const hertz = [0, 4, 7].map((step) => 220 * 2 ** ((Math.floor(12 * random()) + step) / 12));
    for (let i = at; i < Math.min(samples.length, at + RATE / 2); i++) {
      const t = (i - at) / RATE;
      for (const f of hertz) samples[i]! += 0.15 * Math.exp(-3 * t) * Math.sin(2 * Math.PI * f * t);
    }
  }
  return samples;
}

/** One of the mixes of sentences and noise, with what is said in it. */
async function mix(name: string): Promise<{ path: string; text: string }> {
  const folder = join(await fixtures(), "vad");
  const lines = (await Deno.readTextFile(join(folder, `${name}.tsv`))).trim().split("\n").slice(1);
  return {
    path: join(folder, `${name}.flac`),
    text: lines.map((line) => line.split("\t")[2]).join(" "),
  };
}

Deno.test("sound without speech is skipped, listed with its level, and told where it is long and loud", async () => {
  await using asr = await Qwen3ASR.load("demo");
  for (const samples of [music(20), whiteNoise(20 * RATE, 0.3)]) {
    const { text, chunks, skipped, coverage, warnings } = await asr.transcribe(samples);
    assertEquals([text, coverage.verdict], ["", "no-speech"]);
    assertEquals(chunks.map(({ finishReason, rescues }) => [finishReason, rescues.length]), [[
      "no-speech",
      0,
    ]]);
    const power = samples.reduce((sum, x) => sum + x * x, 0) / samples.length;
    assertEquals(skipped.map(({ startSeconds, endSeconds }) => [startSeconds, endSeconds]), [[0, 20]]);
    assertLess(Math.abs(skipped[0]!.levelDb - 10 * Math.log10(power)), 0.01);
    assertEquals(warnings.map(({ code }) => code), ["no-speech", "skipped"]);
    assert(warnings[1]!.message.includes('`vad: "off"` (--vad off)'), warnings[1]!.message);
  }
  const faint = await asr.transcribe(whiteNoise(20 * RATE, 0.003));
  assertEquals(faint.skipped.length, 1);
  assertEquals(faint.warnings.map(({ code }) => code), ["no-speech"]);
});

Deno.test('vad: "off" hears everything, and knows nothing of speech', async () => {
  await using asr = await Qwen3ASR.load("demo");
  const off = await asr.transcribe(music(20), { vad: "off" });
  assertEquals([off.chunks.length, off.skipped], [1, []]);
  assert(off.chunks[0]!.tokens.length > 0);
  assertEquals(off.coverage.speechSeconds, 0);
  const { path, text } = await longRecording();
  const all = await asr.transcribe(path, { vad: "off", chunkSeconds: 12 });
  assertEquals(all.chunks.every(({ finishReason }) => finishReason === "stop"), true);
  assertLessOrEqual(wordErrorRate(text, all.text).rate, 0.02);
  const trace = await asr.inspect(path, { vad: "off", range: { endSeconds: 3 }, chunkSeconds: 12 });
  assertEquals([trace.speech, trace.chunks[0]!.passes[0]!.speech], [undefined, undefined]);
});

Deno.test("sentences between music, wind and applause are heard, nothing is invented, the verdict is complete", async () => {
  await using asr = await Qwen3ASR.load("demo");
  for (const name of ["mix-00", "mix-02"]) {
    const { path, text } = await mix(name);
    const { chunks, skipped, coverage, ...transcript } = await asr.transcribe(path);
    assertLessOrEqual(wordErrorRate(text, transcript.text).rate, 0.14, transcript.text);
    assertEquals(coverage.verdict, "complete");
    assertEquals(skipped.length, chunks.filter(({ finishReason }) => finishReason === "no-speech").length);
    assert(skipped.length > 5);
  }
});

Deno.test("chunking: official hears everything in its own cuts", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const { path } = await longRecording();
  const { chunks, skipped, coverage } = await asr.transcribe(path, {
    chunking: "official",
    range: { endSeconds: 20 },
    rescue: false,
  });
  assertEquals([chunks.map(({ endSeconds }) => endSeconds), skipped], [[20], []]);
  assert(coverage.speechSeconds > 10 && coverage.speechSeconds < 19);
});

Deno.test("starts and ends of sentences are within 0.15 s in the median, 90 % of them within 0.4 s", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const { path, sentences } = await longRecording();
  for (const chunkSeconds of [30, 12]) {
    const { segments } = await asr.transcribe(path, { chunkSeconds });
    for (const side of ["startSeconds", "endSeconds"] as const) {
      const off = sentences.map((sentence) =>
        Math.min(...segments.map((segment) => Math.abs(segment[side] - sentence[side])))
      ).sort((a, b) => a - b);
      assertLessOrEqual(off[Math.floor(off.length / 2)]!, 0.15);
      assertLessOrEqual(off[Math.floor(0.9 * off.length)]!, 0.4);
    }
  }
});

Deno.test("what is decoded again of a recording stays within its budget, however much is doubted", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const { path } = await longRecording();
  const again = async (rescueBudget: number) => {
    const { chunks } = await asr.inspect(path, {
      vad: { minSilenceSeconds: 60 },
      chunkSeconds: 45,
      rescueBudget,
    });
    const sum = (seconds: number[]) => seconds.reduce((a, b) => a + b, 0);
    return {
      first: sum(chunks.map(({ passes }) => passes[0]?.durationSeconds ?? 0)),
      more: sum(
        chunks.flatMap(({ passes }) => passes.slice(1).map(({ durationSeconds }) => durationSeconds)),
      ),
      reasons: chunks.flatMap(({ result }) => result.coverage.reasons),
    };
  };
  const [none, half, all] = [await again(0), await again(0.5), await again(Infinity)];
  assertEquals(none.more, 0);
  assertLessOrEqual(half.more, Math.max(45, 0.5 * half.first) + 1e-6);
  assertLess(half.more, all.more);
  assert(half.reasons.some((reason) => reason.includes("budget for that is spent")), half.reasons.join());
  assertEquals(all.reasons.some((reason) => reason.includes("budget for that is spent")), false);
});

Deno.test("the model's frame reaches nobody: chunks, halves, draws, deltas, a live stream", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const { path } = await mix("mix-00");
  const shown = (transcript: Transcript) => [
    transcript.text,
    ...transcript.segments.map(({ text }) => text),
    ...transcript.chunks.flatMap((
      { text, rescues },
    ) => [text, ...rescues.map(({ rejectedText }) => rejectedText)]),
  ];
  let frames = 0;
  for (const [temperature, seed] of [[0, 0], [0.8, 1]] as const) {
    const options: TranscribeOptions = {
      vad: "off",
      chunkSeconds: 3,
      sampling: { temperature, seed },
      rescueBudget: 5,
    };
    const deltas = new Map<number, string>();
    const transcript = await asr.transcribe(path, {
      ...options,
      onProgress: (event) => {
        if (event.type !== "delta") return;
        deltas.set(event.chunkIndex, (deltas.get(event.chunkIndex) ?? "") + event.text);
      },
    });
    frames += transcript.chunks.filter(({ rawText }) => /language None/.test(rawText)).length;
    for (const text of [...shown(transcript), ...deltas.values()]) assert(!FRAME.test(text.trim()), text);
  }
  assert(frames > 0, "the model writes frames here");
  const samples = (await loadAudio(path)).samples.slice(0, 12 * RATE);
  for (const mode of ["utterance", "official"] as const) {
    await using session = asr.live({ mode, stepSeconds: 2, onOverload: "wait" });
    session.push(samples);
    session.end();
    for await (const event of session) if ("text" in event) assert(!FRAME.test(event.text), event.text);
  }
});

Deno.test("options of voice activity and the budget are checked before anything is read", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const wrong: [TranscribeOptions, string][] = [
    [{ vad: { threshold: 1.5 } }, "vad.threshold 1.5: it must be a probability"],
    [{ vad: { minSilenceSeconds: -1 } }, "minSilenceSeconds -1: it must be"],
    [{ vad: { speechPadSeconds: NaN } }, "speechPadSeconds NaN: it must be"],
    [{ rescueBudget: -1 }, "rescueBudget -1"],
    [JSON.parse('{ "vad": "on" }'), 'vad "on"'],
  ];
  for (const [options, message] of wrong) {
    await assertRejects(() => asr.transcribe("no such file", options), OptionError, message);
  }
});
