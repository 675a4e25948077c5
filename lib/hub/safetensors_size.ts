/**
 * How long a safetensors file says it is: enough to notice a truncated one without reading it.
 *
 * @module
 */

/** Longest header the format allows. */
const MAX_HEADER_BYTES = 100_000_000;

interface TensorEntry {
  data_offsets: [number, number];
}

function isTensorEntry(value: unknown): value is TensorEntry {
  if (typeof value !== "object" || value === null || !("data_offsets" in value)) return false;
  const offsets = value.data_offsets;
  return Array.isArray(offsets) && offsets.length === 2 && offsets.every(Number.isSafeInteger);
}

async function readExactly(file: Deno.FsFile, length: number): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(length);
  for (let filled = 0; filled < length;) {
    const read = await file.read(bytes.subarray(filled));
    if (read === null) return undefined;
    filled += read;
  }
  return bytes;
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const header: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return typeof header === "object" && header !== null ? { ...header } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Compares a safetensors file with its own header.
 *
 * @returns What is wrong ("ends at byte 10 of 200"), or `undefined` when header and size agree.
 */
export async function safetensorsProblem(path: string): Promise<string | undefined> {
  using file = await Deno.open(path, { read: true });
  const { size } = await file.stat();
  const prefix = await readExactly(file, 8);
  if (prefix === undefined) return `has ${size} bytes, too few for a safetensors file`;
  const headerBytes = Number(new DataView(prefix.buffer).getBigUint64(0, true));
  if (headerBytes > MAX_HEADER_BYTES) return "is no safetensors file";
  const headerText = await readExactly(file, headerBytes);
  if (headerText === undefined) return `ends at byte ${size}, inside its header of ${headerBytes} bytes`;
  const header = parseHeader(headerText);
  if (header === undefined) return "has a header that is no JSON";
  const { __metadata__: _, ...tensors } = header;
  const entries = Object.values(tensors);
  if (!entries.every(isTensorEntry)) return "has a header without data offsets";
  const dataBytes = entries.reduce((end, { data_offsets }) => Math.max(end, data_offsets[1]), 0);
  const expected = 8 + headerBytes + dataBytes;
  if (size === expected) return undefined;
  return size < expected
    ? `ends at byte ${size} of ${expected}`
    : `has ${size - expected} bytes after its last tensor`;
}
