/**
 * MLXArray: a handle with a life time, and scopes that free what nobody kept.
 *
 * Garbage collection never runs inside synchronous code, so a decode loop that relied on it would keep every array
 * alive. Arrays made inside {@linkcode scope} are freed when it ends, except those it returns and those kept with
 * {@linkcode keep}; outside any scope an array is freed by `using`, `dispose()` or, as a net, the collector.
 *
 * @module
 */
import { stream } from "./device.ts";
import { MLXError, takeError } from "./error.ts";
import { native, openLibrary } from "./library.ts";

/** Element types, in the order of `mlx_dtype`. */
export const DTYPES = [
  "bool",
  "uint8",
  "uint16",
  "uint32",
  "uint64",
  "int8",
  "int16",
  "int32",
  "int64",
  "float16",
  "float32",
  "float64",
  "bfloat16",
  "complex64",
] as const;

/** Element type of an array. */
export type DType = typeof DTYPES[number];

/** `mlx_dtype` of a name. */
export const DTYPE_CODE: Readonly<Record<DType, number>> = Object.fromEntries(
  DTYPES.map((name, code) => [name, code]),
) as Record<DType, number>;

let live = 0;
let scopes = 0;
let active: MLXArray[] | null = null;
let evaluating = 0;
const collected: bigint[] = [];

function free(handle: bigint): void {
  native.mlx_array_free(handle);
  live--;
}

const net = new FinalizationRegistry<bigint>((handle) => {
  if (evaluating > 0) collected.push(handle);
  else free(handle);
});

/**
 * Waits for another thread's evaluation. The collector frees nothing meanwhile: what it found may be a node of the
 * very graph under evaluation.
 */
export async function whileEvaluating<T>(evaluation: Promise<T>): Promise<T> {
  evaluating++;
  try {
    return await evaluation;
  } finally {
    if (--evaluating === 0) collected.splice(0).forEach(free);
  }
}

/** Number of array handles not yet freed in this thread: tests assert that it returns to where it was. */
export function liveHandles(): number {
  return live;
}

/** An n-dimensional array of MLX: lazy until evaluated. */
export class MLXArray implements Disposable {
  /** `mlx_array.ctx`; 0 once disposed. */
  handle: bigint;
  /** Not freed by scopes. */
  held = false;
  /** Given to `enqueue()`: may be waited for. */
  enqueued = false;
  /** Number of the scope that returned it last. */
  escapedFrom = 0;

  /** Takes over a raw handle of mlx-c. Use the functions of ops.ts or {@linkcode fromData} instead. */
  constructor(handle: bigint) {
    this.handle = handle;
    live++;
    if (active) active.push(this);
    else net.register(this, handle, this);
  }

  /** Frees the handle now; MLX frees the data when nothing else refers to it. Twice is harmless. */
  dispose(): void {
    if (this.handle === 0n) return;
    free(this.handle);
    this.handle = 0n;
    net.unregister(this);
  }

  /** {@linkcode dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #live(): bigint {
    if (this.handle === 0n) throw new MLXError("mlx_array", "the array was disposed");
    return this.handle;
  }

  /** Sizes of the dimensions. */
  get shape(): number[] {
    const handle = this.#live();
    const rank = Number(native.mlx_array_ndim(handle));
    const shape: number[] = [];
    for (let axis = 0; axis < rank; axis++) shape.push(native.mlx_array_dim(handle, axis));
    return shape;
  }

  /**
   * Size of one dimension; negative counts from the end.
   *
   * @throws {RangeError} When there is no such dimension.
   */
  dim(axis: number): number {
    const handle = this.#live();
    const rank = Number(native.mlx_array_ndim(handle));
    if (!(axis >= -rank && axis < rank)) {
      throw new RangeError(`Cannot read dimension ${axis} of an array with ${rank}`);
    }
    return native.mlx_array_dim(handle, axis);
  }

  /** Number of elements. */
  get size(): number {
    return Number(native.mlx_array_size(this.#live()));
  }

  /** Number of bytes of the elements. */
  get byteLength(): number {
    return Number(native.mlx_array_nbytes(this.#live()));
  }

  /** Element type. */
  get dtype(): DType {
    return DTYPES[native.mlx_array_dtype(this.#live())]!;
  }

  /** Shape and type, for messages. */
  describe(): string {
    return `${this.dtype}[${this.shape.join(", ")}]`;
  }
}

const out = new BigUint64Array(1);

/**
 * The out parameter of the next call, zeroed: a handle left in it would be overwritten in place and silently replace
 * a live array.
 */
export function cell(): BigUint64Array<ArrayBuffer> {
  out[0] = 0n;
  return out;
}

/** The array that a call left in {@linkcode cell}, or the call's error. */
export function take(code: number, functionName: string): MLXArray {
  if (code !== 0) throw takeError(functionName);
  return new MLXArray(out[0]!);
}

function visit(value: unknown, each: (array: MLXArray) => void): void {
  if (value instanceof MLXArray) each(value);
  else if (Array.isArray(value)) { for (const item of value) visit(item, each); }
  else if (value instanceof Map) { for (const item of value.values()) visit(item, each); }
  else if (value && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
    for (const item of Object.values(value)) visit(item, each);
  }
}

/** What becomes of an array when the scope that made it closes. */
function leave(array: MLXArray, escapes: boolean): void {
  if (array.handle === 0n) return;
  if (!array.held && !escapes) array.dispose();
  else if (active && !array.held) active.push(array);
  else net.register(array, array.handle, array);
}

/**
 * Runs `build` and frees every array it made, except those in its result (arrays, plain objects, maps and nested ones)
 * and those kept. Synchronous only: arrays made after an `await` belong to nobody's scope.
 */
export function scope<T>(build: () => T): T {
  const outer = active;
  const mine: MLXArray[] = [];
  const number = ++scopes;
  active = mine;
  try {
    const result = build();
    if (result instanceof Promise) {
      result.catch(() => {}); // It fails on freed arrays; the error that counts is this one.
      throw new TypeError("Cannot scope an async function: build synchronously, then await");
    }
    visit(result, (array) => array.escapedFrom = number);
    return result;
  } finally {
    active = outer;
    for (const array of mine) leave(array, array.escapedFrom === number);
  }
}

/** Takes an array out of all scopes: its owner disposes it. */
export function keep(array: MLXArray): MLXArray {
  array.held = true;
  return array;
}

/** Disposes all of them. */
export function disposeAll(arrays: Iterable<MLXArray | undefined>): void {
  for (const array of arrays) array?.dispose();
}

/** Typed arrays that have an element type of MLX. */
export type TypedArray =
  | Uint8Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Float16Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>;

function dtypeOf(data: TypedArray): DType {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Int32Array) return "int32";
  if (data instanceof Uint32Array) return "uint32";
  if (data instanceof Uint16Array) return "uint16";
  if (data instanceof Uint8Array) return "uint8";
  if (data instanceof Float16Array) return "float16";
  return "float64";
}

/**
 * A new array with a copy of `data`.
 *
 * @param shape Default: one dimension.
 * @throws {RangeError} When the shape does not fit the data.
 */
export function fromData(data: TypedArray, shape: readonly number[] = [data.length]): MLXArray {
  openLibrary();
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  if (size !== data.length) {
    throw new RangeError(`Cannot shape ${data.length} elements as [${shape.join(", ")}]`);
  }
  const handle = native.mlx_array_new_data(
    data,
    Int32Array.from(shape),
    shape.length,
    DTYPE_CODE[dtypeOf(data)],
  );
  if (handle === 0n) throw takeError("mlx_array_new_data");
  return new MLXArray(handle);
}

/** A scalar. */
export function scalar(value: number, dtype: DType = "float32"): MLXArray {
  openLibrary();
  const number = new MLXArray(native.mlx_array_new_float32(value));
  if (dtype === "float32") return number;
  try {
    return take(native.mlx_astype(cell(), number.handle, DTYPE_CODE[dtype], stream()), "mlx_astype");
  } finally {
    number.dispose();
  }
}
