/**
 * A matrix times a vector, four float32 at a time: what plain TypeScript cannot say, in a WebAssembly module of one
 * function, put together here instruction by instruction.
 *
 *   for each block of 32 rows:
 *     sums = 8 vectors of the rows so far
 *     for each column k:  sums += vector[k] * the block's column k
 *
 * @module
 */

const LANES = 4, SUMS = 8;
/** Rows that are added up side by side: eight registers of four. */
const BLOCK_ROWS = LANES * SUMS;
const PAGE_BYTES = 65_536;

/** Opcodes of WebAssembly, as far as they are used. */
const OP = {
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  i32Const: 0x41,
  i32Add: 0x6a,
  i32LessThan: 0x49,
  loop: [0x03, 0x40],
  branchIf: 0x0d,
  end: 0x0b,
  load: [0xfd, 0x00, 0x02],
  loadSplat: [0xfd, 0x09, 0x02],
  store: [0xfd, 0x0b, 0x02],
  add: [0xfd, 0xe4, 0x01],
  multiply: [0xfd, 0xe6, 0x01],
} as const;
const I32 = 0x7f, V128 = 0x7b, FUNCTION = 0x60;

/** A whole number as WebAssembly writes it, 7 bits a byte; `signed` keeps the sign bit of the last one free. */
function leb(value: number, signed = false): number[] {
  const bytes: number[] = [];
  for (;;) {
    const low = value & 127;
    value >>= 7;
    if (value === 0 && !(signed && low & 64)) return [...bytes, low];
    bytes.push(low | 128);
  }
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...leb(content.length), ...content];
}

/** `multiply(matrix, vector, endOfVector, rows, endOfRows)`: addresses in bytes; adds the product to the rows. */
function moduleBytes(): Uint8Array<ArrayBuffer> {
  const MATRIX = 0, VECTOR = 1, VECTOR_END = 2, ROWS = 3, ROWS_END = 4, COLUMN = 5, FIRST_SUM = 6;
  const sums = Array.from({ length: SUMS }, (_, i) => ({ local: FIRST_SUM + i, offset: leb(16 * i) }));
  const advance = (local: number, bytes: number) => [
    ...[OP.localGet, local, OP.i32Const, ...leb(bytes, true), OP.i32Add, OP.localTee, local],
  ];
  const code = [
    ...OP.loop,
    ...sums.flatMap(({ local, offset }) => [OP.localGet, ROWS, ...OP.load, ...offset, OP.localSet, local]),
    ...[OP.localGet, VECTOR, OP.localSet, COLUMN],
    ...OP.loop,
    ...sums.flatMap(({ local, offset }) => [
      ...[OP.localGet, MATRIX, ...OP.load, ...offset],
      ...[OP.localGet, COLUMN, ...OP.loadSplat, 0, ...OP.multiply],
      ...[OP.localGet, local, ...OP.add, OP.localSet, local],
    ]),
    ...[...advance(MATRIX, 4 * BLOCK_ROWS).slice(0, -2), OP.localSet, MATRIX],
    ...[...advance(COLUMN, 4), OP.localGet, VECTOR_END, OP.i32LessThan, OP.branchIf, 0, OP.end],
    ...sums.flatMap(({ local, offset }) => [OP.localGet, ROWS, OP.localGet, local, ...OP.store, ...offset]),
    ...[...advance(ROWS, 4 * BLOCK_ROWS), OP.localGet, ROWS_END, OP.i32LessThan, OP.branchIf, 0, OP.end],
    OP.end,
  ];
  const locals = [2, 1, I32, SUMS, V128];
  const name = (text: string) => [text.length, ...new TextEncoder().encode(text)];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, FUNCTION, 5, I32, I32, I32, I32, I32, 0]),
    ...section(2, [1, ...name("m"), ...name("memory"), 2, 0, 1]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...name("multiply"), 0, 0]),
    ...section(10, [1, ...leb(locals.length + code.length), ...locals, ...code]),
  ]);
}

type Multiply = (matrix: number, vector: number, vectorEnd: number, rows: number, rowsEnd: number) => void;

/**
 * `rows += matrix @ vector` in float32.
 *
 * @example
 * ```ts
 * import { MatrixVector } from "./simd.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const product = new MatrixVector(Float32Array.from({ length: 64 }, (_, i) => i), 32, 2);
 * product.vector.set([1, 10]);
 * product.rows.fill(0.5);
 * product.addProduct();
 * assertEquals([...product.rows.subarray(0, 3)], [10.5, 32.5, 54.5]);
 * ```
 */
export class MatrixVector {
  /** Write it before a product. `[columns]` */
  readonly vector: Float32Array<ArrayBuffer>;
  /** Write it before a product, read it after. `[rows]` */
  readonly rows: Float32Array<ArrayBuffer>;
  readonly #multiply: () => void;

  /**
   * @param matrix `[rows, columns]`, row-major; copied.
   * @throws {RangeError} When the rows are no multiple of 32.
   */
  constructor(matrix: Float32Array, rows: number, columns: number) {
    if (rows % BLOCK_ROWS !== 0 || matrix.length !== rows * columns) {
      throw new RangeError(
        `Cannot multiply ${matrix.length} numbers as [${rows}, ${columns}], expected rows in blocks of ${BLOCK_ROWS}`,
      );
    }
    const bytes = 4 * (matrix.length + columns + rows);
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE_BYTES) });
    const buffer = memory.buffer as ArrayBuffer;
    const packed = new Float32Array(buffer, 0, matrix.length);
    for (let row = 0; row < rows; row++) {
      const block = row - row % BLOCK_ROWS;
      for (let column = 0; column < columns; column++) {
        packed[block * columns + column * BLOCK_ROWS + row % BLOCK_ROWS] = matrix[row * columns + column]!;
      }
    }
    const vectorAt = packed.byteLength, rowsAt = vectorAt + 4 * columns;
    this.vector = new Float32Array(buffer, vectorAt, columns);
    this.rows = new Float32Array(buffer, rowsAt, rows);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes()), { m: { memory } });
    const multiply = exports.multiply as Multiply;
    this.#multiply = () => multiply(0, vectorAt, rowsAt, rowsAt, rowsAt + 4 * rows);
  }

  /** Adds the product to {@linkcode rows}. */
  addProduct(): void {
    this.#multiply();
  }
}
