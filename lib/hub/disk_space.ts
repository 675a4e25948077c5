/**
 * How much room a disk has left.
 *
 * @module
 */
import * as fs from "node:fs/promises"; // Not by name: Deno before 2.6 has no statfs, and would load nothing of ours.

async function fromSystem(path: string): Promise<number | undefined> {
  if (Deno.permissions.querySync({ name: "sys", kind: "statfs" }).state !== "granted") return undefined;
  try {
    const { bavail, bsize } = await fs.statfs(path);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

/** Asks `df -Pk`, whose columns POSIX fixes: file system, blocks, used, available, capacity, mount point. */
async function fromCommand(path: string): Promise<number | undefined> {
  if (Deno.permissions.querySync({ name: "run", command: "df" }).state !== "granted") return undefined;
  try {
    const { stdout } = await new Deno.Command("df", { args: ["-Pk", path], stderr: "null" }).output();
    const columns = new TextDecoder().decode(stdout).trim().split("\n").at(-1)?.match(/\s(\d+)\s+\d+%\s/);
    return columns ? Number(columns[1]) * 1024 : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Bytes that can still be written under a folder.
 *
 * @param path An existing folder.
 * @returns `undefined` when neither `--allow-sys=statfs` nor `--allow-run=df` lets us see.
 */
export async function freeDiskBytes(path: string): Promise<number | undefined> {
  return await fromSystem(path) ?? await fromCommand(path);
}
