/**
 * MLX from Deno: arrays, operations, memory, through mlx-c. Knows nothing about speech.
 *
 * Nothing is opened on import. The first array opens libmlxc (see {@linkcode openLibrary} for where it is looked for).
 *
 * @example
 * ```ts
 * import * as mx from "@qwen3/asr/mlx";
 * import { assertEquals } from "@std/assert";
 *
 * const sum = mx.scope(() => {
 *   const a = mx.fromData(Float32Array.of(1, 2, 3));
 *   return mx.toFloat32(mx.add(a, mx.multiply(a, a)));
 * });
 * assertEquals([...sum], [2, 6, 12]);
 * ```
 *
 * @module
 */
export { releaseFreedMemory, reuseFreedMemory } from "./allocator.ts";
export {
  disposeAll,
  type DType,
  DTYPES,
  fromData,
  keep,
  liveHandles,
  MLXArray,
  scalar,
  scope,
  type TypedArray,
} from "./array.ts";
export { type BlasThreads, blasThreads, useBlasThreads } from "./blas.ts";
export { Compiled } from "./compile.ts";
export { currentStream, deviceCount, type DeviceType, onStream, sideStream, Stream } from "./device.ts";
export { MLXError } from "./error.ts";
export {
  enqueue,
  evaluate,
  evaluateAsync,
  readInt32,
  settled,
  toFloat32,
  toInt32,
  toUint32,
} from "./evaluate.ts";
export * from "./fast.ts";
export {
  loadSafetensors,
  readSafetensorsHeader,
  SafetensorsError,
  saveSafetensors,
  type TensorInfo,
} from "./io.ts";
export { type LibraryInfo, libraryInfo, openLibrary } from "./library.ts";
export * from "./memory.ts";
export * from "./ops.ts";
export { hasPackedProduct, packedProduct, suitsPackedProduct } from "./packed_product.ts";
export {
  hasOwnPasses,
  ownAttention,
  ownConvolve,
  ownGelu,
  ownNorm,
  ownRotate,
  ownSwiglu,
  type Visible,
} from "./own_passes.ts";
export * from "./quantized.ts";
export * from "./random.ts";
export { runAhead, withoutWaiting } from "./run_ahead.ts";
export { LibraryError } from "./search.ts";
export * from "./shape.ts";
