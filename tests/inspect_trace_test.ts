import { assert, assertAlmostEquals, assertEquals, assertGreater, assertRejects } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { OptionError, Qwen3ASR } from "@qwen3/asr";
import { liveHandles } from "@qwen3/asr/mlx";
import type { RouteOptions } from "../lib/open_model.ts";

const recording = (name: string) => fromFileUrl(new URL(`../demo/recordings/${name}`, import.meta.url));
const LONG = recording("long-en.wav");

async function withDemo(check: (asr: Qwen3ASR) => Promise<void>): Promise<void> {
  await using asr = await Qwen3ASR.load("demo", { device: "cpu" });
  const before = liveHandles();
  await check(asr);
  assertEquals(liveHandles(), before, "arrays of MLX that nobody freed");
}

Deno.test("inspect() gives the text, language and tokens of transcribe() for short recordings", () =>
  withDemo(async (asr) => {
    for (const name of ["dev-00-en.wav", "dev-02-de.wav", "dev-10-en.wav"]) {
      const plain = await asr.transcribe(recording(name));
      const { transcript, text, chunks } = await asr.inspect(recording(name), { attention: [0, 1, 2] });
      assertEquals(transcript.chunks, plain.chunks);
      assertEquals(text, plain.text);
      const [pass] = chunks[0]!.passes;
      const written = pass!.steps.map((step) => step.written).join("");
      assertEquals(written, plain.text);
      assertEquals(
        pass!.steps.filter(({ kind }) => kind !== "stop").map(({ id }) => id),
        plain.chunks[0]!.tokens,
      );
    }
  }));

Deno.test("transcribe() with logprobs gives the tokens' probabilities as inspect() has them, in every batch", () =>
  withDemo(async (asr) => {
    for (const language of [undefined, "English"]) {
      const vad = { minSilenceSeconds: 60 };
      const options = { chunkSeconds: 12, range: { endSeconds: 40 }, language, rescue: false, vad };
      const { chunks } = await asr.inspect(LONG, options);
      for (const batchSize of [1, 4]) {
        const plain = await asr.transcribe(LONG, { ...options, batchSize, logprobs: true });
        assertEquals(plain.chunks.length > 3, true);
        for (const [index, chunk] of plain.chunks.entries()) {
          const steps = chunks[index]!.passes[0]!.steps.filter(({ kind }) => kind === "text");
          assertEquals(chunk.logprobs!.map(({ id }) => id), steps.map(({ id }) => id));
          assertEquals(chunk.logprobs!.map(({ token }) => token).join("").trim(), chunk.text);
          for (const [at, { logprob }] of chunk.logprobs!.entries()) {
            assertAlmostEquals(logprob, Math.log(steps[at]!.probability), 2e-3);
          }
        }
      }
      const silent = await asr.transcribe(LONG, options);
      assertEquals(silent.chunks.some((chunk) => "logprobs" in chunk), false);
    }
  }));

Deno.test("inspect() times the words that transcribe() times, by an aligner or where the decoder looked", async () => {
  await using asr = await Qwen3ASR.load("demo", { device: "cpu", aligner: "demo" });
  const before = liveHandles();
  for (const aligner of [undefined, false] as const) {
    const options = { timestamps: "word", aligner } as const;
    const { segments } = await asr.transcribe(recording("dev-00-en.wav"), options);
    const { transcript } = await asr.inspect(recording("dev-00-en.wav"), options);
    assert(segments.every(({ words }) => words!.length > 0));
    assertEquals(transcript.segments, segments);
  }
  assertEquals(liveHandles(), before, "arrays of MLX that nobody freed");
});

Deno.test("inspect() makes the same doubts and rescues as transcribe() and keeps every pass", () =>
  withDemo(async (asr) => {
    const range = { endSeconds: 34 };
    const options = { chunkSeconds: 45, range, rescueBudget: 3, vad: { minSilenceSeconds: 60 } };
    const plain = await asr.transcribe(LONG, options);
    const trace = await asr.inspect(LONG, options);
    assertEquals(trace.transcript.chunks, plain.chunks);
    const [chunk] = trace.chunks;
    assertGreater(chunk!.result.rescues.length, 0);
    const [first, left, right] = chunk!.passes;
    assertEquals(first!.durationSeconds, 34);
    assertEquals(left!.startSeconds, 0);
    assertAlmostEquals(left!.startSeconds + left!.durationSeconds, right!.startSeconds, 1e-6);
    assert(chunk!.passes.some(({ text }) => text !== "" && chunk!.result.text.includes(text)));
  }));

Deno.test("inspect() sees what transcribe() sees where steps are begun ahead and weights stay packed", async () => {
  const policy = { doubleBuffer: true, denseWeights: false, batchSize: 1 };
  const routes: RouteOptions = { device: "cpu", policy };
  await using asr = await Qwen3ASR.load("demo", routes);
  const before = liveHandles();
  const options = { chunkSeconds: 12, range: { endSeconds: 16 } };
  const plain = await asr.transcribe(LONG, options);
  const trace = await asr.inspect(LONG, { ...options, attention: [0, 2], layers: [1] });
  assertEquals(trace.transcript.chunks, plain.chunks);
  assertEquals(liveHandles(), before);
});

Deno.test("inspect() shows the watched layers by their name, and a transcript says where somebody speaks", () =>
  withDemo(async (asr) => {
    const range = { startSeconds: 12, endSeconds: 20 };
    const trace = await asr.inspect(LONG, { attention: "watched", range, topK: 1 });
    assertEquals(trace.chunks[0]!.passes[0]!.attention.map(({ layer }) => layer), trace.watchedLayers);
    const { speech } = trace.transcript;
    assertEquals(speech, trace.speech!.intervals);
    assert(
      speech!.length > 0 &&
        speech!.every(({ startSeconds, endSeconds }) => startSeconds >= 12 && endSeconds <= 20),
    );
    assertEquals((await asr.transcribe(LONG, { range, vad: "off" })).speech, undefined);
    await assertRejects(() => asr.inspect(LONG, { attention: "all" as "watched" }), OptionError, "watched");
  }));

Deno.test("inspect() gives float32 numbers of a model that computes in bfloat16", async () => {
  await using asr = await Qwen3ASR.load("demo", { device: "cpu", dtype: "bfloat16" });
  const { text, chunks } = await asr.inspect(recording("dev-01-en.wav"), { attention: [2], layers: [0] });
  assertEquals(text, "I see ten yellow windows.");
  const [pass] = chunks[0]!.passes;
  // bfloat16 has three decimal digits.
  for (const sum of pass!.attention[0]!.rowSums.values) assertAlmostEquals(sum, 1, 1e-2);
  const certain = pass!.steps.every(({ probability }) => probability > 0.9 && probability <= 1);
  assert(certain, pass!.steps.map(({ probability }) => probability).join(" "));
});

Deno.test("inspect() draws the same tokens as transcribe() at a temperature", () =>
  withDemo(async (asr) => {
    const options = { sampling: { temperature: 1.5, seed: 7 }, rescue: false };
    const plain = await asr.transcribe(recording("dev-03-en.wav"), options);
    const greedy = await asr.transcribe(recording("dev-03-en.wav"));
    const { transcript } = await asr.inspect(recording("dev-03-en.wav"), options);
    assertEquals(transcript.chunks[0]!.tokens, plain.chunks[0]!.tokens);
    assert(plain.text !== greedy.text, "at 1.5 something else is drawn, else this shows nothing");
  }));

Deno.test("inspect() follows a choice of languages and a forced one as transcribe() does", () =>
  withDemo(async (asr) => {
    const chosen = await asr.inspect(recording("dev-02-de.wav"), { languages: ["English", "German"] });
    assertEquals(chosen.transcript.language, "German");
    const kinds = chosen.chunks[0]!.passes[0]!.steps.map(({ kind }) => kind);
    assertEquals(kinds.slice(0, 4), ["language", "language", "language", "text"]);
    assertEquals(kinds.at(-1), "stop");
    const forced = await asr.inspect(recording("dev-02-de.wav"), { language: "German" });
    assertEquals(forced.chunks[0]!.passes[0]!.steps[0]!.kind, "text");
    assertEquals(forced.text, (await asr.transcribe(recording("dev-02-de.wav"), { language: "de" })).text);
  }));

Deno.test("inspect() gives attention rows that sum to 1, and a head on the audio for what only it can tell", () =>
  withDemo(async (asr) => {
    const { chunks } = await asr.inspect(recording("dev-05-de.wav"), { attention: [2, 0] });
    const { attention, steps, audioTokens } = chunks[0]!.passes[0]!;
    assertEquals(attention.map(({ layer }) => layer), [2, 0]);
    for (const { rowSums } of attention) {
      assertEquals(rowSums.values.length, steps.length * 4);
      for (const sum of rowSums.values) assertAlmostEquals(sum, 1, 1e-3);
    }
    const { values } = attention[0]!.audio;
    const onAudio = steps.map((_, step) =>
      Math.max(...[0, 1, 2, 3].map((head) => {
        const start = (step * 4 + head) * audioTokens;
        return values.subarray(start, start + audioTokens).reduce((sum, weight) => sum + weight, 0);
      }))
    );
    for (const word of ["Die", " Katze", " ist", " klein", " rot"]) {
      assertGreater(onAudio[steps.findIndex(({ text }) => text === word)]!, 0.5, word);
    }
    assert(Math.max(...onAudio) <= 1 + 1e-3);
  }));

Deno.test("inspect() looks into the one chunk it is asked for and transcribes the rest", () =>
  withDemo(async (asr) => {
    const vad = { minSilenceSeconds: 60 };
    const options = { chunkSeconds: 12, range: { startSeconds: 5, endSeconds: 40 }, vad };
    const plain = await asr.transcribe(LONG, options);
    const trace = await asr.inspect(LONG, { ...options, chunk: 1 });
    assertEquals(trace.text, plain.text);
    assertEquals(trace.chunks.map(({ index }) => index), [1]);
    const [chunk] = trace.chunks;
    assertEquals(chunk!.passes[0]!.startSeconds, chunk!.result.startSeconds);
    assertEquals(trace.plan.length, plain.chunks.length);
    assertEquals(trace.plan[0]!.startSeconds, 5);
    assertEquals(trace.cutsSeconds, plain.chunks.slice(1).map(({ startSeconds }) => startSeconds));
    assertEquals(trace.plan.at(-1)!.endSeconds, 40);
  }));

Deno.test("inspect() gives samples, energy, sizes and times that fit each other", () =>
  withDemo(async (asr) => {
    const trace = await asr.inspect(recording("dev-01-en.wav"), { layers: [3] });
    const [pass] = trace.chunks[0]!.passes;
    assertEquals(trace.samples.values, pass!.samples.values);
    assertEquals(trace.samples.shape, [trace.samples.values.length]);
    assertEquals(trace.energy.db.length, Math.ceil(trace.samples.values.length / 160));
    const frames = Math.floor(trace.samples.values.length / 160);
    assertEquals(pass!.mel.shape, [128, frames]);
    const tokens = 13 * Math.floor(frames / 100) + Math.ceil(frames % 100 / 8);
    assertEquals(pass!.audioTokens, tokens);
    assertEquals(pass!.encoderLayers[0]!.output.shape, [tokens, 192]);
    assertEquals(pass!.audioEmbeddings.shape, [tokens, 256]);
    assertEquals(pass!.speech, trace.speech);
    assertEquals(trace.speech!.probabilities.length, Math.ceil(trace.samples.values.length / 512));
    // 3 layers, keys and values, 2 heads of 64, float32.
    assertEquals(pass!.cache.bytesPerPosition, 3 * 2 * 2 * 64 * 4);
    assertEquals(pass!.cache.positions, pass!.promptTokens.length + pass!.steps.length - 1);
    assertEquals(pass!.cache.bytes, pass!.cache.capacity * pass!.cache.bytesPerPosition);
    const { melMs, encoderMs, prefillMs, decodeMs, totalMs } = pass!.times;
    for (const part of [melMs, encoderMs, prefillMs, decodeMs]) assertGreater(part, 0);
    assert(melMs + encoderMs + prefillMs + decodeMs <= totalMs);
  }));

Deno.test("inspect() says which layer, chunk or count it cannot use", () =>
  withDemo(async (asr) => {
    const path = recording("dev-01-en.wav");
    await assertRejects(() => asr.inspect(path, { attention: [3] }), OptionError, "layer 3 of the decoder");
    await assertRejects(() => asr.inspect(path, { layers: [-1] }), OptionError, "layer -1 of the encoder");
    await assertRejects(() => asr.inspect(path, { topK: 0 }), OptionError, "topK 0");
    await assertRejects(() => asr.inspect(path, { chunk: 1 }), OptionError, "chunks 0 to 0");
  }));

Deno.test("inspect() stops when aborted, frees what it has and leaves the model usable", () =>
  withDemo(async (asr) => {
    const abort = new AbortController();
    const work = asr.inspect(LONG, {
      chunkSeconds: 12,
      signal: abort.signal,
      onProgress: (event) => event.type === "chunk" && abort.abort(new Error("enough")),
    });
    await assertRejects(() => work, Error, "enough");
    assertEquals(asr.pending, 0);
    const { text } = await asr.transcribe(recording("dev-01-en.wav"));
    assertEquals(text, "I see ten yellow windows.");
  }));

Deno.test("inspect() and transcribe() on one model at the same time do not disturb each other", () =>
  withDemo(async (asr) => {
    const path = recording("dev-04-en.wav");
    const [trace, transcript] = await Promise.all([
      asr.inspect(path, { attention: [1] }),
      asr.transcribe(path),
    ]);
    assertEquals(trace.text, "Please find the brown phone.");
    assertEquals(transcript.text, trace.text);
  }));
