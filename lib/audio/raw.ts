/**
 * Samples without a header: somebody has to say what they are.
 *
 * @module
 */
import { AudioError, OptionError } from "../errors.ts";
import type { ByteSource } from "./byte_source.ts";
import type { PcmBlock } from "./pcm.ts";
import { toFloat32, type WavEncoding, type WavFormat } from "./wav_format.ts";

/** For messages about bytes that are no known format. */
export const RAW_HINT = "raw samples need their format, --raw s16le:16000 or `raw` in the API";

/** Names as ffmpeg has them. */
const NAME = /^(?:([suf])(8|16|24|32|64)(le|be)?|(alaw|mulaw))$/;
const ENCODINGS: Readonly<Record<string, WavEncoding>> = { s: "int", u: "int", f: "float" };
const INTEGERS = ["u8", "s16le", "s16be", "s24le", "s24be", "s32le", "s32be"];
const NAMES: readonly string[] = [...INTEGERS, "f32le", "f32be", "f64le", "f64be", "alaw", "mulaw"];
const MIN_RATE = 1000;
const MAX_RATE = 768_000;
const MAX_CHANNELS = 64;

/**
 * Reads a format like `s16le:16000` or `f32le:48000:2`: samples, rate, channels.
 *
 * @throws {OptionError} When it is none.
 */
export function parseRawFormat(text: string): WavFormat {
  const [name = "", rate, channels = "1", ...more] = text.trim().toLowerCase().split(":");
  const [, letter = "", bits = "8", order, law] = NAME.exec(name) ?? [];
  const [sampleRate, count] = [Number(rate), Number(channels)];
  const isRight = NAMES.includes(name) && more.length === 0 && Number.isInteger(sampleRate) &&
    sampleRate >= MIN_RATE && sampleRate <= MAX_RATE && Number.isInteger(count) && count >= 1 &&
    count <= MAX_CHANNELS;
  if (!isRight) {
    throw new OptionError(
      `Cannot use raw "${text}": it must be FORMAT:RATE or FORMAT:RATE:CHANNELS, e.g. s16le:16000 or f32le:48000:2; ` +
        `formats are ${NAMES.join(", ")}.`,
      { option: "raw" },
    );
  }
  return {
    encoding: law === "alaw" || law === "mulaw" ? law : ENCODINGS[letter]!,
    channels: count,
    sampleRate,
    bytesPerSample: Number(bits) / 8,
    bigEndian: order === "be",
  };
}

/**
 * Reads raw samples as their bytes arrive; an incomplete last frame is left out.
 *
 * @throws {AudioError} When there is not one sample.
 */
export async function* decodeRawBlocks(source: ByteSource, format: WavFormat): AsyncGenerator<PcmBlock> {
  const { channels, sampleRate, bytesPerSample } = format;
  const frameBytes = channels * bytesPerSample;
  let held: Uint8Array = new Uint8Array(0);
  let isEmpty = true;
  for await (const block of source) {
    const bytes = new Uint8Array(held.length + block.length);
    bytes.set(held);
    bytes.set(block, held.length);
    const whole = bytes.length - bytes.length % frameBytes;
    held = bytes.subarray(whole);
    if (whole === 0) continue;
    isEmpty = false;
    yield { channels, sampleRate, interleaved: toFloat32(bytes.subarray(0, whole), format) };
  }
  if (isEmpty) throw new AudioError(`Cannot read ${source.name}: it holds no samples.`);
}
