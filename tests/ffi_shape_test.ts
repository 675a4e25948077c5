import { assertEquals, assertThrows } from "@std/assert";
import * as mx from "../ffi/mod.ts";
import * as shape from "../ffi/shape.ts";
import { assertNear, at, count, ffiTest, type Plain, plain, toMLX, wave } from "./support/ffi_reference.ts";

interface Case {
  /** What the operation makes of the input. */
  run: (a: mx.MLXArray) => mx.MLXArray;
  input: Plain;
  /** Shape of the result. */
  to: number[];
  /** Index into the input of a result's element; undefined where the result is 0. */
  from: (index: number[]) => number[] | undefined;
}

const CUBE = count([2, 3, 4]);

const CASES: Record<string, Record<string, Case>> = {
  transpose: {
    "with all axes": {
      run: (a) => shape.transpose(a, [2, 0, 1]),
      input: CUBE,
      to: [4, 2, 3],
      from: ([k, i, j]) => [i!, j!, k!],
    },
    "with negative axes": {
      run: (a) => shape.transpose(a, [0, -1, 1]),
      input: CUBE,
      to: [2, 4, 3],
      from: ([i, k, j]) => [i!, j!, k!],
    },
  },
  swapaxes: {
    "first and last": {
      run: (a) => shape.swapaxes(a, 0, -1),
      input: CUBE,
      to: [4, 3, 2],
      from: ([k, j, i]) => [i!, j!, k!],
    },
  },
  broadcastTo: {
    "new and stretched dimensions": {
      run: (a) => shape.broadcastTo(a, [2, 3, 4]),
      input: count([3, 1]),
      to: [2, 3, 4],
      from: ([_, j]) => [j!, 0],
    },
  },
  contiguous: {
    "of a transposed view": {
      run: (a) => shape.contiguous(shape.transpose(a, [1, 0, 2])),
      input: CUBE,
      to: [3, 2, 4],
      from: ([j, i, k]) => [i!, j!, k!],
    },
  },
  slice: {
    "of every dimension": {
      run: (a) => shape.slice(a, [1, 0, 1], [2, 2, 4]),
      input: CUBE,
      to: [1, 2, 3],
      from: ([i, j, k]) => [i! + 1, j!, k! + 1],
    },
    "with strides": {
      run: (a) => shape.slice(a, [0, 0, 1], [2, 3, 4], [1, 2, 2]),
      input: CUBE,
      to: [2, 2, 2],
      from: ([i, j, k]) => [i!, 2 * j!, 2 * k! + 1],
    },
    "without strides after one with": {
      run: (a) => {
        shape.slice(a, [0, 0, 0], [2, 3, 4], [2, 2, 2]);
        return shape.slice(a, [0, 0, 0], [2, 3, 2]);
      },
      input: CUBE,
      to: [2, 3, 2],
      from: (index) => index,
    },
    "counted from the end": {
      run: (a) => shape.slice(a, [0, -2, 0], [2, -1, 4]),
      input: CUBE,
      to: [2, 1, 4],
      from: ([i, j, k]) => [i!, j! + 1, k!],
    },
  },
  takeAxis: {
    "rows in any order, repeated": {
      run: (a) => shape.takeAxis(a, mx.fromData(Int32Array.of(2, 0, 2, 1)), 1),
      input: CUBE,
      to: [2, 4, 4],
      from: ([i, j, k]) => [i!, [2, 0, 2, 1][j!]!, k!],
    },
    "with indices of two dimensions": {
      run: (a) => shape.takeAxis(a, mx.fromData(Int32Array.of(1, 0, 2, 2, 1, 0), [2, 3]), 0),
      input: count([3, 4]),
      to: [2, 3, 4],
      from: ([i, j, k]) => [[1, 0, 2, 2, 1, 0][3 * i! + j!]!, k!],
    },
  },
  takeAlongAxis: {
    "one per row": {
      run: (a) => shape.takeAlongAxis(a, mx.fromData(Int32Array.of(3, 0, 1), [3, 1]), 1),
      input: count([3, 4]),
      to: [3, 1],
      from: ([i]) => [i!, [3, 0, 1][i!]!],
    },
  },
  asStrided: {
    "overlapping frames": {
      run: (a) => shape.asStrided(a, [4, 3], [2, 1], 1),
      input: count([10]),
      to: [4, 3],
      from: ([i, j]) => [1 + 2 * i! + j!],
    },
  },
  pad: {
    "both ends of both dimensions": {
      run: (a) => shape.pad(a, [1, 0], [2, 3]),
      input: count([2, 3]),
      to: [5, 6],
      from: ([i, j]) => i! >= 1 && i! < 3 && j! < 3 ? [i! - 1, j!] : undefined,
    },
  },
};

for (const [name, cases] of Object.entries(CASES)) {
  for (const [what, { run, input, to, from }] of Object.entries(cases)) {
    ffiTest(`${name}() moves elements ${what}`, () => {
      const expected = plain(to, (index) => {
        const source = from(index);
        return source ? at(input, source) : 0;
      });
      assertNear(run(toMLX(input)), expected, 0);
    });
  }
}

ffiTest("reshape() keeps the order and finds the one size left open", () => {
  const a = toMLX(CUBE);
  for (const to of [[24], [4, 6], [1, 2, 3, 4], [2, 1, 12]]) {
    assertNear(shape.reshape(a, to), { shape: to, data: CUBE.data }, 0);
  }
  assertEquals(shape.reshape(a, [4, -1, 2]).shape, [4, 3, 2]);
  assertNear(shape.reshape(shape.reshape(a, [24]), [24]), { shape: [24], data: CUBE.data }, 0);
  assertThrows(() => shape.reshape(a, [5, 5]), mx.MLXError, "mlx_reshape");
});

ffiTest("reshape() takes more dimensions than usual", () => {
  const deep = [1, 2, 1, 3, 1, 1, 2, 1, 2, 1];
  assertNear(shape.reshape(toMLX(CUBE), deep), { shape: deep, data: CUBE.data }, 0);
});

ffiTest("sliceUpdate() writes a block and leaves its source as it was", () => {
  const a = wave([2, 4, 3], 1), update = wave([2, 2, 3], 2);
  const source = toMLX(a);
  const result = shape.sliceUpdate(source, toMLX(update), [0, 1, 0], [2, 3, 3]);
  const expected = plain(a.shape, ([i, j, k]) => {
    return j! >= 1 && j! < 3 ? at(update, [i!, j! - 1, k!]) : at(a, [i!, j!, k!]);
  });
  assertNear(result, expected, 0);
  assertNear(source, a, 0);
});

ffiTest("slice() and sliceUpdate() refuse lists of unequal length instead of reading old ones", () => {
  const a = shape.zeros([2, 3]);
  shape.slice(a, [0, 0], [2, 3]);
  assertThrows(() => shape.slice(a, [0, 0], [1]), mx.MLXError, "mlx_slice");
  assertThrows(() => shape.slice(a, [0, 0], [1, 1], [1]), mx.MLXError, "mlx_slice");
  assertThrows(() => shape.sliceUpdate(a, a, [0, 0], [2]), mx.MLXError, "mlx_slice_update");
});

ffiTest("concatenate() joins along every axis", () => {
  const a = wave([2, 3], 1), b = wave([2, 3], 2), c = wave([2, 3], 3);
  const rows = plain([6, 3], ([i, j]) => at([a, b, c][Math.floor(i! / 2)]!, [i! % 2, j!]));
  const columns = plain([2, 9], ([i, j]) => at([a, b, c][Math.floor(j! / 3)]!, [i!, j! % 3]));
  const parts = [toMLX(a), toMLX(b), toMLX(c)];
  assertNear(shape.concatenate(parts, 0), rows, 0);
  assertNear(shape.concatenate(parts, -1), columns, 0);
  assertThrows(() => shape.concatenate([], 0), mx.MLXError, "mlx_concatenate_axis");
});

ffiTest("concatenate() joins more arrays than one buffer holds", () => {
  const parts = Array.from({ length: 150 }, (_, i) => mx.fromData(Float32Array.of(i)));
  assertNear(shape.concatenate(parts, 0), count([150]), 0);
});

ffiTest("splitAt() cuts before each index, many of them too", () => {
  const a = count([2, 12]);
  const parts = shape.splitAt(toMLX(a), [3, 4], 1);
  const starts = [0, 3, 4];
  parts.forEach((part, n) => {
    const width = [3, 1, 8][n]!;
    assertNear(part, plain([2, width], ([i, j]) => at(a, [i!, starts[n]! + j!])), 0);
  });
  assertEquals(parts.length, 3);
  const cuts = Array.from({ length: 11 }, (_, i) => i + 1);
  const columns = shape.splitAt(toMLX(a), cuts, 1);
  assertEquals(
    columns.map((column) => [...mx.toFloat32(column)]),
    cuts.concat(12).map((j) => [j - 1, j + 11]),
  );
});

ffiTest("pad() fills with the given value in the input's type", () => {
  const padded = shape.pad(toMLX(count([2]), "float16"), [1], [1], 7);
  assertEquals([padded.dtype, [...mx.toFloat32(padded)]], ["float16", [7, 0, 1, 7]]);
});

ffiTest("zeros() and arange() make what they say", () => {
  assertNear(shape.zeros([2, 3]), plain([2, 3], () => 0), 0);
  assertEquals(shape.zeros([2], "bfloat16").dtype, "bfloat16");
  assertEquals(shape.zeros([]).shape, []);
  assertEquals([...mx.toInt32(shape.arange(2, 11, 3))], [2, 5, 8]);
  assertEquals(shape.arange(0, 3).dtype, "int32");
  assertEquals([...mx.toFloat32(shape.arange(0, 1, 0.25, "float32"))], [0, 0.25, 0.5, 0.75]);
});

ffiTest("conv2d() is the sum over its window, with stride and padding", () => {
  const input = wave([2, 7, 6, 3], 1), weight = wave([4, 3, 2, 3], 2);
  for (const [stride, padding] of [[1, 0], [2, 1], [3, 2]] as const) {
    const size = (length: number, kernel: number) => Math.floor((length + 2 * padding - kernel) / stride) + 1;
    const expected = plain([2, size(7, 3), size(6, 2), 4], ([n, y, x, o]) => {
      let total = 0;
      for (let i = 0; i < 3; i++) {
        for (let j = 0; j < 2; j++) {
          const row = y! * stride + i - padding, column = x! * stride + j - padding;
          if (row < 0 || row >= 7 || column < 0 || column >= 6) continue;
          for (let c = 0; c < 3; c++) total += at(input, [n!, row, column, c]) * at(weight, [o!, i, j, c]);
        }
      }
      return total;
    });
    assertNear(shape.conv2d(toMLX(input), toMLX(weight), { stride, padding }), expected, 1e-5);
  }
  assertEquals(shape.conv2d(toMLX(input), toMLX(weight)).shape, [2, 5, 5, 4]);
});

ffiTest("rfft() is the sum it stands for, cut or padded to n", () => {
  const signal = wave([2, 10]);
  for (const n of [8, 10, 16]) {
    const part = (wave: (angle: number) => number) =>
      plain([2, n / 2 + 1], ([row, bin]) => {
        let total = 0;
        for (let i = 0; i < Math.min(n, 10); i++) {
          total += at(signal, [row!, i]) * wave(-2 * Math.PI * bin! * i / n);
        }
        return total;
      });
    const spectrum = shape.rfft(toMLX(signal), n);
    assertEquals(spectrum.dtype, "complex64");
    const real = part(Math.cos), imaginary = part(Math.sin);
    const magnitude = plain(real.shape, (index) => Math.hypot(at(real, index), at(imaginary, index)));
    assertNear(mx.astype(spectrum, "float32"), real, 1e-5, `real part of ${n}`);
    assertNear(mx.abs(spectrum), magnitude, 1e-5, `magnitude of ${n}`);
  }
});

Deno.test("every operation of shape.ts is compared with plain TypeScript here", () => {
  const others = [
    "reshape",
    "sliceUpdate",
    "concatenate",
    "splitAt",
    "zeros",
    "arange",
    "conv2d",
    "rfft",
  ];
  assertEquals([...Object.keys(CASES), ...others].sort(), Object.keys(shape).sort());
});
