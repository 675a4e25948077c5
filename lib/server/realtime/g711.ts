/**
 * G.711, the sound of telephones: 8 bits a sample at 8 kHz, by two laws.
 *
 * Each law is a table of 256 samples. A byte is a sign, three bits that say how often the step doubles, and four bits of
 * steps; A-law has every second bit turned over on the wire, mu-law all of them.
 *
 * @module
 */

const SIGN = 0x80;
/** mu-law lays its steps around this, so that they double from 0 on. */
const MU_BIAS = 0x84;
const A_FLIPPED = 0x55;

function muLaw(byte: number): number {
  const turned = ~byte & 0xff;
  const magnitude = ((((turned & 0xf) << 3) + MU_BIAS) << ((turned >> 4) & 7)) - MU_BIAS;
  return turned & SIGN ? -magnitude : magnitude;
}

function aLaw(byte: number): number {
  const turned = byte ^ A_FLIPPED;
  const doublings = (turned >> 4) & 7;
  // The middle of a step; the first two rows have steps of the same size.
  const step = ((turned & 0xf) << 4) + 8;
  const magnitude = doublings === 0 ? step : (step + 0x100) << (doublings - 1);
  return turned & SIGN ? magnitude : -magnitude;
}

function tableOf(law: (byte: number) => number): Int16Array {
  return Int16Array.from({ length: 256 }, (_, byte) => law(byte));
}

const TABLES = { pcmu: tableOf(muLaw), pcma: tableOf(aLaw) };

/** Samples of 16 bits, one for each byte. */
export function decodeG711(law: "pcmu" | "pcma", bytes: Uint8Array): Int16Array {
  const table = TABLES[law];
  return Int16Array.from(bytes, (byte) => table[byte]!);
}
