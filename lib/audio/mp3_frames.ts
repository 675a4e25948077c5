/**
 * Where the frames of an MP3 file are (ISO 11172-3 and 13818-3, layer III): tags, junk and damage lie between them.
 *
 * @module
 */

import { Breath } from "../breathe.ts";

/** Bytes from `start` up to, not including, `end`: frames without anything between them. */
export interface FrameRun {
  start: number;
  end: number;
}

const HEADER_BYTES = 4;
/** Places looked at between two looks at the clock. */
const STEPS_AT_ONCE = 1000;
const KILOBITS = {
  mpeg1: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  mpeg2: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
};
const MPEG1_RATES = [44100, 48000, 32000];
const MPEG1 = 3;
const MPEG2 = 2;
const MPEG25 = 0;
const LAYER_3 = 1;
const MONO = 3;

interface Header {
  size: number;
  /** Version, rate, and whether it is mono: the same in all frames of a recording. */
  kind: number;
}

function headerAt(bytes: Uint8Array, at: number): Header | undefined {
  if (at + HEADER_BYTES > bytes.length || bytes[at] !== 0xff) return undefined;
  const [second, third, fourth] = [bytes[at + 1], bytes[at + 2], bytes[at + 3]];
  const version = (second! >> 3) & 3;
  const kilobits = (version === MPEG1 ? KILOBITS.mpeg1 : KILOBITS.mpeg2)[third! >> 4];
  const baseRate = MPEG1_RATES[(third! >> 2) & 3];
  if ((second! & 0xe0) !== 0xe0 || ((second! >> 1) & 3) !== LAYER_3) return undefined;
  if (!kilobits || !baseRate || ![MPEG1, MPEG2, MPEG25].includes(version)) return undefined;
  const sampleRate = version === MPEG1 ? baseRate : version === MPEG2 ? baseRate / 2 : baseRate / 4;
  const perKilobit = version === MPEG1 ? 144_000 : 72_000;
  const size = Math.floor(perKilobit * kilobits / sampleRate) + ((third! >> 1) & 1);
  return { size, kind: sampleRate * 2 + ((fourth! >> 6) === MONO ? 1 : 0) };
}

/** Bytes of an ID3v2 tag at the start: its contents may look like frames. */
function tagSize(bytes: Uint8Array): number {
  if (bytes.length < 10 || bytes[0] !== 0x49 || bytes[1] !== 0x44 || bytes[2] !== 0x33) return 0;
  return 10 + ((bytes[6]! << 21) | (bytes[7]! << 14) | (bytes[8]! << 7) | bytes[9]!);
}

/**
 * Finds the frames of one kind (version, rate, mono or not). A frame counts when another follows it, or the end
 * of the file or of a run of frames.
 */
export async function findMp3Frames(bytes: Uint8Array): Promise<FrameRun[]> {
  const breath = new Breath({ everyMs: 4 });
  const runs: FrameRun[] = [];
  let kind: number | undefined;
  for (let at = tagSize(bytes), steps = 1; at < bytes.length; steps++) {
    if (steps % STEPS_AT_ONCE === 0) await breath.pause();
    const header = headerAt(bytes, at);
    const end = at + (header?.size ?? 0);
    const isExpected = header && end <= bytes.length && (kind === undefined || header.kind === kind);
    const last = runs.at(-1);
    if (
      isExpected && (last?.end === at || end === bytes.length || headerAt(bytes, end)?.kind === header.kind)
    ) {
      kind = header.kind;
      if (last?.end === at) last.end = end;
      else runs.push({ start: at, end });
      at = end;
    } else {
      at++;
    }
  }
  return runs;
}
