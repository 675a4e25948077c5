import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import * as mx from "../ffi/mod.ts";
import { ModelError } from "../lib/errors.ts";
import { loadFolder } from "../lib/load_folder.ts";
import { type BackendPolicy, defaultPolicy } from "../lib/model/backend.ts";
import { Qwen3ASRModel, readConfig } from "../lib/model/qwen3_asr_model.ts";
import { loadTogether, makeAlternately } from "../lib/model/side_by_side.ts";
import { Engine } from "../lib/recognize/engine.ts";
import { Timing } from "../lib/recognize/timing.ts";
import { alteredModel, copyWithoutTensors, renameToHf } from "./support/checkpoints.ts";
import { samplesOf } from "./support/demo_files.ts";
import { fixtures } from "./support/fixtures.ts";

const CPU = { device: "cpu", dtype: "float32" } as const;

async function folder(name: string): Promise<string> {
  return join(await fixtures(), "models", name);
}

/** First tokens of a fixture clip on a model folder. */
async function tokensOf(directory: string, packed = false): Promise<number[]> {
  const { model, tokenizer } = await loadFolder(directory, {
    ...CPU,
    ...(packed ? { policy: { denseWeights: false } } : {}),
  });
  using engine = new Engine(model, tokenizer);
  const samples = await samplesOf(join(await fixtures(), "audio", "speech_8p01s.wav"));
  const request = { samples, context: "", temperature: 0, seed: 0, maxTokens: 24 };
  const [answer] = await engine.decode([request], { timing: new Timing() });
  if (answer!.error) throw answer!.error;
  return answer!.tokens;
}

async function withAltered(
  source: string,
  change: (tensors: Map<string, mx.MLXArray>) => void,
  use: (directory: string) => Promise<void>,
  shards = 1,
): Promise<void> {
  const directory = await alteredModel(source, change, shards);
  try {
    await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Loading fails with one sentence that names what is wrong. */
async function assertRefused(directory: string, ...parts: string[]): Promise<void> {
  const handles = mx.liveHandles();
  const error = await assertRejects(() => loadFolder(directory, CPU), ModelError);
  for (const part of parts) assertStringIncludes(error.message, part);
  assert(!error.message.includes("\n"), error.message);
  assertEquals(mx.liveHandles(), handles);
}

Deno.test("a checkpoint gives the same tokens in every layout and as shards", async () => {
  const original = await folder("tiny-hf");
  const expected = await tokensOf(original);
  assertEquals(expected.length, 24);
  assertEquals(await tokensOf(await folder("tiny-mlx-bf16")), expected);
  await withAltered(
    original,
    renameToHf,
    async (directory) => assertEquals(await tokensOf(directory), expected),
  );
  await withAltered(
    original,
    () => {},
    async (directory) => assertEquals(await tokensOf(directory), expected),
    3,
  );
  const same = (dtype: mx.DType) => (tensors: Map<string, mx.MLXArray>) => {
    for (const [name, array] of tensors) tensors.set(name, mx.astype(array, dtype));
  };
  await withAltered(
    original,
    same("float32"),
    async (directory) => assertEquals(await tokensOf(directory), expected),
  );
});

Deno.test("weights of 4, 5, 6 and 8 bits load, dense and packed alike", async () => {
  const source = await folder("tiny-mlx-bf16");
  for (const bits of [4, 5, 6, 8]) {
    const pack = (tensors: Map<string, mx.MLXArray>) => {
      for (const [name, array] of [...tensors]) {
        if (!/^model\..*(proj|embed_tokens)\.weight$/.test(name)) continue;
        const packed = mx.quantize(array, { bits, groupSize: 64, mode: "affine" });
        tensors.set(name, packed.weight);
        tensors.set(name.replace(/weight$/, "scales"), packed.scales);
        tensors.set(name.replace(/weight$/, "biases"), packed.biases!);
      }
    };
    await withAltered(source, pack, async (directory) => {
      const dense = await tokensOf(directory);
      assertEquals(dense.length, 24);
      assertEquals(await tokensOf(directory, true), dense);
    });
  }
});

Deno.test("a tensor that is missing, surplus, of a wrong shape or type is refused by name", async () => {
  const source = await folder("tiny-mlx-8bit");
  const norm = "model.layers.1.input_layernorm.weight";
  const packed = "model.layers.0.mlp.down_proj";
  await withAltered(
    source,
    (tensors) => tensors.delete(norm),
    (directory) => assertRefused(directory, norm, "is missing"),
  );
  await withAltered(
    source,
    (tensors) => tensors.set("model.layers.9.extra", mx.scalar(1)),
    (directory) => assertRefused(directory, "model.layers.9.extra", "not part of the network"),
  );
  await withAltered(
    source,
    (tensors) => tensors.set(norm, mx.zeros([7], "bfloat16")),
    (directory) => assertRefused(directory, norm, "[7]", "[128]"),
  );
  await withAltered(
    source,
    (tensors) => tensors.set(norm, mx.zeros([128], "int32")),
    (directory) => assertRefused(directory, norm, "I32", "expected BF16"),
  );
  await withAltered(
    source,
    (tensors) => tensors.set(`${packed}.weight`, mx.zeros([128, 64], "float32")),
    (directory) => assertRefused(directory, `${packed}.weight`, "F32", "expected U32"),
  );
  await withAltered(
    source,
    (tensors) => tensors.delete(`${packed}.biases`),
    (directory) => assertRefused(directory, `${packed}.biases`, "is missing"),
  );
});

Deno.test("a folder without config, tensors or a shard, or with a damaged one, is refused in one sentence", async () => {
  const source = await folder("tiny-mlx-8bit");
  const directory = await copyWithoutTensors(source);
  const tensors = join(directory, "model.safetensors");
  try {
    await assertRefused(directory, directory, "no *.safetensors");
    const whole = await Deno.readFile(join(source, "model.safetensors"));
    await Deno.writeFile(tensors, whole.subarray(0, whole.length - 1000));
    await assertRefused(directory, "model.safetensors");
    await Deno.writeTextFile(tensors, "not tensors at all");
    await assertRefused(directory, "not a safetensors file");
    await Deno.writeFile(tensors, whole);
    const config = await Deno.readTextFile(join(directory, "config.json"));
    await Deno.writeTextFile(join(directory, "config.json"), config.replace('"hidden_size"', '"hidden"'));
    await assertRefused(directory, "hidden_size", "missing");
    await Deno.writeTextFile(join(directory, "config.json"), "{");
    await assertRefused(directory, "not JSON");
    await Deno.writeTextFile(join(directory, "config.json"), "{}");
    await assertRefused(directory, "audio_config");
    await Deno.remove(join(directory, "config.json"));
    await assertRefused(directory, "no config.json");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  await assertRefused(directory, "config.json");
  const shards = await alteredModel(source, () => {}, 2);
  await Deno.remove(join(shards, "model-00002-of-00002.safetensors"));
  await assertRefused(shards, "model-00002-of-00002.safetensors", "missing");
  await Deno.remove(shards, { recursive: true });
});

Deno.test("a folder loads as people's disks leave it: byte order marks, ._ files, inv_freq of old checkpoints", async () => {
  const source = await folder("tiny-mlx-8bit");
  const expected = await tokensOf(source);
  const spare = "model.layers.0.self_attn.rotary_emb.inv_freq";
  await withAltered(source, (tensors) => tensors.set(spare, mx.zeros([16], "float32")), async (directory) => {
    for (const name of ["config.json", "vocab.json", "merges.txt", "tokenizer_config.json"]) {
      const path = join(directory, name);
      await Deno.writeTextFile(path, `\ufeff${await Deno.readTextFile(path)}`);
    }
    await Deno.writeFile(join(directory, "._model.safetensors"), new Uint8Array(4096));
    assertEquals(await tokensOf(directory), expected);
    // Without the file of that very name all others count.
    await Deno.rename(join(directory, "model.safetensors"), join(directory, "weights.safetensors"));
    assertEquals(await tokensOf(directory), expected);
  });
});

Deno.test("what MLX says about a file comes with the file's name", async () => {
  const source = await folder("tiny-mlx-8bit");
  await withAltered(source, () => {}, async (directory) => {
    const path = join(directory, "model.safetensors");
    const bytes = await Deno.readFile(path);
    const at = new TextDecoder("latin1").decode(bytes.subarray(0, 4096)).indexOf('"format":"mlx"');
    // The format wants strings there; our own reader does not look.
    bytes.set(new TextEncoder().encode('"format":12345'), at);
    await Deno.writeFile(path, bytes);
    await assertRefused(directory, `Cannot load ${path}: MLX says "`);
  });
});

Deno.test("loading writes nothing into the model folder", async () => {
  const directory = await folder("tiny-mlx-8bit");
  const listing = async () => {
    const names = [];
    for await (const { name } of Deno.readDir(directory)) names.push(name);
    return names.sort();
  };
  const before = await listing();
  assert(!before.includes("tokenizer.json"));
  await tokensOf(directory);
  assertEquals(await listing(), before);
});

Deno.test("on a CPU every second layer is loaded on a stream of its own, some layers at once; on a GPU nothing is", () => {
  const groups = [1, 2, 3, 4, 5].map((value) => [mx.fromData(Float32Array.of(value))]);
  const load = (loadStreams: 1 | 2, denseWeights = true) => {
    const policy = { ...defaultPolicy("cpu", "float32"), loadStreams, denseWeights };
    const aside = makeAlternately(policy, 5, () => mx.currentStream() === mx.sideStream());
    return { aside, sizes: loadTogether(policy, groups).map((group) => group.length) };
  };
  assertEquals(load(1), { aside: [false, false, false, false, false], sizes: [1, 1, 1, 1, 1] });
  assertEquals(load(2), { aside: [false, true, false, true, false], sizes: [2, 2, 1] });
  assertEquals(load(2, false).sizes, [4, 1]);
  assertEquals(loadTogether(defaultPolicy("cpu", "float32"), groups).flat(), groups.flat());
  assertEquals(defaultPolicy("cpu", "float32").loadStreams, 2);
  assertEquals(defaultPolicy("gpu", "bfloat16").loadStreams, 1);
  for (const [array] of groups) array!.dispose();
});

Deno.test("packed matrices are copied into one only where that is asked for, dense ones always", async () => {
  const directory = await folder("tiny-mlx-8bit");
  const count = async (policy: Partial<BackendPolicy>) => {
    using model = await Qwen3ASRModel.load(directory, { device: "cpu", policy });
    return model.decoder.parameterGroups().flat().length;
  };
  const mlx = { packedProduct: "mlx" } as const;
  const packed = { denseWeights: false, fusePacked: false };
  const dense = await count(mlx), apart = await count(packed);
  const fused = await count({ ...packed, fusePacked: true });
  const { decoder } = await readConfig(directory);
  // q, k, v and gate, up: three matrices of a layer fewer, of weights, scales and offsets each.
  assertEquals(apart - fused, decoder.layers * 3 * 3);
  assertEquals(await count({ fusePacked: false, ...mlx }), dense);
  // Those with an own product stay packed, and together in a small model.
  assertEquals(await count({}), mx.hasPackedProduct() ? fused : dense);
  assertEquals(await count({ fusePacked: false }), mx.hasPackedProduct() ? apart : dense);
});
