/**
 * The synthetic checkpoints that speed is measured on: of true shape, loadable in every layout and packing.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import * as mx from "../ffi/mod.ts";
import { LogMel } from "../lib/audio/mel.ts";
import { Qwen3ASRModel } from "../lib/model/qwen3_asr_model.ts";
import { Qwen3ASR } from "../mod.ts";
import { planTensors, type Size } from "../scripts/checkpoint_shapes.ts";
import { makeCheckpoint, type MakeCheckpointOptions } from "../scripts/make_checkpoint.ts";

const TONE = Float32Array.from(
  { length: 16_000 },
  (_, index) => 0.3 * Math.sin(index * 0.3) * (index % 4000 < 2000 ? 1 : 0),
);

/** Bytes and number of tensors of the mlx layout: 16-bit floats, packed matrices with a scale and an offset per 64. */
function plannedBytes(size: Size, bits: number): { bytes: number; tensors: number } {
  let bytes = 0, tensors = 0;
  for (const { kind, shape } of planTensors(size)) {
    const count = shape.reduce((product, dimension) => product * dimension, 1);
    const isPacked = kind === "matrix" && bits < 16;
    bytes += isPacked ? count * bits / 8 + 2 * 2 * count / 64 : 2 * count;
    tensors += isPacked ? 3 : 1;
  }
  return { bytes, tensors };
}

/** Makes a tiny checkpoint, runs a second of sound through it, and gives the logits of three steps. */
async function logitsOf(options: Omit<MakeCheckpointOptions, "out" | "size">): Promise<Float32Array[]> {
  const out = await Deno.makeTempDir();
  try {
    await makeCheckpoint({ size: "tiny", out, ...options });
    using model = await Qwen3ASRModel.load(out, { device: "cpu" });
    using cache = model.newCache();
    const { backend } = model;
    return await backend.exclusive(() =>
      backend.build(() => {
        using mel = new LogMel(model.config.encoder.melBins);
        const audio = model.encoder.apply(mel.apply(TONE));
        let logits = model.prefill(model.splice(new Array(20).fill(9), 3, audio), cache);
        const all = [mx.toFloat32(logits)];
        for (let step = 0; step < 2; step++) {
          logits = model.step(model.choose(logits), cache);
          all.push(mx.toFloat32(logits));
        }
        return all;
      })
    );
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

function assertUsable(logits: Float32Array[]): void {
  for (const row of logits) {
    assertEquals(row.length, 151_936);
    assert(row.every(Number.isFinite));
    const largest = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    assert(largest > 0.1 && largest < 1e3, `largest logit ${largest}`);
  }
}

Deno.test("planTensors() has the tensors and bytes of the real checkpoints", () => {
  // Sizes of the published 8-bit conversions, and the count of the official class with its duplicate head (spec 3).
  assertEquals(plannedBytes("0.6b", 8), { bytes: 1_006_116_864, tensors: 1005 });
  assertEquals(plannedBytes("1.7b", 8), { bytes: 2_463_182_080, tensors: 1101 });
  assertEquals(planTensors("0.6b").length + 1, 612);
  assertEquals(planTensors("1.7b").length + 1, 708);
});

for (const bits of [8, 6, 5, 4]) {
  Deno.test(`makeCheckpoint() writes ${bits}-bit weights that decode to finite logits`, async () => {
    assertUsable(await logitsOf({ bits }));
  });
}

Deno.test("makeCheckpoint() writes the same network in every layout and in shards", async () => {
  const mlx = await logitsOf({ layout: "mlx" });
  assertUsable(mlx);
  assertEquals(await logitsOf({ layout: "original" }), mlx);
  assertEquals(await logitsOf({ layout: "hf", shardBytes: 1e6 }), mlx);
});

Deno.test("makeCheckpoint() depends on the seed alone", async () => {
  const first = await logitsOf({ bits: 8, seed: 3 });
  assertEquals(await logitsOf({ bits: 8, seed: 3 }), first);
  assert((await logitsOf({ bits: 8, seed: 4 }))[0]!.some((value, index) => value !== first[0]![index]));
});

Deno.test("makeCheckpoint() refuses what no checkpoint has", async () => {
  const out = await Deno.makeTempDir();
  await assertRejects(() => makeCheckpoint({ out, size: "tiny", bits: 7 }), RangeError, "7 bits");
  await assertRejects(
    () => makeCheckpoint({ out, size: "tiny", bits: 4, layout: "original" }),
    RangeError,
    "only the mlx layout",
  );
  assertEquals(await Array.fromAsync(Deno.readDir(out)), []);
  await Deno.remove(out);
});

Deno.test("transcribe() decodes exactly minTokens when it equals maxTokens", async () => {
  const out = await Deno.makeTempDir();
  try {
    await makeCheckpoint({ size: "tiny", bits: 8, out });
    assertEquals(JSON.parse(await Deno.readTextFile(join(out, "vocab.json")))["!"], 0);
    await using asr = await Qwen3ASR.load(out, { device: "cpu" });
    const { chunks, stats } = await asr.transcribeSamples(TONE, {
      rescue: false,
      vad: "off",
      sampling: { minTokens: 70, maxTokens: 70 },
    });
    assertEquals(chunks.map(({ tokens, finishReason }) => [tokens.length, finishReason]), [[70, "length"]]);
    assertEquals(stats.generatedTokens, 70);
  } finally {
    await Deno.remove(out, { recursive: true });
  }
});
