/**
 * Lists of arrays as mlx-c takes and gives them.
 *
 * @module
 */
import { cell, type MLXArray, take } from "./array.ts";
import { check, takeError } from "./error.ts";
import { native } from "./library.ts";

const handles = new BigUint64Array(64);
const out = new BigUint64Array(1);

/** A raw `mlx_vector_array`; whoever made it frees it. */
export function vectorOf(arrays: readonly MLXArray[]): bigint {
  const buffer = arrays.length <= handles.length ? handles : new BigUint64Array(arrays.length);
  for (let index = 0; index < arrays.length; index++) buffer[index] = arrays[index]!.handle;
  const vector = native.mlx_vector_array_new_data(buffer, BigInt(arrays.length));
  if (vector === 0n) throw takeError("mlx_vector_array_new_data");
  return vector;
}

/** Calls `use` with the arrays as one raw vector. */
export function withVector<T>(arrays: readonly MLXArray[], use: (vector: bigint) => T): T {
  const vector = vectorOf(arrays);
  try {
    return use(vector);
  } finally {
    native.mlx_vector_array_free(vector);
  }
}

/** The arrays that a call leaves in the vector it is given. */
export function takeVector(
  call: (vector: BigUint64Array<ArrayBuffer>) => number,
  functionName: string,
): MLXArray[] {
  out[0] = native.mlx_vector_array_new();
  const code = call(out);
  const vector = out[0]!;
  try {
    check(code, functionName);
    const count = native.mlx_vector_array_size(vector);
    const arrays: MLXArray[] = [];
    for (let index = 0n; index < count; index++) {
      arrays.push(take(native.mlx_vector_array_get(cell(), vector, index), "mlx_vector_array_get"));
    }
    return arrays;
  } finally {
    native.mlx_vector_array_free(vector);
  }
}
