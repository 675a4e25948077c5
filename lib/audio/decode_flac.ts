/**
 * FLAC files as a stream of blocks, without ffmpeg (RFC 9639).
 *
 * @module
 */
import { AudioError } from "../errors.ts";
import { OutOfBits } from "./bit_reader.ts";
import type { ByteSource } from "./byte_source.ts";
import { decodeFlacFrame, type FlacFrame, FlacFrameError, type FlacStreamInfo } from "./flac_frame.ts";
import type { PcmBlock } from "./pcm.ts";

const STREAMINFO = 0;
const STREAMINFO_BYTES = 34;
const HEADER_ROOM = 64;

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

/** Passes the metadata blocks. */
async function readMetadata(window: Window, name: string): Promise<FlacStreamInfo> {
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
export async function* decodeFlacBlocks(source: ByteSource, warnings: string[]): AsyncGenerator<PcmBlock> {
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
    warnings.push(`${source.name} is damaged: ${lost} places in it are no FLAC frames and were left out.`);
  }
}
