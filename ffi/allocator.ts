/**
 * How glibc hands out memory to MLX on a CPU.
 *
 * MLX allocates every array anew, and glibc by default gives a freed block of some megabytes back to the system at
 * once, so that each operation pays for fresh pages: most of the time of an element-wise one.
 *
 * @module
 */

const SYMBOLS = {
  mallopt: { parameters: ["i32", "i32"], result: "i32", optional: true },
  malloc_trim: { parameters: ["usize"], result: "i32", optional: true },
} as const satisfies Deno.ForeignLibraryInterface;

/** Numbers of malloc.h. */
const M_TRIM_THRESHOLD = -1;
const M_TOP_PAD = -2;
const M_MMAP_THRESHOLD = -3;

/** Freed bytes at the end of a heap that stay with the process. */
const KEPT_BYTES = 256 * 2 ** 20;
/** Blocks from this size on come from the system and go back to it. */
const LARGE_BYTES = 512 * 2 ** 20;
/** A whole heap of a thread other than the first: less, and emptied ones would be given back. */
const HEAP_BYTES = 64 * 2 ** 20;

type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
let libc: Libc | undefined;

/**
 * Makes freed memory stay with the process, for the next array, up to a bound. For the whole process and for good; does
 * nothing where malloc is not glibc's.
 */
export function reuseFreedMemory(): void {
  if (libc || Deno.build.os !== "linux") return;
  libc = Deno.dlopen("libc.so.6", SYMBOLS).symbols;
  libc.mallopt?.(M_MMAP_THRESHOLD, LARGE_BYTES);
  libc.mallopt?.(M_TRIM_THRESHOLD, KEPT_BYTES);
  libc.mallopt?.(M_TOP_PAD, HEAP_BYTES);
}

/** Gives freed memory that {@linkcode reuseFreedMemory} kept back to the system. */
export function releaseFreedMemory(): void {
  libc?.malloc_trim?.(0n);
}
