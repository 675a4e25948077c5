/**
 * WAV files as a stream of blocks.
 *
 * @module
 */
import type { Warning } from "../transcript.ts";
import { damage } from "./damage.ts";
import type { PcmBlock } from "./pcm.ts";
import { WavReader } from "./wav.ts";
import type { WavFormat } from "./wav_format.ts";

/**
 * Reads a WAV file as its bytes arrive.
 *
 * @param options.warnings Gets a sentence when the file is cut off, or parts of it were left out.
 * @param options.format Of a file whose samples come first, see findWavFormat().
 * @throws {AudioError} When it is no WAV file, damaged, or empty.
 */
export async function* decodeWavBlocks(
  bytes: AsyncIterable<Uint8Array>,
  options: { name: string; warnings: Warning[]; format?: WavFormat | undefined },
): AsyncGenerator<PcmBlock> {
  const reader = new WavReader(options);
  for await (const block of bytes) {
    const interleaved = reader.push(block);
    if (interleaved.length > 0) {
      const { channels, sampleRate } = reader.format!;
      yield { channels, sampleRate, interleaved };
    }
  }
  reader.finish();
  options.warnings.push(...reader.warnings.map((message) => damage(message)));
}
