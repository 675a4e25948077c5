/**
 * Functions of one variable by tables, in float32, for a CPU: MLX's exp takes 13 ns a number there and its erf 60, a
 * table 4, and each operation of a polynomial half a nanosecond, of which it needs some twenty.
 *
 * The sign, the exponent and the first bits of the fraction of a number are the place of a straight line in the table.
 * Lines are as short as their numbers are small, and chosen for the least error, which is within the rounding of float32
 * (tests/model_routes_test.ts).
 *
 * @module
 */
import {
  add,
  disposeAll,
  fromData,
  keep,
  type MLXArray,
  multiply,
  reshape,
  rightShift,
  takeAlongAxis,
  view,
} from "../../ffi/mod.ts";

/** On fewer numbers the additional operations take longer than they save. */
const LEAST_COUNT = 1 << 13;

/** Whether a table is faster than MLX's own function on this many numbers. */
export function paysOff(count: number): boolean {
  return count >= LEAST_COUNT;
}

const FRACTION_BITS = 9;
/** Bits of a float32 that do not count. */
const SHIFT = 23 - FRACTION_BITS;
/** Places of the numbers of either sign. */
const HALF = 2 ** (31 - SHIFT);
/** Below 2^-12 a function is the line through 0, from 2^5 on it has come to where it leads. */
const LEAST_EXPONENT = -12, END_EXPONENT = 5;
const FIRST = (LEAST_EXPONENT + 127) * 2 ** FRACTION_BITS;
const LINES = (END_EXPONENT - LEAST_EXPONENT) * 2 ** FRACTION_BITS;

/** slope * x + offset */
interface Line {
  slope: number;
  offset: number;
}

/** The line that is 0, the one that is 1, and the one that is x. */
const ZERO: Line = { slope: 0, offset: 0 },
  ONE: Line = { slope: 0, offset: 1 },
  SAME: Line = { slope: 1, offset: 0 };

/** A function of numbers of one sign: near 0, then line by line, and far from it. */
interface Half {
  near: Line;
  lines: { slopes: Float32Array; offsets: Float32Array };
  far: Line;
}

/** A curve from 2^-12 to 2^5 in lines, the numbers being positive. */
interface Curve {
  slopes: Float64Array;
  /** Of the middle of a line. */
  values: Float64Array;
  middles: Float64Array;
}

/** A curve by chords, each moved so far that it errs no more in its middle than at its ends. */
function curveOf(at: (x: number) => number): Curve {
  const [slopes, values, middles] = [
    new Float64Array(LINES),
    new Float64Array(LINES),
    new Float64Array(LINES),
  ];
  let line = 0;
  for (let exponent = LEAST_EXPONENT; exponent < END_EXPONENT; exponent++) {
    const step = 2 ** (exponent - FRACTION_BITS);
    let from = 2 ** exponent, start = at(from);
    for (const stop = line + 2 ** FRACTION_BITS; line < stop; line++) {
      const end = at(from + step), middle = from + step / 2;
      slopes[line] = (end - start) / step;
      values[line] = (at(middle) + (start + end) / 2) / 2;
      middles[line] = middle;
      from += step;
      start = end;
    }
  }
  return { slopes, values, middles };
}

/** The lines of scale * curve(|x|) + rise * x, for x of one sign. */
function linesOf(
  { slopes, values, middles }: Curve,
  sign: 1 | -1,
  scale: 1 | -1,
  rise: 0 | 1,
): Half["lines"] {
  const lines = { slopes: new Float32Array(LINES), offsets: new Float32Array(LINES) };
  for (let line = 0; line < LINES; line++) {
    const slope = Math.fround(scale * sign * slopes[line]! + rise), middle = sign * middles[line]!;
    lines.slopes[line] = slope;
    lines.offsets[line] = scale * values[line]! + rise * middle - slope * middle;
  }
  return lines;
}

/** A function as lines. */
class FunctionTable implements Disposable {
  readonly #slopes: MLXArray; // [1, places]
  readonly #offsets: MLXArray;
  readonly #shift: MLXArray;

  constructor(positive: Half, negative: Half) {
    const slopes = new Float32Array(2 * HALF), offsets = new Float32Array(2 * HALF);
    for (const [index, { near, lines, far }] of [positive, negative].entries()) {
      const start = index * HALF, first = start + FIRST, end = first + LINES;
      slopes.fill(near.slope, start, first).fill(far.slope, end, start + HALF).set(lines.slopes, first);
      offsets.fill(near.offset, start, first).fill(far.offset, end, start + HALF).set(lines.offsets, first);
    }
    this.#slopes = keep(fromData(slopes, [1, 2 * HALF]));
    this.#offsets = keep(fromData(offsets, [1, 2 * HALF]));
    this.#shift = keep(fromData(Uint32Array.of(SHIFT)));
  }

  /** x of any shape, float32, finite -> the same shape. */
  apply(x: MLXArray): MLXArray {
    const { shape } = x;
    const rows = reshape(x, [-1, shape.at(-1)!]);
    const places = rightShift(view(rows, "uint32"), this.#shift);
    const scaled = multiply(takeAlongAxis(this.#slopes, places, 1), rows);
    return reshape(add(scaled, takeAlongAxis(this.#offsets, places, 1)), shape);
  }

  [Symbol.dispose](): void {
    disposeAll([this.#slopes, this.#offsets, this.#shift]);
  }
}

/** The part of a normal distribution beyond x >= 0: a series near 0, a continued fraction farther out. */
function normalTail(x: number): number {
  const density = Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
  if (x > 3) {
    let fraction = x;
    for (let k = 20; k > 0; k--) fraction = x + k / fraction;
    return density / fraction;
  }
  let sum = x, term = x;
  for (let k = 3; term > 1e-17; k += 2) sum += term *= x * x / k;
  return 0.5 - density * sum;
}

/**
 * The table of a gate: x for large numbers, 0 for those far below 0, x / 2 near it.
 *
 * @param lost What it keeps back of x >= 0, and lets through, less than 0, of -x.
 */
function gateTable(lost: (x: number) => number): FunctionTable {
  const curve = curveOf(lost), near: Line = { slope: 0.5, offset: 0 };
  return new FunctionTable(
    { near, lines: linesOf(curve, 1, -1, 1), far: SAME },
    { near, lines: linesOf(curve, -1, -1, 0), far: ZERO },
  );
}

/** The table of exp(x) for x <= 0, and 1 beyond. */
function exponentialTable(): FunctionTable {
  const flat = { slopes: new Float32Array(LINES), offsets: new Float32Array(LINES).fill(1) };
  return new FunctionTable(
    { near: ONE, lines: flat, far: ONE },
    { near: { slope: 1, offset: 1 }, lines: linesOf(curveOf((x) => Math.exp(-x)), -1, 1, 0), far: ZERO },
  );
}

/** The functions that the network needs: 2 MB each. */
export class FunctionTables implements Disposable {
  /** x Phi(x), the exact GELU. */
  readonly gelu: FunctionTable = gateTable((x) => x * normalTail(x));
  /** x / (1 + exp(-x)) */
  readonly silu: FunctionTable = gateTable((x) => x / (1 + Math.exp(x)));
  /** exp(x) for x <= 0, as softmax needs it. */
  readonly exponential: FunctionTable = exponentialTable();

  [Symbol.dispose](): void {
    for (const table of [this.gelu, this.silu, this.exponential]) table[Symbol.dispose]();
  }
}

/** @throws {Error} Where a policy asks for tables and no backend made them: a mistake in this module. */
export function tablesOf({ tables }: { tables: FunctionTables | undefined }): FunctionTables {
  if (tables) return tables;
  throw new Error("The policy asks for tables of functions, and there are none.");
}
