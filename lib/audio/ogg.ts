/**
 * Packets out of an Ogg stream (RFC 3533).
 *
 * @module
 */
import { joinBytes } from "../join_arrays.ts";
import type { ByteSource } from "./byte_source.ts";

/** A packet of one of the logical streams. */
export interface OggPacket {
  serial: number;
  data: Uint8Array;
  /** Position at the end of the page that ends this packet, codec's units; -1 for other packets of a page. */
  granule: number;
}

const HEADER_BYTES = 27;
const NO_GRANULE = 2 ** 64 - 2 ** 32;
const CONTINUED = 1;
const LAST_PAGE = 4;

/** What is told about the stream besides its packets. */
export interface OggEvents {
  /** Something is missing or is no page here. */
  onGap(): void;
  /** A logical stream ended as it should. */
  onEnd(serial: number): void;
}

function isPage(bytes: Uint8Array): boolean {
  return bytes[0] === 0x4f && bytes[1] === 0x67 && bytes[2] === 0x67 && bytes[3] === 0x53;
}

/** Reads whole pages; what is no page is passed over and reported. */
async function* pagesOf(source: ByteSource, { onGap }: OggEvents): AsyncGenerator<Uint8Array> {
  let bytes: Uint8Array = new Uint8Array(0);
  const fill = async (count: number): Promise<boolean> => {
    while (bytes.length < count) {
      const block = await source.read();
      if (!block) return false;
      bytes = joinBytes([bytes, block]);
    }
    return true;
  };
  while (await fill(HEADER_BYTES)) {
    if (!isPage(bytes)) {
      onGap();
      while (await fill(4) && !isPage(bytes)) bytes = bytes.subarray(1);
      continue;
    }
    const segments = bytes[26]!;
    if (!await fill(HEADER_BYTES + segments)) return;
    const body = bytes.subarray(HEADER_BYTES, HEADER_BYTES + segments).reduce((sum, size) => sum + size, 0);
    const size = HEADER_BYTES + segments + body;
    if (!await fill(size)) return;
    yield bytes.subarray(0, size);
    bytes = bytes.subarray(size);
  }
}

/**
 * Reads the packets of all logical streams, in order. A page that is cut off is left out: its stream has no end.
 */
export async function* oggPackets(source: ByteSource, events: OggEvents): AsyncGenerator<OggPacket> {
  const begun = new Map<number, Uint8Array[]>();
  const sequences = new Map<number, number>();
  for await (const page of pagesOf(source, events)) {
    const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
    const serial = view.getUint32(14, true);
    const sequence = view.getUint32(18, true);
    const isGap = sequence !== (sequences.get(serial) ?? sequence - 1) + 1;
    if (isGap) events.onGap();
    sequences.set(serial, sequence);
    const position = view.getUint32(10, true) * 2 ** 32 + view.getUint32(6, true);
    const lacing = page.subarray(HEADER_BYTES, HEADER_BYTES + page[26]!);
    const lastEnd = lacing.findLastIndex((size) => size < 255);
    let parts = isGap ? [] : begun.get(serial) ?? [];
    // The rest of a packet whose beginning is lost.
    let isRest = (page[5]! & CONTINUED) !== 0 && parts.length === 0;
    let at = HEADER_BYTES + lacing.length;
    for (const [index, size] of lacing.entries()) {
      parts.push(page.subarray(at, at + size));
      at += size;
      if (size === 255) continue;
      const data = joinBytes(parts);
      parts = [];
      if (isRest) {
        isRest = false;
        continue;
      }
      const granule = index === lastEnd && position < NO_GRANULE ? position : -1;
      yield { serial, data, granule };
    }
    if ((page[5]! & LAST_PAGE) !== 0) events.onEnd(serial);
    begun.set(serial, parts.length > 0 ? [joinBytes(parts)] : []);
  }
}
