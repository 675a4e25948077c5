import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import * as mx from "../ffi/mod.ts";
import * as random from "../ffi/random.ts";
import { ffiTest } from "./support/ffi_reference.ts";

ffiTest("randomKey() holds the seed, large ones in two halves", () => {
  assertEquals([...mx.toUint32(random.randomKey(42))], [0, 42]);
  assertEquals([...mx.toUint32(random.randomKey(3 * 2 ** 32 + 7))], [3, 7]);
});

const DRAWS = 20_000;

ffiTest("categorical() draws by softmax of the logits, the same for the same key", () => {
  const weights = [1, 2, 4, 0, 8];
  const logits = mx.broadcastTo(mx.fromData(Float32Array.from(weights, Math.log)), [DRAWS, weights.length]);
  const draws = random.categorical(logits, random.randomKey(1));
  assertEquals([draws.dtype, draws.shape], ["uint32", [DRAWS]]);
  const first = mx.toUint32(draws);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  weights.forEach((weight, index) => {
    const share = first.filter((drawn) => drawn === index).length / DRAWS;
    // Five standard deviations of a share: the key is fixed, so this never flickers.
    const p = weight / total;
    assertAlmostEquals(share, p, 5 * Math.sqrt(p * (1 - p) / DRAWS), `class ${index}`);
  });
  assertEquals(mx.toUint32(random.categorical(logits, random.randomKey(1))), first);
  assertNotEquals(mx.toUint32(random.categorical(logits, random.randomKey(2))), first);
});

ffiTest("normal() has mean 0 and the given deviation", () => {
  const values = mx.toFloat32(random.normal([DRAWS], random.randomKey(3), 2.5));
  const mean = values.reduce((sum, value) => sum + value, 0) / DRAWS;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / DRAWS;
  assertAlmostEquals(mean, 0, 5 * 2.5 / Math.sqrt(DRAWS));
  assertAlmostEquals(Math.sqrt(variance), 2.5, 5 * 2.5 / Math.sqrt(2 * DRAWS));
  const beyond = values.filter((value) => Math.abs(value) > 2.5).length / DRAWS;
  assertAlmostEquals(beyond, 0.3173, 0.02); // Outside one standard deviation.
});

ffiTest("normal() has the shape and type asked for, the same for the same key", () => {
  const key = random.randomKey(4);
  const half = random.normal([2, 3, 4], key, 1, "float16");
  assertEquals([half.dtype, half.shape], ["float16", [2, 3, 4]]);
  assertEquals(mx.toFloat32(random.normal([2, 3, 4], key, 1, "float16")), mx.toFloat32(half));
  assert(mx.toFloat32(random.normal([8], random.randomKey(5))).some((value, i, all) => value !== all[i - 1]));
});

Deno.test("every operation of random.ts is tested here", () => {
  assertEquals(Object.keys(random).sort(), ["categorical", "normal", "randomKey"]);
});
