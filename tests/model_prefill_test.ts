/**
 * A prompt that is read in pieces gives what one pass gives, and its memory grows with its length, not with the square.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import * as mx from "../ffi/mod.ts";
import { decodeWav } from "../lib/audio/wav.ts";
import { loadFolder } from "../lib/load_folder.ts";
import type { BackendPolicy } from "../lib/model/backend.ts";
import { prefillInPieces } from "../lib/model/prefill.ts";
import type { Qwen3ASRModel } from "../lib/model/qwen3_asr_model.ts";
import { encode } from "../lib/recognize/encode.ts";
import { Engine } from "../lib/recognize/engine.ts";
import { Timing } from "../lib/recognize/timing.ts";
import { buildPrompt } from "../lib/text/prompt.ts";
import { DEMO_MODEL } from "./support/checkpoints.ts";
import { fixtures } from "./support/fixtures.ts";

const FIXTURES = await fixtures();
/** Differences allowed between two orders of the same float32 sums, as in tests/model_routes_test.ts. */
const TOLERANCE = 5e-3;
const STEPS = 24;

interface Answer {
  logits: Float32Array;
  tokens: number[];
}

/** Reads a prompt, in one pass or in pieces of so many positions, and goes on from there by the likeliest token. */
async function answer(
  model: Qwen3ASRModel,
  embeddings: mx.MLXArray,
  positions: number | undefined,
): Promise<Answer> {
  const { backend } = model;
  using cache = model.newCache();
  let logits: mx.MLXArray;
  if (positions === undefined) {
    logits = backend.build(() => model.prefill(embeddings, cache));
    await backend.evaluate(logits);
  } else logits = (await prefillInPieces(model, embeddings, cache, { positions })).result;
  const first = mx.toFloat32(logits);
  assertEquals(cache.length, embeddings.dim(1));
  const tokens: number[] = [];
  for (let step = 0; step < STEPS; step++) {
    using chosen = backend.build(() => model.choose(logits));
    logits.dispose();
    tokens.push(...mx.readInt32(chosen));
    logits = backend.build(() => model.step(chosen, cache));
    await backend.evaluate(logits);
  }
  logits.dispose();
  return { logits: first, tokens };
}

/** Embeddings `[1, L, H]` of the prompt around a clip; the caller's. */
async function promptOf(
  engine: Engine,
  samples: Float32Array,
  context: string,
): Promise<mx.MLXArray> {
  const { model, tokenizer } = engine;
  using audio = await encode(model, samples, { timing: new Timing() });
  const { ids, audioStart } = buildPrompt(tokenizer, { audioTokens: audio.dim(0), context });
  return await model.backend.exclusive(async () => {
    const embeddings = model.backend.build(() => model.splice(ids, audioStart, audio));
    await model.backend.evaluate(embeddings);
    return embeddings;
  });
}

async function clip(name: string): Promise<Float32Array> {
  return decodeWav(await Deno.readFile(join(FIXTURES, "audio", `${name}.wav`))).interleaved;
}

Deno.test("prefillInPieces() gives the tokens of one pass, whatever the pieces and the route", async () => {
  const routes: Partial<BackendPolicy>[] = [{}, { passes: "mlx" }];
  const samples = await clip("speech_8p01s");
  for (const name of ["tiny-hf", "tiny-mlx-8bit", "tiny-mlx-4bit"]) {
    for (const policy of routes) {
      const loaded = await loadFolder(join(FIXTURES, "models", name), { device: "cpu", policy });
      using engine = new Engine(loaded.model, loaded.tokenizer);
      using embeddings = await promptOf(engine, samples, "ten yellow windows ".repeat(20));
      const length = embeddings.dim(1);
      assert(length > 150, `${length} positions`);
      const { backend } = engine.model;
      const whole = await backend.exclusive(() => answer(engine.model, embeddings, undefined));
      // Pieces of one position, with one position left over, and of a length that divides nothing.
      const isAll = name === "tiny-hf" && policy === routes[0];
      for (const positions of isAll ? [1, 7, length - 1, 128, 1024] : [7, 128]) {
        const pieces = await backend.exclusive(() => answer(engine.model, embeddings, positions));
        const where = `${name} ${policy.passes ?? "default"} in pieces of ${positions}`;
        assertEquals(pieces.tokens, whole.tokens, where);
        const apart = whole.logits.map((value, index) => Math.abs(value - pieces.logits[index]!));
        assert(Math.max(...apart) <= TOLERANCE, `${where}: logits differ by ${Math.max(...apart)}`);
      }
    }
  }
});

Deno.test("prefillInPieces() gives the logits of the last positions, however the pieces fall, and goes on in a cache", async () => {
  const loaded = await loadFolder(join(FIXTURES, "models", "tiny-hf"), { device: "cpu" });
  using engine = new Engine(loaded.model, loaded.tokenizer);
  const { model } = engine, { backend } = model;
  using embeddings = await promptOf(engine, await clip("speech_8p01s"), "");
  const [, length, width] = embeddings.shape as [number, number, number];
  const before = mx.liveHandles();
  await backend.exclusive(async () => {
    using cache = model.newCache();
    using all = backend.build(() => model.decoder.logits(model.decoder.apply(embeddings, cache)));
    await backend.evaluate(all);
    const expected = mx.toFloat32(all), vocabulary = expected.length / length;
    // In one, at a border, over a border, more than a piece, nearly all; and from a place on.
    for (
      const [rows, positions, from] of [[1, 512, 0], [10, 512, 0], [16, 16, 0], [10, 16, 5], [40, 16, 3], [
        length - 1,
        32,
        0,
      ]] as const
    ) {
      using parts = model.newCache();
      using head = backend.build(() => mx.slice(embeddings, [0, 0, 0], [1, from, width]));
      if (from > 0) (await prefillInPieces(model, head, parts)).result.dispose();
      using rest = backend.build(() => mx.slice(embeddings, [0, from, 0], [1, length, width]));
      using result = (await prefillInPieces(model, rest, parts, { rows, positions })).result;
      assertEquals([result.shape, parts.length], [[rows, vocabulary], length]);
      const found = mx.toFloat32(result), start = (length - rows) * vocabulary;
      const apart = found.reduce(
        (most, value, i) => Math.max(most, Math.abs(value - expected[start + i]!)),
        0,
      );
      assert(apart <= TOLERANCE, `${rows} rows in pieces of ${positions} from ${from}: ${apart}`);
    }
  });
  assertEquals(mx.liveHandles(), before);
});

Deno.test("a cache that was cut back and moved goes on as if nothing had been behind", async () => {
  const loaded = await loadFolder(join(FIXTURES, "models", "tiny-hf"), { device: "cpu" });
  using engine = new Engine(loaded.model, loaded.tokenizer);
  const { model } = engine, { backend } = model;
  using embeddings = await promptOf(engine, await clip("speech_8p01s"), "");
  const [, length, width] = embeddings.shape as [number, number, number];
  const before = mx.liveHandles();
  await backend.exclusive(async () => {
    using whole = model.newCache();
    using expected = (await prefillInPieces(model, embeddings, whole)).result;
    using first = model.newCache();
    (await prefillInPieces(model, embeddings, first)).result.dispose();
    first.truncate(60);
    using moved = first.moved();
    assertEquals([first.length, first.byteLength, moved.length], [0, 0, 60]);
    first.dispose();
    using rest = backend.build(() => mx.slice(embeddings, [0, 60, 0], [1, length, width]));
    using again = (await prefillInPieces(model, rest, moved)).result;
    const values = mx.toFloat32(expected), found = mx.toFloat32(again);
    const apart = values.reduce((most, value, i) => Math.max(most, Math.abs(value - found[i]!)), 0);
    assert(apart <= TOLERANCE, `logits differ by ${apart}`);
  });
  assertEquals(mx.liveHandles(), before);
});

Deno.test("an engine's memory for a prompt grows with its length, not with the square", async () => {
  const loaded = await loadFolder(DEMO_MODEL, { device: "cpu" });
  using engine = new Engine(loaded.model, loaded.tokenizer);
  const timing = new Timing();
  /** Bytes above what was held before. */
  const above = async (words: number): Promise<number> => {
    const before = mx.activeMemory();
    mx.resetPeakMemory();
    const request = { samples: new Float32Array(16_000), temperature: 0, seed: 0, maxTokens: 1 };
    const [said] = await engine.decode([{ ...request, context: "q ".repeat(words) }], { timing });
    assertEquals(said!.error, undefined);
    return mx.peakMemory() - before;
  };
  await above(100);
  const single = await above(1_000), double = await above(2_000);
  assert(timing.promptTokens > 6_000, `${timing.promptTokens} tokens`);
  assert(double < 160e6, `${double} bytes for ${timing.promptTokens} tokens`);
  assert(double < 2.4 * single, `${double} bytes for twice what took ${single}`);
});

Deno.test("prefillInPieces() ends between two pieces when it is aborted, and leaves nothing behind", async () => {
  const loaded = await loadFolder(join(FIXTURES, "models", "tiny-hf"), { device: "cpu" });
  using engine = new Engine(loaded.model, loaded.tokenizer);
  const { model } = engine;
  using embeddings = await promptOf(engine, await clip("speech_8p01s"), "");
  const before = mx.liveHandles();
  const abort = new AbortController();
  const stages = model.prefillStages.bind(model);
  let pieces = 0;
  model.prefillStages = (...args) => {
    if (++pieces === 2) abort.abort(new Error("enough"));
    return stages(...args);
  };
  using cache = model.newCache();
  const { signal } = abort;
  const reading = () =>
    model.backend.exclusive(() => prefillInPieces(model, embeddings, cache, { positions: 16, signal }));
  await assertRejects(reading, Error, "enough");
  assertEquals(pieces, 2);
  cache.dispose();
  assertEquals(mx.liveHandles(), before);
});
