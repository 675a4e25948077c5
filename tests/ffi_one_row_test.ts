/**
 * Products of one row or a few, or as many columns, which libmlxc hands to another function of OpenBLAS than those of
 * more, against sums in double precision.
 *
 * @module
 */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import * as mx from "../ffi/mod.ts";

const ROW_MAJOR = 101, COLUMN_MAJOR = 102, AS_IS = 111, TRANSPOSED = 112;
/** Columns that a matrix has in memory besides its own. */
const MARGIN = 3;
const TOLERANCE = 1e-5;
/** One row or column, two and three, which some processors take one by one too, and more. */
const SIZES = [[1, 1], [1, 37], [37, 1], [2, 37], [37, 2], [3, 2], [3, 37], [37, 3], [4, 5], [5, 7]] as const;

/** alpha and beta. */
const SCALES = [[1, 0], [0.5, 0], [1, 1], [2, -0.5]] as const;

/** Numbers that repeat after long only, from -1 to 1. */
function numbers(count: number, seed: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: count }, (_, index) => Math.sin(0.7 * index + seed));
}

/** A matrix as BLAS gets it: op(matrix) is `[rows, columns]`. */
class Operand {
  readonly data: Float32Array<ArrayBuffer>;
  /** Numbers from one line to the next. */
  readonly ld: number;
  readonly #isAsIs: boolean;

  constructor(rows: number, columns: number, order: number, trans: number, seed: number) {
    this.#isAsIs = (trans === AS_IS) === (order === ROW_MAJOR);
    const [lines, length] = this.#isAsIs ? [rows, columns] : [columns, rows];
    this.ld = length + MARGIN;
    this.data = numbers(lines * this.ld, seed);
  }

  at(row: number, column: number): number {
    return this.data[this.#isAsIs ? row * this.ld + column : column * this.ld + row]!;
  }
}

interface Call {
  order: number;
  transA: number;
  transB: number;
  m: number;
  n: number;
  k: number;
  alpha: number;
  beta: number;
}

/** Every order, transposition, size and scale with every other. */
function calls(): Call[] {
  const transpositions = [AS_IS, TRANSPOSED];
  return [ROW_MAJOR, COLUMN_MAJOR].flatMap((order) =>
    transpositions.flatMap((transA) =>
      transpositions.flatMap((transB) =>
        SIZES.flatMap(([m, n]) =>
          [1, 300].flatMap((k) =>
            SCALES.map(([alpha, beta]) => ({ order, transA, transB, m, n, k, alpha, beta }))
          )
        )
      )
    )
  );
}

/** What BLAS writes, beside what it should. */
function product(
  sgemm: (call: Call, a: Operand, b: Operand, c: Operand) => void,
  call: Call,
): { found: number[]; expected: number[]; margin: number[] } {
  const { order, transA, transB, m, n, k, alpha, beta } = call;
  const a = new Operand(m, k, order, transA, 1), b = new Operand(k, n, order, transB, 2);
  const c = new Operand(m, n, order, AS_IS, 3);
  // Without beta nobody may read what is in a fresh block of memory.
  if (beta === 0) c.data.fill(NaN);
  const before = new Operand(m, n, order, AS_IS, 3);
  const places = Array.from({ length: m * n }, (_, index) => [Math.floor(index / n), index % n] as const);
  const expected = places.map(([row, column]) => {
    let sum = 0;
    for (let i = 0; i < k; i++) sum += a.at(row, i) * b.at(i, column);
    return alpha * sum + (beta === 0 ? 0 : beta * before.at(row, column));
  });
  sgemm(call, a, b, c);
  const lines = c.data.length / c.ld;
  const margin = Array.from({ length: lines }, (_, line) => c.data[(line + 1) * c.ld - 1]!);
  return { found: places.map(([row, column]) => c.at(row, column)), expected, margin };
}

Deno.test({
  name: "cblas_sgemm of libmlxc is a matrix product in every order, transposition, width and scale",
  // Accelerate needs none of this, and libmlxc has no such function there.
  ignore: Deno.build.os !== "linux",
  fn() {
    mx.openLibrary();
    const library = Deno.dlopen(mx.libraryInfo()!.path, {
      cblas_sgemm: {
        parameters: [
          ...["i32", "i32", "i32", "i32", "i32", "i32", "f32"] as const,
          ...["buffer", "i32", "buffer", "i32", "f32", "buffer", "i32"] as const,
        ],
        result: "void",
      },
    });
    const { cblas_sgemm } = library.symbols;
    const sgemm = (call: Call, a: Operand, b: Operand, c: Operand) => {
      const { order, transA, transB, m, n, k, alpha, beta } = call;
      cblas_sgemm(order, transA, transB, m, n, k, alpha, a.data, a.ld, b.data, b.ld, beta, c.data, c.ld);
    };
    let count = 0;
    for (const call of calls()) {
      const { m, n, k, beta } = call;
      const said = product(sgemm, call);
      for (const [index, value] of said.found.entries()) {
        assertAlmostEquals(value, said.expected[index]!, TOLERANCE * k);
      }
      const untouched = new Operand(m, n, call.order, AS_IS, 3);
      const kept = said.margin.every((value, line) =>
        beta === 0 ? Number.isNaN(value) : value === untouched.data[(line + 1) * untouched.ld - 1]
      );
      assertEquals(kept, true, "it wrote beside the matrix");
      count++;
    }
    library.close();
    assertEquals(count, 8 * SIZES.length * 2 * 4);
  },
});

Deno.test("matmul() and addmm() of one row, one column and views of both are sums of products", () => {
  mx.openLibrary();
  using stream = new mx.Stream("cpu");
  mx.onStream(stream, () =>
    mx.scope(() => {
      const width = 130, height = 70;
      const matrix = mx.fromData(numbers(height * width, 1), [height, width]);
      const values = numbers(height * width, 1);
      const row = numbers(width, 2), column = numbers(height, 3);
      const products = (read: (i: number, j: number) => number, vector: Float32Array, count: number) =>
        Array.from({ length: count }, (_, i) => vector.reduce((sum, x, j) => sum + read(i, j) * x, 0));
      const byRow = products((i, j) => values[i * width + j]!, row, height);
      const byColumn = products((i, j) => values[j * width + i]!, column, width);
      const check = (array: mx.MLXArray, expected: number[]) => {
        const found = mx.toFloat32(array);
        assertEquals(found.length, expected.length);
        for (const [index, value] of found.entries()) {
          assertAlmostEquals(value, expected[index]!, TOLERANCE * width);
        }
      };
      const lying = mx.fromData(row, [1, width]), standing = mx.fromData(row, [width, 1]);
      const other = mx.fromData(column, [1, height]);
      check(mx.matmul(lying, mx.transpose(matrix, [1, 0])), byRow);
      check(mx.matmul(matrix, standing), byRow);
      check(mx.matmul(matrix, mx.transpose(lying, [1, 0])), byRow);
      check(mx.matmul(other, matrix), byColumn);
      check(mx.matmul(mx.transpose(matrix, [1, 0]), mx.transpose(other, [1, 0])), byColumn);
      const bias = numbers(height, 4);
      check(
        mx.addmm(mx.fromData(bias, [1, height]), lying, mx.transpose(matrix, [1, 0])),
        byRow.map((value, index) => value + bias[index]!),
      );
      // Rows of a batch by themselves, and a part of a matrix.
      const part = mx.slice(matrix, [10, 20], [40, 90]);
      check(
        mx.matmul(mx.fromData(row.subarray(0, 70), [1, 70]), mx.transpose(part, [1, 0])),
        products((i, j) => values[(i + 10) * width + j + 20]!, row.subarray(0, 70), 30),
      );
    }));
});
