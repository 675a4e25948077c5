/** libmlxc's own passes beside their formulas, for any kernels, in one thread and in four, and what they refuse. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as mx from "../ffi/mod.ts";
import * as own from "../ffi/own_passes.ts";
import { attended, layerNormed, rmsNormed, rotated } from "./support/ffi_formulas.ts";
import { assertNear, at, ffiTest, type Plain, plain, toMLX, wave } from "./support/ffi_reference.ts";
import { runScript } from "./support/ffi_script.ts";

mx.openLibrary();
// Linux has them, on any processor: or the tests would silently leave them out.
assertEquals(mx.hasOwnPasses(), Deno.build.os === "linux");

/** In one thread and in four, where there are passes. */
function passTest(name: string, body: () => void): void {
  if (!mx.hasOwnPasses()) return;
  ffiTest(name, () => {
    const before = mx.blasThreads()?.now;
    try {
      for (const threads of [1, 4]) {
        mx.useBlasThreads(threads);
        body();
      }
    } finally {
      mx.useBlasThreads(before);
    }
  });
}

const scaled = ({ shape, data }: Plain, by: number): Plain => ({ shape, data: data.map((x) => x * by) });

/** Both sides of 0, near it and far from it. */
const EVERYWHERE = Float32Array.of(
  ...Array.from({ length: 50_001 }, (_, index) => 40 * index / 50_000 - 20),
  ...Array.from({ length: 2_001 }, (_, index) => (index - 1_000) * 1e-6),
  ...[-3e38, -1e30, -1e5, -300, -88, -87, -50, -32, 0, 32, 50, 300, 1e5, 1e30, 3e38],
);

/** Each number beside the function, at most `error` from it beyond a rounding of the value to float32. */
function assertFunction(
  numbers: Float32Array,
  computed: Float32Array,
  at: (x: number) => number,
  error: number,
): void {
  assertEquals(computed.length, numbers.length);
  for (const [index, x] of numbers.entries()) {
    const exact = at(x), difference = Math.abs(computed[index]! - exact);
    assert(difference <= error + Math.abs(exact) * 2 ** -23, `at ${x}: ${computed[index]} for ${exact}`);
  }
}

/** The normal distribution at some numbers, from printed tables. */
const NORMAL = new Map([
  [-5, 2.866515718791939e-7],
  [-3, 1.3498980316300933e-3],
  [-1, 0.15865525393145707],
  [1, 0.8413447460685429],
  [2, 0.9772498680518208],
]);

/** The part of a normal distribution up to x: a series near 0, a continued fraction farther out. */
function normal(x: number): number {
  const size = Math.abs(x), density = Math.exp(-size * size / 2) / Math.sqrt(2 * Math.PI);
  let tail: number;
  if (size > 3) {
    let fraction = size;
    for (let k = 60; k > 0; k--) fraction = size + k / fraction;
    tail = density / fraction;
  } else {
    let sum = size, term = size;
    for (let k = 3; term > 1e-18; k += 2) sum += term *= size * size / k;
    tail = 0.5 - density * sum;
  }
  return x < 0 ? tail : 1 - tail;
}

passTest("ownGelu() is x times the normal distribution to 1e-7 and a rounding", () => {
  for (const [x, value] of NORMAL) assert(Math.abs(normal(x) - value) < 1e-15, `${x}`);
  const numbers = mx.toFloat32(mx.ownGelu(mx.fromData(EVERYWHERE)));
  assertFunction(EVERYWHERE, numbers, (x) => x * normal(x), 1e-7);
  assertEquals([...mx.toFloat32(mx.ownGelu(mx.fromData(Float32Array.of(NaN, Infinity))))], [NaN, Infinity]);
});

passTest("ownSwiglu() is x / (1 + exp(-x)) to 1e-7 and a rounding, times the other", () => {
  const shape = [1, EVERYWHERE.length];
  const gate = mx.fromData(EVERYWHERE, shape), ones = mx.broadcastTo(mx.scalar(1), shape);
  const numbers = mx.toFloat32(mx.ownSwiglu(gate, mx.contiguous(ones)));
  assertFunction(EVERYWHERE, numbers, (x) => x / (1 + Math.exp(-x)), 1e-7);
  const beyond = mx.fromData(Float32Array.of(NaN, -Infinity, Infinity), [1, 3]);
  const [none, low, high] = mx.toFloat32(mx.ownSwiglu(beyond, mx.fromData(Float32Array.of(1, 1, 1), [1, 3])));
  assert(Number.isNaN(none) && Math.abs(low!) < 1e-30 && high === Infinity);
});

passTest("ownSwiglu() takes halves of rows, of any width", () => {
  for (const [rows, width] of [[1, 1], [5, 7], [3, 64], [40, 1001]] as const) {
    const both = scaled(wave([rows, 2 * width]), 5);
    const half = (from: number) => mx.slice(toMLX(both), [0, from], [rows, from + width]);
    const expected = plain([rows, width], ([row, column]) => {
      const gate = at(both, [row!, column!]);
      return gate / (1 + Math.exp(-gate)) * at(both, [row!, width + column!]);
    });
    assertNear(mx.ownSwiglu(half(0), half(width)), expected, 1e-6, `${rows} ${width}`);
  }
});

passTest("ownNorm() is the layer norm with a bias and the root mean square norm without", () => {
  for (const [rows, width] of [[1, 1], [3, 8], [2, 37], [20, 100]] as const) {
    const x = plain([2, rows, width], ([b, r, i]) => 3 * Math.sin(7 * b! + 5 * r! + 1.7 * i! ** 1.1) + 2);
    const weight = wave([width], 2), bias = wave([width], 3);
    for (const eps of [1e-5, 0.5]) {
      const arrays = [toMLX(x), toMLX(weight)] as const, where = `${rows} ${width} ${eps}`;
      assertNear(mx.ownNorm(...arrays, toMLX(bias), eps), layerNormed(x, weight, bias, eps), 1e-5, where);
      assertNear(mx.ownNorm(...arrays, undefined, eps), rmsNormed(x, weight, eps), 1e-5, where);
    }
  }
});

passTest("ownNorm() and ownGelu() take numbers that lie in another order", () => {
  const x = wave([5, 3, 8]), turned = plain([3, 5, 8], ([a, b, c]) => at(x, [b!, a!, c!]));
  const weight = wave([8], 2), view = mx.transpose(toMLX(x), [1, 0, 2]);
  assertNear(mx.ownNorm(view, toMLX(weight), undefined, 1e-5), rmsNormed(turned, weight, 1e-5));
  const expected = plain([3, 5, 8], (index) => at(turned, index) * normal(at(turned, index)));
  assertNear(mx.ownGelu(view), expected, 1e-6);
});

passTest("ownRotate() norms and turns the first heads of each row by its position", () => {
  const eps = 1e-3;
  for (
    const [batch, length, heads, width, offsets, base] of [
      [1, 40, 6, 64, [0], 1_000_000],
      [1, 1, 3, 128, [4_000], 1_000_000],
      [3, 1, 2, 10, [5, 0, 21], 10_000],
      [2, 4, 2, 34, [7], 10_000],
    ] as const
  ) {
    const x = wave([batch * length, (heads + 2) * width]), weights = wave([heads, width], 5);
    const apart = plain([batch, heads, length, width], ([b, h, l, i]) => {
      return at(x, [b! * length + l!, h! * width + i!]);
    });
    const normed = rmsNormed(apart, plain([width], () => 1), eps);
    const weighted = plain(apart.shape, (index) => at(normed, index) * at(weights, [index[1]!, index[3]!]));
    const turned = rotated(weighted, width, base, Array.from({ length: batch }, (_, b) => offsets[b] ?? 7));
    const expected = plain([batch, length, heads, width], ([b, l, h, i]) => at(turned, [b!, h!, l!, i!]));
    const offset = mx.fromData(Int32Array.from(offsets));
    const computed = mx.ownRotate(toMLX(x), toMLX(weights), { offset, length, eps, base });
    // The angle itself is rounded to float32, as in the official code: 4,000 to 2e-4.
    assertNear(computed, expected, length === 1 && batch === 1 ? 3e-4 : 2e-5, `${batch} ${length} ${heads}`);
  }
});

passTest("ownAttention() sees the keys it is told of, with fewer key heads than query heads", () => {
  for (
    const [batch, heads, kvHeads, length, span, width] of [
      [2, 4, 2, 3, 5, 8],
      [1, 2, 2, 70, 70, 4],
      [1, 2, 1, 66, 91, 3],
      [3, 4, 2, 1, 40, 64],
      [1, 3, 1, 1, 1, 8],
    ] as const
  ) {
    const [q, k, v] = [
      wave([batch, heads, length, width]),
      ...[2, 3].map((seed) => wave([batch, kvHeads, span, width], seed)),
    ] as [Plain, Plain, Plain];
    const firsts = Array.from({ length: batch }, (_, b) => Math.min(2 * b, span - length));
    const untils = Array.from({ length }, (_, l) => span - length + l + 1);
    const arrays = [scaled(q, 9), k, v].map((array) => toMLX(array)) as [
      mx.MLXArray,
      mx.MLXArray,
      mx.MLXArray,
    ];
    const ints = (values: number[]) => mx.fromData(Int32Array.from(values));
    for (const [hasFirst, hasUntil] of [[false, false], [true, false], [false, true], [true, true]]) {
      const visible = {
        first: hasFirst ? ints(firsts) : undefined,
        until: hasUntil ? ints(untils) : undefined,
      };
      const formula = attended(
        scaled(q, 9),
        k,
        v,
        0.3,
        ([b, , l, s]) => (hasFirst && s! < firsts[b!]!) || (hasUntil && s! >= untils[l!]!) ? -Infinity : 0,
      );
      const expected = plain([batch, length, heads, width], ([b, l, h, i]) => at(formula, [b!, h!, l!, i!]));
      assertNear(mx.ownAttention(...arrays, 0.3, visible), expected, 1e-5, `${length} of ${span}`);
    }
  }
});

passTest("ownAttention() gives 0 to a query that sees no key, and sees no key that is not there", () => {
  const length = 200, width = 4, q = toMLX(wave([1, 2, length, width]));
  const ints = (values: number[]) => mx.fromData(Int32Array.from(values));
  const rows = (first: number[], until: number[]) =>
    mx.toFloat32(mx.ownAttention(q, q, q, 0.3, { first: ints(first), until: ints(until) }));
  const untils = Array.from({ length }, (_, row) => row + 1);
  const some = rows([150], untils), size = 2 * width;
  assertEquals([...some.subarray(0, 150 * size)], new Array(150 * size).fill(0));
  // The first that sees one reads its value, as it is the only one.
  assertNear(mx.fromData(some.slice(150 * size, 151 * size), [2, 4]), {
    shape: [2, 4],
    data: [...mx.toFloat32(mx.slice(q, [0, 0, 150, 0], [1, 2, 151, 4]))],
  });
  assertEquals(rows([-5], untils.map((end) => end + 1_000_000)), rows([0], untils.map(() => length)));
  assertEquals([...rows([length + 7], untils)], new Array(length * size).fill(0));
});

passTest("ownAttention() says where a number is none, in queries, keys or values", () => {
  const shape = [1, 1, 3, 8], good = plain(shape, ([, , row, i]) => 0.1 + row! + i! / 8);
  for (const bad of [NaN, Infinity]) {
    const broken = toMLX({ shape, data: good.data.with(9, bad) }), fine = toMLX(good);
    for (const [q, k, v] of [[broken, fine, fine], [fine, broken, fine], [fine, fine, broken]] as const) {
      const numbers = mx.toFloat32(mx.ownAttention(q, k, v, 1)).subarray(8, 16);
      assert(numbers.some((x) => !Number.isFinite(x)), `${bad}: ${numbers}`);
    }
  }
});

passTest("own passes and products give nothing for nothing", () => {
  const none = (...shape: number[]) => mx.zeros(shape);
  const weights = mx.quantize(toMLX(wave([8, 64])), { bits: 8, groupSize: 64, mode: "affine" });
  const offset = mx.fromData(Int32Array.of(0));
  const results: [mx.MLXArray, number[]][] = [
    [mx.ownGelu(none(0, 3)), [0, 3]],
    [mx.ownGelu(mx.transpose(none(0, 3), [1, 0])), [3, 0]],
    [mx.ownSwiglu(none(0, 4), none(0, 4)), [0, 4]],
    [mx.ownSwiglu(none(3, 0), none(3, 0)), [3, 0]],
    [mx.ownNorm(none(0, 4), toMLX(wave([4])), undefined, 1e-5), [0, 4]],
    [mx.ownNorm(none(4, 0), none(0), undefined, 1e-5), [4, 0]],
    [mx.ownRotate(none(0, 8), toMLX(wave([2, 4])), { offset, length: 1, eps: 1e-6, base: 100 }), [
      0,
      1,
      2,
      4,
    ]],
    [mx.ownAttention(none(1, 2, 0, 4), none(1, 2, 3, 4), none(1, 2, 3, 4), 1), [1, 0, 2, 4]],
    [mx.ownConvolve(none(0, 4, 4, 2), toMLX(wave([3, 3, 3, 2])), toMLX(wave([3]))), [0, 2, 2, 3]],
    [mx.ownConvolve(none(1, 4, 0, 2), toMLX(wave([3, 3, 3, 2])), toMLX(wave([3]))), [1, 2, 0, 3]],
  ];
  if (mx.hasPackedProduct()) results.push([mx.packedProduct(none(0, 64), weights), [0, 8]]);
  for (const [result, shape] of results) {
    mx.evaluate(result);
    assertEquals(result.shape, shape);
  }
  // There is no key to see.
  const blind = mx.toFloat32(
    mx.ownAttention(toMLX(wave([1, 2, 3, 4])), none(1, 2, 0, 4), none(1, 2, 0, 4), 1),
  );
  assertEquals([...blind], new Array(24).fill(0));
});

passTest("ownAttention() takes views: heads side by side in rows, and the filled part of a cache", () => {
  const rows = wave([6, 4 * 8]), cache = wave([1, 2, 50, 8], 4), width = 8;
  const q = mx.transpose(mx.reshape(toMLX(rows), [1, 6, 4, 8]), [0, 2, 1, 3]);
  const filled = mx.slice(toMLX(cache), [0, 0, 3, 0], [1, 2, 30, 8]);
  const [heads, keys] = [
    plain([1, 4, 6, 8], ([, h, l, i]) => at(rows, [l!, h! * width + i!])),
    plain([1, 2, 27, 8], ([b, h, s, i]) => at(cache, [b!, h!, 3 + s!, i!])),
  ];
  const formula = attended(heads!, keys!, keys!, 0.5, () => 0);
  const expected = plain([1, 6, 4, 8], ([b, l, h, i]) => at(formula, [b!, h!, l!, i!]));
  assertNear(mx.ownAttention(q, filled, filled, 0.5), expected, 1e-5);
});

passTest("ownConvolve() is GELU of the convolution by steps of 2, at odd edges too", () => {
  for (
    const [count, high, wide, input, out] of [
      [2, 8, 6, 1, 5],
      [1, 5, 7, 3, 4],
      [3, 1, 1, 2, 17],
      [1, 40, 30, 16, 33],
    ] as const
  ) {
    const x = wave([count, high, wide, input]), weight = wave([out, 3, 3, input], 2), bias = wave([out], 3);
    const expected = plain([count, Math.ceil(high / 2), Math.ceil(wide / 2), out], ([n, r, c, o]) => {
      let sum = at(bias, [o!]);
      for (let i = 0; i < 9 * input; i++) {
        const [dr, dc, channel] = [Math.floor(i / (3 * input)), Math.floor(i / input) % 3, i % input];
        const [row, column] = [2 * r! + dr - 1, 2 * c! + dc - 1];
        if (row < 0 || column < 0 || row >= high || column >= wide) continue;
        sum += at(x, [n!, row, column, channel]) * at(weight, [o!, dr, dc, channel]);
      }
      return sum * normal(sum);
    });
    const computed = mx.ownConvolve(toMLX(x), toMLX(weight), toMLX(bias));
    assertNear(computed, expected, 1e-5, `${high} x ${wide}`);
  }
});

passTest("own passes refuse other types, and shapes that do not fit, each by its name", () => {
  const x = toMLX(wave([4, 6])), narrow = toMLX(wave([5])), wide = toMLX(wave([2, 2, 3, 4]));
  const offset = mx.fromData(Int32Array.of(0)), half = mx.astype(x, "bfloat16");
  const rotate = (a: mx.MLXArray, weights: mx.MLXArray, at = offset, length = 1) => () =>
    mx.ownRotate(a, weights, { offset: at, length, eps: 1e-6, base: 10_000 });
  const two = toMLX(wave([1, 2]));
  const refused: [string, () => mx.MLXArray][] = [
    ["gelu", () => mx.ownGelu(half)],
    ["swiglu", () => mx.ownSwiglu(x, narrow)],
    ["swiglu", () => mx.ownSwiglu(x, half)],
    ["norm", () => mx.ownNorm(x, narrow, undefined, 1e-5)],
    ["norm", () => mx.ownNorm(x, toMLX(wave([6])), narrow, 1e-5)],
    ["norm", () => mx.ownNorm(half, toMLX(wave([6])), undefined, 1e-5)],
    ["rotate", rotate(x, toMLX(wave([2, 4])))],
    ["rotate", rotate(x, toMLX(wave([1, 3])))],
    ["rotate", rotate(x, two, toMLX(wave([1])))],
    ["rotate", rotate(x, two, mx.fromData(Int32Array.of(1, 2)))],
    ["rotate", rotate(x, two, mx.fromData(Int32Array.of(1, 2, 3, 4), [1, 4]))],
    ["attention", () => mx.ownAttention(wide, mx.zeros([2, 0, 3, 4]), mx.zeros([2, 0, 3, 4]), 1)],
    ["rotate", rotate(x, two, offset, 3)],
    ["attention", () => mx.ownAttention(wide, toMLX(wave([2, 3, 3, 4])), wide, 1)],
    ["attention", () => mx.ownAttention(wide, wide, toMLX(wave([2, 2, 4, 4])), 1)],
    ["attention", () => mx.ownAttention(wide, wide, wide, 1, { first: offset })],
    ["attention", () => mx.ownAttention(wide, wide, wide, 1, { until: toMLX(wave([3])) })],
    ["convolve", () => mx.ownConvolve(wide, toMLX(wave([5, 3, 3, 3])), narrow)],
    ["convolve", () => mx.ownConvolve(wide, toMLX(wave([5, 3, 3, 4])), toMLX(wave([4])))],
  ];
  for (const [name, call] of refused) {
    assertEquals(assertThrows(call, mx.MLXError).functionName, `qwen3asr_${name}`);
  }
  const apart = mx.transpose(toMLX(wave([1, 1, 8, 8])), [0, 1, 3, 2]), square = toMLX(wave([1, 1, 8, 8]));
  const turned = mx.transpose(toMLX(wave([8, 8])), [1, 0]), same = mx.broadcastTo(mx.scalar(1), [8, 8]);
  const onEachOther = mx.broadcastTo(toMLX(wave([1, 1, 1, 8])), [1, 1, 8, 8]);
  for (
    const call of [
      () => mx.ownAttention(apart, square, square, 1),
      () => mx.ownAttention(square, onEachOther, square, 1),
      () => mx.ownAttention(square, square, onEachOther, 1),
      () => mx.ownAttention(mx.broadcastTo(toMLX(wave([1, 1, 1, 8])), [1, 8, 1, 8]), square, square, 1),
      () => mx.ownSwiglu(turned, same),
      () => mx.ownSwiglu(same, turned),
      rotate(turned, two),
    ]
  ) assertThrows(() => mx.evaluate(call()), mx.MLXError, "on each other");
});

Deno.test("every pass of own_passes.ts is compared with its formula here", () => {
  assertEquals(Object.keys(own).sort(), [
    "hasOwnPasses",
    "ownAttention",
    "ownConvolve",
    "ownGelu",
    "ownNorm",
    "ownRotate",
    "ownSwiglu",
  ]);
});

for (const kernels of ["avx512", "avx2", "none"]) {
  const name = `own passes with the kernels ${kernels} are those with the processor's own`;
  Deno.test(name, { ignore: !mx.hasOwnPasses() }, async () => {
    const code = `import * as mx from "./ffi/mod.ts";
      mx.openLibrary();
      console.log(JSON.stringify(mx.scope(() => {
        const n = (shape, key) => mx.normal(shape, mx.randomKey(key));
        const x = n([37, 4 * 50], 1), heads = (a) => mx.transpose(mx.reshape(a, [1, 37, 4, 50]), [0, 2, 1, 3]);
        const offset = mx.fromData(Int32Array.of(3)), until = mx.arange(1, 38);
        return [
          mx.ownGelu(x),
          mx.ownSwiglu(x, n([37, 200], 2)),
          mx.ownNorm(x, n([200], 3), n([200], 4), 1e-5),
          mx.ownNorm(x, n([200], 3), undefined, 1e-5),
          mx.ownRotate(x, n([3, 50], 5), { offset, length: 37, eps: 1e-6, base: 10000 }),
          mx.ownAttention(heads(x), heads(x), heads(x), 0.1, { until }),
          mx.ownConvolve(n([2, 9, 11, 3], 6), n([21, 3, 3, 3], 7), n([21], 8)),
        ].map((array) => [...mx.toFloat32(array)]);
      })));`;
    const run = async (env: Record<string, string>) => JSON.parse((await runScript(code, { env })).stdout);
    const [passes, expected] = await Promise.all([run({ QWEN3_ASR_KERNELS: kernels }), run({})]);
    assertEquals(passes.length, 7);
    for (const [index, values] of passes.entries()) {
      for (const [at, value] of values.entries()) {
        assert(Math.abs(value - expected[index][at]) < 2e-5, `${index}, ${at}: ${value}`);
      }
    }
  });
}
