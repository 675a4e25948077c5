/**
 * A stream laid down in a temporary file, for the few formats whose decoder must jump about in it.
 *
 * @module
 */
import type { ByteSource } from "./byte_source.ts";

/** A temporary file that goes away with its scope. */
export interface SpooledFile extends AsyncDisposable {
  path: string;
}

/** Writes all of a source into a temporary file. */
export async function spool(source: ByteSource): Promise<SpooledFile> {
  const path = await Deno.makeTempFile({ prefix: "qwen3-asr-" });
  const file: SpooledFile = { path, [Symbol.asyncDispose]: () => Deno.remove(path) };
  try {
    using target = await Deno.open(path, { write: true });
    for await (let block of source) {
      while (block.length > 0) block = block.subarray(await target.write(block));
    }
    return file;
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}
