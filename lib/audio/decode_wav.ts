/**
 * WAV files as a stream of blocks.
 *
 * @module
 */
import type { PcmBlock } from "./pcm.ts";
import { WavReader } from "./wav.ts";

/**
 * Reads a WAV file as its bytes arrive.
 *
 * @param warnings Gets a sentence when the file is cut off.
 * @throws {AudioError} When it is no WAV file, damaged, or empty.
 */
export async function* decodeWavBlocks(
  bytes: AsyncIterable<Uint8Array>,
  options: { name: string; warnings: string[] },
): AsyncGenerator<PcmBlock> {
  const reader = new WavReader({ name: options.name });
  for await (const block of bytes) {
    const interleaved = reader.push(block);
    if (interleaved.length > 0) {
      const { channels, sampleRate } = reader.format!;
      yield { channels, sampleRate, interleaved };
    }
    if (reader.done) break;
  }
  reader.finish();
  options.warnings.push(...reader.warnings);
}
