/** Products by libmlxc's own code, packed and dense: what they give, what they take, and two at once. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as mx from "../ffi/mod.ts";
import { runScript } from "./support/ffi_script.ts";

mx.openLibrary();
/** Everywhere else MLX's own products are used, and tested. */
const HERE = { ignore: !mx.hasPackedProduct() };

function packed(out: number, input: number, bits: number, groupSize: number, key = 1): mx.PackedWeight {
  return mx.quantize(mx.normal([out, input], mx.randomKey(key)), { bits, groupSize, mode: "affine" });
}

/** `[m, k]` times `[k, n]` in float64. */
function plainProduct(
  a: Float32Array,
  b: Float32Array,
  [m, n, k]: readonly [number, number, number],
): Float64Array {
  const product = new Float64Array(m * n);
  for (let r = 0; r < m; r++) {
    for (let i = 0; i < k; i++) {
      for (let c = 0; c < n; c++) product[r * n + c]! += a[r * k + i]! * b[i * n + c]!;
    }
  }
  return product;
}

/** Rows `[rows, in]` times the numbers that packed weights stand for, in float64. */
function product(x: mx.MLXArray, w: mx.PackedWeight): Float64Array {
  const matrix = mx.transpose(mx.dequantize(w, "float32"), [1, 0]), input = x.dim(-1);
  return plainProduct(mx.toFloat32(x), mx.toFloat32(matrix), [x.size / input, w.scales.dim(0), input]);
}

/** Largest difference, in parts of what sums of so many normal numbers are like. */
function apart(own: mx.MLXArray, expected: Float64Array, input: number): number {
  const values = mx.toFloat32(own);
  assertEquals(values.length, expected.length);
  return values.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0) /
    Math.sqrt(input);
}

for (const bits of [4, 8]) {
  Deno.test({
    ...HERE,
    name: `packedProduct() is the product with the numbers of ${bits} bits, for any rows and outputs`,
    fn: () => {
      for (
        const [out, input, groupSize] of [[70, 128, 64], [33, 192, 32], [600, 256, 128], [1, 64, 64]] as const
      ) {
        // One to four rows at once, several times, and by unpacked numbers.
        for (const rows of [1, 2, 3, 4, 7, 8, 9, 40]) {
          const difference = mx.scope(() => {
            const w = packed(out, input, bits, groupSize), x = mx.normal([rows, input], mx.randomKey(2));
            return apart(mx.packedProduct(x, w), product(x, w), input);
          });
          assert(difference < 5e-6, `${rows} rows, [${out}, ${input}] in ${groupSize}: ${difference}`);
        }
      }
    },
  });
}

Deno.test({
  ...HERE,
  name: "packedProduct() takes views: rows of three dimensions, parts of rows, halves of a matrix",
  fn: () =>
    mx.scope(() => {
      const w = packed(96, 128, 8, 64), x = mx.normal([2, 3, 256], mx.randomKey(3));
      const half = mx.slice(x, [0, 0, 128], [2, 3, 256]);
      const whole = mx.packedProduct(half, w);
      assertEquals(whole.shape, [2, 3, 96]);
      assert(apart(whole, product(half, w), 128) < 5e-6);
      const rows = (array: mx.MLXArray) => mx.slice(array, [32, 0], [96, array.dim(1)]);
      const lower = { ...w, weight: rows(w.weight), scales: rows(w.scales), biases: rows(w.biases!) };
      const part = mx.packedProduct(half, lower);
      assertEquals(mx.toFloat32(part), mx.toFloat32(mx.slice(whole, [0, 0, 32], [2, 3, 96])));
    }),
});

Deno.test({
  ...HERE,
  name: "suitsPackedProduct() says which weights it takes, and others are refused",
  fn: () =>
    mx.scope(() => {
      const suits = [2, 3, 4, 5, 6, 8].filter((bits) => mx.suitsPackedProduct(packed(8, 128, bits, 64)));
      assertEquals(suits, [4, 8]);
      const w = packed(8, 128, 8, 64);
      assertEquals(mx.suitsPackedProduct({ ...w, mode: "mxfp4" }), false);
      assertEquals(mx.suitsPackedProduct({ ...w, biases: undefined }), false);
      assertEquals(mx.suitsPackedProduct({ ...w, scales: mx.astype(w.scales, "bfloat16") }), false);
      const x = mx.normal([1, 128], mx.randomKey(1));
      for (
        const [rows, weights] of [
          [mx.normal([1, 64], mx.randomKey(1)), w],
          [mx.astype(x, "float16"), w],
          [x, packed(8, 128, 6, 64)],
          [x, { ...w, bits: 4 }],
          [x, { ...w, groupSize: 32 }],
          [x, { ...w, scales: w.weight }],
        ] as const
      ) {
        const error = assertThrows(() => mx.packedProduct(rows, weights), mx.MLXError);
        assertEquals(error.functionName, "qwen3asr_packed_product");
      }
      assertThrows(() => mx.packedProduct(x, { ...w, biases: undefined }), Error, "no product");
    }),
});

const TWICE = "packedProduct() gives the same on two streams at once, whatever the number of threads";
Deno.test(TWICE, HERE, async () => {
  const before = mx.liveHandles();
  const natural = mx.blasThreads()!.now;
  using own = new mx.Stream("cpu");
  using other = new mx.Stream("cpu");
  const kept = mx.scope(() => {
    const { weight, scales, biases } = packed(3000, 512, 8, 64);
    return [weight, scales, biases!, mx.normal([1, 512], mx.randomKey(5))].map((array) => mx.keep(array));
  });
  const [weight, scales, biases, x] = kept as [mx.MLXArray, mx.MLXArray, mx.MLXArray, mx.MLXArray];
  const w: mx.PackedWeight = { weight, scales, biases, bits: 8, groupSize: 64, mode: "affine" };
  try {
    mx.evaluate(...kept);
    const expected = mx.scope(() => mx.toFloat32(mx.packedProduct(x, w)));
    for (const threads of [1, 4, 2]) {
      mx.useBlasThreads(threads);
      for (let round = 0; round < 20; round++) {
        const both = [own, other].map((stream) =>
          mx.onStream(stream, () =>
            mx.scope(() => {
              let y = mx.packedProduct(x, w);
              // Each needs the one before.
              for (let i = 0; i < 5; i++) {
                const next = mx.multiply(mx.slice(y, [0, 0], [1, 512]), mx.scalar(0));
                y = mx.packedProduct(mx.add(x, next), w);
              }
              return y;
            }))
        );
        await mx.evaluateAsync(both);
        for (const result of both) assertEquals(mx.toFloat32(result), expected);
        mx.disposeAll(both);
      }
    }
  } finally {
    mx.useBlasThreads(natural);
    mx.disposeAll(kept);
  }
  assertEquals(mx.liveHandles(), before);
});

/** Runs with so many threads of products. */
function withThreads<T>(threads: number, use: () => T): T {
  const before = mx.blasThreads()?.now;
  mx.useBlasThreads(threads);
  try {
    return use();
  } finally {
    mx.useBlasThreads(before);
  }
}

for (const threads of [1, 4]) {
  Deno.test(`dense products are right for any rows, columns and length, in either order, ${threads} at once`, () => {
    const before = mx.liveHandles();
    const shapes = [2, 5, 49, 97, 130].flatMap((n, index) =>
      // Few rows, some, and those that OpenBLAS multiplies.
      [1, 2, 3, 4, 5, 7, 16, 17, 30, 193].map((m) => [m, n, [64, 203, 192, 1031, 1100][index]!] as const)
    );
    // In parts, of rows and of columns, with one row or column left over.
    const large = [[257, 129, 128], [129, 257, 128], [193, 400, 70], [800, 65, 100], [
      40,
      700,
      1030,
    ]] as const;
    for (const [m, n, k] of [...shapes, ...large]) {
      const difference = withThreads(threads, () =>
        mx.scope(() => {
          const [a, b] = [mx.normal([m, k], mx.randomKey(1)), mx.normal([k, n], mx.randomKey(2))];
          const bias = mx.normal([n], mx.randomKey(3)), sums = mx.toFloat32(bias);
          const expected = plainProduct(mx.toFloat32(a), mx.toFloat32(b), [m, n, k]);
          // The same matrices, stored the other way round.
          const [stored, columns] = [b, a].map((matrix) => mx.contiguous(mx.transpose(matrix, [1, 0])));
          const turned = (matrix: mx.MLXArray) => mx.transpose(matrix, [1, 0]);
          let worst = 0;
          for (const left of [a, turned(columns!)]) {
            for (const right of [b, turned(stored!)]) {
              const [product, sum] = [mx.matmul(left, right), mx.addmm(bias, left, right)].map((y) =>
                mx.toFloat32(y)
              );
              for (const [at, value] of expected.entries()) {
                const apart = Math.abs(product![at]! - value);
                worst = Math.max(worst, apart, Math.abs(sum![at]! - value - sums[at % n]!));
              }
            }
          }
          return worst / Math.sqrt(k);
        }));
      assert(difference < 5e-6, `[${m}, ${k}] times [${k}, ${n}]: ${difference}`);
    }
    assertEquals(mx.liveHandles(), before);
  });
}

Deno.test("a packed product of many rows is the same in one thread and in four", HERE, () =>
  mx.scope(() => {
    const w = packed(700, 2176, 4, 128), x = mx.normal([300, 2176], mx.randomKey(4));
    const [one, four] = [1, 4].map((threads) =>
      withThreads(threads, () => mx.toFloat32(mx.packedProduct(x, w)))
    );
    assertEquals(four, one);
    assert(apart(mx.packedProduct(x, w), product(x, w), 2176) < 5e-6);
  }));

for (const kernels of ["avx512", "avx2", "none"]) {
  Deno.test(`products with the kernels ${kernels} are those with the processor's own`, HERE, async () => {
    const code = `import * as mx from "./ffi/mod.ts";
      mx.openLibrary();
      const said = mx.scope(() => [4, 8].flatMap((bits) => [1, 2, 3, 4, 9, 30].map((rows) => {
        const dense = mx.normal([100, 1056], mx.randomKey(1));
        const w = mx.quantize(dense, { bits, groupSize: 32, mode: "affine" });
        const x = mx.normal([rows, 1056], mx.randomKey(rows));
        const own = mx.hasPackedProduct() ? mx.packedProduct(x, w) : mx.quantizedMatmul(x, w);
        return [...mx.toFloat32(own), ...mx.toFloat32(mx.matmul(x, mx.transpose(dense, [1, 0])))];
      })));
      console.log(JSON.stringify([mx.hasPackedProduct(), said]));`;
    const run = async (env: Record<string, string>) => JSON.parse((await runScript(code, { env })).stdout);
    const [[has, numbers], [, expected]] = await Promise.all([run({ QWEN3_ASR_KERNELS: kernels }), run({})]);
    assertEquals(has, kernels !== "none");
    for (const [index, values] of numbers.entries()) {
      for (const [at, value] of values.entries()) {
        assert(Math.abs(value - expected[index][at]) < 3e-4, `${index}, ${at}: ${value}`);
      }
    }
  });
}
