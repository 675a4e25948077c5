/**
 * Git LFS pointers: what a clone without git-lfs has in the places of large files.
 *
 * @module
 */

/** More than any pointer has. */
const MAX_POINTER_BYTES = 1024;
const POINTER = /^version https:\/\/git-lfs\.github\.com\/spec\//;

/** What to say of one, behind its name. */
export const LFS_PROBLEM = "is a Git LFS pointer, not the file itself (run `git lfs pull` in the folder)";

/** Whether a file is a pointer to another (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md). */
export async function isLfsPointer(path: string): Promise<boolean> {
  if ((await Deno.stat(path)).size > MAX_POINTER_BYTES) return false;
  return POINTER.test(await Deno.readTextFile(path));
}
