/**
 * WAV files to float32 samples and back.
 *
 * @module
 */
import { WavReader } from "./wav_reader.ts";

export { WavOrderError, WavReader } from "./wav_reader.ts";
export { type WavEncoding, WavEncodingError, type WavFormat } from "./wav_format.ts";

/** Samples as the file has them: its own rate and channels. */
export interface PcmAudio {
  channels: number;
  /** Samples per second and channel. */
  sampleRate: number;
  /** [frames * channels], full scale 1, not clipped. */
  interleaved: Float32Array;
  /** One sentence each, e.g. when the file is cut off. */
  warnings: string[];
}

/**
 * Reads a whole WAV file (see {@link WavReader} for what it takes).
 *
 * @param options.name What error messages call the file. @default {"WAV"}
 * @throws {AudioError} When it is not a WAV file, is damaged before its samples, or has none.
 *
 * @example
 * ```ts
 * import { decodeWav, encodeWav } from "./wav.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const stereo = encodeWav(new Float32Array([0.25, -0.25, 0.5, -0.5]), { sampleRate: 8000, channels: 2 });
 * const { channels, sampleRate, interleaved } = decodeWav(stereo);
 * assertEquals([channels, sampleRate, ...interleaved], [2, 8000, 0.25, -0.25, 0.5, -0.5]);
 * ```
 */
export function decodeWav(bytes: Uint8Array, options: { name?: string } = {}): PcmAudio {
  const reader = new WavReader(options);
  const interleaved = reader.push(bytes);
  reader.finish();
  const { channels, sampleRate } = reader.format!;
  return { channels, sampleRate, interleaved, warnings: [...reader.warnings] };
}

/** How {@link encodeWav} writes. */
export interface WavOptions {
  /** Samples per second and channel. */
  sampleRate: number;
  /** Channels interleaved in the samples. @default {1} */
  channels?: number;
  /** `int16` rounds and clips to full scale, `float32` keeps every bit. @default {"int16"} */
  format?: "int16" | "float32";
}

const HEADER_BYTES = 44;

function wavHeader(dataBytes: number, bytesPerSample: number, options: WavOptions): DataView {
  const { sampleRate, channels = 1, format = "int16" } = options;
  const header = new DataView(new ArrayBuffer(HEADER_BYTES));
  const text = (at: number, id: string) =>
    [...id].forEach((c, i) => header.setUint8(at + i, c.charCodeAt(0)));
  text(0, "RIFF");
  header.setUint32(4, HEADER_BYTES - 8 + dataBytes, true);
  text(8, "WAVEfmt ");
  header.setUint32(16, 16, true);
  header.setUint16(20, format === "float32" ? 3 : 1, true);
  header.setUint16(22, channels, true);
  header.setUint32(24, sampleRate, true);
  header.setUint32(28, sampleRate * channels * bytesPerSample, true);
  header.setUint16(32, channels * bytesPerSample, true);
  header.setUint16(34, bytesPerSample * 8, true);
  text(36, "data");
  header.setUint32(40, dataBytes, true);
  return header;
}

function toInt16(samples: Float32Array): Int16Array {
  const out = new Int16Array(samples.length);
  for (let i = 0; i < out.length; i++) {
    out[i] = Math.max(-32768, Math.min(32767, Math.round(samples[i]! * 32768)));
  }
  return out;
}

/**
 * Writes a WAV file.
 *
 * @param samples [frames * channels], interleaved, full scale 1. `int16 / 32768` values come back unchanged.
 */
export function encodeWav(samples: Float32Array, options: WavOptions): Uint8Array<ArrayBuffer> {
  const body = options.format === "float32" ? samples : toInt16(samples);
  const out = new Uint8Array(HEADER_BYTES + body.byteLength);
  out.set(new Uint8Array(wavHeader(body.byteLength, body.BYTES_PER_ELEMENT, options).buffer));
  out.set(new Uint8Array(body.buffer, body.byteOffset, body.byteLength), HEADER_BYTES);
  return out;
}
