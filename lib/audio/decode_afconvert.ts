/**
 * Other formats through macOS's afconvert. It reads and writes files only: what arrives as a stream, and its
 * output, go through a temporary file each. Not proved on a Mac yet; the tests use a stand-in.
 *
 * @module
 */
import { join } from "@std/path";
import { AudioError } from "../errors.ts";
import type { Warning } from "../transcript.ts";
import { ByteSource } from "./byte_source.ts";
import { decodeWavBlocks } from "./decode_wav.ts";
import type { PcmBlock } from "./pcm.ts";
import { temporaryFolder } from "./temporary_folder.ts";

/** Where macOS has it. */
export const AFCONVERT = "/usr/bin/afconvert";

/**
 * Decodes a file with afconvert.
 *
 * @param path A file of any format that Core Audio knows.
 * @param options.command The program. @default {"/usr/bin/afconvert"}
 * @throws {AudioError} With afconvert's own words, when it can't read the file.
 */
export async function* decodeAfconvertBlocks(
  path: string,
  options: { name: string; command?: string; warnings: Warning[]; signal?: AbortSignal | undefined },
): AsyncGenerator<PcmBlock> {
  const { name, command = AFCONVERT, warnings, signal } = options;
  await using folder = await temporaryFolder();
  const output = join(folder.path, "decoded.wav");
  await convert(command, path, output, name, signal);
  const { readable } = await Deno.open(output);
  const bytes = new ByteSource(readable, { name: "afconvert's output", signal });
  try {
    yield* decodeWavBlocks(bytes, { name, warnings });
  } finally {
    bytes.cancel();
  }
}

/** Writes the samples of `from`, at their own rate and channels, as a float32 WAV file. */
async function convert(
  command: string,
  from: string,
  to: string,
  name: string,
  signal?: AbortSignal,
): Promise<void> {
  let result: Deno.CommandOutput;
  try {
    // A name that begins with "-" is no option.
    const args = ["-f", "WAVE", "-d", "LEF32", from.startsWith("-") ? `./${from}` : from, to];
    result = await new Deno.Command(command, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      ...(signal ? { signal } : {}),
    }).output();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AudioError(`Cannot read ${name}: ${command} does not start (${reason}).`, { cause });
  }
  signal?.throwIfAborted();
  if (result.success) return;
  const words = new TextDecoder().decode(result.stderr).trim().split("\n").at(-1);
  throw new AudioError(`Cannot read ${name}: afconvert says "${words}".`);
}
