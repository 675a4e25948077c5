/**
 * What a model will need is known before it is read, and what does not fit is refused or made smaller.
 */
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { liveHandles, readSafetensorsHeader, type TensorInfo } from "../ffi/mod.ts";
import { ModelError } from "../lib/errors.ts";
import { Backend, type BackendPolicy } from "../lib/model/backend.ts";
import { parseConfig } from "../lib/model/config.ts";
import { estimateMemory, freeMemory, planMemory } from "../lib/model/memory_estimate.ts";
import { Qwen3ASRModel } from "../lib/model/qwen3_asr_model.ts";
import { configOf, planTensors, type Size } from "../scripts/checkpoint_shapes.ts";
import { fixtures } from "./support/fixtures.ts";

const MODELS = join(await fixtures(), "models");
const GB = 1e9;

/** Headers of an 8-bit checkpoint of a size, without the checkpoint. */
function headers(size: Size): Map<string, TensorInfo> {
  const tensors = new Map<string, TensorInfo>();
  for (const { name, shape, kind } of planTensors(size)) {
    if (kind !== "matrix") tensors.set(name, { dtype: "BF16", shape });
    else {
      const [out, input] = shape as [number, number], path = name.replace(/\.weight$/, "");
      tensors.set(name, { dtype: "U32", shape: [out, input / 4] });
      for (const part of ["scales", "biases"]) {
        tensors.set(`${path}.${part}`, { dtype: "BF16", shape: [out, input / 64] });
      }
    }
  }
  return tensors;
}

function configFor(size: Size) {
  return parseConfig(JSON.stringify(configOf(size, "mlx", 8)), "config.json");
}

/** The policy where packed weights have MLX's own products alone. */
const MLX_PRODUCT = { packedProduct: "mlx" } as const;

function cpuPolicy() {
  using backend = Backend.open({ device: "cpu", policy: MLX_PRODUCT });
  return backend.policy;
}

Deno.test("estimateMemory() counts the weights as they are held, packed or dense", async () => {
  for (const name of ["tiny-hf", "tiny-mlx-bf16", "tiny-mlx-8bit", "tiny-mlx-4bit"]) {
    for (const denseWeights of [true, false]) {
      for (const own of [{}, MLX_PRODUCT]) {
        const directory = join(MODELS, name);
        const policy = { denseWeights, ...own };
        using model = await Qwen3ASRModel.load(directory, { device: "cpu", policy });
        const stored = await readSafetensorsHeader(join(directory, "model.safetensors"));
        const tensors = new Map([...stored].map(([key, info]) => [key.replace(/^thinker\./, ""), info]));
        const { weightBytes } = estimateMemory(tensors, model.config, model.backend.policy);
        // What is held besides: the table of positions and the head norms repeated for each head.
        const besides = model.weightBytes - weightBytes;
        assert(
          besides >= 0 && besides < 0.02 * weightBytes,
          `${name} ${JSON.stringify(policy)}: ${besides} bytes`,
        );
      }
    }
  }
});

Deno.test("estimateMemory() knows the real sizes: 0.6B and 1.7B parameters in float32", () => {
  // Parameters of the official classes without the duplicate head: 938.0 M - 155.6 M, 2349.2 M - 311.2 M (spec 3.1).
  const dense = (size: Size) => estimateMemory(headers(size), configFor(size), cpuPolicy()).weightBytes;
  assert(Math.abs(dense("0.6b") - 4 * 782.4e6) < 0.002 * GB);
  assert(Math.abs(dense("1.7b") - 4 * 2038.0e6) < 0.002 * GB);
});

Deno.test("what has an own product is counted packed, the rest dense", () => {
  const bytes = (policy: Partial<BackendPolicy>) =>
    estimateMemory(headers("0.6b"), configFor("0.6b"), { ...cpuPolicy(), ...policy }).weightBytes;
  // 8 bits and two floats for each 64 of 596 M parameters; the encoder's 186 M are not packed.
  const own = bytes({ packedProduct: "own" });
  assertEquals(own, bytes({ packedProduct: "mlx", denseWeights: false }));
  assert(Math.abs(own - (1.125 * 595.8e6 + 4 * 186.4e6)) < 0.01 * GB, `${own}`);
  const plan = planMemory("/models/x", headers("0.6b"), configFor("0.6b"), {
    ...cpuPolicy(),
    packedProduct: "own",
  }, 5 * GB);
  assertEquals(plan, { denseWeights: true, batchSize: 8, notes: [] });
});

Deno.test("planMemory() takes smaller batches, then packed weights, then refuses", () => {
  const plan = (free: number | undefined) =>
    planMemory("/models/x", headers("0.6b"), configFor("0.6b"), cpuPolicy(), free);
  assertEquals(plan(undefined), { denseWeights: true, batchSize: 8, notes: [] });
  assertEquals(plan(16 * GB), { denseWeights: true, batchSize: 8, notes: [] });
  const smaller = plan(5 * GB);
  assertEquals([smaller.denseWeights, smaller.batchSize], [true, 4]);
  assertStringIncludes(smaller.notes.join(" "), "4 at once instead of 8");
  const packed = plan(3 * GB);
  assertEquals(packed.denseWeights, false);
  assertStringIncludes(packed.notes[0]!, "stay packed");
  const error = assertThrows(() => plan(1 * GB), ModelError);
  assertStringIncludes(error.message, "/models/x");
  assertStringIncludes(error.message, "0.9 GiB are free");
});

Deno.test("load() keeps weights packed when dense ones do not fit, and refuses without leaking", async () => {
  const directory = join(MODELS, "tiny-mlx-8bit");
  const handles = liveHandles();
  const options = { device: "cpu", policy: MLX_PRODUCT } as const;
  const roomy = await Qwen3ASRModel.load(directory, options);
  assertEquals(roomy.notes, []);
  const dense = roomy.weightBytes;
  const stored = await readSafetensorsHeader(join(directory, "model.safetensors"));
  const { policy } = roomy.backend;
  const need = Object.values(estimateMemory(stored, roomy.config, policy, 1)).reduce((sum, part) =>
    sum + part
  );
  roomy[Symbol.dispose]();
  {
    using model = await Qwen3ASRModel.load(directory, { ...options, freeBytes: need - 1 });
    assertEquals(model.backend.policy.denseWeights, false);
    assert(model.weightBytes < dense);
    assertStringIncludes(model.notes[0]!, "stay packed");
  }
  await assertRejects(
    () => Qwen3ASRModel.load(directory, { ...options, freeBytes: 1000 }),
    ModelError,
    "0.0 GiB are free",
  );
  assertEquals(liveHandles(), handles);
});

Deno.test("freeMemory() is no more than the machine has", async () => {
  const free = await freeMemory();
  assert(free !== undefined && free > 0 && free <= Deno.systemMemoryInfo().total);
});
