/**
 * Decoders for machines that have neither ffmpeg nor afconvert: FLAC (in TypeScript), MP3 and Ogg Opus (as
 * WebAssembly from npm). All under permissive licences.
 *
 * @module
 */
import type { Warning } from "../transcript.ts";
import type { ByteSource } from "./byte_source.ts";
import { decodeFlacBlocks, isTaggedFlac } from "./decode_flac.ts";
import { decodeMp3Blocks } from "./decode_mp3.ts";
import { decodeOpusBlocks, isOggOpus } from "./decode_opus.ts";
import type { PcmBlock } from "./pcm.ts";

/**
 * Blocks of a file, or `undefined` when there is no decoder for its kind.
 *
 * @param container What the file is, see containerOf().
 * @param warnings Gets a sentence for damage.
 * @param reserve See LoadOptions.
 */
export async function decodeWasm(
  source: ByteSource,
  container: string,
  warnings: Warning[],
  reserve: (bytes: number) => void = () => {},
): Promise<AsyncGenerator<PcmBlock> | undefined> {
  const isFlac = container === "flac" || (container === "mp3" && await isTaggedFlac(source));
  if (isFlac) return decodeFlacBlocks(source, warnings);
  if (container === "mp3") return decodeMp3Blocks(source, warnings, reserve);
  if (container === "ogg" && await isOggOpus(source)) return decodeOpusBlocks(source, warnings);
  return undefined;
}
