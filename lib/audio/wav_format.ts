/**
 * What the `fmt ` chunk of a WAV file says, and how its bytes become float32 (RIFF/WAVE, "Multiple Channel Audio
 * Data and WAVE Files", ITU-T G.711).
 *
 * @module
 */
import { AudioError } from "../errors.ts";

/** How one sample is written. */
export type WavEncoding = "int" | "float" | "alaw" | "mulaw";

/** The layout of the samples of a WAV file. */
export interface WavFormat {
  encoding: WavEncoding;
  channels: number;
  /** Samples per second and channel. */
  sampleRate: number;
  /** Bytes of one sample of one channel; samples of fewer bits are aligned to the high end. */
  bytesPerSample: number;
  /** The high byte comes first: RIFX. */
  bigEndian: boolean;
}

/** A WAV file whose samples are in a codec that this reader does not have (ADPCM, GSM, MP3 in WAV). */
export class WavEncodingError extends AudioError {
  override name = "WavEncodingError";
}

/** Bytes of the part of a `fmt ` chunk that matters: EXTENSIBLE needs all of them. */
export const FMT_BYTES = 40;

const EXTENSIBLE = 0xfffe;
const ENCODINGS: ReadonlyMap<number, WavEncoding> = new Map([[1, "int"], [3, "float"], [6, "alaw"], [
  7,
  "mulaw",
]]);
/** Last 14 bytes of KSDATAFORMAT_SUBTYPE_*: the first two are the format tag. */
const SUBTYPE_TAIL = "000000001000800000aa00389b71";
const MAX_CHANNELS = 64;
const MIN_SAMPLE_RATE = 1000;
const MAX_SAMPLE_RATE = 768_000;

/** Bytes of the widest frame: all channels of 64-bit samples. */
export const MAX_FRAME_BYTES: number = MAX_CHANNELS * 8;

function encodingOf(fmt: DataView, name: string, little: boolean): WavEncoding {
  let tag = fmt.getUint16(0, little);
  if (tag === EXTENSIBLE) {
    if (fmt.byteLength < FMT_BYTES) {
      throw new AudioError(
        `Cannot read ${name}: its EXTENSIBLE fmt chunk is ${fmt.byteLength} bytes, expected at least ${FMT_BYTES}.`,
      );
    }
    tag = fmt.getUint16(24, little);
    const tail = new Uint8Array(fmt.buffer, fmt.byteOffset + 26, 14).toHex();
    if (tail !== SUBTYPE_TAIL) {
      throw new WavEncodingError(`Cannot read ${name}: its EXTENSIBLE sub-format ...${tail} is not known.`);
    }
  }
  const encoding = ENCODINGS.get(tag);
  if (encoding) return encoding;
  const code = "0x" + tag.toString(16).padStart(4, "0");
  throw new WavEncodingError(
    `Cannot read ${name}: its samples are in format ${code}, expected PCM, float, A-law or mu-law.`,
  );
}

/** Bytes per sample from `wBitsPerSample`, or from `nBlockAlign` where a sample sits in a larger container. */
function sampleBytes(bits: number, blockAlign: number, channels: number): number {
  const fromBits = Math.ceil(bits / 8);
  const fromBlock = blockAlign / channels;
  return Number.isInteger(fromBlock) && fromBlock >= fromBits && fromBlock <= 8 ? fromBlock : fromBits;
}

/**
 * Reads the body of a `fmt ` chunk.
 *
 * @param body The first {@link FMT_BYTES} bytes of it, or all when it is shorter.
 * @param options.name What error messages call the file.
 * @throws {AudioError} When it is too short or says something that cannot be.
 * @throws {WavEncodingError} When the samples are in another codec.
 */
export function parseWavFormat(
  body: Uint8Array,
  { name, bigEndian }: { name: string; bigEndian: boolean },
): WavFormat {
  if (body.length < 16) {
    throw new AudioError(`Cannot read ${name}: its fmt chunk is ${body.length} bytes, expected at least 16.`);
  }
  const fmt = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const little = !bigEndian;
  const encoding = encodingOf(fmt, name, little);
  const channels = fmt.getUint16(2, little);
  const sampleRate = fmt.getUint32(4, little);
  const bits = fmt.getUint16(14, little);
  if (channels < 1 || channels > MAX_CHANNELS) {
    throw new AudioError(
      `Cannot read ${name}: it claims ${channels} channels, expected 1 to ${MAX_CHANNELS}.`,
    );
  }
  if (sampleRate < MIN_SAMPLE_RATE || sampleRate > MAX_SAMPLE_RATE) {
    throw new AudioError(
      `Cannot read ${name}: it claims a sample rate of ${sampleRate} Hz, expected ${MIN_SAMPLE_RATE} to ${MAX_SAMPLE_RATE}.`,
    );
  }
  const bytesPerSample = sampleBytes(bits, fmt.getUint16(12, little), channels);
  if (!CONVERTERS[encoding][bytesPerSample]) {
    throw new AudioError(`Cannot read ${name}: ${bits}-bit ${encoding} samples are not a WAV format.`);
  }
  return { encoding, channels, sampleRate, bytesPerSample, bigEndian };
}

type Converter = (bytes: Uint8Array) => Float32Array;

/** A typed array needs its offset to be a multiple of the element: copy when it is not. */
function aligned(bytes: Uint8Array, size: number): Uint8Array {
  return bytes.byteOffset % size === 0 ? bytes : bytes.slice();
}

function scaled(source: Int16Array | Int32Array, scale: number): Float32Array {
  const out = new Float32Array(source.length);
  for (let i = 0; i < out.length; i++) out[i] = source[i]! * scale;
  return out;
}

function fromInt8(bytes: Uint8Array): Float32Array {
  const out = new Float32Array(bytes.length);
  for (let i = 0; i < out.length; i++) out[i] = (bytes[i]! - 128) / 128;
  return out;
}

function fromInt16(bytes: Uint8Array): Float32Array {
  const body = aligned(bytes, 2);
  return scaled(new Int16Array(body.buffer, body.byteOffset, body.length / 2), 2 ** -15);
}

function fromInt24(bytes: Uint8Array): Float32Array {
  const out = new Float32Array(bytes.length / 3);
  for (let i = 0, at = 0; i < out.length; i++, at += 3) {
    out[i] = ((bytes[at]! << 8) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 24)) * 2 ** -31;
  }
  return out;
}

function fromInt32(bytes: Uint8Array): Float32Array {
  const body = aligned(bytes, 4);
  return scaled(new Int32Array(body.buffer, body.byteOffset, body.length / 4), 2 ** -31);
}

function fromFloat32(bytes: Uint8Array): Float32Array {
  // A copy in any case: the block of bytes belongs to the caller.
  const body = bytes.slice();
  return new Float32Array(body.buffer, body.byteOffset, body.length / 4);
}

function fromFloat64(bytes: Uint8Array): Float32Array {
  const body = aligned(bytes, 8);
  return Float32Array.from(new Float64Array(body.buffer, body.byteOffset, body.length / 8));
}

/** ITU-T G.711 A-law, 13 bits at the high end of 16. */
function alawSample(code: number): number {
  const bits = code ^ 0x55;
  const exponent = (bits >> 4) & 7;
  const mantissa = ((bits & 15) << 4) + (exponent === 0 ? 8 : 0x108);
  const magnitude = exponent > 1 ? mantissa << (exponent - 1) : mantissa;
  return (bits & 0x80 ? magnitude : -magnitude) / 32768;
}

/** ITU-T G.711 mu-law, 14 bits at the high end of 16. */
function mulawSample(code: number): number {
  const bits = ~code & 0xff;
  const magnitude = ((((bits & 15) << 3) + 0x84) << ((bits >> 4) & 7)) - 0x84;
  return (bits & 0x80 ? -magnitude : magnitude) / 32768;
}

function fromTable(sampleOf: (code: number) => number): Converter {
  const table = Float32Array.from({ length: 256 }, (_, code) => sampleOf(code));
  return (bytes) => {
    const out = new Float32Array(bytes.length);
    for (let i = 0; i < out.length; i++) out[i] = table[bytes[i]!]!;
    return out;
  };
}

/** By encoding, then by bytes per sample. */
const CONVERTERS: Record<WavEncoding, Record<number, Converter>> = {
  int: { 1: fromInt8, 2: fromInt16, 3: fromInt24, 4: fromInt32 },
  float: { 4: fromFloat32, 8: fromFloat64 },
  alaw: { 1: fromTable(alawSample) },
  mulaw: { 1: fromTable(mulawSample) },
};

/** Whether samples of both can follow each other. */
export function isSameFormat(a: WavFormat, b: WavFormat): boolean {
  return a.encoding === b.encoding && a.channels === b.channels && a.sampleRate === b.sampleRate &&
    a.bytesPerSample === b.bytesPerSample;
}

/** A copy with the bytes of each sample in the other order. */
function swapped(bytes: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at += size) {
    for (let i = 0; i < size; i++) out[at + i] = bytes[at + size - 1 - i]!;
  }
  return out;
}

/** Samples of a whole number of frames as float32, full scale 1 (spec 4.1: int16 / 32768). */
export function toFloat32(bytes: Uint8Array, format: WavFormat): Float32Array {
  const { encoding, bytesPerSample, bigEndian } = format;
  return CONVERTERS[encoding][bytesPerSample]!(bigEndian ? swapped(bytes, bytesPerSample) : bytes);
}
