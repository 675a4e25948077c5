import { assert, assertEquals, assertLess, assertLessOrEqual, assertStringIncludes } from "@std/assert";
import { liveHandles } from "../ffi/mod.ts";
import { Qwen3ASR, type TranscriptEvent } from "../mod.ts";
import { Engine } from "../lib/recognize/engine.ts";
import { comparableWords, wordErrorRate } from "../lib/text/edit_distance.ts";
import { demoWithScaledTokens } from "./support/checkpoints.ts";
import { longRecording, recordingPath, recordings, samplesOf } from "./support/demo_files.ts";

/** Pauses are no pauses: chunks are as long as they may be. */
const GAPLESS = { minSilenceSeconds: 60 };

/** Ids of `<|endoftext|>` and `<|im_end|>` in the demo vocabulary. */
const STOPS = [697, 699];

Deno.test("transcribe() of every demo recording: word error rate and language as the reference model's own", async () => {
  await using asr = await Qwen3ASR.load("demo");
  let errors = 0, words = 0;
  const short = (await recordings()).filter(({ path }) => path.includes("dev-"));
  assertEquals(short.length, 30);
  for (const { path, language, text } of short) {
    const transcript = await asr.transcribe(path);
    const score = wordErrorRate(text, transcript.text);
    errors += score.errors;
    words += score.words;
    assertEquals(transcript.language, language, path);
    assertEquals(transcript.truncated, false);
  }
  // The reference model makes no error here; half a point is allowed.
  assertLessOrEqual(errors / words, 0.005);
});

Deno.test("transcribe() of a long recording in 12 s chunks is at most a point above the reference", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const { path, text, sentences } = await longRecording();
  const { chunks, ...transcript } = await asr.transcribe(path, { chunkSeconds: 12 });
  assertLessOrEqual(wordErrorRate(text, transcript.text).rate, 0.004 + 0.01);
  assert(chunks.every(({ startSeconds, endSeconds }) => endSeconds - startSeconds <= 12.001));
  assertEquals(transcript.coverage.verdict, "complete");
  for (const sentence of sentences) {
    const last = comparableWords(sentence.text).slice(-2).join(" ");
    const covering = chunks.filter((chunk) =>
      chunk.startSeconds <= sentence.startSeconds + 1 && chunk.endSeconds >= sentence.endSeconds - 1
    );
    assert(covering.length > 0, `a chunk covers ${sentence.startSeconds} s: ${sentence.text}`);
    const texts = covering.map((chunk) => comparableWords(chunk.text).join(" "));
    assert(texts.some((one) => one.includes(last)), `"${sentence.text}" stands in its chunk: ${texts}`);
  }
});

Deno.test("transcribe() notices repeated and dropped sentences in 30 s chunks, repairs them and says where", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const { path, text } = await longRecording();
  const plain = await asr.transcribe(path, { rescue: false, vad: GAPLESS });
  assertEquals(plain.coverage.verdict, "suspect");
  const rescued = await asr.transcribe(path, { rescueBudget: 3, vad: GAPLESS });
  const [before, after] = [wordErrorRate(text, plain.text), wordErrorRate(text, rescued.text)];
  assertLess(after.rate, 0.04);
  assertLess(after.errors, before.errors);
  const touched = rescued.chunks.filter(({ rescues }) => rescues.some(({ accepted }) => accepted));
  assert(touched.length > 0);
  for (const { startSeconds, rescues } of touched) {
    assert(rescues.every(({ reason, rejectedText }) => reason !== "" && rejectedText !== ""));
    assert(rescued.warnings.some((warning) => warning.startSeconds === startSeconds));
  }
});

Deno.test("transcribe() notices sentences that the decoder never looked at in 45 s chunks", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const { path, text } = await longRecording();
  const plain = await asr.transcribe(path, { chunkSeconds: 45, rescue: false, vad: GAPLESS });
  assert(
    plain.coverage.reasons.some((reason) => reason.includes("never looked at")),
    plain.coverage.reasons.join(),
  );
  const rescued = await asr.transcribe(path, { chunkSeconds: 45, rescueBudget: 3, vad: GAPLESS });
  assertLess(wordErrorRate(text, rescued.text).rate, 0.04);
});

Deno.test("a chunk in a batch gets exactly the text it gets alone, greedy and sampled", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const { path } = await longRecording();
  for (const temperature of [0, 0.7]) {
    const options = { chunkSeconds: 8, rescue: false, sampling: { temperature, seed: 11 } };
    const alone = await asr.transcribe(path, { ...options, batchSize: 1 });
    for (const batchSize of [2, 8]) {
      const together = await asr.transcribe(path, { ...options, batchSize });
      assertEquals(together.chunks.map(({ tokens }) => tokens), alone.chunks.map(({ tokens }) => tokens));
      assertEquals(together.text, alone.text);
    }
  }
});

Deno.test("stream() yields typed events in order, and its deltas are the text", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const events: TranscriptEvent[] = [];
  for await (const event of asr.stream((await longRecording()).path, { chunkSeconds: 12 })) {
    events.push(event);
  }
  const of = <T extends TranscriptEvent["type"]>(type: T) =>
    events.filter((event): event is Extract<TranscriptEvent, { type: T }> => event.type === type);
  const [done] = of("done");
  assertEquals(of("delta").map(({ text }) => text).join(""), done!.transcript.text);
  assert(of("delta").length > 100, "text comes token by token");
  assertEquals(of("start").map(({ chunks }) => chunks), [done!.transcript.chunks.length]);
  assertEquals(
    of("chunk").map(({ chunk }) => chunk.index),
    done!.transcript.chunks.map(({ index }) => index),
  );
  const spoken = done!.transcript.chunks.filter(({ finishReason }) => finishReason !== "no-speech");
  assertEquals(of("language").map(({ language }) => language), spoken.map(() => "English"));
  assertEquals([events[0]!.type, events.at(-1)!.type], ["start", "done"]);
});

Deno.test("a looping decoder ends, is reported with a warning, and leaves its neighbours' text alone", async () => {
  const directory = await demoWithScaledTokens(STOPS, 0.1);
  try {
    await using looping = await Qwen3ASR.load(directory);
    const { path } = await longRecording();
    const transcript = await looping.transcribe(path, { chunkSeconds: 12, rescue: false, vad: "off" });
    const reasons = new Set(transcript.chunks.map(({ finishReason }) => finishReason));
    assert(reasons.has("repetition") && reasons.has("length") && reasons.has("stop"), [...reasons].join());
    assertEquals(transcript.truncated, true);
    for (const chunk of transcript.chunks) {
      const isRunaway = chunk.finishReason !== "stop";
      assertEquals(chunk.coverage.verdict === "suspect", isRunaway || chunk.coverage.reasons.length > 0);
      if (isRunaway) {
        assert(transcript.warnings.some((warning) => warning.chunk === chunk.index));
      }
    }
    const alone = await looping.transcribe(path, {
      chunkSeconds: 12,
      rescue: false,
      vad: "off",
      batchSize: 1,
    });
    assertEquals(alone.chunks.map(({ text }) => text), transcript.chunks.map(({ text }) => text));
    await using sound = await Qwen3ASR.load("demo");
    const right = await sound.transcribe(path, { chunkSeconds: 12, rescue: false, vad: "off" });
    for (const [index, { finishReason, text }] of transcript.chunks.entries()) {
      if (finishReason === "stop") assertStringIncludes(text, right.chunks[index]!.text);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("the ladder of rescues ends on a decoder that never stops, and every try is recorded", async () => {
  const directory = await demoWithScaledTokens(STOPS, 0);
  try {
    await using asr = await Qwen3ASR.load(directory);
    const transcript = await asr.transcribe(recordingPath("dev-28-en.wav"));
    assertEquals(transcript.chunks.length, 1);
    const { finishReason, rescues, coverage } = transcript.chunks[0]!;
    assert(finishReason === "length" || finishReason === "repetition");
    assert(rescues.some(({ action }) => action === "temperature"));
    assertEquals(coverage.verdict, "suspect");
    assert(transcript.warnings.length > 0);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a call aborted during a second decode is partial, whichever decode it is, and keeps the text", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const { path } = await longRecording();
  // Pauses are kept, or nothing would be doubted.
  const pausesKept = { vad: { minSilenceSeconds: 60 }, rescueBudget: 3 };
  const whole = await asr.transcribe(path, pausesKept);
  const doubted = whole.chunks.find(({ rescues }) => rescues.length > 0)!;
  const decode = Engine.prototype.decode;
  for (const at of [2, 3]) {
    const controller = new AbortController();
    let decodes = 0;
    Engine.prototype.decode = function (...args) {
      if (++decodes === at) controller.abort();
      return decode.apply(this, args);
    };
    try {
      const { signal } = controller;
      const cut = await asr.transcribe(path, { ...pausesKept, signal, onAbort: "partial" });
      assertEquals([cut.partial, cut.warnings.filter(({ code }) => code === "aborted").length], [true, 1]);
      assertEquals(cut.chunks[doubted.index]!.finishReason, "cancelled");
      assert(cut.chunks[doubted.index]!.text !== "");
    } finally {
      Engine.prototype.decode = decode;
    }
  }
});

Deno.test("an error in one chunk leaves the other texts in the result together with the error", async () => {
  const { model, tokenizer } = await (await import("../lib/load_folder.ts")).loadFolder(
    (await import("./support/checkpoints.ts")).DEMO_MODEL,
    {},
  );
  using engine = new Engine(model, tokenizer);
  const before = liveHandles();
  const { recognizeRecording } = await import("../lib/recognize/long_form/long_form.ts");
  const { planRecording } = await import("../lib/recognize/long_form/plan.ts");
  const { Timing } = await import("../lib/recognize/timing.ts");
  const { Samples } = await import("../lib/audio/samples.ts");
  const settings = {
    language: undefined,
    languages: undefined,
    context: "",
    temperature: 0,
    seed: 0,
    maxTokens: undefined,
    chunkSeconds: 12,
    chunking: "pauses",
    batchSize: 4,
    rescue: true,
    rescueBudget: 0.5,
    vad: undefined,
    signal: undefined,
    offsetSeconds: 0,
    warnings: [],
  } as const;
  const samples = Samples.of(await samplesOf((await longRecording()).path));
  const chunks = await planRecording(samples, undefined, settings);
  const run = () =>
    recognizeRecording({
      engine,
      samples,
      chunks,
      speech: undefined,
      settings,
      timing: new Timing(),
      emit: () => {},
    });
  const sound = await run();
  const prefill = model.prefillStages.bind(model);
  let calls = 0;
  model.prefillStages = (...args) => {
    if (++calls === 3) throw new Error("the third prefill fails");
    return prefill(...args);
  };
  const hurt = await run();
  assertEquals(hurt.chunks[2]!.finishReason, "error");
  assertEquals(hurt.chunks[2]!.error?.message, "the third prefill fails");
  assert(
    hurt.warnings.some(({ code, message }) =>
      code === "chunk-failed" && message.includes("the third prefill fails")
    ),
  );
  for (const [index, chunk] of hurt.chunks.entries()) {
    if (index !== 2) assertEquals(chunk.text, sound.chunks[index]!.text);
  }
  model.prefillStages = prefill;
  const step = model.step.bind(model);
  let steps = 0;
  model.step = (tokens, cache, probe) => {
    // Fails in the middle of the first batch, and again when its second row is alone.
    if (++steps === 10 || (cache.batch === 1 && cache.padding.length === 1 && steps === 45)) {
      throw new Error("a step fails");
    }
    return step(tokens, cache, probe);
  };
  const batch = await run();
  assertEquals(batch.chunks.filter(({ finishReason }) => finishReason === "error").length, 1);
  const others = batch.chunks.filter(({ finishReason }) => finishReason !== "error");
  for (const { index, text } of others) assertEquals(text, sound.chunks[index]!.text);
  assertEquals(liveHandles(), before);
});

Deno.test("languages restricts detection; a forced language wins; unknown ones are refused", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const english = recordingPath("dev-01-en.wav");
  assertEquals((await asr.transcribe(english, { languages: ["de", "English"] })).language, "English");
  const german = await asr.transcribe(english, { languages: ["German"] });
  assertEquals(german.language, "German");
  assert(german.chunks[0]!.rawText.startsWith("language German<asr_text>"));
  assertEquals((await asr.transcribe(english, { language: "de" })).language, "German");
  const silent = await asr.transcribeSamples(new Float32Array(16_000).map((_, i) => 1e-3 * Math.sin(i)), {
    languages: ["German"],
  });
  assertEquals(silent.text, "");
});
