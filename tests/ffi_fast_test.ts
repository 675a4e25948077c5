import { assertEquals, assertThrows } from "@std/assert";
import * as mx from "../ffi/mod.ts";
import * as fast from "../ffi/fast.ts";
import { attended, layerNormed, rmsNormed, rotated } from "./support/ffi_formulas.ts";
import { assertNear, at, ffiTest, plain, toMLX, wave } from "./support/ffi_reference.ts";

ffiTest("rmsNorm() divides by the root mean square and multiplies by the weight", () => {
  const x = wave([2, 3, 8], 1), weight = wave([8], 2);
  for (const eps of [1e-6, 0.5]) {
    const expected = rmsNormed(x, weight, eps);
    assertNear(fast.rmsNorm(toMLX(x), toMLX(weight), eps), expected, 1e-5, `eps ${eps}`);
  }
  assertEquals(fast.rmsNorm(toMLX(x, "bfloat16"), toMLX(weight, "bfloat16"), 1e-6).dtype, "bfloat16");
});

ffiTest("layerNorm() removes the mean, divides by the deviation, scales and shifts", () => {
  const x = wave([2, 3, 8], 1), weight = wave([8], 2), bias = wave([8], 3);
  for (const eps of [1e-5, 0.5]) {
    const expected = layerNormed(x, weight, bias, eps);
    assertNear(fast.layerNorm(toMLX(x), toMLX(weight), toMLX(bias), eps), expected, 1e-5, `eps ${eps}`);
  }
});

ffiTest("rope() turns every row of a batch from the same offset", () => {
  const x = wave([2, 3, 5, 16]);
  for (const [offset, base] of [[0, 10_000], [37, 10_000], [37, 1_000_000]] as const) {
    const result = fast.rope(toMLX(x), 16, base, offset);
    assertNear(result, rotated(x, 16, base, [offset, offset]), 1e-5, `${offset} ${base}`);
  }
});

ffiTest("rope() leaves what lies beyond the width", () => {
  const x = wave([1, 2, 4, 16]);
  assertNear(fast.rope(toMLX(x), 8, 100, 3), rotated(x, 8, 100, [3]), 1e-5);
});

ffiTest("rope() takes an offset per batch row", () => {
  const x = wave([3, 2, 4, 8]);
  const offsets = mx.fromData(Int32Array.of(5, 0, 21));
  assertNear(fast.rope(toMLX(x), 8, 10_000, offsets), rotated(x, 8, 10_000, [5, 0, 21]), 1e-5);
});

const Q = wave([2, 4, 3, 8], 1), K = wave([2, 2, 5, 8], 2), V = wave([2, 2, 5, 8], 3);
const OPEN = plain([2, 1, 3, 5], ([b, _, l, s]) => Number((b! + l! + s!) % 3 !== 0));
const BIAS = wave([1, 4, 3, 5], 4);

ffiTest("attention() without a mask sees every key, with fewer key heads than query heads", () => {
  const result = fast.attention(toMLX(Q), toMLX(K), toMLX(V), 0.3);
  assertNear(result, attended(Q, K, V, 0.3, () => 0), 1e-5);
});

ffiTest("attention() with a causal mask lets the last query see the last key", () => {
  const result = fast.attention(toMLX(Q), toMLX(K), toMLX(V), 0.3, "causal");
  const hidden = ([_b, _h, l, s]: number[]) => s! <= l! + 2 ? 0 : -Infinity;
  assertNear(result, attended(Q, K, V, 0.3, hidden), 1e-5);
});

ffiTest("attention() with a boolean mask sees what is true", () => {
  const result = fast.attention(toMLX(Q), toMLX(K), toMLX(V), 0.3, toMLX(OPEN, "bool"));
  const hidden = ([b, _h, l, s]: number[]) => at(OPEN, [b!, 0, l!, s!]) ? 0 : -Infinity;
  assertNear(result, attended(Q, K, V, 0.3, hidden), 1e-5);
});

ffiTest("attention() adds a mask of numbers", () => {
  const result = fast.attention(toMLX(Q), toMLX(K), toMLX(V), 0.3, toMLX(BIAS));
  assertNear(result, attended(Q, K, V, 0.3, ([_b, h, l, s]) => at(BIAS, [0, h!, l!, s!])), 1e-5);
});

ffiTest("attention() refuses heads that do not divide", () => {
  const three = toMLX(wave([2, 3, 5, 8]));
  assertThrows(
    () => fast.attention(toMLX(Q), three, three, 1),
    mx.MLXError,
    "mlx_fast_scaled_dot_product_attention",
  );
});

Deno.test("every operation of fast.ts is compared with its formula here", () => {
  assertEquals(Object.keys(fast).sort(), ["attention", "layerNorm", "rmsNorm", "rope"]);
});
