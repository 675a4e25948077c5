/**
 * Sound in a compact form that every browser plays: 8 bits a sample in mu-law (ITU-T G.711) in a WAV file (RFC 2361).
 *
 * @module
 */

const BIAS = 0x84;
const CLIP = 32635;
const MU_LAW = 7;
const HEADER_BYTES = 58;

/** A sample of 16 bits in 8, complemented as G.711 has it. */
function muLaw(sample: number): number {
  const size = Math.min(Math.abs(sample), CLIP) + BIAS;
  const exponent = 24 - Math.clz32(size);
  const mantissa = size >> exponent + 3 & 0xf;
  return ~((sample < 0 ? 0x80 : 0) | exponent << 4 | mantissa) & 0xff;
}

/**
 * A WAV file in mu-law.
 *
 * @param samples Mono, [-1, 1].
 * @param sampleRate Samples per second.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * assertEquals([...muLawWAV(Float32Array.of(0, 1, -1), 16000).subarray(58)], [0xff, 0x80, 0x00]);
 * ```
 */
export function muLawWAV(samples: Float32Array, sampleRate: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES + samples.length);
  const view = new DataView(bytes.buffer);
  const name = (at: number, text: string) => new TextEncoder().encodeInto(text, bytes.subarray(at));
  const long = (at: number, value: number) => view.setUint32(at, value, true);
  const short = (at: number, value: number) => view.setUint16(at, value, true);
  name(0, "RIFF");
  long(4, bytes.length - 8);
  name(8, "WAVEfmt ");
  long(16, 18);
  short(20, MU_LAW);
  short(22, 1); // channel
  long(24, sampleRate);
  long(28, sampleRate); // bytes per second
  short(32, 1);
  short(34, 8); // bits
  name(38, "fact");
  long(42, 4);
  long(46, samples.length);
  name(50, "data");
  long(54, samples.length);
  for (let i = 0; i < samples.length; i++) {
    const sample = Math.max(-1, Math.min(1, samples[i]!));
    bytes[HEADER_BYTES + i] = muLaw(Math.round(sample * 32767));
  }
  return bytes;
}
