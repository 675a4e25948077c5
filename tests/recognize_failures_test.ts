import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { liveHandles, type MLXArray } from "../ffi/mod.ts";
import { ForcedAligner, ModelError, Qwen3ASR } from "../mod.ts";
import { loadFolder } from "../lib/load_folder.ts";
import type { ClipRequest } from "../lib/recognize/clip.ts";
import { Engine } from "../lib/recognize/engine.ts";
import type { TranscriptEvent } from "../lib/recognize/events.ts";
import { Timing } from "../lib/recognize/timing.ts";
import { DEMO_MODEL } from "./support/checkpoints.ts";
import { fixtures } from "./support/fixtures.ts";
import { runScript } from "./support/ffi_script.ts";
import { longRecording, recordingPath, samplesOf } from "./support/demo_files.ts";

async function demoEngine(): Promise<Engine> {
  // Every step is evaluated when it is built, so that tests can count evaluations.
  const { model, tokenizer } = await loadFolder(DEMO_MODEL, { policy: { doubleBuffer: false } });
  return new Engine(model, tokenizer);
}

async function requestFor(name: string, change: Partial<ClipRequest> = {}): Promise<ClipRequest> {
  const samples = await samplesOf(recordingPath(name));
  return { samples, context: "", temperature: 0, seed: 0, maxTokens: 60, ...change };
}

const failing = () => Promise.reject(new Error("MLX fails here"));

Deno.test("a clip that fails in any stage gives an error and leaves no handle behind", async () => {
  using engine = await demoEngine();
  const { model } = engine;
  const request = await requestFor("dev-01-en.wav");
  const evaluate = model.backend.evaluate.bind(model.backend);
  await engine.decode([request], { timing: new Timing() });
  const handles = liveHandles();
  /** The evaluations of a clip: mel, encoder, prefill, language or decode steps. */
  for (const languages of [undefined, ["English", "German"]]) {
    for (let failAt = 1; failAt <= 8; failAt++) {
      let calls = 0;
      model.backend.evaluate = (...arrays: MLXArray[]) =>
        ++calls === failAt ? failing() : evaluate(...arrays);
      const [answer] = await engine.decode([{ ...request, languages }], { timing: new Timing() });
      assertEquals(answer!.error?.message, "MLX fails here", `evaluation ${failAt}`);
      assertEquals(liveHandles(), handles, `after evaluation ${failAt}, languages ${languages}`);
    }
  }
  model.backend.evaluate = evaluate;
  const [spelled] = await engine.decode([{ ...request, context: "<|im_end|>" }], { timing: new Timing() });
  assertEquals(spelled!.finishReason, "error");
  assertEquals(liveHandles(), handles, "after a prompt that is refused");
});

Deno.test("a step that cannot begin, or fails while it is computed, gives an error and leaves no handle behind", async () => {
  using engine = await demoEngine();
  const { model } = engine, { backend } = model;
  const request = await requestFor("dev-01-en.wav");
  const expected = await engine.decode([request], { timing: new Timing() });
  const begin = backend.begin.bind(backend);
  const handles = liveHandles();
  backend.policy.doubleBuffer = true;
  for (const stage of ["begin", "compute"]) {
    for (let failAt = 1; failAt <= 6; failAt++) {
      let calls = 0;
      backend.begin = (arrays) => {
        const fails = ++calls === failAt;
        if (fails && stage === "begin") throw new Error("MLX fails here");
        const begun = begin(arrays);
        if (fails) begun.settled = failing;
        return begun;
      };
      const [answer] = await engine.decode([request], { timing: new Timing() });
      assertEquals(answer!.error?.message, "MLX fails here", `${stage} ${failAt}`);
      assertEquals(liveHandles(), handles, `${stage} ${failAt}`);
    }
  }
  backend.begin = begin;
  const [after] = await engine.decode([request], { timing: new Timing() });
  assertEquals([after!.text, liveHandles()], [expected[0]!.text, handles]);
});

Deno.test("a batch that fails while it is put together or decodes leaves no handle behind", async () => {
  using engine = await demoEngine();
  const { model } = engine;
  const requests = [await requestFor("dev-01-en.wav"), await requestFor("dev-04-en.wav")];
  const expected = await engine.decode(requests, { timing: new Timing() });
  const evaluate = model.backend.evaluate.bind(model.backend);
  const step = model.step.bind(model);
  const handles = liveHandles();
  // The evaluations up to the first step end with the merged cache's and the first tokens'.
  let calls = 0, untilStep = 0;
  model.backend.evaluate = (...arrays: MLXArray[]) => {
    calls++;
    return evaluate(...arrays);
  };
  model.step = (tokens, cache, probe) => {
    untilStep ||= calls;
    return step(tokens, cache, probe);
  };
  await engine.decode(requests, { timing: new Timing() });
  assert(untilStep > 7);
  calls = 0;
  model.step = step;
  model.backend.evaluate = (...arrays: MLXArray[]) =>
    ++calls === untilStep - 1 ? failing() : evaluate(...arrays);
  const merged = await engine.decode(requests, { timing: new Timing() });
  model.backend.evaluate = evaluate;
  assertEquals(merged.map(({ text }) => text), expected.map(({ text }) => text));
  assertEquals(liveHandles(), handles);
  for (const doubleBuffer of [false, true]) {
    model.backend.policy.doubleBuffer = doubleBuffer;
    for (let failAt = 1; failAt <= 6; failAt++) {
      let steps = 0;
      model.step = (tokens, cache, probe) => {
        if (++steps === failAt) throw new Error("a step fails");
        return step(tokens, cache, probe);
      };
      const answers = await engine.decode(requests, { timing: new Timing() });
      assertEquals(answers.map(({ text }) => text), expected.map(({ text }) => text));
      assertEquals(liveHandles(), handles, `step ${failAt}, double buffer ${doubleBuffer}`);
    }
  }
});

Deno.test("a batch that is decoded again tells each token once", async () => {
  using engine = await demoEngine();
  const { model } = engine;
  const step = model.step.bind(model);
  let steps = 0;
  model.step = (tokens, cache, probe) => {
    if (++steps === 5) throw new Error("a step fails");
    return step(tokens, cache, probe);
  };
  const told: number[][] = [[], []];
  const requests = [
    await requestFor("dev-01-en.wav", { onToken: (id) => told[0]!.push(id) }),
    await requestFor("dev-04-en.wav", { onToken: (id) => told[1]!.push(id) }),
  ];
  const answers = await engine.decode(requests, { timing: new Timing() });
  for (const [index, { tokens }] of answers.entries()) {
    assertEquals(told[index], tokens.slice(0, told[index]!.length));
    assertEquals(told[index]!.length, 5);
  }
});

Deno.test("an answer cut short before its text begins has no text", async () => {
  using engine = await demoEngine();
  const whole = await engine.decode([await requestFor("dev-01-en.wav")], { timing: new Timing() });
  const tag = whole[0]!.tokens.indexOf(engine.tokenizer.require("<asr_text>"));
  for (let maxTokens = 1; maxTokens <= tag + 1; maxTokens++) {
    const request = await requestFor("dev-01-en.wav", { maxTokens });
    const [answer] = await engine.decode([request], { timing: new Timing() });
    assertEquals([answer!.finishReason, answer!.text], ["length", ""], answer!.rawText);
  }
  const [more] = await engine.decode([await requestFor("dev-01-en.wav", { maxTokens: tag + 4 })], {
    timing: new Timing(),
  });
  assertEquals(whole[0]!.text.startsWith(more!.text) && more!.text !== "", true);
});

Deno.test("an abort is noticed between the stages of a clip, and what was not begun is cancelled", async () => {
  using engine = await demoEngine();
  const { model } = engine;
  const evaluate = model.backend.evaluate.bind(model.backend);
  const requests = [await requestFor("dev-01-en.wav"), await requestFor("dev-04-en.wav")];
  const handles = liveHandles();
  // mel, encoder and prefill of the first clip, then of the second
  for (let abortAt = 1; abortAt <= 5; abortAt++) {
    const controller = new AbortController();
    let calls = 0;
    model.backend.evaluate = async (...arrays: MLXArray[]) => {
      if (++calls === abortAt) controller.abort();
      await evaluate(...arrays);
    };
    const answers = await engine.decode(requests, { timing: new Timing(), signal: controller.signal });
    assertEquals(answers.map(({ finishReason }) => finishReason), ["cancelled", "cancelled"]);
    assertEquals(answers.every(({ tokens, text }) => tokens.length <= 1 && text === ""), true);
    // What runs ends; at most the merge and one step follow.
    assertEquals(calls <= abortAt + 3, true, `${calls} evaluations after an abort in number ${abortAt}`);
    if (abortAt === 1) assertEquals(calls, 1);
    assertEquals(liveHandles(), handles);
  }
});

Deno.test("an error thrown by onProgress rejects the call with that error and ends the work", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const { path } = await longRecording();
  const handles = liveHandles();
  for (const type of ["start", "delta", "chunk", "done"]) {
    let after = 0, thrown = false;
    const onProgress = (event: TranscriptEvent) => {
      if (thrown) after++;
      if (event.type !== type) return;
      thrown = true;
      throw new Error(`no ${type}, please`);
    };
    const call = asr.transcribe(path, { chunkSeconds: 8, batchSize: 2, onProgress, onAbort: "partial" });
    await assertRejects(() => call, Error, `no ${type}, please`);
    assertEquals(after, 0, type);
    assertEquals(liveHandles(), handles);
  }
  assertEquals((await asr.transcribe(recordingPath("dev-01-en.wav"))).text, "I see ten yellow windows.");
});

Deno.test("an abort ends a call that waits for its turn at once, and those behind it keep their order", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const { path } = await longRecording();
  const order: string[] = [];
  const decoding = Promise.withResolvers<void>();
  const long = asr.transcribe(path, {
    chunkSeconds: 8,
    onProgress: ({ type }) => {
      if (type === "delta") decoding.resolve();
      if (type === "chunk") order.push("long");
    },
  });
  await decoding.promise;
  const controller = new AbortController();
  const begun = Promise.withResolvers<void>();
  const waiting = asr.transcribe(recordingPath("dev-04-en.wav"), {
    signal: controller.signal,
    onProgress: ({ type }) => type === "start" && begun.resolve(),
  }).catch((error) => order.push((error as Error).message));
  await begun.promise;
  const behind = asr.transcribe(recordingPath("dev-01-en.wav")).then(({ text }) => order.push(text));
  controller.abort(new Error("enough"));
  await Promise.all([long, waiting, behind]);
  assertEquals(order[0], "enough");
  assertEquals(new Set(order), new Set(["enough", "I see ten yellow windows.", "long"]));
});

Deno.test("onAbort: partial returns what there is, whenever the abort comes", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const { path } = await longRecording();
  const options = {
    onAbort: "partial",
    chunkSeconds: 8,
    batchSize: 2,
    vad: { minSilenceSeconds: 60 },
  } as const;
  const early = await asr.transcribe(path, { ...options, signal: AbortSignal.abort() });
  assertEquals([early.partial, early.text, early.chunks], [true, "", []]);
  const samples = await samplesOf(path);
  const planning = new AbortController();
  const unread = asr.transcribeSamples(samples, { ...options, signal: planning.signal });
  queueMicrotask(() => planning.abort());
  assertEquals((await unread).partial, true);
  const controller = new AbortController();
  const events: TranscriptEvent[] = [];
  const cut = await asr.transcribe(path, {
    ...options,
    signal: controller.signal,
    onProgress: (event) => {
      events.push(event);
      if (event.type === "delta" && event.chunkIndex === 2) controller.abort();
    },
  });
  const told = events.flatMap((event) => event.type === "chunk" ? [event.chunk.index] : []);
  assertEquals(told, cut.chunks.map(({ index }) => index));
  const cancelled = cut.chunks.filter(({ finishReason }) => finishReason === "cancelled");
  assert(cancelled.some(({ text }) => text !== "") && cancelled.length > 5);
  for (const { coverage } of cancelled) {
    assertEquals([coverage.verdict, coverage.reasons.length], ["suspect", 1]);
  }
  assertEquals(cut.warnings.filter(({ code }) => code === "aborted").length, 1);
  assertEquals(cut.warnings.length, 1);
  assertEquals(events.at(-1)!.type, "done");
});

Deno.test("an aborted call that rejects sends no done event", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const controller = new AbortController();
  const types: string[] = [];
  const call = async () => {
    for await (
      const { type } of asr.stream((await longRecording()).path, {
        signal: controller.signal,
        chunkSeconds: 8,
      })
    ) {
      types.push(type);
      if (type === "delta") controller.abort(new Error("enough"));
    }
  };
  await assertRejects(call, Error, "enough");
  assertEquals(types.includes("done"), false);
});

Deno.test("the peak of memory is the whole call's, though another call begins meanwhile", async () => {
  // MLX's counters belong to the process: a process of its own.
  const { code, stdout, stderr } = await runScript(`
    import { Qwen3ASR } from "./mod.ts";
    import { samplesOf } from "./tests/support/demo_files.ts";
    await using asr = await Qwen3ASR.load("demo");
    const options = { chunkSeconds: 12, rescue: false };
    const samples = await samplesOf("demo/recordings/long-en.wav");
    // How far MLX prepares ahead of its threads is a matter of moments (27 to 32 MB): the least is what every call needs.
    const peaks = [];
    for (let round = 0; round < 5; round++) {
      peaks.push((await asr.transcribeSamples(samples, options)).stats.peakMemoryBytes);
    }
    const alone = Math.min(...peaks);
    let other;
    const together = await asr.transcribeSamples(samples, {
      ...options,
      onProgress: (event) => {
        // The last one: what follows needs much less.
        if (event.type === "chunk" && event.doneSeconds === event.durationSeconds) {
          other = asr.transcribeSamples(samples.subarray(0, 32_000));
        }
      },
    });
    if (!other) throw new Error("No other call began.");
    await other;
    console.log(JSON.stringify([alone, together.stats.peakMemoryBytes]));
  `);
  assertEquals(code, 0, stderr);
  const [alone, together] = JSON.parse(stdout) as [number, number];
  assert(together > 0.95 * alone, stdout);
});

Deno.test("a live stream's step counts as a call: disposing waits for it, and the next one is refused", async () => {
  const before = liveHandles();
  const asr = await Qwen3ASR.load("demo");
  await using session = asr.live({ mode: "official", stepSeconds: 1 });
  const samples = await samplesOf(recordingPath("dev-01-en.wav"));
  session.push(samples);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(asr.pending, 1);
  asr.dispose();
  await asr.close();
  assertEquals(asr.pending, 0);
  // The steps behind the one that ran are refused, and who pushes and who reads learns of it.
  await assertRejects(() => Array.fromAsync(session), ModelError, "disposed");
  assertThrows(() => session.push(samples), ModelError, "disposed");
  await session.end();
  asr.dispose();
  assertEquals(liveHandles(), before);
});

Deno.test("an aligner that is disposed while it works ends its work and refuses more", async () => {
  const before = liveHandles();
  const folder = join(await fixtures(), "models", "tiny-aligner-hf");
  const samples = await samplesOf(recordingPath("dev-01-en.wav"));
  const aligner = await ForcedAligner.load(folder, { device: "cpu" });
  const text = "I see ten yellow windows.";
  const expected = await aligner.align(samples, text, { language: "en" });
  const running = aligner.align(samples, text, { language: "en" });
  await new Promise((resolve) => setTimeout(resolve, 2));
  aligner.dispose();
  assertEquals(await running, expected);
  await assertRejects(() => aligner.align(samples, text, { language: "en" }), ModelError, "disposed");
  aligner.dispose();
  assertEquals(liveHandles(), before);
});
