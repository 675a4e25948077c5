/**
 * Ogg Opus files (RFC 7845) through libopus as WebAssembly, without ffmpeg.
 *
 * @module
 */
import { AudioError } from "../errors.ts";
import type { Warning } from "../transcript.ts";
import type { ByteSource } from "./byte_source.ts";
import { damage } from "./damage.ts";
import { loadDecoder } from "./npm_decoder.ts";
import { type OggPacket, oggPackets } from "./ogg.ts";
import type { PcmBlock } from "./pcm.ts";

/** MIT around libopus, which is BSD. */
const PACKAGE = "npm:opus-decoder@0.7.12";
const SAMPLE_RATE = 48000;
/** Packets decoded at once: 20 ms each, as a rule. */
const PACKETS_AT_ONCE = 16;
const FIRST_PAGE_HEADER = 28;
/** As many as in a WAV file. */
const MAX_CHANNELS = 64;
/** Room of the decoder for a packet, for each channel. */
const MAX_PACKET_BYTES = 3840;

interface OpusDecoder {
  ready: Promise<void>;
  decodeFrames(
    packets: Uint8Array[],
  ): { channelData: Float32Array[]; samplesDecoded: number; errors: { outputSamples: number }[] };
  free(): void;
}

interface OpusModule {
  OpusDecoder: new (options: {
    channels: number;
    preSkip: number;
    streamCount: number;
    coupledStreamCount: number;
    channelMappingTable: number[];
  }) => OpusDecoder;
}

function isOpusHead(packet: Uint8Array): boolean {
  return packet.length >= 19 && new TextDecoder().decode(packet.subarray(0, 8)) === "OpusHead";
}

function isOpusTags(packet: Uint8Array): boolean {
  return new TextDecoder().decode(packet.subarray(0, 8)) === "OpusTags";
}

/** A decoder as the identification header wants it (RFC 7845, section 5.1). */
async function openOpus(source: ByteSource, { serial, data: head }: OggPacket): Promise<OpusStream> {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const preSkip = view.getUint16(10, true);
  const channels = head[9]!;
  const family = head[18]!;
  const isMapped = family !== 0 && head.length >= 21 + channels;
  const streams = isMapped ? head[19]! + head[20]! : channels;
  // A decoder of no channels would divide by zero.
  if (
    channels < 1 || channels > (isMapped ? MAX_CHANNELS : 2) || streams < 1 ||
    head[20]! > head[19]! && isMapped
  ) {
    throw new AudioError(
      `Cannot read ${source.name}: its Opus header says ${channels} channels in no known order.`,
    );
  }
  return await loadDecoder(PACKAGE, source.name, async (module: OpusModule) => {
    const decoder = new module.OpusDecoder({
      channels,
      preSkip,
      streamCount: isMapped ? head[19]! : 1,
      coupledStreamCount: isMapped ? head[20]! : channels - 1,
      channelMappingTable: isMapped ? [...head.subarray(21, 21 + channels)] : [0, 1].slice(0, channels),
    });
    await decoder.ready;
    return new OpusStream(serial, decoder, { preSkip, channels, name: source.name });
  });
}

function interleave(channels: Float32Array[], length: number): Float32Array {
  const interleaved = new Float32Array(channels.length * length);
  channels.forEach((samples, channel) => {
    for (let i = 0; i < length; i++) interleaved[i * channels.length + channel] = samples[i]!;
  });
  return interleaved;
}

/** The decoder prints what it also returns; nothing else runs meanwhile. */
function decodeQuietly(decoder: OpusDecoder, packets: Uint8Array[]): ReturnType<OpusDecoder["decodeFrames"]> {
  const terminal = globalThis.console;
  const print = terminal.error;
  terminal.error = () => {};
  try {
    return decoder.decodeFrames(packets);
  } finally {
    terminal.error = print;
  }
}

/** Decodes packets as they come, some at a time. */
class OpusStream {
  readonly serial: number;
  readonly #decoder: OpusDecoder;
  readonly #preSkip: number;
  readonly #maxPacketBytes: number;
  readonly #name: string;
  #waiting: Uint8Array[] = [];
  /** The last block stays here until it is known whether the stream ends in it. */
  #last: PcmBlock | undefined;
  #decoded = 0;
  #granule = -1;
  /** Seconds at which packets are missing or bad. */
  readonly damaged: number[] = [];

  constructor(
    serial: number,
    decoder: OpusDecoder,
    options: { preSkip: number; channels: number; name: string },
  ) {
    this.serial = serial;
    this.#decoder = decoder;
    this.#preSkip = options.preSkip;
    this.#maxPacketBytes = MAX_PACKET_BYTES * options.channels;
    this.#name = options.name;
  }

  /** What has been decoded so far. */
  get seconds(): number {
    return this.#decoded / SAMPLE_RATE;
  }

  /** Takes a packet; gives the block before the one that became complete. */
  push({ data, granule }: OggPacket): PcmBlock | undefined {
    if (data.length > this.#maxPacketBytes) this.damaged.push(this.seconds);
    else this.#waiting.push(data);
    if (granule >= 0) this.#granule = granule;
    return this.#waiting.length < PACKETS_AT_ONCE ? undefined : this.#decode();
  }

  /** What WebAssembly makes of bytes that no encoder wrote may leave its memory in any state: there is no going on. */
  #decodeWaiting(): ReturnType<OpusDecoder["decodeFrames"]> {
    try {
      return decodeQuietly(this.#decoder, this.#waiting.splice(0));
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new AudioError(
        `Cannot read ${this.#name}: the Opus decoder broke at a damaged packet near ${
          this.seconds.toFixed(1)
        } s (${reason}).`,
        { cause },
      );
    }
  }

  #decode(): PcmBlock | undefined {
    const { channelData, samplesDecoded, errors } = this.#decodeWaiting();
    const done = this.#last;
    for (const { outputSamples } of errors) this.damaged.push(outputSamples / SAMPLE_RATE);
    this.#decoded += samplesDecoded;
    this.#last = {
      channels: channelData.length,
      sampleRate: SAMPLE_RATE,
      interleaved: interleave(channelData, samplesDecoded),
    };
    return done;
  }

  /** A packet may have damaged the decoder's memory without a word until then: its instance goes, and its end is doubted. */
  #free(): void {
    try {
      this.#decoder.free();
    } catch {
      this.damaged.push(this.seconds);
    }
  }

  /** What is left, without the padding behind the end of the recording (RFC 7845, section 4.4). */
  *finish(): Generator<PcmBlock> {
    const done = this.#waiting.length > 0 ? this.#decode() : undefined;
    if (done) yield done;
    this.#free();
    const last = this.#last;
    if (!last) return;
    const surplus = this.#decoded - (this.#granule - this.#preSkip);
    const frames = last.interleaved.length / last.channels;
    const isPadded = this.#granule >= 0 && surplus > 0 && surplus < frames;
    if (isPadded) last.interleaved = last.interleaved.subarray(0, (frames - surplus) * last.channels);
    yield last;
  }
}

/**
 * Reads an Ogg Opus file as its bytes arrive.
 *
 * @param warnings Gets a sentence when packets are missing or damaged, or there is more than one recording in it.
 * @throws {AudioError} When the decoder can't be had.
 */
export async function* decodeOpusBlocks(source: ByteSource, warnings: Warning[]): AsyncGenerator<PcmBlock> {
  let stream: OpusStream | undefined;
  let heads = 0;
  let gaps = 0;
  const ended = new Set<number>();
  const events = {
    onGap: () => stream ? stream.damaged.push(stream.seconds) : gaps++,
    onEnd: (serial: number) => ended.add(serial),
  };
  for await (const packet of oggPackets(source, events)) {
    if (isOpusHead(packet.data)) {
      heads++;
      stream ??= await openOpus(source, packet);
    } else if (stream?.serial === packet.serial && !isOpusTags(packet.data)) {
      const block = stream.push(packet);
      if (block) yield block;
    }
  }
  if (!stream) return;
  yield* stream.finish();
  const places = [...Array<number>(gaps).fill(0), ...stream.damaged];
  if (places.length > 0) {
    const [first, last] = [Math.min(...places), Math.max(...places)];
    warnings.push(damage(
      `${source.name} is damaged: Opus packets are missing or bad in ${places.length} places ` +
        `(near ${first.toFixed(1)}${last > first ? ` to ${last.toFixed(1)}` : ""} s).`,
      { startSeconds: first, endSeconds: last },
    ));
  }
  if (!ended.has(stream.serial)) {
    const seconds = stream.seconds;
    warnings.push(
      damage(`${source.name} is cut off after ${seconds.toFixed(3)} s: its last Ogg page is missing.`, {
        startSeconds: seconds,
      }),
    );
  }
  if (heads > 1) {
    warnings.push(damage(`${source.name} holds ${heads} recordings: only the first was read.`, {
      startSeconds: stream.seconds,
    }));
  }
}

/** Whether an Ogg file begins with Opus. */
export async function isOggOpus(source: ByteSource): Promise<boolean> {
  // The first page holds one packet and no more than one lacing value.
  return isOpusHead((await source.peek(FIRST_PAGE_HEADER + 19)).subarray(FIRST_PAGE_HEADER));
}
