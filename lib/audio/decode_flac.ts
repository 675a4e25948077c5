/**
 * FLAC files as a stream of blocks, without ffmpeg (RFC 9639).
 *
 * @module
 */
import { AudioError } from "../errors.ts";
import type { Warning } from "../transcript.ts";
import { OutOfBits } from "./bit_reader.ts";
import type { ByteSource } from "./byte_source.ts";
import { damage } from "./damage.ts";
import { decodeFlacFrame, type FlacFrame, FlacFrameError, type FlacStreamInfo } from "./flac_frame.ts";
import type { PcmBlock } from "./pcm.ts";

const STREAMINFO = 0;
const STREAMINFO_BYTES = 34;
const HEADER_ROOM = 64;
const ID3_HEADER_BYTES = 10;
const SYNCSAFE_BASE = 128;
/** Room for a cover; tags are kept in memory while they are looked at. */
const MAX_TAG_BYTES = 1 << 24;

/** Bytes in order, the front of which can be dropped. */
class Window {
  readonly #source: ByteSource;
  bytes: Uint8Array = new Uint8Array(0);
  ended = false;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** Reads until `count` bytes are there or the source ends. */
  async fill(count: number): Promise<void> {
    const blocks = [this.bytes];
    let length = this.bytes.length;
    while (length < count && !this.ended) {
      const block = await this.#source.read();
      if (!block) {
        this.ended = true;
        break;
      }
      blocks.push(block);
      length += block.length;
    }
    if (blocks.length === 1) return;
    this.bytes = new Uint8Array(length);
    let at = 0;
    for (const block of blocks) {
      this.bytes.set(block, at);
      at += block.length;
    }
  }

  drop(count: number): void {
    this.bytes = this.bytes.subarray(count);
  }
}

function parseStreamInfo(bytes: Uint8Array): FlacStreamInfo {
  const view = new DataView(bytes.buffer, bytes.byteOffset, STREAMINFO_BYTES);
  const packed = view.getUint32(10);
  return {
    maxBlockSize: view.getUint16(2),
    maxFrameBytes: view.getUint32(6) & 0xff_ffff,
    sampleRate: packed >>> 12,
    channels: ((packed >>> 9) & 7) + 1,
    bitsPerSample: ((packed >>> 4) & 31) + 1,
  };
}

/** Passes an ID3v2 tag, which some programs put in front though FLAC has tags of its own. */
async function skipTag(window: Window): Promise<void> {
  await window.fill(ID3_HEADER_BYTES);
  if (!isTagged(window.bytes)) return;
  let left = ID3_HEADER_BYTES + window.bytes.subarray(6, 10).reduce((sum, b) => SYNCSAFE_BASE * sum + b, 0);
  while (left > 0) {
    await window.fill(1);
    if (window.bytes.length === 0) return;
    const part = Math.min(left, window.bytes.length);
    window.drop(part);
    left -= part;
  }
}

function isTagged(bytes: Uint8Array): boolean {
  return new TextDecoder().decode(bytes.subarray(0, 3)) === "ID3";
}

/** Whether a file is FLAC behind an ID3v2 tag; needs the tag to be no longer than what can be looked at. */
export async function isTaggedFlac(source: ByteSource): Promise<boolean> {
  const header = await source.peek(ID3_HEADER_BYTES);
  if (header.length < ID3_HEADER_BYTES || !isTagged(header)) return false;
  const size = header.subarray(6, 10).reduce((sum, b) => SYNCSAFE_BASE * sum + b, 0);
  if (size > MAX_TAG_BYTES) return false;
  const start = await source.peek(ID3_HEADER_BYTES + size + 4);
  return new TextDecoder().decode(start.subarray(ID3_HEADER_BYTES + size)) === "fLaC";
}

/** Passes the metadata blocks. */
async function readMetadata(window: Window, name: string): Promise<FlacStreamInfo> {
  await skipTag(window);
  await window.fill(4);
  window.drop(4);
  let info: FlacStreamInfo | undefined;
  for (let isLast = false; !isLast;) {
    await window.fill(4);
    if (window.bytes.length < 4) break;
    const header = new DataView(window.bytes.buffer, window.bytes.byteOffset).getUint32(0);
    isLast = header >>> 31 === 1;
    const type = (header >>> 24) & 0x7f;
    const size = header & 0xff_ffff;
    await window.fill(4 + size);
    if (window.bytes.length < 4 + size) break;
    if (type === STREAMINFO && size >= STREAMINFO_BYTES) info = parseStreamInfo(window.bytes.subarray(4));
    window.drop(4 + size);
  }
  if (!info) throw new AudioError(`Cannot read ${name}: its FLAC header is cut off.`);
  return info;
}

function blockOf({ channels, sampleRate, bitsPerSample }: FlacFrame): PcmBlock {
  const count = channels.length;
  const scale = 2 ** (1 - bitsPerSample);
  const interleaved = new Float32Array(count * channels[0]!.length);
  channels.forEach((samples, channel) => {
    for (let i = 0; i < samples.length; i++) interleaved[i * count + channel] = samples[i]! * scale;
  });
  return { channels: count, sampleRate, interleaved };
}

/** Bytes up to the next place where a frame may start, at least one. */
function toNextSync(bytes: Uint8Array): number {
  for (let at = 1; at + 1 < bytes.length; at++) {
    if (bytes[at] === 0xff && (bytes[at + 1]! & 0xfe) === 0xf8) return at;
  }
  return Math.max(1, bytes.length - 1);
}

/**
 * Reads a FLAC file as its bytes arrive. Damaged frames are left out.
 *
 * @param warnings Gets a sentence when frames were damaged.
 * @throws {AudioError} When the header is damaged.
 */
export async function* decodeFlacBlocks(source: ByteSource, warnings: Warning[]): AsyncGenerator<PcmBlock> {
  const window = new Window(source);
  const info = await readMetadata(window, source.name);
  const largest = info.maxBlockSize * info.channels * Math.ceil((info.bitsPerSample + 1) / 8) + HEADER_ROOM;
  let room = info.maxFrameBytes || largest;
  let lost = 0;
  for (;;) {
    await window.fill(room);
    if (window.bytes.length < 2) break;
    try {
      const frame = decodeFlacFrame(window.bytes, info);
      window.drop(frame.size);
      yield blockOf(frame);
    } catch (error) {
      if (error instanceof OutOfBits && !window.ended && room < largest) {
        room = largest;
        continue;
      }
      if (!(error instanceof OutOfBits || error instanceof FlacFrameError)) throw error;
      lost++;
      window.drop(toNextSync(window.bytes));
    }
  }
  if (lost > 0) {
    warnings.push(
      damage(`${source.name} is damaged: ${lost} places in it are no FLAC frames and were left out.`),
    );
  }
}
