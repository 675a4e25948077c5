/**
 * Every route that a backend policy can choose computes the same as the plain one, and a 16-bit policy computes
 * nothing in 32 bits.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import * as mx from "../ffi/mod.ts";
import { LogMel } from "../lib/audio/mel.ts";
import { decodeWav } from "../lib/audio/wav.ts";
import { loadFolder } from "../lib/load_folder.ts";
import type { BackendPolicy } from "../lib/model/backend.ts";
import { attend, attendWindows, planAttention, type Sight } from "../lib/model/attention.ts";
import { Qwen3ASRModel } from "../lib/model/qwen3_asr_model.ts";
import { encode } from "../lib/recognize/encode.ts";
import { Engine } from "../lib/recognize/engine.ts";
import { Timing } from "../lib/recognize/timing.ts";
import { buildPrompt } from "../lib/text/prompt.ts";
import { alteredModel, DEMO_MODEL } from "./support/checkpoints.ts";
import { fixtures } from "./support/fixtures.ts";
import { lenientCompiler } from "./support/jit_compiler.ts";

const FIXTURES = await fixtures();
const folder = (name: string) => join(FIXTURES, "models", name);
const clip = async (name: string) =>
  decodeWav(await Deno.readFile(join(FIXTURES, "audio", `${name}.wav`))).interleaved;

/** Differences allowed between two orders of the same float32 sums: those of independent implementations. */
const TOLERANCE = { audio: 2e-4, logits: 5e-3 };
const STEPS = 24;

mx.openLibrary();
// What the tests run on has it, or they would silently leave it out.
assertEquals(mx.hasPackedProduct(), Deno.build.os === "linux" && Deno.build.arch === "x86_64");

/** What this machine can choose from. */
const PASSES = mx.hasOwnPasses() ? ["mlx", "own"] as const : ["mlx"] as const;

/** The plainest way through the network. */
const PLAIN: Partial<BackendPolicy> = {
  denseWeights: false,
  packedProduct: "mlx",
  fusePacked: true,
  loadStreams: 1,
  packedRows: Infinity,
  packedHalves: Infinity,
  passes: "mlx",
  swiglu: "plain",
  residual: "apart",
  convBlocks: 32,
  batchSize: 1,
  doubleBuffer: false,
};

interface Numbers {
  audio: Float32Array;
  logits: Float32Array;
  tokens: number[];
}

async function run(
  directory: string,
  policy: Partial<BackendPolicy>,
  samples: Float32Array,
): Promise<Numbers> {
  const loaded = await loadFolder(directory, { device: "cpu", policy });
  using engine = new Engine(loaded.model, loaded.tokenizer);
  const { model, tokenizer } = engine;
  const context = { timing: new Timing() };
  using embeddings = await encode(model, samples, context);
  const prompt = buildPrompt(tokenizer, { audioTokens: embeddings.dim(0), context: "" });
  using cache = model.newCache();
  using logits = await model.backend.exclusive(async () => {
    const built = model.backend.build(() =>
      model.prefill(model.splice(prompt.ids, prompt.audioStart, embeddings), cache)
    );
    await model.backend.evaluate(built);
    return built;
  });
  const numbers = { audio: mx.toFloat32(embeddings), logits: mx.toFloat32(logits) };
  const request = { samples, context: "", temperature: 0, seed: 0, maxTokens: STEPS, minTokens: STEPS };
  const [answer] = await engine.decode([request], context);
  if (answer!.error) throw answer!.error;
  return { ...numbers, tokens: answer!.tokens };
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  assertEquals(a.length, b.length);
  return a.reduce((largest, value, index) => Math.max(largest, Math.abs(value - b[index]!)), 0);
}

function assertSame(actual: Numbers, plain: Numbers): void {
  const audio = largestDifference(actual.audio, plain.audio);
  const logits = largestDifference(actual.logits, plain.logits);
  assert(audio <= TOLERANCE.audio, `audio embeddings differ by ${audio}`);
  assert(logits <= TOLERANCE.logits, `logits differ by ${logits}`);
  assertEquals(actual.tokens, plain.tokens);
  assertEquals(actual.tokens.length, STEPS);
}

const ROUTES: Record<string, Partial<BackendPolicy>> = {
  "dense weights": { denseWeights: true },
  ...mx.hasPackedProduct() && {
    "packed weights by libmlxc's own product": { packedProduct: "own" },
    "packed weights by libmlxc's own product, others dense": { packedProduct: "own", denseWeights: true },
  },
  "rows of packed weights made dense for the moment": { packedRows: 3 },
  "packed matrices apart, in halves and loaded on two streams": {
    fusePacked: false,
    packedHalves: 1,
    loadStreams: 2,
  },
  ...mx.hasOwnPasses() && { "libmlxc's own passes": { passes: "own" } },
  "compiled SwiGLU": { swiglu: "compiled" },
  "sums joined with dense products": { residual: "joined", denseWeights: true },
  "one block a convolution": { convBlocks: 1 },
  "three blocks a convolution": { convBlocks: 3 },
  "double buffering": { doubleBuffer: true },
};

for (const model of ["tiny-mlx-8bit", "tiny-mlx-mixed", "tiny-hf"]) {
  Deno.test(`every route computes the same as the plain one with ${model}`, async (test) => {
    await using _compiler = await lenientCompiler();
    for (const name of ["speech_31p0s", "sweep_0p437s"]) {
      const samples = await clip(name);
      const plain = await run(folder(model), PLAIN, samples);
      for (const [route, policy] of Object.entries(ROUTES)) {
        await test.step(`${route}, ${name}`, async () => {
          assertSame(await run(folder(model), { ...PLAIN, ...policy }, samples), plain);
        });
      }
      await test.step(`the CPU's own policy, ${name}`, async () => {
        assertSame(await run(folder(model), {}, samples), plain);
      });
    }
  });
}

Deno.test("projections that cannot be fused compute the same as fused ones", async () => {
  const samples = await clip("speech_7p3s");
  // The same numbers, but v and up stored dense: their layers' products stay apart.
  const apart = await alteredModel(folder("tiny-mlx-8bit"), (tensors) => {
    for (
      const path of [...tensors.keys()].map((name) =>
        name.match(/^(model\.layers\..*\.(v|up)_proj)\.weight$/)?.[1]
      )
    ) {
      if (!path) continue;
      const packed = {
        weight: tensors.get(`${path}.weight`)!,
        scales: mx.astype(tensors.get(`${path}.scales`)!, "float32"),
        biases: mx.astype(tensors.get(`${path}.biases`)!, "float32"),
        ...{ bits: 8, groupSize: 64, mode: "affine" },
      };
      tensors.set(`${path}.weight`, mx.dequantize(packed, "float32"));
      tensors.delete(`${path}.scales`);
      tensors.delete(`${path}.biases`);
    }
  });
  try {
    assertSame(await run(apart, PLAIN, samples), await run(folder("tiny-mlx-8bit"), PLAIN, samples));
  } finally {
    await Deno.remove(apart, { recursive: true });
  }
});

Deno.test("a batch gives each clip the tokens it gets alone, buffered or not", async () => {
  const names = ["dev-01-en", "dev-08-de", "dev-04-en", "dev-20-de"];
  const requests = await Promise.all(names.map(async (name) => ({
    samples: decodeWav(await Deno.readFile(`demo/recordings/${name}.wav`)).interleaved,
    ...{ context: "", temperature: 0, seed: 0, maxTokens: 60, logprobs: true },
  })));
  const answers: number[][][] = [], logprobs: number[][] = [];
  for (const [doubleBuffer, together] of [[false, false], [false, true], [true, true]]) {
    const loaded = await loadFolder(DEMO_MODEL, { device: "cpu", policy: { doubleBuffer: doubleBuffer! } });
    using engine = new Engine(loaded.model, loaded.tokenizer);
    const context = { timing: new Timing() };
    const decoded = together
      ? await engine.decode(requests, context)
      : (await Promise.all(requests.map((request) => engine.decode([request], context)))).flat();
    assertEquals(decoded.map(({ finishReason }) => finishReason), names.map(() => "stop"));
    answers.push(decoded.map(({ tokens }) => tokens));
    logprobs.push(decoded.flatMap((answer) => answer.logprobs?.map(({ logprob }) => logprob) ?? []));
  }
  for (const other of logprobs.slice(1)) {
    assert(largestDifference(Float32Array.from(other), Float32Array.from(logprobs[0]!)) < 1e-3);
  }
  assert(logprobs[0]!.length > 20 && logprobs[0]!.every((logprob) => logprob <= 0));
  assertEquals(answers[1], answers[0]);
  assertEquals(answers[2], answers[0]);
});

Deno.test("attend() gives the same on both routes, whatever is seen", () => {
  const length = 30, span = 50, positions = Array.from({ length }, (_, row) => 20 + row);
  const sights: Sight[] = [
    {},
    { isCausal: true },
    { isCausal: true, positions: positions.map((place) => place - 11) },
    { padding: [0, 7] },
    { isCausal: true, padding: [3, 0] },
  ];
  for (const sight of sights) {
    const outputs = mx.scope(() => {
      const [q, k, v] = [[2, 4, length, 64], [2, 2, span, 64], [2, 2, span, 64]].map((shape, index) =>
        mx.normal(shape, mx.randomKey(index), 2)
      ) as [mx.MLXArray, mx.MLXArray, mx.MLXArray];
      return PASSES.map((passes) => {
        const output = attend(q, k, v, 0.125, planAttention({ length, span }, sight, { passes }));
        assertEquals(output.shape, [2, length, 4, 64]);
        return mx.toFloat32(output);
      });
    });
    for (const output of outputs) {
      const difference = largestDifference(output, outputs[0]!);
      assert(difference < 5e-5, `${JSON.stringify(sight)}: ${difference}`);
    }
  }
});

/** The plain formulation of windows: all pairs of rows, those of different windows hidden by a mask. */
function maskedAttention(
  qkv: readonly mx.MLXArray[],
  { heads, window }: { heads: number; window: number },
): mx.MLXArray {
  const [rows, width] = qkv[0]!.shape as [number, number];
  const windowOf = mx.fromData(Int32Array.from({ length: rows }, (_, row) => Math.floor(row / window)));
  const mask = mx.equal(mx.reshape(windowOf, [rows, 1]), mx.reshape(windowOf, [1, rows]));
  const [q, k, v] = qkv.map((part) =>
    mx.transpose(mx.reshape(part, [1, rows, heads, width / heads]), [0, 2, 1, 3])
  ) as [mx.MLXArray, mx.MLXArray, mx.MLXArray];
  const mixed = mx.attention(q, k, v, (width / heads) ** -0.5, mask);
  return mx.reshape(mx.transpose(mixed, [0, 2, 1, 3]), [rows, width]);
}

Deno.test("attendWindows() equals full attention with a mask of windows, whatever is left of the last window", () => {
  const size = { heads: 2, window: 104 };
  for (const passes of PASSES) {
    for (const rows of [1, 57, 104, 105, 208, 390]) {
      const difference = mx.scope(() => {
        const qkv = [0, 1, 2].map((seed) => mx.normal([rows, 128], mx.randomKey(seed), 2)) as [
          mx.MLXArray,
          mx.MLXArray,
          mx.MLXArray,
        ];
        const own = mx.toFloat32(attendWindows(qkv, size, { passes }));
        return largestDifference(own, mx.toFloat32(maskedAttention(qkv, size)));
      });
      assert(difference < 5e-5, `${rows} rows, ${passes}: ${difference}`);
    }
  }
});

Deno.test("a bfloat16 policy computes no stage in float32", async () => {
  for (const name of ["tiny-mlx-8bit", "tiny-hf"]) {
    using model = await Qwen3ASRModel.load(folder(name), {
      device: "cpu",
      dtype: "bfloat16",
      policy: { denseWeights: false },
    });
    assertEquals(model.backend.policy.passes, "mlx");
    using cache = model.newCache();
    const types = new Map<string, mx.DType>();
    const { backend } = model;
    const stages = () => {
      using mel = new LogMel();
      const tap = (stage: string, array: mx.MLXArray) => types.set(stage, array.dtype);
      const audio = model.encoder.apply(mel.apply(new Float32Array(48_000)), tap);
      const ids = new Array<number>(audio.dim(0) + 8).fill(7);
      const probe = { tap, attention: new Set([0]) };
      const logits = model.prefill(model.splice(ids, 4, audio), cache, probe);
      types.set("prefill logits", logits.dtype);
      types.set("step logits", model.step(model.choose(logits), cache, probe).dtype);
      for (const [index, buffer] of cache.arrays().entries()) types.set(`cache ${index}`, buffer.dtype);
    };
    await backend.exclusive(() => backend.build(stages));
    assert(types.size > 15);
    assertEquals([...types].filter(([, dtype]) => dtype !== "bfloat16"), []);
  }
});
