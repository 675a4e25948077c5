import { assertEquals, assertThrows } from "@std/assert";
import * as mx from "../ffi/mod.ts";
import * as ops from "../ffi/ops.ts";
import {
  along,
  assertNear,
  at,
  count,
  ffiTest,
  type Plain,
  plain,
  toMLX,
  wave,
} from "./support/ffi_reference.ts";

const tested = new Set<string>();

/** Maclaurin series; converges for the arguments here. */
function erf(x: number): number {
  let term = x, sum = x;
  for (let n = 1; n < 60; n++) {
    term *= -x * x / n;
    sum += term / (2 * n + 1);
  }
  return 2 / Math.sqrt(Math.PI) * sum;
}

type Unary = (a: mx.MLXArray) => mx.MLXArray;

const UNARY: Record<string, [Unary, (x: number) => number]> = {
  abs: [ops.abs, Math.abs],
  cos: [ops.cos, Math.cos],
  sin: [ops.sin, Math.sin],
  erf: [ops.erf, erf],
  exp: [ops.exp, Math.exp],
  negative: [ops.negative, (x) => -x],
  sigmoid: [ops.sigmoid, (x) => 1 / (1 + Math.exp(-x))],
  square: [ops.square, (x) => x * x],
  tanh: [ops.tanh, Math.tanh],
};

const UNARY_OF_POSITIVE: Record<string, [Unary, (x: number) => number]> = {
  log: [ops.log, Math.log],
  log10: [ops.log10, Math.log10],
  rsqrt: [ops.rsqrt, (x) => 1 / Math.sqrt(x)],
  sqrt: [ops.sqrt, Math.sqrt],
};

const SIGNED = plain([3, 5], ([i, j]) => Math.fround((5 * i! + j! - 7.25) / 3));
const POSITIVE = plain([3, 5], ([i, j]) => Math.fround((5 * i! + j! + 0.25) / 3));

for (const [input, table] of [[SIGNED, UNARY], [POSITIVE, UNARY_OF_POSITIVE]] as const) {
  for (const [name, [op, formula]] of Object.entries(table)) {
    tested.add(name);
    ffiTest(`${name}() is its formula`, () => {
      assertNear(op(toMLX(input)), { shape: input.shape, data: input.data.map(formula) }, 2e-6, name);
    });
  }
}

type Binary = (a: mx.MLXArray, b: mx.MLXArray) => mx.MLXArray;

const BINARY: Record<string, [Binary, (x: number, y: number) => number, mx.DType]> = {
  add: [ops.add, (x, y) => x + y, "float32"],
  subtract: [ops.subtract, (x, y) => x - y, "float32"],
  multiply: [ops.multiply, (x, y) => x * y, "float32"],
  divide: [ops.divide, (x, y) => x / y, "float32"],
  maximum: [ops.maximum, Math.max, "float32"],
  minimum: [ops.minimum, Math.min, "float32"],
  power: [ops.power, Math.pow, "float32"],
  equal: [ops.equal, (x, y) => Number(x === y), "bool"],
  less: [ops.less, (x, y) => Number(x < y), "bool"],
  lessEqual: [ops.lessEqual, (x, y) => Number(x <= y), "bool"],
  greater: [ops.greater, (x, y) => Number(x > y), "bool"],
  greaterEqual: [ops.greaterEqual, (x, y) => Number(x >= y), "bool"],
};

const LEFT = plain([2, 3, 4], (index) => 0.5 + (7 * index[0]! + 5 * index[1]! + 3 * index[2]!) % 6);
const RIGHTS = [
  plain([2, 3, 4], (index) => 0.5 + (index[0]! + 2 * index[1]! + index[2]!) % 6),
  plain([4], ([k]) => 0.5 + k!),
  plain([3, 1], ([j]) => 1.5 + j!),
  plain([], () => 2.5),
];

for (const [name, [op, formula, dtype]] of Object.entries(BINARY)) {
  tested.add(name);
  ffiTest(`${name}() is its formula, with broadcasting`, () => {
    for (const right of RIGHTS) {
      const result = op(toMLX(LEFT), toMLX(right));
      assertEquals(result.dtype, dtype);
      const expected = plain(LEFT.shape, (index) => formula(at(LEFT, index), at(right, index)));
      assertNear(result, expected, 2e-6, `${name} with [${right.shape}]`);
    }
  });
}

for (
  const [name, op, formula] of [
    ["logicalAnd", ops.logicalAnd, (x: boolean, y: boolean) => x && y],
    ["logicalOr", ops.logicalOr, (x: boolean, y: boolean) => x || y],
  ] as const
) {
  tested.add(name);
  ffiTest(`${name}() is its truth table`, () => {
    const a = plain([4], ([i]) => i! >> 1), b = plain([4], ([i]) => i! & 1);
    const result = op(toMLX(a, "bool"), toMLX(b, "bool"));
    assertEquals(result.dtype, "bool");
    const expected = a.data.map((x, i) => Number(formula(x === 1, b.data[i] === 1)));
    assertEquals([...mx.toInt32(result)], expected);
  });
}

type Reduction = (a: mx.MLXArray, axis: number, keepdims?: boolean) => mx.MLXArray;

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);

const REDUCTIONS: Record<string, [Reduction, (values: number[]) => number, mx.DType]> = {
  sum: [ops.sum, sum, "float32"],
  mean: [ops.mean, (values) => sum(values) / values.length, "float32"],
  max: [ops.max, (values) => Math.max(...values), "float32"],
  min: [ops.min, (values) => Math.min(...values), "float32"],
  logsumexp: [ops.logsumexp, (values) => Math.log(sum(values.map(Math.exp))), "float32"],
  argmax: [ops.argmax, (values) => values.indexOf(Math.max(...values)), "uint32"],
};

for (const [name, [op, formula, dtype]] of Object.entries(REDUCTIONS)) {
  tested.add(name);
  ffiTest(`${name}() reduces every axis, keeping it or not`, () => {
    const a = wave([2, 3, 4]);
    for (const axis of [0, 1, 2, -1]) {
      const positive = (axis + 3) % 3;
      const kept = plain(a.shape.with(positive, 1), (index) => formula(along(a, index, positive)));
      const keptResult = op(toMLX(a), axis, true);
      assertEquals(keptResult.dtype, dtype);
      assertNear(keptResult, kept, 2e-6, `${name} axis ${axis} kept`);
      const dropped = { shape: a.shape.toSpliced(positive, 1), data: kept.data };
      assertNear(op(toMLX(a), axis), dropped, 2e-6, `${name} axis ${axis}`);
    }
  });
}

ffiTest("argmax() takes the first of equals", () => {
  assertEquals([...mx.toInt32(ops.argmax(mx.fromData(Float32Array.of(1, 5, 5, 2, 5)), 0))], [1]);
});

ffiTest("maxAll() is the largest of all as a scalar", () => {
  const a = wave([2, 3, 4]);
  assertNear(ops.maxAll(toMLX(a)), { shape: [], data: [Math.max(...a.data)] }, 0);
});

ffiTest("argsort() orders every axis", () => {
  const a = wave([4, 5]);
  for (const axis of [0, 1, -1]) {
    const positive = (axis + 2) % 2;
    const result = ops.argsort(toMLX(a), axis);
    assertEquals(result.dtype, "uint32");
    const expected = plain(a.shape, (index) => {
      const values = along(a, index, positive);
      const order = values.map((_, i) => i).sort((i, j) => values[i]! - values[j]!);
      return order[index[positive]!]!;
    });
    assertNear(result, expected, 0, `axis ${axis}`);
  }
});

ffiTest("softmax() sums to one along its axis and keeps the ratios", () => {
  const a = wave([3, 4]);
  for (const axis of [0, 1, -1]) {
    const positive = (axis + 2) % 2;
    const expected = plain(
      a.shape,
      (index) => Math.exp(at(a, index)) / sum(along(a, index, positive).map(Math.exp)),
    );
    for (const precise of [true, false]) assertNear(ops.softmax(toMLX(a), axis, precise), expected, 1e-6);
  }
});

ffiTest("softmax() does not overflow on large numbers", () => {
  assertNear(ops.softmax(mx.fromData(Float32Array.of(1000, 1000, -1000)), 0), {
    shape: [3],
    data: [0.5, 0.5, 0],
  });
});

function product(a: Plain, b: Plain): Plain {
  const inner = a.shape.at(-1)!;
  return plain([...a.shape.slice(0, -1), b.shape.at(-1)!], (index) => {
    const batch = index.slice(0, -2), row = index.at(-2)!, column = index.at(-1)!;
    return sum(
      Array.from({ length: inner }, (_, k) => at(a, [...batch, row, k]) * at(b, [...batch, k, column])),
    );
  });
}

ffiTest("matmul() multiplies the last two dimensions, in batches too", () => {
  const a = wave([2, 3, 5], 1), b = wave([2, 5, 4], 2), shared = wave([5, 4], 3);
  assertNear(ops.matmul(toMLX(a), toMLX(b)), product(a, b), 1e-5);
  assertNear(ops.matmul(toMLX(a), toMLX(shared)), product(a, shared), 1e-5);
});

ffiTest("addmm() is a + b c", () => {
  const a = wave([4], 1), b = wave([3, 5], 2), c = wave([5, 4], 3);
  const bc = product(b, c);
  const expected = plain([3, 4], (index) => at(bc, index) + at(a, index));
  assertNear(ops.addmm(toMLX(a), toMLX(b), toMLX(c)), expected, 1e-5);
});

ffiTest("where() chooses element by element, with broadcasting", () => {
  const condition = plain([3, 4], ([i, j]) => (i! + j!) % 2);
  const a = wave([3, 4], 1), b = wave([4], 2);
  const expected = plain([3, 4], (index) => at(condition, index) ? at(a, index) : at(b, index));
  assertNear(ops.where(toMLX(condition, "bool"), toMLX(a), toMLX(b)), expected, 0);
});

/** The nearest number with `bits` bits of mantissa, ties to even, for numbers in the normal range. */
function rounded(x: number, bits: number): number {
  if (x === 0) return 0;
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(x))) - bits);
  const low = Math.floor(x / unit), rest = x / unit - low;
  const up = rest > 0.5 || (rest === 0.5 && low % 2 !== 0);
  return (low + Number(up)) * unit;
}

ffiTest("astype() rounds to bfloat16 and float16 to nearest even", () => {
  const values = [
    1,
    1 + 2 ** -8,
    1 + 3 * 2 ** -8,
    1 + 2 ** -11,
    1 + 3 * 2 ** -11,
    -3.14159,
    0.1,
    1234.567,
    0,
  ];
  const exact = values.map(Math.fround);
  for (const [dtype, bits] of [["bfloat16", 7], ["float16", 10]] as const) {
    const there = ops.astype(mx.fromData(Float32Array.from(exact)), dtype);
    assertEquals([there.dtype, there.byteLength], [dtype, 2 * exact.length]);
    assertEquals([...mx.toFloat32(there)], exact.map((x) => rounded(x, bits)), dtype);
  }
  const halves = Float16Array.from(exact);
  assertEquals([...mx.toFloat32(mx.fromData(halves))], [...halves]);
});

ffiTest("astype() keeps what bfloat16 can hold and float16 cannot", () => {
  const large = mx.fromData(Float32Array.of(1e5, 2 ** 100, 2 ** -100));
  assertEquals([...mx.toFloat32(ops.astype(large, "float16"))], [Infinity, Infinity, 0]);
  assertEquals(mx.toFloat32(ops.astype(large, "bfloat16"))[1], 2 ** 100);
});

ffiTest("astype() reaches every type and cuts fractions off", () => {
  const values = Float32Array.of(0, 1, 2.75, 100.5);
  for (const dtype of mx.DTYPES) {
    if (dtype === "complex64") continue;
    const cast = ops.astype(mx.fromData(values), dtype);
    assertEquals(cast.dtype, dtype);
    const isFloat = /float/.test(dtype);
    const expected = dtype === "bool" ? [0, 1, 1, 1] : isFloat ? [...values] : [0, 1, 2, 100];
    assertEquals([...mx.toFloat32(cast)], expected, dtype);
  }
});

ffiTest("operations refuse shapes that do not fit, naming the C function", () => {
  const a = toMLX(count([2, 3])), b = toMLX(count([2, 4]));
  const error = assertThrows(() => ops.add(a, b), mx.MLXError);
  assertEquals(error.functionName, "mlx_add");
  assertThrows(() => ops.matmul(a, a), mx.MLXError, "mlx_matmul");
  assertThrows(() => ops.sum(a, 2), mx.MLXError, "mlx_sum_axis");
});

Deno.test("every operation of ops.ts is compared with a formula here", () => {
  for (const name of ["maxAll", "argsort", "softmax", "matmul", "addmm", "where", "astype"]) {
    tested.add(name);
  }
  assertEquals([...tested].sort(), Object.keys(ops).sort());
});
