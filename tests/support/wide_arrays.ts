/**
 * Which operations of a graph give arrays wider than a 16-bit policy wants: every call of mlx-c that makes an array is
 * looked at, so that nothing needs to be evaluated.
 *
 * @module
 */
import { DTYPE_CODE } from "../../ffi/array.ts";
import { native } from "../../ffi/library.ts";

type Name = keyof typeof native;
type Call = (...args: unknown[]) => unknown;

/** Puts other functions in the place of mlx-c's while `use` runs. */
export function replaced<T>(replacements: ReadonlyMap<Name, (original: Call) => Call>, use: () => T): T {
  const originals = [...replacements.keys()].map((name) => [name, native[name]] as const);
  for (const [name, original] of originals) {
    Reflect.set(native, name, replacements.get(name)!(original as Call));
  }
  try {
    return use();
  } finally {
    for (const [name, original] of originals) Reflect.set(native, name, original);
  }
}

/** Calls that make no array. */
const NO_ARRAY =
  /^mlx_(array_(?!new)|vector_array_(?!get)|stream_|device_|default_|get_|closure_|compile|optional_)/;
const WIDE = [DTYPE_CODE.float32, DTYPE_CODE.float64];

/**
 * What `use` makes in 32 bits: how many arrays of more than one number each function gave.
 *
 * @returns Counts of all looked at, and of the wide ones by function.
 */
export function wideArrays(use: () => void): { looked: number; wide: Map<string, number> } {
  const { mlx_array_dtype: dtypeOf, mlx_array_size: sizeOf } = native;
  const wide = new Map<string, number>();
  let looked = 0;
  const watch = (name: Name) => (original: Call): Call => (...args) => {
    const result = original(...args);
    const [out] = args;
    if (result !== 0 || !(out instanceof BigUint64Array) || out.length !== 1) return result;
    looked++;
    if (WIDE.includes(dtypeOf(out[0]!)) && sizeOf(out[0]!) > 1) wide.set(name, (wide.get(name) ?? 0) + 1);
    return result;
  };
  const names = (Object.keys(native) as Name[]).filter((name) =>
    typeof native[name] === "function" && !NO_ARRAY.test(name) && !/^_|_nonblocking$/.test(name)
  );
  replaced(new Map(names.map((name) => [name, watch(name)])), use);
  return { looked, wide };
}
