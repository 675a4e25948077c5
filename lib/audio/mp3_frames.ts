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
  /** How many. */
  frames: number;
  /** Bytes before it that are neither frames nor a tag. */
  junkBefore: number;
}

/** Where the frames of a file are. */
export interface Mp3Layout {
  runs: FrameRun[];
  /** Sound in each frame. */
  frameSeconds: number;
  /** Frames that the file says it has (the Xing or Info frame at its start), when it says so. */
  announced: number | undefined;
  /** The file ends within a frame. */
  isCutOff: boolean;
}

const HEADER_BYTES = 4;
const ID3V1_BYTES = 128;
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
  sampleRate: number;
  /** Samples of a frame, per channel. */
  samples: number;
  /** Bytes from the header to what is coded, where a Xing frame says "Xing". */
  sideBytes: number;
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
  const isMono = fourth! >> 6 === MONO;
  const isFull = version === MPEG1;
  return {
    size,
    sampleRate,
    samples: isFull ? 1152 : 576,
    sideBytes: isFull ? (isMono ? 17 : 32) : isMono ? 9 : 17,
    kind: sampleRate * 2 + (isMono ? 1 : 0),
  };
}

/** Bytes of an ID3 tag that begins here: its contents may look like frames. */
function tagSize(bytes: Uint8Array, at: number): number {
  const id = String.fromCharCode(...bytes.subarray(at, at + 3));
  if (id === "TAG") return ID3V1_BYTES;
  if (id !== "ID3" || at + 10 > bytes.length) return 0;
  const [a, b, c, d] = bytes.subarray(at + 6, at + 10);
  return 10 + ((a! << 21) | (b! << 14) | (c! << 7) | d!);
}

/** What a Xing frame says: it holds no sound, but the number of those that follow (0 when it does not say). */
function announcedBy(bytes: Uint8Array, at: number, { sideBytes, size }: Header): number | undefined {
  const xing = at + HEADER_BYTES + sideBytes;
  const id = String.fromCharCode(...bytes.subarray(xing, xing + 4));
  if (!["Xing", "Info"].includes(id) || xing + 12 > Math.min(bytes.length, at + size)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + xing);
  return view.getUint32(4) & 1 ? view.getUint32(8) : 0;
}

/**
 * Finds the frames of one kind (version, rate, mono or not). A frame counts when another follows it, or the end
 * of the file or of a run of frames.
 */
export async function findMp3Frames(bytes: Uint8Array): Promise<Mp3Layout> {
  const breath = new Breath({ everyMs: 4 });
  const runs: FrameRun[] = [];
  let first: Header | undefined;
  let announced: number | undefined;
  let junk = 0;
  /** Up to here all is frames and tags, or was given up. */
  let clean = 0;
  let isCutOff = false;
  for (let at = 0, steps = 1; at < bytes.length; steps++) {
    if (steps % STEPS_AT_ONCE === 0) await breath.pause();
    const last = runs.at(-1);
    const tag = at === clean ? tagSize(bytes, at) : 0;
    if (tag > 0) {
      at = clean = at + tag;
      continue;
    }
    const header = headerAt(bytes, at);
    const end = at + (header?.size ?? 0);
    const isKind = header && (first === undefined || header.kind === first.kind);
    const follows = isKind && end <= bytes.length &&
      (last?.end === at || end === bytes.length || tagSize(bytes, end) > 0 ||
        headerAt(bytes, end)?.kind === header.kind);
    if (!follows) {
      isCutOff ||= Boolean(isKind && end > bytes.length && last?.end === at);
      junk++;
      at++;
      continue;
    }
    first ??= header;
    const count = runs.length === 0 ? announcedBy(bytes, at, header) : undefined;
    if (count !== undefined && announced === undefined) {
      announced = count || undefined;
      runs.push({ start: end, end, frames: 0, junkBefore: 0 });
    } else if (last?.end === at && junk === 0) {
      last.end = end;
      last.frames++;
    } else {
      runs.push({ start: at, end, frames: 1, junkBefore: runs.length === 0 ? 0 : junk });
    }
    junk = 0;
    at = clean = end;
  }
  const frameSeconds = first ? first.samples / first.sampleRate : 0;
  return { runs: runs.filter(({ frames }) => frames > 0), frameSeconds, announced, isCutOff };
}
