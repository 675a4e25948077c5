/**
 * A clip that grows and keeps what it can gives, at every length, what the same samples give from nothing.
 */
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import * as mx from "../ffi/mod.ts";
import { loadFolder } from "../lib/load_folder.ts";
import type { BackendPolicy } from "../lib/model/backend.ts";
import type { Qwen3ASRModel } from "../lib/model/qwen3_asr_model.ts";
import type { ClipRequest } from "../lib/recognize/clip.ts";
import type { ClipAnswer } from "../lib/recognize/clip_answer.ts";
import { encode } from "../lib/recognize/encode.ts";
import { Engine } from "../lib/recognize/engine.ts";
import { GrowingClip } from "../lib/recognize/growing_clip.ts";
import { Timing } from "../lib/recognize/timing.ts";
import { DEMO_MODEL } from "./support/checkpoints.ts";
import { recordings, samplesOf } from "./support/demo_files.ts";
import { fixtures } from "./support/fixtures.ts";

const FIXTURES = await fixtures();
const RATE = 16_000;
/** Two orders of the same float32 sums: embeddings of size 1, log probabilities. */
const TOLERANCE = 1e-3;

async function engineOf(folder: string, policy: Partial<BackendPolicy> = {}): Promise<Engine> {
  const { model, tokenizer } = await loadFolder(folder, { device: "cpu", policy });
  return new Engine(model, tokenizer);
}

/** The demo's first recordings one after the other, each as loud as its gain says. */
async function speech(seconds: number, gains: readonly number[] = [1]): Promise<Float32Array> {
  const samples = new Float32Array(seconds * RATE);
  let at = 0;
  for (const [index, { path }] of (await recordings()).entries()) {
    const gain = gains[Math.min(index, gains.length - 1)]!;
    const part = (await samplesOf(path)).map((value) => value * gain).subarray(0, samples.length - at);
    samples.set(part, at);
    at += part.length;
    if (at === samples.length) break;
  }
  return samples;
}

const asked = { context: "", temperature: 0, seed: 0, maxTokens: 200, logprobs: true };

async function decoded(engine: Engine, request: ClipRequest): Promise<ClipAnswer & { timing: Timing }> {
  const timing = new Timing({ keepSpans: true });
  const [answer] = await engine.decode([request], { timing });
  if (answer!.error) throw answer!.error;
  return { ...answer!, timing };
}

function assertSame(found: ClipAnswer, plain: ClipAnswer, where: string): void {
  assertEquals([found.tokens, found.finishReason, found.rawText, found.text], [
    plain.tokens,
    plain.finishReason,
    plain.rawText,
    plain.text,
  ], where);
  for (const [index, { logprob }] of plain.logprobs!.entries()) {
    assertAlmostEquals(found.logprobs![index]!.logprob, logprob, TOLERANCE, `${where}: token ${index}`);
  }
  for (const [index, value] of plain.attended?.entries() ?? []) {
    assertAlmostEquals(found.attended![index]!, value, TOLERANCE, `${where}: attended ${index}`);
  }
}

/** Positions that the decoder read before it wrote. */
function positionsRead({ spans }: Timing): number {
  return spans!.find(({ name }) => name === "prefill")!.detail["tokens"]!;
}

/** Counts the mel frames that go through the encoder. */
function countFrames(model: Qwen3ASRModel): { frames: number } & Disposable {
  const stages = model.encoder.stages.bind(model.encoder);
  const count = {
    frames: 0,
    [Symbol.dispose]: () => {
      model.encoder.stages = stages;
    },
  };
  model.encoder.stages = (mel, ...more) => {
    count.frames += mel.dim(1);
    return stages(mel, ...more);
  };
  return count;
}

Deno.test("GrowingClip.encode() gives the embeddings of all samples at every length", async () => {
  const seconds = [
    ...[
      0.004,
      0.0125,
      0.0126,
      0.02,
      0.5,
      0.999,
      1,
      1.0025,
      1.004,
      1.02,
      1.3,
      2,
      2.01,
      2.011,
      7.99,
      8,
      8.0025,
    ],
    ...[8.004, 8.01, 8.0126, 9, 15.5, 16, 16.02, 23.9, 24.1, 24.1, 29.3, 30],
  ];
  // Of constant loudness, and with a clamp that moves late and more than once.
  for (const gains of [[1], [0.003, 0.01, 0.2, 0.01, 1, 0.1]]) {
    const samples = await speech(30, gains);
    for (
      const [folder, policy] of [[DEMO_MODEL, {}], [DEMO_MODEL, { convBlocks: 3, stageRows: 300 }]] as const
    ) {
      using engine = await engineOf(folder, policy);
      const { model } = engine;
      const before = mx.liveHandles();
      const timing = new Timing();
      {
        using clip = new GrowingClip(model);
        for (const length of seconds) {
          const part = samples.subarray(0, Math.round(length * RATE));
          using expected = await encode(model, part, { timing });
          using found = await clip.encode(part, { timing });
          assertEquals(found.shape, expected.shape, `${length} s`);
          const apart = mx.toFloat32(expected), got = mx.toFloat32(found);
          const worst = apart.reduce(
            (most, value, index) => Math.max(most, Math.abs(value - got[index]!)),
            0,
          );
          assert(worst < TOLERANCE, `${length} s: embeddings differ by ${worst}`);
        }
        // A shorter clip is another clip.
        using expected = await encode(model, samples.subarray(RATE, 3 * RATE), { timing });
        using found = await clip.encode(samples.subarray(RATE, 3 * RATE), { timing });
        assertAlmostEquals(mx.toFloat32(found)[0]!, mx.toFloat32(expected)[0]!, TOLERANCE);
      }
      assertEquals(mx.liveHandles(), before);
    }
  }
});

Deno.test("what is kept is not computed again, and a late peak computes again what it changes", async () => {
  using engine = await engineOf(DEMO_MODEL);
  const samples = await speech(30);
  using clip = new GrowingClip(engine.model);
  using count = countFrames(engine.model);
  const step = async (seconds: number) => {
    count.frames = 0;
    const answer = await decoded(engine, {
      ...asked,
      samples: samples.subarray(0, seconds * RATE),
      growing: clip,
    });
    return { frames: count.frames, read: positionsRead(answer.timing), prompt: answer.timing.promptTokens };
  };
  await step(20);
  const quiet = await step(21);
  // One second and a bit of sound; the second half of 21 s of audio tokens, and the prompt's end.
  assertEquals(quiet.frames, 200);
  assert(quiet.read < quiet.prompt - 2 * 104, JSON.stringify(quiet));
  samples.set(Float32Array.from({ length: 800 }, (_, i) => Math.sin(i / 4)), 21.5 * RATE);
  const peak = await step(22);
  assert(peak.frames > 1000, JSON.stringify(peak));
  const after = await step(23);
  assertEquals(after.frames, 200);
});

const CALLS: Record<string, Partial<ClipRequest>> = {
  "nothing else": {},
  "context": { context: "A talk about ten yellow windows.\nAnna, window" },
  "a forced language": { language: "English" },
};

for (const doubleBuffer of [false, true]) {
  Deno.test(`a growing utterance has the answers of its samples, buffered: ${doubleBuffer}`, async (test) => {
    using engine = await engineOf(DEMO_MODEL, { doubleBuffer });
    const { tokenizer } = engine;
    for (const [name, gains] of [["even", [1]], ["a late peak", [0.05, 0.05, 0.05, 0.05, 1]]] as const) {
      // The choice of tokens is what differs; what is kept does not know of it.
      if (doubleBuffer && name === "even") continue;
      const samples = await speech(30, gains);
      for (const [call, change] of Object.entries(CALLS).slice(doubleBuffer ? 1 : 0)) {
        await test.step(`${name}, ${call}`, async () => {
          const handles = mx.liveHandles();
          {
            using clip = new GrowingClip(engine.model);
            let prefix = "", draft: number[] = [];
            let steps = 0, plainSteps = 0;
            for (let seconds = 1; seconds <= 30; seconds += seconds < 10 ? 2.2 : 4.7) {
              const request = {
                ...asked,
                ...change,
                prefix,
                samples: samples.subarray(0, Math.round(seconds * RATE)),
              };
              const plain = await decoded(engine, request);
              const kept = await decoded(engine, { ...request, growing: clip, draft });
              assertSame(kept, plain, `${seconds} s`);
              steps += kept.timing.decodeSteps;
              plainSteps += plain.timing.decodeSteps;
              // The first half of what was said is committed, the rest a draft.
              const half = Math.floor(plain.tokens.length / 2);
              prefix += tokenizer.decode(plain.tokens.slice(0, half), { skipSpecialTokens: false });
              draft = plain.tokens.slice(half);
            }
            assert(steps < plainSteps, `${steps} steps of ${plainSteps}`);
            // A free decode at the end goes by the same cache.
            const request = { ...asked, ...change, samples };
            assertSame(
              await decoded(engine, { ...request, growing: clip, draft: tokenizer.encode(prefix) }),
              await decoded(engine, request),
              "the end",
            );
          }
          assertEquals(mx.liveHandles(), handles);
        });
      }
    }
  });
}

Deno.test("recordings of the demo, as they grow, have the tokens of their samples", async () => {
  for (const policy of [{}, { denseWeights: false }]) {
    using engine = await engineOf(DEMO_MODEL, policy);
    const list = (await recordings()).filter(({ path }) => !path.endsWith("long-en.wav"));
    for (const { path } of list.slice(0, policy.denseWeights === false ? 4 : 12)) {
      const samples = await samplesOf(path);
      using clip = new GrowingClip(engine.model);
      let draft: number[] = [];
      for (const part of [0.3, 0.55, 0.8, 1]) {
        const request = { ...asked, samples: samples.subarray(0, Math.floor(part * samples.length)) };
        const plain = await decoded(engine, request);
        assertSame(await decoded(engine, { ...request, growing: clip, draft }), plain, `${path} ${part}`);
        draft = plain.tokens;
      }
    }
  }
});

Deno.test("a growing utterance has the tokens of its samples on every layout", async () => {
  const samples = await speech(20);
  for (const name of ["tiny-hf", "tiny-mlx-8bit", "tiny-mlx-4bit", "tiny-mlx-mixed"]) {
    for (const policy of [{}, { passes: "mlx" }, { denseWeights: false }] as const) {
      using engine = await engineOf(join(FIXTURES, "models", name), policy);
      using clip = new GrowingClip(engine.model);
      let draft: number[] = [];
      for (const seconds of [2.5, 9, 10, 19.3]) {
        const part = samples.subarray(0, seconds * RATE);
        const request = { ...asked, samples: part, maxTokens: 16, minTokens: 16 };
        const plain = await decoded(engine, request);
        assertSame(
          await decoded(engine, { ...request, growing: clip, draft }),
          plain,
          `${name} ${JSON.stringify(policy)} ${seconds} s`,
        );
        draft = plain.tokens;
      }
    }
  }
});

Deno.test("an abort between any two stages leaves a growing clip that goes on rightly", async () => {
  using engine = await engineOf(DEMO_MODEL);
  const { model } = engine;
  const samples = await speech(20, [0.05, 0.05, 0.05, 1]);
  const handles = mx.liveHandles();
  const stages = model.backend.runStages.bind(model.backend);
  for (const stop of [0, 1, 2, 3]) {
    using clip = new GrowingClip(model);
    const request = (seconds: number) => ({ ...asked, samples: samples.subarray(0, seconds * RATE) });
    await decoded(engine, { ...request(9.5), growing: clip });
    const abort = new AbortController();
    let passes = 0;
    // Before the encoder, after it, after the prefill, or at the first token.
    if (stop === 0) abort.abort();
    model.backend.runStages = async (...args) => {
      const done = await stages(...args);
      if (++passes === stop) abort.abort();
      return done;
    };
    const onToken = () => stop === 3 && abort.abort();
    const [cut] = await engine.decode([{ ...request(19), growing: clip, onToken }], {
      timing: new Timing(),
      signal: abort.signal,
    });
    assertEquals(cut!.finishReason, "cancelled", `${stop}`);
    model.backend.runStages = stages;
    assertSame(
      await decoded(engine, { ...request(20), growing: clip }),
      await decoded(engine, request(20)),
      `${stop}`,
    );
  }
  assertEquals(mx.liveHandles(), handles);
});

Deno.test("a growing clip that is disposed while it is heard, or whose pass fails, leaves no handle behind", async () => {
  using engine = await engineOf(DEMO_MODEL);
  const { model } = engine;
  const samples = await speech(12);
  await decoded(engine, { ...asked, samples });
  const handles = mx.liveHandles();
  const clip = new GrowingClip(model);
  await decoded(engine, { ...asked, samples: samples.subarray(0, 9 * RATE), growing: clip });
  const heard = decoded(engine, {
    ...asked,
    samples,
    growing: clip,
    onToken: () => clip[Symbol.dispose](),
  });
  assertEquals((await heard).text, (await decoded(engine, { ...asked, samples })).text);
  assertEquals(mx.liveHandles(), handles);
  using hurt = new GrowingClip(model);
  for (const name of ["prefillStages", "step"] as const) {
    await decoded(engine, { ...asked, samples: samples.subarray(0, 9 * RATE), growing: hurt });
    const method = model[name];
    Object.assign(model, {
      [name]: () => {
        throw new Error(`no ${name}`);
      },
    });
    await assertRejects(() => decoded(engine, { ...asked, samples, growing: hurt }), Error, `no ${name}`);
    Object.assign(model, { [name]: method });
    const after = await decoded(engine, { ...asked, samples, growing: hurt });
    assertSame(after, await decoded(engine, { ...asked, samples }), name);
  }
  hurt[Symbol.dispose]();
  assertEquals(mx.liveHandles(), handles);
});

Deno.test("utterances that grow beside each other, and in one batch, keep their own", async () => {
  using engine = await engineOf(DEMO_MODEL);
  const samples = await Promise.all([[1], [0.1, 1], [0.3]].map((gains) => speech(14, gains)));
  const handles = mx.liveHandles();
  {
    using stack = new DisposableStack();
    const clips = samples.map((all, index) => ({
      all: all.subarray(index * RATE),
      growing: stack.use(new GrowingClip(engine.model)),
    }));
    for (const seconds of [4, 8.5, 9.5, 12]) {
      await Promise.all(clips.map(async ({ all, growing }, index) => {
        const request = { ...asked, samples: all.subarray(0, seconds * RATE) };
        const [kept, plain] = await Promise.all([
          decoded(engine, { ...request, growing }),
          decoded(engine, request),
        ]);
        assertSame(kept, plain, `${index} at ${seconds} s`);
      }));
    }
    const requests = clips.map(({ all, growing }) => ({ ...asked, samples: all, growing }));
    const together = await engine.decode(requests, { timing: new Timing() });
    for (const [index, { samples, growing }] of requests.entries()) {
      const plain = await decoded(engine, { ...asked, samples });
      assertSame(together[index]!, plain, `${index} in a batch`);
      assertSame(await decoded(engine, { ...asked, samples, growing }), plain, `${index} afterwards`);
    }
  }
  assertEquals(mx.liveHandles(), handles);
});

Deno.test("what a growing clip keeps is bounded by its 30 s, and nothing is kept that is not asked for", async () => {
  using engine = await engineOf(DEMO_MODEL);
  const samples = await speech(30);
  const { layers, kvHeads, headWidth, width } = engine.model.config.decoder;
  const position = 2 * 4 * layers * kvHeads * headWidth;
  const requests = [7, 17, 29, 30].map((seconds) => ({
    ...asked,
    samples: samples.subarray(0, seconds * RATE),
  }));
  const plain: ClipAnswer[] = [];
  for (const request of requests) plain.push(await decoded(engine, request));
  for (
    const [options, most] of [
      [{}, 768 * position + 390 * 4 * width],
      [{ keys: false }, 390 * 4 * width],
      [{ embeddings: false }, 768 * position + 390 * 4 * width],
      [{ embeddings: false, keys: false }, 390 * 4 * width],
    ] as const
  ) {
    using clip = new GrowingClip(engine.model, options);
    for (const [index, request] of requests.entries()) {
      assertSame(
        await decoded(engine, { ...request, growing: clip }),
        plain[index]!,
        JSON.stringify(options),
      );
    }
    assert(clip.byteLength <= most, `${clip.byteLength} bytes, ${most} expected`);
  }
});
