/**
 * No activation and no cache is wider than the policy's type: one float32 among 16-bit numbers makes all that follows it
 * float32, which another port paid for with 3.5 times the time.
 *
 * @module
 */
import { assertEquals, assertGreater, assertNotEquals } from "@std/assert";
import { DTYPE_CODE } from "../ffi/array.ts";
import { native } from "../ffi/library.ts";
import * as mx from "../ffi/mod.ts";
import { LogMel } from "../lib/audio/mel.ts";
import { defaultPolicy } from "../lib/model/backend.ts";
import { KVCache } from "../lib/model/kv_cache.ts";
import { Qwen3ASRModel } from "../lib/model/qwen3_asr_model.ts";
import { DEMO_MODEL } from "./support/checkpoints.ts";
import { replaced, wideArrays } from "./support/wide_arrays.ts";

const SECONDS = 9;

/** A GPU's way through the network, on a CPU: built, not computed. */
async function loadModel(dtype: "float16" | "bfloat16", denseWeights: boolean): Promise<Qwen3ASRModel> {
  const policy = { ...defaultPolicy("gpu", dtype), denseWeights };
  return await Qwen3ASRModel.load(DEMO_MODEL, { device: "cpu", dtype, policy });
}

/** What a clip goes through after its mel, in a batch of two with its decode steps; gives what is handed on. */
function walk(model: Qwen3ASRModel, mel: mx.MLXArray): { handedOn: mx.MLXArray[]; caches: KVCache[] } {
  const audio = model.encoder.apply(mel), handedOn = [audio];
  const watched = {
    attention: new Set([0]),
    tap: (_: string, array: mx.MLXArray) => void handedOn.push(array),
  };
  const caches = [8, 5].map((words) => {
    const cache = model.newCache();
    const ids = new Array<number>(audio.dim(0) + words).fill(7);
    handedOn.push(model.prefill(model.splice(ids, 4, audio), cache, watched));
    return cache;
  });
  const cache = KVCache.merge(caches);
  let tokens = mx.fromData(Int32Array.of(5, 6));
  // More than a buffer has room for, so that it grows.
  const room = cache.capacity - cache.length;
  for (const jump of [0, 0, room]) {
    cache.advance(jump);
    const logits = model.step(tokens, cache, watched);
    handedOn.push(logits);
    tokens = model.choose(logits);
  }
  cache.select(mx.fromData(Int32Array.of(1)), [1]);
  handedOn.push(model.step(mx.slice(tokens, [0], [1]), cache), ...cache.arrays());
  return { handedOn, caches: [cache] };
}

/** The function with a result in float32. */
const widened = (original: (...args: unknown[]) => unknown) => (...args: unknown[]) => {
  const result = original(...args);
  const [out] = args as [BigUint64Array<ArrayBuffer>];
  const stream = args.at(-1) as bigint;
  native.mlx_astype(out, out[0]!, DTYPE_CODE.float32, stream);
  return result;
};

/** Runs the walk; gives what was wide. A function of mlx-c may leak: its results are float32. */
async function wideOn(
  model: Qwen3ASRModel,
  leak?: keyof typeof native,
): Promise<{ looked: number; wide: Map<string, number> }> {
  const { backend } = model;
  return await backend.exclusive(() =>
    backend.build(() => {
      using front = new LogMel();
      const mel = front.apply(new Float32Array(SECONDS * 16_000)); // In float32, as the official one is.
      let handedOn: mx.MLXArray[] = [], caches: KVCache[] = [];
      const leaks = new Map(leak ? [[leak, widened]] : []);
      const found = replaced(leaks, () => wideArrays(() => ({ handedOn, caches } = walk(model, mel))));
      const { dtype } = backend.policy;
      for (const array of handedOn) {
        if (array.dtype !== dtype) found.wide.set("handed on", (found.wide.get("handed on") ?? 0) + 1);
      }
      assertGreater(handedOn.length, 20);
      for (const cache of caches) cache.dispose();
      return found;
    })
  );
}

/**
 * What may be float32: accumulators inside of the encoder's layer norms. MLX's own norm has them too; on a CPU it is
 * spelled out (ffi/fast.ts), each in these operations.
 */
function allowed({ config: { encoder } }: Qwen3ASRModel): Map<string, number> {
  const norms = 2 * encoder.layers + 1;
  const once = ["mlx_add", "mlx_astype", "mlx_multiply", "mlx_rsqrt", "mlx_square", "mlx_subtract"];
  return new Map([["mlx_mean_axis", 2 * norms], ...once.map((name): [string, number] => [name, norms])]);
}

Deno.test("a 16-bit policy of a GPU makes no wide array on the way from the mel to the logits", async () => {
  for (const dtype of ["float16", "bfloat16"] as const) {
    for (const dense of [true, false]) {
      using model = await loadModel(dtype, dense);
      const { looked, wide } = await wideOn(model);
      assertGreater(looked, 500);
      assertEquals(wide, allowed(model));
    }
  }
});

Deno.test("a float32 that leaks into the network is found, wherever it leaks", async () => {
  for (const name of ["mlx_fast_rope", "mlx_fast_rms_norm", "mlx_zeros", "mlx_sigmoid", "mlx_erf"] as const) {
    using model = await loadModel("bfloat16", true); // What is compiled is built once.
    const { wide } = await wideOn(model, name);
    assertNotEquals(wide, allowed(model), name);
  }
});
