import { assert, assertEquals, assertGreater, assertLess, assertRejects } from "@std/assert";
import { fromData, liveHandles } from "../ffi/mod.ts";
import { type AudioSource, MLXError, Qwen3ASR } from "../mod.ts";
import { loadFolder } from "../lib/load_folder.ts";
import { Engine } from "../lib/recognize/engine.ts";
import { Timing } from "../lib/recognize/timing.ts";
import { DEMO_MODEL } from "./support/checkpoints.ts";
import { runScript } from "./support/ffi_script.ts";
import { longRecording, recordingPath, samplesOf } from "./support/demo_files.ts";

const MINUTES_20 = 20 * 60 * 16_000;

/** Reproducible numbers in [0, 1). */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296) / 4_294_967_296;
}

/** Memory counters belong to the process: what reads them runs in one of its own. */
async function measure<T>(code: string): Promise<T> {
  const { code: exitCode, stdout, stderr } = await runScript(code, { env: { OPENBLAS_NUM_THREADS: "1" } });
  assertEquals(exitCode, 0, stderr);
  return JSON.parse(stdout) as T;
}

Deno.test("2000 decode steps leave live handles and MLX's memory where they were after 100", async () => {
  const { handles, bytes } = await measure<{ handles: number[]; bytes: number[] }>(`
    import { activeMemory, fromData, liveHandles } from "./ffi/mod.ts";
    import { loadFolder } from "./lib/load_folder.ts";
    const { model } = await loadFolder("demo/model", {});
    const cache = model.newCache();
    cache.reserve(2_200);
    const { backend } = model;
    const handles = [], bytes = [];
    await backend.exclusive(async () => {
    const embeddings = backend.build(() => model.decoder.embed(fromData(Int32Array.of(1, 2, 3, 4), [1, 4])));
    const logits = backend.build(() => model.prefill(embeddings, cache));
    let tokens = backend.build(() => model.choose(logits));
    await backend.evaluate(tokens, ...cache.arrays());
    for (let step = 0; step < 2_000; step++) {
      const next = backend.build(() => model.choose(model.step(tokens, cache)));
      tokens.dispose();
      tokens = next;
      await backend.evaluate(tokens);
      handles.push(liveHandles());
      bytes.push(activeMemory());
    }
    });
    console.log(JSON.stringify({ handles, bytes }));
  `);
  assertEquals(handles.length, 2_000);
  assertEquals(new Set(handles.slice(100)).size, 1);
  assertGreater(bytes[100]!, 1_000_000);
  // Scalars of the last step may or may not be alive when the counter is read.
  assertLess(Math.max(...bytes.slice(100)) - Math.min(...bytes.slice(100)), 4_096);
});

Deno.test("200 aborts at random moments leave no handles, and the next call answers right", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const chance = random(7);
  const { path } = await longRecording();
  const expected = (await asr.transcribe(recordingPath("dev-04-en.wav"))).text;
  const handles = liveHandles();
  let aborted = 0;
  const attempt = async () => {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(new Error("enough")), chance() * 120);
    await asr.transcribe(path, { chunkSeconds: 10, signal: controller.signal }).then(
      () => {},
      (error) => {
        assertEquals((error as Error).message, "enough");
        aborted++;
      },
    );
    clearTimeout(timer);
  };
  for (let round = 0; round < 50; round++) {
    // Four at a time, so that some wait in the queue while others decode.
    await Promise.all([attempt(), attempt(), attempt(), attempt()]);
    if (round % 10 === 0) assertEquals((await asr.transcribe(recordingPath("dev-04-en.wav"))).text, expected);
  }
  assertGreater(aborted, 100);
  assertEquals(liveHandles(), handles);
  assertEquals((await asr.transcribe(recordingPath("dev-04-en.wav"))).text, expected);
});

Deno.test("an abort with onAbort: partial returns what there is, marked", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const controller = new AbortController();
  const { path } = await longRecording();
  const transcript = await asr.transcribe(path, {
    chunkSeconds: 8,
    batchSize: 2,
    vad: { minSilenceSeconds: 60 },
    signal: controller.signal,
    onAbort: "partial",
    onProgress: (event) => {
      if (event.type === "chunk" && event.chunk.index === 3) controller.abort();
    },
  });
  assertEquals(transcript.partial, true);
  assert(transcript.text.startsWith("Sunday is a warm day, Peter."));
  assertEquals(transcript.chunks.at(-1)!.finishReason, "cancelled");
  assertGreater(transcript.chunks.filter(({ finishReason }) => finishReason === "stop").length, 3);
  assertEquals(new Set(transcript.chunks.map(({ index }) => index)).size, transcript.chunks.length);
});

Deno.test("leaving stream() early aborts the work and frees what it held", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const handles = liveHandles();
  for await (const event of asr.stream((await longRecording()).path)) if (event.type === "delta") break;
  assertEquals(asr.pending, 0);
  assertEquals(liveHandles(), handles);
});

Deno.test("calls overlap: each gets its own answer, a short one need not wait for a long one, two models work at once", async () => {
  await using first = await Qwen3ASR.load("demo");
  await using second = await Qwen3ASR.load("demo");
  const order: string[] = [];
  const { path } = await longRecording();
  const long = first.transcribe(path, { chunkSeconds: 8, batchSize: 1 }).then(() => order.push("long"));
  const short = first.transcribe(recordingPath("dev-01-en.wav")).then(({ text }) => {
    order.push("short");
    return text;
  });
  const other = second.transcribe(recordingPath("dev-04-en.wav"));
  assertEquals(await short, "I see ten yellow windows.");
  assertEquals((await other).text, "Please find the brown phone.");
  await long;
  assertEquals(order, ["short", "long"]);
});

Deno.test("timers keep ticking through every stage", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const samples = await samplesOf((await longRecording()).path);
  const recording = new Float32Array(6 * samples.length);
  for (let copy = 0; copy < 6; copy++) recording.set(samples, copy * samples.length);
  const ticks: Record<string, number> = {};
  let stage = "plan";
  const timer = setInterval(() => ticks[stage] = (ticks[stage] ?? 0) + 1, 2);
  const start = performance.now();
  await asr.transcribeSamples(recording, {
    onProgress: ({ type }) => {
      if (type === "start") stage = "decode";
    },
  });
  clearInterval(timer);
  const total = Object.values(ticks).reduce((sum, count) => sum + count, 0);
  assertGreater(ticks["plan"] ?? 0, 0);
  // At least one turn of the event loop every 20 ms on average: a blocked stage would cost hundreds.
  assertGreater(total, (performance.now() - start) / 20);
});

Deno.test("an error inside MLX rejects that call with its cause; the next call works", async () => {
  const { model, tokenizer } = await loadFolder(DEMO_MODEL, {});
  using engine = new Engine(model, tokenizer);
  const request = {
    samples: await samplesOf(recordingPath("dev-01-en.wav")),
    context: "",
    temperature: 0,
    seed: 0,
    maxTokens: 50,
  };
  const handles = liveHandles();
  const stages = model.encoder.stages.bind(model.encoder);
  // A mel of the wrong height: MLX itself refuses.
  model.encoder.stages = function* () {
    return yield* stages(fromData(new Float32Array(100), [1, 100]));
  };
  const [failed] = await engine.decode([request], { timing: new Timing() });
  assertEquals(failed!.finishReason, "error");
  assert(failed!.error instanceof MLXError, String(failed!.error));
  model.encoder.stages = stages;
  const [next] = await engine.decode([request], { timing: new Timing() });
  assertEquals(next!.text, "I see ten yellow windows.");
  assertEquals(liveHandles(), handles);
});

Deno.test("a disposed model refuses new calls and lets running ones end", async () => {
  const asr = await Qwen3ASR.load("demo");
  const running = asr.transcribe(recordingPath("dev-01-en.wav"));
  asr.dispose();
  await assertRejects(() => asr.transcribe(recordingPath("dev-01-en.wav")), Error, "disposed");
  assertEquals((await running).text, "I see ten yellow windows.");
});

const clicks = random(3);
const ODD: Record<string, { source: () => Promise<AudioSource>; seconds: number; silent: boolean }> = {
  "20 minutes of digital silence": {
    source: () => Promise.resolve(new Float32Array(MINUTES_20)),
    seconds: 1200,
    silent: true,
  },
  "20 minutes of white noise": {
    source: () => Promise.resolve(Float32Array.from({ length: MINUTES_20 }, () => 0.2 * (clicks() - 0.5))),
    seconds: 1200,
    silent: true,
  },
  "20 minutes of a 440 Hz tone": {
    source: () =>
      Promise.resolve(
        Float32Array.from({ length: MINUTES_20 }, (_, i) => 0.3 * Math.sin(2 * Math.PI * 440 * i / 16_000)),
      ),
    seconds: 1200,
    silent: true,
  },
  "50 ms": { source: () => Promise.resolve(new Float32Array(800).fill(0.01)), seconds: 0.05, silent: true },
  "clipped speech": {
    source: async () =>
      (await samplesOf(recordingPath("dev-00-en.wav"))).map((x) => Math.max(-1, Math.min(1, 20 * x))),
    seconds: 3.97,
    silent: false,
  },
};

for (const [name, { source, seconds, silent }] of Object.entries(ODD)) {
  Deno.test(`${name}: an answer, and no invention reported as sure`, async () => {
    await using asr = await Qwen3ASR.load("demo");
    const transcript = await asr.transcribe(await source());
    assertLess(Math.abs(transcript.durationSeconds - seconds), 0.01);
    assertEquals(transcript.chunks.at(-1)!.endSeconds, transcript.durationSeconds);
    if (silent) {
      const sure = transcript.chunks.filter(({ text, coverage }) =>
        text !== "" && coverage.verdict === "complete"
      );
      assertEquals(sure, []);
      assertGreater(transcript.warnings.length, 0);
      if (transcript.text === "") assertEquals(transcript.coverage.verdict, "no-speech");
    } else assertGreater(transcript.coverage.speechSeconds, 1);
  });
}

Deno.test("memory is the same for 2 and for 20 minutes, and no text is lost", async () => {
  interface Run {
    seconds: number;
    words: number;
    peak: number;
  }
  const [short, long] = await measure<[Run, Run]>(`
    import { Qwen3ASR } from "./mod.ts";
    import { samplesOf } from "./tests/support/demo_files.ts";
    await using asr = await Qwen3ASR.load("demo");
    const once = await samplesOf("demo/recordings/long-en.wav");
    const runs = [];
    for (const count of [1, 12]) {
      const samples = new Float32Array(count * once.length);
      for (let copy = 0; copy < count; copy++) samples.set(once, copy * once.length);
      const { text, stats, durationSeconds } = await asr.transcribeSamples(samples, { chunkSeconds: 12, rescue: false });
      runs.push({ seconds: durationSeconds, words: text.split(" ").length, peak: stats.peakMemoryBytes });
    }
    console.log(JSON.stringify(runs));
  `);
  assertGreater(long.seconds, 1200);
  assertLess(Math.abs(long.words / short.words - 12), 0.2);
  assertLess(long.peak, 1.1 * short.peak);
});
