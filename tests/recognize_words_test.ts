import { assert, assertAlmostEquals, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ForcedAligner, ModelError, OptionError, Qwen3ASR, type Segment, type Word } from "../mod.ts";
import { loadFolder } from "../lib/load_folder.ts";
import type { ClipRequest } from "../lib/recognize/clip.ts";
import type { ClipAnswer } from "../lib/recognize/clip_answer.ts";
import { Engine } from "../lib/recognize/engine.ts";
import { Timing } from "../lib/recognize/timing.ts";
import { segmentsOfWords } from "../lib/recognize/word_times/word_segments.ts";
import { wordSpans } from "../lib/text/words.ts";
import { alignedRecordings, spreadOf } from "./support/aligned_recordings.ts";
import { recordingPath, samplesOf } from "./support/demo_files.ts";

const wordsOf = (segments: readonly Segment[]) => segments.flatMap(({ words }) => words!);

/** In order, inside their segments, and with the text of these. */
function assertSound(segments: readonly Segment[]): void {
  let clock = 0;
  for (const { words, text, startSeconds, endSeconds } of segments) {
    assertEquals(words!.map((word) => word.text).join(" "), text);
    assertEquals([words![0]!.startSeconds, words!.at(-1)!.endSeconds], [startSeconds, endSeconds]);
    for (const word of words!) {
      assert(word.startSeconds >= clock && word.endSeconds > word.startSeconds, JSON.stringify(word));
      assert(word.confidence! > 0 && word.confidence! <= 1);
      clock = word.endSeconds;
    }
  }
}

Deno.test("transcribe() with words has the aligner's times, and loses no word", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const recordings = await alignedRecordings();
  const starts: number[] = [], ends: number[] = [];
  for (const { path, words } of recordings) {
    const transcript = await asr.transcribe(path, { timestamps: "word" });
    assertEquals(transcript.warnings.filter(({ code }) => code === "times-approximate"), []);
    assertSound(transcript.segments);
    assertEquals(transcript.segments.map(({ text }) => text).join(" "), transcript.text);
    assertEquals(transcript.chunks[0]!.logprobs, undefined);
    assert(transcript.stats.alignMs > 0);
    const found = wordsOf(transcript.segments);
    assertEquals(found.length, words.length);
    for (const [index, word] of found.entries()) {
      starts.push(1000 * (word.startSeconds - words[index]!.startSeconds));
      ends.push(1000 * (word.endSeconds - words[index]!.endSeconds));
    }
  }
  for (const errors of [starts.slice(0, 172), ends.slice(0, 172)]) {
    const { median, p95, within80 } = spreadOf(errors);
    assert(median <= 24.5 && p95 <= 62.5 && within80 >= 0.988, `${median} ms, ${p95} ms, ${within80}`);
  }
  const long = spreadOf(starts.slice(172));
  assert(long.median <= 26 && long.within80 >= 0.95, `${long.median} ms, ${long.within80}`);
});

Deno.test("transcribe() without an aligner has approximate words, and says so once", async () => {
  await using asr = await Qwen3ASR.load("demo", { aligner: false });
  const { segments, warnings } = await asr.transcribe(recordingPath("dev-01-en.wav"), { timestamps: "word" });
  assertSound(segments);
  assertEquals([...new Set(wordsOf(segments).map(({ timing }) => timing))], ["approximate"]);
  assertEquals(segments[0]!.timing, "estimated");
  assertEquals(warnings.map(({ code }) => code), ["times-approximate"]);
  assertMatch(warnings[0]!.message, /no aligner.*--aligner/);
  const plain = await asr.transcribe(recordingPath("dev-01-en.wav"));
  assertEquals([plain.segments[0]!.words, plain.warnings], [undefined, []]);
});

Deno.test("approximate words are where the decoder looked, alone and in a batch: nearer than by length alone", async () => {
  await using asr = await Qwen3ASR.load("demo", { aligner: false });
  const starts: number[] = [], ends: number[] = [];
  const recordings = await alignedRecordings();
  for (const { path, words } of recordings) {
    const { segments } = await asr.transcribe(path, { timestamps: "word" });
    assertSound(segments);
    for (const [index, word] of wordsOf(segments).entries()) {
      starts.push(1000 * (word.startSeconds - words[index]!.startSeconds));
      ends.push(1000 * (word.endSeconds - words[index]!.endSeconds));
    }
  }
  // By length within the same speech: 78 and 118 ms.
  assertEquals(starts.length, 301);
  assert(spreadOf(starts).median <= 32 && spreadOf(starts).p95 <= 180, JSON.stringify(spreadOf(starts)));
  assert(spreadOf(ends).median <= 48 && spreadOf(ends).p95 <= 160, JSON.stringify(spreadOf(ends)));
  const long = recordings.at(-1)!.path;
  const one = await asr.transcribe(long, { timestamps: "word", batchSize: 1, chunkSeconds: 12 });
  const many = await asr.transcribe(long, { timestamps: "word", batchSize: 8, chunkSeconds: 12 });
  assertEquals(
    wordsOf(many.segments).map(({ startSeconds }) => startSeconds),
    wordsOf(one.segments).map(({ startSeconds }) => startSeconds),
  );
});

Deno.test("an aligner that fails, or does not know the language, costs exact times and not the text", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const broken = {
    longestSeconds: 60,
    rawTimes: () => Promise.reject(new Error("no more memory")),
  };
  const path = recordingPath("dev-01-en.wav");
  const failed = await asr.transcribe(path, { timestamps: "word", aligner: broken });
  assertEquals(failed.text, "I see ten yellow windows.");
  assertSound(failed.segments);
  assertMatch(failed.warnings[0]!.message, /the aligner failed: no more memory/);
  const short = await asr.transcribe(path, { timestamps: "word", aligner: { ...broken, longestSeconds: 1 } });
  assertMatch(short.warnings[0]!.message, /longer than the aligner's 1 s/);
  const thai = await asr.transcribe(path, { timestamps: "word", language: "Thai" });
  assertMatch(thai.warnings.at(-1)!.message, /does not know Thai, only Chinese, English/);
});

Deno.test("Qwen3ASR.load() takes an aligner by name and refuses what is none; transcribe() takes one for a call", async () => {
  await assertRejects(
    () => Qwen3ASR.load("demo", { aligner: "demo/model" }),
    ModelError,
    "not a forced aligner",
  );
  await using asr = await Qwen3ASR.load("demo", { aligner: "demo" });
  using other = await ForcedAligner.load("demo");
  const path = recordingPath("dev-00-en.wav");
  const own = await asr.transcribe(path, { timestamps: "word" });
  const theirs = await asr.transcribe(path, { timestamps: "word", aligner: other });
  assertEquals(theirs.segments, own.segments);
  const wrong = { timestamps: "words" as "word" };
  await assertRejects(() => asr.transcribe(path, wrong), OptionError, 'one of "segment", "word"');
});

/** Words of a text, the starts given; each half a second long. */
function timed(text: string, starts: readonly number[]): [ReturnType<typeof wordSpans>, Word[]] {
  const spans = wordSpans(text, "English");
  const words = spans.map(({ text }, index): Word => ({
    text,
    startSeconds: starts[index]!,
    endSeconds: starts[index]! + 0.5,
    timing: "aligned",
  }));
  return [spans, words];
}

Deno.test("segmentsOfWords() begins a segment at a sentence, after a pause, and before one lasts too long", () => {
  const text = "One two. Three\nfour, five six!  Seven";
  const [spans, words] = timed(text, [0, 0.5, 1, 1.5, 4, 4.5, 5]);
  assertEquals(
    segmentsOfWords(text, spans, words, "English").map(({ text, startSeconds, endSeconds }) => [
      text,
      startSeconds,
      endSeconds,
    ]),
    [["One two.", 0, 1], ["Three", 1, 1.5], ["four,", 1.5, 2], ["five six!", 4, 5], ["Seven", 5, 5.5]],
  );
  const endless = Array.from({ length: 60 }, (_, index) => `w${index}`).join(" ");
  const starts = Array.from({ length: 60 }, (_, index) => 0.5 * index + (index >= 35 ? 0.7 : 0));
  const [manySpans, manyWords] = timed(endless, starts);
  const cut = segmentsOfWords(endless, manySpans, manyWords, "English");
  assertEquals(cut[0]!.words!.length, 35);
  assert(cut.every(({ startSeconds, endSeconds }) => endSeconds - startSeconds <= 20));
  assertEquals(cut.map(({ text }) => text).join(" "), endless);
});

Deno.test("where the decoder looked is the same in a batch, alone, and with steps begun ahead", async () => {
  const clips = await Promise.all(
    ["dev-00-en", "dev-01-en", "dev-02-de"].map((name) => samplesOf(recordingPath(`${name}.wav`))),
  );
  const request = (samples: Float32Array): ClipRequest => ({
    samples,
    context: "",
    temperature: 0,
    seed: 0,
    maxTokens: 60,
    logprobs: true,
    looks: true,
  });
  const answers: ClipAnswer[][] = [];
  for (const doubleBuffer of [false, true]) {
    const { model, tokenizer } = await loadFolder("demo/model", { device: "cpu", policy: { doubleBuffer } });
    using engine = new Engine(model, tokenizer);
    answers.push(await engine.decode(clips.map(request), { timing: new Timing() }));
    const alone: ClipAnswer[] = [];
    for (const clip of clips) alone.push(...await engine.decode([request(clip)], { timing: new Timing() }));
    answers.push(alone);
  }
  const [batch, alone, , aloneAhead] = answers;
  assertEquals(aloneAhead!.map(({ looks }) => looks), alone!.map(({ looks }) => looks));
  for (const [index, { looks, logprobs, tokens }] of batch!.entries()) {
    assertEquals(looks!.length, logprobs!.length);
    assert(looks!.some((look) => Math.max(...look!) > 0.5), "it looks somewhere");
    // A single row, as the last one of a batch is too, has a product of its own, whose sums are rounded in another order.
    for (const other of answers.slice(1).map((list) => list[index]!)) {
      assertEquals(other.tokens, tokens);
      for (const [token, look] of looks!.entries()) {
        for (const [place, weight] of look!.entries()) {
          assertAlmostEquals(other.looks![token]![place]!, weight, 1e-5);
        }
      }
    }
  }
});

Deno.test("words are timed beside the next batch, one batch behind at most, and events keep the recording's order", async () => {
  await using asr = await Qwen3ASR.load("demo", { aligner: false });
  const { decode } = Engine.prototype;
  const second = Promise.withResolvers<void>();
  let batches = 0, timed = 0;
  Engine.prototype.decode = function (...call) {
    // Whoever decodes the third has the words of the first.
    if (++batches === 2) second.resolve();
    else if (batches === 3) assert(timed >= 2);
    return decode.apply(this, call);
  };
  try {
    const aligner = {
      longestSeconds: 300,
      async rawTimes(samples: Float32Array, words: readonly string[]) {
        await second.promise;
        timed++;
        const stepMs = samples.length / 16 / words.length;
        return words.flatMap((_, index) => [index * stepMs, (index + 1) * stepMs]);
      },
    };
    const order: number[] = [];
    const { chunks, segments, warnings } = await asr.transcribe(recordingPath("long-en.wav"), {
      ...{ timestamps: "word", aligner, chunkSeconds: 12, batchSize: 2, rescue: false },
      onProgress: (event) => void (event.type === "chunk" && order.push(event.chunk.index)),
    });
    assert(batches >= 4 && timed === chunks.filter(({ text }) => text !== "").length);
    assertEquals(order, chunks.map((_, index) => index));
    assertEquals(warnings.filter(({ code }) => code === "times-approximate"), []);
    assertSound(segments);
  } finally {
    Engine.prototype.decode = decode;
  }
});
