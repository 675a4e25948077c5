/**
 * One frame of a FLAC stream (RFC 9639, section 9).
 *
 * @module
 */
import { BitReader } from "./bit_reader.ts";

/** What the STREAMINFO block says, as far as frames need it. */
export interface FlacStreamInfo {
  sampleRate: number;
  channels: number;
  bitsPerSample: number;
  maxBlockSize: number;
  /** 0 when not known. */
  maxFrameBytes: number;
}

/** A decoded frame. */
export interface FlacFrame {
  channels: Float64Array[]; // [channels][blockSize], whole numbers
  sampleRate: number;
  bitsPerSample: number;
  /** Bytes of the frame. */
  size: number;
}

/** The bytes are no frame, or a damaged one. */
export class FlacFrameError extends Error {
  override name = "FlacFrameError";
}

const RATES = [0, 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000];
const DEPTHS = [0, 8, 12, -1, 16, 20, 24, 32];
/** Coefficients of the fixed predictors of order 0 to 4, the nearest sample first. */
const FIXED = [[], [1], [2, -1], [3, -3, 1], [4, -6, 4, -1]];
const LEFT_SIDE = 8;
const SIDE_RIGHT = 9;
const MID_SIDE = 10;

interface Header {
  blockSize: number;
  sampleRate: number;
  assignment: number;
  bitsPerSample: number;
}

function need(condition: boolean, what: string): void {
  if (!condition) throw new FlacFrameError(what);
}

/** Checksums of single bytes, generator polynomial of `bits` bits, high bit first. */
function checksumTable(polynomial: number, bits: number): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, byte) => {
    let sum = byte << (bits - 8);
    for (let k = 0; k < 8; k++) sum = sum & (1 << (bits - 1)) ? (sum << 1) ^ polynomial : sum << 1;
    return sum & (2 ** bits - 1);
  });
}

const CRC8 = checksumTable(0x07, 8);
const CRC16 = checksumTable(0x8005, 16);

function crc8(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) sum = CRC8[sum ^ bytes[i]!]!;
  return sum;
}

function crc16(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) sum = ((sum << 8) & 0xffff) ^ CRC16[(sum >> 8) ^ bytes[i]!]!;
  return sum;
}

function readBlockSize(bits: BitReader, code: number): number {
  if (code === 1) return 192;
  if (code === 6) return bits.unsigned(8) + 1;
  if (code === 7) return bits.unsigned(16) + 1;
  return code < 6 ? 144 << code : 1 << code;
}

function readRate(bits: BitReader, code: number, info: FlacStreamInfo): number {
  if (code === 12) return bits.unsigned(8) * 1000;
  if (code === 13) return bits.unsigned(16);
  if (code === 14) return bits.unsigned(16) * 10;
  return RATES[code] || info.sampleRate;
}

function readHeader(bits: BitReader, bytes: Uint8Array, info: FlacStreamInfo): Header {
  need(bits.unsigned(15) === 0x7ffc, "no sync code");
  bits.unsigned(1);
  const sizeCode = bits.unsigned(4);
  const rateCode = bits.unsigned(4);
  const assignment = bits.unsigned(4);
  const depthCode = bits.unsigned(3);
  need(
    bits.unsigned(1) === 0 && sizeCode !== 0 && rateCode !== 15 && assignment <= MID_SIDE,
    "reserved header",
  );
  // Number of the frame or sample, written as UTF-8 writes characters.
  const leadingOnes = Math.clz32(~(bits.unsigned(8) << 24));
  need(leadingOnes !== 1 && leadingOnes < 8, "bad frame number");
  for (let k = 1; k < leadingOnes; k++) {
    need(bits.unsigned(2) === 2 && bits.unsigned(6) >= 0, "bad frame number");
  }
  const blockSize = readBlockSize(bits, sizeCode);
  const sampleRate = readRate(bits, rateCode, info);
  const bitsPerSample = DEPTHS[depthCode] || info.bitsPerSample;
  need(bitsPerSample > 0, "reserved sample size");
  const sum = crc8(bytes.subarray(0, bits.bytePosition));
  need(bits.unsigned(8) === sum, "bad header checksum");
  return { blockSize, sampleRate, assignment, bitsPerSample };
}

/** Residuals behind the warm-up samples. */
function readResidual(bits: BitReader, out: Float64Array, order: number): void {
  const method = bits.unsigned(2);
  need(method <= 1, "reserved residual coding");
  const parameterBits = 4 + method;
  const escape = 2 ** parameterBits - 1;
  const partitions = 1 << bits.unsigned(4);
  const size = out.length / partitions;
  need(Number.isInteger(size) && size >= order, "bad residual partition");
  for (let partition = 0, i = order; partition < partitions; partition++) {
    const end = (partition + 1) * size;
    const parameter = bits.unsigned(parameterBits);
    if (parameter === escape) {
      const width = bits.unsigned(5);
      for (; i < end; i++) out[i] = width === 0 ? 0 : bits.signed(width);
      continue;
    }
    const scale = 2 ** parameter;
    for (; i < end; i++) {
      const folded = bits.unary() * scale + bits.unsigned(parameter);
      out[i] = folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
    }
  }
}

/** Adds what the samples before predict, in place. */
function predict(out: Float64Array, coefficients: readonly number[], shift: number): void {
  const order = coefficients.length;
  const scale = 2 ** -shift;
  for (let i = order; i < out.length; i++) {
    let sum = 0;
    for (let k = 0; k < order; k++) sum += coefficients[k]! * out[i - 1 - k]!;
    out[i]! += Math.floor(sum * scale);
  }
}

function readSubframe(bits: BitReader, blockSize: number, depth: number): Float64Array {
  need(bits.unsigned(1) === 0, "bad subframe");
  const type = bits.unsigned(6);
  const wasted = bits.unsigned(1) ? bits.unary() + 1 : 0;
  const width = depth - wasted;
  need(width > 0, "bad subframe");
  const out = new Float64Array(blockSize);
  if (type === 0) out.fill(bits.signed(width));
  else if (type === 1) { for (let i = 0; i < blockSize; i++) out[i] = bits.signed(width); }
  else readPredicted(bits, out, type, width);
  return wasted === 0 ? out : out.map((x) => x * 2 ** wasted);
}

function readPredicted(bits: BitReader, out: Float64Array, type: number, width: number): void {
  const isFixed = type >= 8 && type <= 12;
  need(isFixed || type >= 32, "reserved subframe");
  const order = isFixed ? type - 8 : type - 31;
  need(order <= out.length, "bad predictor order");
  for (let i = 0; i < order; i++) out[i] = bits.signed(width);
  if (isFixed) {
    readResidual(bits, out, order);
    return predict(out, FIXED[order]!, 0);
  }
  const precision = bits.unsigned(4) + 1;
  need(precision < 16, "bad predictor precision");
  const shift = bits.signed(5);
  need(shift >= 0, "bad predictor shift");
  const coefficients = Array.from({ length: order }, () => bits.signed(precision));
  readResidual(bits, out, order);
  predict(out, coefficients, shift);
}

/** Makes left and right of what was coded instead, in place. */
function decorrelate([a, b]: Float64Array[], assignment: number): void {
  if (assignment < LEFT_SIDE || !a || !b) return;
  for (let i = 0; i < a.length; i++) {
    const x = a[i]!;
    const y = b[i]!;
    if (assignment === LEFT_SIDE) b[i] = x - y;
    else if (assignment === SIDE_RIGHT) a[i] = x + y;
    else {
      const right = x - Math.floor(y / 2);
      a[i] = right + y;
      b[i] = right;
    }
  }
}

/**
 * Decodes the frame at the start of `bytes`.
 *
 * @throws {OutOfBits} When more bytes are needed.
 * @throws {FlacFrameError} When it is no frame or its checksum is wrong.
 */
export function decodeFlacFrame(bytes: Uint8Array, info: FlacStreamInfo): FlacFrame {
  const bits = new BitReader(bytes);
  const { blockSize, sampleRate, assignment, bitsPerSample } = readHeader(bits, bytes, info);
  const count = assignment < LEFT_SIDE ? assignment + 1 : 2;
  const channels = Array.from({ length: count }, (_, channel) => {
    const isSide = channel === 0
      ? assignment === SIDE_RIGHT
      : assignment === LEFT_SIDE || assignment === MID_SIDE;
    return readSubframe(bits, blockSize, bitsPerSample + (isSide ? 1 : 0));
  });
  bits.align();
  const end = bits.bytePosition;
  need(bits.unsigned(16) === crc16(bytes.subarray(0, end)), "bad frame checksum");
  decorrelate(channels, assignment);
  return { channels, sampleRate, bitsPerSample, size: end + 2 };
}
