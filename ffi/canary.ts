/**
 * A few micro-calls against plain formulas when the library opens: a function whose arguments moved answers nonsense in
 * silence, and 2 ms here are cheaper than wrong text.
 *
 * @module
 */
import { check, cString } from "./error.ts";
import { optionalFloat, optionalInt } from "./optional.ts";
import type { SYMBOLS } from "./symbols.ts";

/** What is looked at before it becomes the library of the process. */
type Native = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

const GPU = 1;
const FLOAT32 = 10;
const TOLERANCE = 1e-4;

/** Raw calls with handles that are freed together. */
class Bench implements Disposable {
  readonly stream: bigint;
  readonly #native: Native;
  readonly #cell = new BigUint64Array(1);
  readonly #handles: bigint[] = [];

  constructor(native: Native) {
    this.#native = native;
    const count = new Int32Array(1);
    check(native.mlx_device_count(count, GPU), "mlx_device_count");
    this.stream = count[0]! > 0 ? native.mlx_default_gpu_stream_new() : native.mlx_default_cpu_stream_new();
  }

  cell(): BigUint64Array<ArrayBuffer> {
    this.#cell[0] = 0n;
    return this.#cell;
  }

  array(values: number[], shape: number[]): bigint {
    const handle = this.#native.mlx_array_new_data(
      Float32Array.from(values),
      Int32Array.from(shape),
      shape.length,
      FLOAT32,
    );
    this.#handles.push(handle);
    return handle;
  }

  take(code: number, name: string): bigint {
    check(code, name);
    this.#handles.push(this.#cell[0]!);
    return this.#cell[0]!;
  }

  /** Evaluates and copies out; `count` guards against an array of another size. */
  read(handle: bigint, count: number): Float32Array {
    const native = this.#native;
    const row = this.take(native.mlx_contiguous(this.cell(), handle, false, this.stream), "mlx_contiguous");
    const vector = native.mlx_vector_array_new_data(BigUint64Array.of(row), 1n);
    const code = native.mlx_eval(vector);
    native.mlx_vector_array_free(vector);
    check(code, "mlx_eval");
    if (Number(native.mlx_array_size(row)) !== count || native.mlx_array_dtype(row) !== FLOAT32) {
      return new Float32Array();
    }
    const data = native.mlx_array_data_uint8(row);
    if (data === null) return new Float32Array();
    return new Float32Array(Deno.UnsafePointerView.getArrayBuffer(data, count * 4).slice(0));
  }

  [Symbol.dispose](): void {
    for (const handle of this.#handles) this.#native.mlx_array_free(handle);
    this.#native.mlx_stream_free(this.stream);
  }
}

function near(actual: Float32Array, expected: number[], tolerance = TOLERANCE): boolean {
  return actual.length === expected.length &&
    expected.every((value, index) => Math.abs(actual[index]! - value) <= tolerance);
}

function wave(length: number, seed: number): number[] {
  return Array.from({ length }, (_, index) => Math.sin(index * 1.7 + seed));
}

/** Causal attention of 2 query heads over 1 key head, 2 queries, 3 keys, width 4. */
function attention(_native: Native, bench: Bench, canary: CanaryNative): boolean {
  const width = 4, keys = 3, queries = 2, scale = 0.5;
  const q = wave(2 * queries * width, 1), k = wave(keys * width, 2), v = wave(keys * width, 3);
  const expected: number[] = [];
  for (let row = 0; row < 2 * queries; row++) {
    const visible = keys - queries + (row % queries) + 1;
    const weights = Array.from({ length: visible }, (_, key) => {
      let dot = 0;
      for (let i = 0; i < width; i++) dot += q[row * width + i]! * k[key * width + i]!;
      return Math.exp(dot * scale);
    });
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (let i = 0; i < width; i++) {
      expected.push(weights.reduce((sum, weight, key) => sum + weight / total * v[key * width + i]!, 0));
    }
  }
  const result = bench.take(
    canary.attention(
      bench.cell(),
      bench.array(q, [1, 2, queries, width]),
      bench.array(k, [1, 1, keys, width]),
      bench.array(v, [1, 1, keys, width]),
      scale,
      cString("causal"),
      0n,
      0n,
      0n,
      bench.stream,
    ),
    "mlx_fast_scaled_dot_product_attention",
  );
  return near(bench.read(result, expected.length), expected, 1e-3);
}

/** Half-split rotation of two equal rows of length 1 at position 5: MLX before 0.32 rotated only the first. */
function rope(native: Native, bench: Bench): boolean {
  const width = 8, half = 4, position = 5, base = 100;
  const row = wave(width, 4);
  const turned = row.map((value, index) => {
    const angle = position * Math.pow(base, -(index % half) / half);
    const other = index < half ? -row[index + half]! : row[index - half]!;
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
  const result = bench.take(
    native.mlx_fast_rope(
      bench.cell(),
      bench.array([...row, ...row], [2, 1, 1, width]),
      width,
      false,
      optionalFloat(base),
      1,
      position,
      0n,
      bench.stream,
    ),
    "mlx_fast_rope",
  );
  return near(bench.read(result, 2 * width), [...turned, ...turned], 1e-3);
}

/** 8-bit groups of 64 there and back, and a product with the packed weights. */
function quantization(native: Native, bench: Bench, canary: CanaryNative): boolean | string {
  const weights = wave(2 * 64, 5), x = wave(64, 6);
  const group = optionalInt(64), bits = optionalInt(8), affine = cString("affine");
  const cell = bench.cell();
  const packed = bench.array(weights, [2, 64]);
  cell[0] = native.mlx_vector_array_new();
  check(native.mlx_quantize(cell, packed, group, bits, affine, 0n, bench.stream), "mlx_quantize");
  const parts = cell[0]!;
  const [w, scales, biases] = [0n, 1n, 2n].map((index) =>
    bench.take(native.mlx_vector_array_get(bench.cell(), parts, index), "mlx_vector_array_get")
  );
  native.mlx_vector_array_free(parts);
  const row = bench.array(x, [1, 64]);
  const operands = [row, w!, scales!, biases!, true, group, bits, affine] as const;
  try {
    const scale = 0n;
    bench.take(
      canary.scaledProduct(bench.cell(), ...operands, scale, bench.stream),
      "mlx_quantized_matmul",
    );
    return "takes a global scale, which came with a later generation";
  } catch {
    // No stream where that library has its scale: as it should be.
  }
  const product = bench.take(
    native.mlx_quantized_matmul(bench.cell(), ...operands, bench.stream),
    "mlx_quantized_matmul",
  );
  const noType = 0n;
  const back = bench.take(
    native.mlx_dequantize(bench.cell(), w!, scales!, biases!, group, bits, affine, 0n, noType, bench.stream),
    "mlx_dequantize",
  );
  const expected = [0, 1].map((row) =>
    x.reduce((sum, value, index) => sum + value * weights[row * 64 + index]!, 0)
  );
  return near(bench.read(back, 128), weights, 0.01) && near(bench.read(product, 2), expected, 0.3);
}

/** Real FFT of 8 samples against the sum it stands for. */
function fourier(native: Native, bench: Bench): boolean {
  const signal = wave(8, 7);
  const expected = Array.from({ length: 5 }, (_, bin) => {
    const turn = (index: number) => -2 * Math.PI * bin * index / 8;
    const real = signal.reduce((sum, value, index) => sum + value * Math.cos(turn(index)), 0);
    const imaginary = signal.reduce((sum, value, index) => sum + value * Math.sin(turn(index)), 0);
    return Math.hypot(real, imaginary);
  });
  const spectrum = bench.take(
    native.mlx_fft_rfft(bench.cell(), bench.array(signal, [1, 8]), 8, -1, 0, bench.stream),
    "mlx_fft_rfft",
  );
  const magnitude = bench.take(native.mlx_abs(bench.cell(), spectrum, bench.stream), "mlx_abs");
  return near(bench.read(magnitude, 5), expected, 1e-3);
}

const PROBES = { attention, rope, quantization, "Fourier transform": fourier };

/**
 * Functions as other generations have them, so that a wrong guess ends in a message and not in a crash. The fused
 * attention, its flag as wide as the register or stack slot it travels in: a library that takes a stream there must read
 * null and say so, not half a pointer. The packed product with a global scale before its stream (MLX's change 4458): a
 * library that has the stream there reads null and says so; only one that has the scale computes.
 */
export const CANARY_SYMBOLS = {
  attention: {
    name: "mlx_fast_scaled_dot_product_attention",
    parameters: ["buffer", "u64", "u64", "u64", "f32", "buffer", "u64", "u64", "u64", "u64"],
    result: "i32",
  },
  scaledProduct: {
    name: "mlx_quantized_matmul",
    parameters: ["buffer", "u64", "u64", "u64", "u64", "bool", "u64", "u64", "buffer", "u64", "u64"],
    result: "i32",
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** {@linkcode CANARY_SYMBOLS}, opened. */
export type CanaryNative = Deno.DynamicLibrary<typeof CANARY_SYMBOLS>["symbols"];

/** What is wrong with the library, in words; undefined when all answers are right. */
export function runCanary(native: Native, canary: CanaryNative): string | undefined {
  using bench = new Bench(native);
  for (const [name, probe] of Object.entries(PROBES)) {
    try {
      const answer = probe(native, bench, canary);
      if (typeof answer === "string") return `its ${name} ${answer}`;
      if (!answer) return `its ${name} gives wrong numbers`;
    } catch (error) {
      return `its ${name} fails (${error instanceof Error ? error.message : String(error)})`;
    }
  }
  return undefined;
}
