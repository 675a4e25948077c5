/**
 * The `fmt ` chunk of WAV files that have it behind their samples, as some recorders write it.
 *
 * @module
 */
import { FMT_BYTES, parseWavFormat, type WavFormat } from "./wav_format.ts";
import { CHUNK_HEADER_BYTES, chunkHeader, isChunkId } from "./wav_reader.ts";

const RIFF_BYTES = 12;
/** More than any program writes: what claims more is no list of chunks. */
const MAX_CHUNKS = 1000;

async function readAt(file: Deno.FsFile, position: number, length: number): Promise<Uint8Array> {
  await file.seek(position, Deno.SeekMode.Start);
  const bytes = new Uint8Array(length);
  let filled = 0;
  for (let count; filled < length && (count = await file.read(bytes.subarray(filled))) !== null;) {
    filled += count;
  }
  return bytes.subarray(0, filled);
}

/**
 * Goes from chunk to chunk until it comes to the format.
 *
 * @returns `undefined` when there is none.
 * @throws {AudioError} When it says something that cannot be.
 */
export async function findWavFormat(path: string, name: string): Promise<WavFormat | undefined> {
  using file = await Deno.open(path);
  const bigEndian = String.fromCharCode(...await readAt(file, 0, 4)) === "RIFX";
  for (let at = RIFF_BYTES, count = 0; count < MAX_CHUNKS; count++) {
    const header = await readAt(file, at, CHUNK_HEADER_BYTES);
    if (header.length < CHUNK_HEADER_BYTES) return undefined;
    const { id, size } = chunkHeader(header, bigEndian);
    if (!isChunkId(id)) return undefined;
    at += CHUNK_HEADER_BYTES;
    if (id === "fmt ") {
      return parseWavFormat(await readAt(file, at, Math.min(size, FMT_BYTES)), { name, bigEndian });
    }
    at += size + size % 2;
  }
  return undefined;
}
