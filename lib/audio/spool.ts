/**
 * A stream laid down in a temporary file, for the few formats whose decoder must jump about in it.
 *
 * @module
 */
import { join } from "@std/path";
import { AudioError } from "../errors.ts";
import type { ByteSource } from "./byte_source.ts";
import { temporaryFolder } from "./temporary_folder.ts";

/** A temporary file that goes away with its scope. */
export interface SpooledFile extends AsyncDisposable {
  path: string;
}

const NO_ROOM = ["ENOSPC", "EDQUOT"];

/** An error of the file system as one of ours. */
function refusal(cause: unknown, name: string): AudioError {
  if (cause instanceof Error && "code" in cause && NO_ROOM.includes(String(cause.code))) {
    return new AudioError(
      `Cannot read ${name}: the disk has no room for the temporary file that it needs; make room, ` +
        "or send it with its index in front (ffmpeg -movflags +faststart).",
      { code: "disk-full", cause },
    );
  }
  const reason = cause instanceof Deno.errors.NotCapable
    ? "this program may not (run it with --allow-write)"
    : cause instanceof Error
    ? cause.message
    : String(cause);
  return new AudioError(`Cannot read ${name}: its temporary file cannot be written: ${reason}.`, { cause });
}

/**
 * Writes all of a source into a temporary file.
 *
 * @throws {AudioError} When there can be no temporary file; code "disk-full" when it does not fit on the disk.
 */
export async function spool(source: ByteSource): Promise<SpooledFile> {
  const ours = <T>(work: Promise<T>) => work.catch((cause) => Promise.reject(refusal(cause, source.name)));
  const folder = await ours(temporaryFolder());
  const path = join(folder.path, "recording");
  try {
    using target = await ours(Deno.open(path, { write: true, create: true }));
    for await (let block of source) {
      while (block.length > 0) block = block.subarray(await ours(target.write(block)));
    }
    return { path, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}
