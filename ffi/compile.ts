/**
 * Element-wise operations fused into one kernel.
 *
 * @module
 */
import { cell, type MLXArray, scope, take } from "./array.ts";
import { check, MLXError, takeError } from "./error.ts";
import { libraryInfo, native, openLibrary } from "./library.ts";
import { SYMBOLS } from "./symbols.ts";
import { vectorOf } from "./vector.ts";

const BUILDER = { parameters: ["pointer", "u64"], result: "i32" } as const;
type Apply = Deno.UnsafeFnPointer<typeof SYMBOLS.mlx_closure_apply>;

let applyClosure: Apply | undefined;

/**
 * `mlx_closure_apply` by its address: the first call comes back to build the graph, which Deno forbids during the fast
 * calls that symbols of a library are.
 */
function closureApply(): Apply {
  if (applyClosure) return applyClosure;
  const { path } = libraryInfo() ?? openLibrary();
  const symbol = { mlx_closure_apply: { type: "pointer" } } as const;
  const address = Deno.dlopen(path, symbol).symbols.mlx_closure_apply as
    | Deno.PointerObject<typeof SYMBOLS.mlx_closure_apply>
    | null;
  if (address === null) throw new MLXError("mlx_closure_apply", "the library has no such function");
  return applyClosure = new Deno.UnsafeFnPointer(address, SYMBOLS.mlx_closure_apply);
}

const out = new BigUint64Array(1);
/** Calls of {@linkcode Compiled.apply} that are under way. */
let depth = 0;

/**
 * A function of arrays that MLX compiles: element-wise operations become one kernel, whatever the shapes.
 *
 * On a CPU MLX compiles with the C++ compiler that it finds when the result is first evaluated (half a second, and an
 * error where there is none): meant for GPUs.
 *
 * @example
 * ```ts
 * import * as mx from "@qwen3/asr/mlx";
 * import { assertEquals } from "@std/assert";
 *
 * using swish = new mx.Compiled(([x]) => mx.multiply(x!, mx.sigmoid(x!)));
 * using one = mx.fromData(Float32Array.of(1));
 * using lazy = swish.apply(one); // Not evaluated: no kernel is made yet.
 * assertEquals(lazy.shape, [1]);
 * ```
 */
export class Compiled implements Disposable {
  readonly #callback: Deno.UnsafeCallback<typeof BUILDER>;
  readonly #plain: bigint;
  #closure: bigint;
  #failure: unknown;

  /**
   * Takes over how the function is built.
   *
   * @param build Is called once, with arrays that stand for the real ones: their numbers can't be read.
   * @throws {MLXError} When MLX cannot make it.
   */
  constructor(build: (inputs: MLXArray[]) => MLXArray) {
    openLibrary();
    this.#callback = new Deno.UnsafeCallback(BUILDER, (result, inputs) => this.#build(build, result, inputs));
    this.#plain = native.mlx_closure_new_func(this.#callback.pointer);
    const closure = new BigUint64Array(1);
    check(native.mlx_compile(closure, this.#plain, true), "mlx_compile");
    this.#closure = closure[0]!;
  }

  #build(build: (inputs: MLXArray[]) => MLXArray, result: Deno.PointerValue, inputs: bigint): number {
    try {
      scope(() => {
        const count = native.mlx_vector_array_size(inputs);
        const arrays = Array.from(
          { length: Number(count) },
          (_, index) =>
            take(native.mlx_vector_array_get(cell(), inputs, BigInt(index)), "mlx_vector_array_get"),
        );
        const { handle } = build(arrays);
        const place = new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(result!, 8));
        const code = native.mlx_vector_array_set_data(place, BigUint64Array.of(handle), 1n);
        check(code, "mlx_vector_array_set_data");
      });
      return 0;
    } catch (error) {
      this.#failure = error;
      return 1;
    }
  }

  /**
   * The function's result, lazy.
   *
   * @throws {MLXError} When building or applying it fails, or it was disposed.
   */
  apply(...inputs: MLXArray[]): MLXArray {
    if (this.#closure === 0n) throw new MLXError("mlx_closure_apply", "the function was disposed");
    const vector = vectorOf(inputs);
    const results = native.mlx_vector_array_new();
    // A function that is built within another's building must not write where that one's result goes.
    const place = depth++ === 0 ? out : new BigUint64Array(1);
    place[0] = results;
    try {
      if (closureApply().call(place, this.#closure, vector) !== 0) {
        const error = takeError("mlx_closure_apply");
        throw this.#failure ?? error;
      }
      return take(native.mlx_vector_array_get(cell(), results, 0n), "mlx_vector_array_get");
    } finally {
      depth--;
      native.mlx_vector_array_free(results);
      native.mlx_vector_array_free(vector);
      this.#failure = undefined;
    }
  }

  /** Frees it; what it made stays. */
  [Symbol.dispose](): void {
    if (this.#closure === 0n) return;
    native.mlx_closure_free(this.#closure);
    native.mlx_closure_free(this.#plain);
    this.#callback.close();
    this.#closure = 0n;
  }
}
