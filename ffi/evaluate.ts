/**
 * From graph to numbers, and out of MLX.
 *
 * @module
 */
import { cell, DTYPE_CODE, type MLXArray, scope, take, whileEvaluating } from "./array.ts";
import { currentStream, type Stream, stream } from "./device.ts";
import { check, MLXError, takeError } from "./error.ts";
import { native } from "./library.ts";
import { vectorOf, withVector } from "./vector.ts";

/** Computes the arrays now. Blocks this thread. */
export function evaluate(...arrays: MLXArray[]): void {
  if (arrays.length > 0) withVector(arrays, (vector) => check(native.mlx_eval(vector), "mlx_eval"));
}

/** Enqueues the arrays without waiting; on a CPU this may block while the queue is full. */
export function enqueue(...arrays: MLXArray[]): void {
  if (arrays.length > 0) {
    withVector(arrays, (vector) => check(native.mlx_async_eval(vector), "mlx_async_eval"));
    for (const array of arrays) array.enqueued = true;
  }
}

/**
 * Waits, off this thread, for arrays that were enqueued.
 *
 * @throws {MLXError} When one was not: MLX would wait for nobody's work, and end the process.
 */
export async function settled(...arrays: MLXArray[]): Promise<void> {
  for (const array of arrays) {
    if (!array.enqueued) throw new MLXError("_mlx_array_wait", "the array was not enqueued");
    if (await native.mlx_array_wait_nonblocking(array.handle) !== 0) throw takeError("_mlx_array_wait");
  }
}

/**
 * Computes the arrays while the event loop stays free: on a stream that any thread may evaluate the whole evaluation
 * runs on a pool thread; else it is enqueued here and awaited there. Touch no array of MLX until it resolves.
 *
 * @param options.on The stream that the graph was built on. @default the current one
 */
export async function evaluateAsync(
  arrays: readonly MLXArray[],
  options: { on?: Stream } = {},
): Promise<void> {
  if (arrays.length === 0) return;
  if (!(options.on ?? currentStream()).anyThread) {
    enqueue(...arrays);
    return await settled(...arrays);
  }
  const vector = vectorOf(arrays);
  try {
    check(await whileEvaluating(native.mlx_eval_nonblocking(vector)), "mlx_eval");
  } finally {
    native.mlx_vector_array_free(vector);
  }
}

function copyOut(array: MLXArray, byteLength: number): ArrayBuffer {
  const bytes = new Uint8Array(byteLength);
  if (byteLength > 0) {
    const data = native.mlx_array_data_uint8(array.handle);
    if (data === null) throw takeError("mlx_array_data_uint8");
    Deno.UnsafePointerView.copyInto(data, bytes);
  }
  return bytes.buffer;
}

function readAs(
  array: MLXArray,
  dtype: "float32" | "int32" | "uint32",
  bytesPerElement: number,
): ArrayBuffer {
  return scope(() => {
    const code = DTYPE_CODE[dtype];
    const cast = native.mlx_array_dtype(array.handle) === code
      ? array
      : take(native.mlx_astype(cell(), array.handle, code, stream()), "mlx_astype");
    const rows = take(native.mlx_contiguous(cell(), cast.handle, false, stream()), "mlx_contiguous");
    evaluate(rows);
    return copyOut(rows, rows.size * bytesPerElement);
  });
}

/** A copy of the elements in row order as float32, whatever the type; evaluates. */
export function toFloat32(array: MLXArray): Float32Array<ArrayBuffer> {
  return new Float32Array(readAs(array, "float32", 4));
}

/** A copy of the elements in row order as int32; evaluates. */
export function toInt32(array: MLXArray): Int32Array<ArrayBuffer> {
  return new Int32Array(readAs(array, "int32", 4));
}

/** A copy of the elements in row order as uint32 (packed weights); evaluates. */
export function toUint32(array: MLXArray): Uint32Array<ArrayBuffer> {
  return new Uint32Array(readAs(array, "uint32", 4));
}

const yes = new Uint8Array(1);

/** Whether the elements lie in memory as they are read: evaluated, int32, in row order. */
function isPlainInt32(array: MLXArray): boolean {
  const handle = array.handle;
  if (native.mlx_array_dtype(handle) !== DTYPE_CODE.int32) return false;
  check(native._mlx_array_is_available(yes, handle), "_mlx_array_is_available");
  if (yes[0] === 0) return false;
  check(native._mlx_array_is_row_contiguous(yes, handle), "_mlx_array_is_row_contiguous");
  return yes[0] !== 0;
}

/** As {@linkcode toInt32}, without a graph when the array is evaluated int32 already: what a loop's step reads. */
export function readInt32(array: MLXArray): Int32Array<ArrayBuffer> {
  return isPlainInt32(array) ? new Int32Array(copyOut(array, array.size * 4)) : toInt32(array);
}
