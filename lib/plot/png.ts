/**
 * PNG files of up to 256 colours (ISO/IEC 15948, https://www.w3.org/TR/png-3/).
 *
 * @module
 */
import { joinBytes } from "../join_arrays.ts";
import type { Canvas } from "./canvas.ts";
import type { Color } from "./colors.ts";

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const INDEXED = 3;
const CRC_POLYNOMIAL = 0xedb88320;
const ADLER_MODULUS = 65521;
const LARGEST_STORED_BLOCK = 0xffff;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? CRC_POLYNOMIAL ^ (crc >>> 1) : crc >>> 1;
  return crc;
});

/** A compressed PNG file. */
export async function encodePNG(canvas: Canvas, palette: readonly Color[]): Promise<Uint8Array> {
  const stream = new Blob([scanLines(canvas)]).stream().pipeThrough(new CompressionStream("deflate"));
  return assemble(canvas, palette, new Uint8Array(await new Response(stream).arrayBuffer()));
}

/** An uncompressed PNG file, for callers that cannot wait for compression. */
export function encodeStoredPNG(canvas: Canvas, palette: readonly Color[]): Uint8Array {
  return assemble(canvas, palette, zlibStored(scanLines(canvas)));
}

function assemble({ width, height }: Canvas, palette: readonly Color[], data: Uint8Array): Uint8Array {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, INDEXED, 0, 0, 0], 8);
  return joinBytes([
    SIGNATURE,
    chunk("IHDR", header),
    chunk("PLTE", Uint8Array.from(palette.flat())),
    chunk("IDAT", data),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

/** The rows of pixels, each after the byte that means "not filtered". */
function scanLines({ width, height, pixels }: Canvas): Uint8Array<ArrayBuffer> {
  const lines = new Uint8Array(height * (width + 1));
  for (let row = 0; row < height; row++) {
    lines.set(pixels.subarray(row * width, (row + 1) * width), row * (width + 1) + 1);
  }
  return lines;
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  view.setUint32(data.length + 8, crc32(bytes.subarray(4, data.length + 8)));
  return bytes;
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** A zlib stream (RFC 1950) of stored blocks (RFC 1951, 3.2.4). */
function zlibStored(data: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(0x78, 0x01)];
  for (let at = 0; at < data.length; at += LARGEST_STORED_BLOCK) {
    const block = data.subarray(at, at + LARGEST_STORED_BLOCK);
    const isLast = at + LARGEST_STORED_BLOCK >= data.length ? 1 : 0;
    const size = block.length;
    parts.push(Uint8Array.of(isLast, size & 0xff, size >> 8, ~size & 0xff, (~size >> 8) & 0xff), block);
  }
  const sum = new Uint8Array(4);
  new DataView(sum.buffer).setUint32(0, adler32(data));
  return joinBytes([...parts, sum]);
}

function adler32(bytes: Uint8Array): number {
  let low = 1;
  let high = 0;
  for (const byte of bytes) {
    low = (low + byte) % ADLER_MODULUS;
    high = (high + low) % ADLER_MODULUS;
  }
  return (high << 16 | low) >>> 0;
}
