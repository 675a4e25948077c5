/**
 * One row on a CPU: all products of a decode step with 0.6B's shapes, each with the result of the one before, in the ways
 * that MLX has for them; in each round every way once.
 *
 *   deno run -A bench/one_row.ts [--rounds 9] [--rows 1]
 *
 * `rows` besides: the way that the decoder takes, with as many rows at once.
 *
 * @module
 */
import process from "node:process";
import { parseArgs } from "@std/cli/parse-args";
import * as mx from "../ffi/mod.ts";
import { median } from "./statistics.ts";

const args = parseArgs(Deno.args, { string: ["rounds", "rows"], default: { rounds: "9", rows: "1" } });
const LAYERS = 28, WIDTH = 1024, VOCABULARY = 151_936;
/** Of a layer `[out, in]`: q|k|v, out, gate|up, down. */
const SHAPES = [[4096, WIDTH], [WIDTH, 2048], [6144, WIDTH], [WIDTH, 3072]] as const;
const QUANTIZATION = { bits: 8, groupSize: 64, mode: "affine" };
/** A random matrix is made of copies of a part. */
const PART = 64;

interface Held {
  out: number;
  input: number;
  dense: mx.MLXArray;
  packed: mx.PackedWeight;
}

mx.openLibrary();
mx.reuseFreedMemory();
const stream = new mx.Stream("cpu");

function make(out: number, input: number, seed: number): Held {
  return mx.onStream(stream, () =>
    mx.scope(() => {
      const part = mx.normal([PART, input], mx.randomKey(seed), 1 / Math.sqrt(input));
      const dense = mx.concatenate(new Array<mx.MLXArray>(out / PART).fill(part), 0);
      const packed = mx.quantize(dense, QUANTIZATION);
      mx.evaluate(dense, packed.weight, packed.scales, packed.biases!);
      return { out, input, dense, packed };
    }));
}

/** One product x `[rows, in]` -> `[rows, out]`. */
type Way = (x: mx.MLXArray, held: Held) => mx.MLXArray;

const row: Way = (x, { dense }) => mx.matmul(x, mx.transpose(dense, [1, 0]));
const vector: Way = (x, { dense, out, input }) =>
  mx.reshape(mx.matmul(dense, mx.reshape(x, [input, 1])), [1, out]);
const packed: Way = (x, held) => mx.quantizedMatmul(x, held.packed);

/** Rows of a matrix from one to another. */
function cut(array: mx.MLXArray, from: number, to: number): mx.MLXArray {
  return mx.slice(array, [from, 0], [to, array.dim(1)]);
}

function half({ dense, packed, out, input }: Held, index: number): Held {
  const from = index * out / 2, to = from + out / 2;
  return {
    out: out / 2,
    input,
    dense: cut(dense, from, to),
    packed: {
      ...packed,
      weight: cut(packed.weight, from, to),
      scales: cut(packed.scales, from, to),
      biases: cut(packed.biases!, from, to),
    },
  };
}

/** Both halves of a matrix at once, if it has so many numbers. */
function halves(way: Way, least: number): Way {
  return (x, held) => {
    if (held.out * held.input < least) return way(x, held);
    const parts = [
      way(x, half(held, 0)),
      mx.onStream(mx.sideStream(), () => way(x, half(held, 1))),
    ];
    return mx.concatenate(parts, 1);
  };
}

const ALL = 2 ** 20, OUTPUT_ONLY = 2 ** 26;
const WAYS: Record<string, { way: Way; threads: number }> = {
  "row times matrix, two threads": { way: row, threads: 2 },
  "matrix times vector, two threads": { way: vector, threads: 2 },
  "halves, matrix times vector, a thread each": { way: halves(vector, ALL), threads: 1 },
  "halves, row times matrix, a thread each": { way: halves(row, ALL), threads: 1 },
  "halves of the output matrix only, two threads": { way: halves(row, OUTPUT_ONLY), threads: 2 },
  "row times matrix, one thread": { way: row, threads: 1 },
  "matrix times vector, one thread": { way: vector, threads: 1 },
  "packed, one stream": { way: packed, threads: 1 },
  "packed, halves": { way: halves(packed, ALL), threads: 1 },
};

const layers = Array.from(
  { length: LAYERS },
  (_, layer) => SHAPES.map(([out, input], index) => make(out, input, 4 * layer + index)),
);
const output = make(VOCABULARY, WIDTH, 4 * LAYERS);

/** All products of a step; what lies between them is left out, so q|k|v and gate|up are cut to the next input. */
function step(x: mx.MLXArray, way: Way): mx.MLXArray {
  const rows = x.dim(0);
  for (const held of layers.flat()) {
    x = way(x.dim(1) === held.input ? x : mx.slice(x, [0, 0], [rows, held.input]), held);
  }
  return way(x, output);
}

const rows = Number(args.rows);
if (rows > 1) WAYS[`${rows} rows times matrix, two threads`] = { way: row, threads: 2 };
const runs = Object.fromEntries(
  Object.keys(WAYS).map((name) => [name, [] as { ms: number; cpuMs: number }[]]),
);
for (let round = 0; round <= Number(args.rounds); round++) {
  for (const [name, { way, threads }] of Object.entries(WAYS)) {
    mx.useBlasThreads(threads);
    const count = name.startsWith(`${rows} rows`) ? rows : 1;
    using x = mx.onStream(stream, () => mx.normal([count, WIDTH], mx.randomKey(9999), 1));
    mx.evaluate(x);
    const before = process.cpuUsage(), start = performance.now();
    using logits = mx.onStream(stream, () => mx.scope(() => step(x, way)));
    mx.evaluate(logits);
    const ms = performance.now() - start;
    const { user, system } = process.cpuUsage(before);
    if (round > 0) runs[name]!.push({ ms, cpuMs: (user + system) / 1000 });
  }
}
const first = Object.values(runs)[0]!;
for (const [name, measured] of Object.entries(runs)) {
  const ratio = median(measured.map(({ ms }, round) => ms / first[round]!.ms));
  console.log(
    `${name}: least ${Math.min(...measured.map(({ ms }) => ms)).toFixed(0)} ms, median ${
      median(measured.map(({ ms }) => ms)).toFixed(0)
    }, ${ratio.toFixed(2)} of the first; processor ${
      median(measured.map(({ cpuMs }) => cpuMs)).toFixed(0)
    } ms`,
  );
}
