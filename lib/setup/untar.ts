/**
 * Unpacks tar archives of plain files and folders as they come in. Source: POSIX.1-1988, "ustar".
 *
 * @module
 */
import { dirname, join } from "@std/path";
import { DownloadError } from "../errors.ts";

const BLOCK = 512;

interface Header {
  path: string;
  kind: string;
  mode: number;
  sizeBytes: number;
}

/** Takes exact numbers of bytes from a stream of blocks of any length. */
class ByteReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** At most `limit` bytes, at least one; `undefined` at the end. */
  async some(limit: number): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#rest = value;
    }
    const bytes = this.#rest.subarray(0, limit);
    this.#rest = this.#rest.subarray(bytes.length);
    return bytes;
  }

  /** Calls `consume` with `count` bytes. */
  async pass(count: number, consume: (bytes: Uint8Array) => Promise<unknown> | void): Promise<void> {
    for (let left = count; left > 0;) {
      const bytes = await this.some(left);
      if (bytes === undefined) {
        throw new DownloadError("Cannot unpack the archive: it ends in the middle of a file");
      }
      await consume(bytes);
      left -= bytes.length;
    }
  }

  async block(): Promise<Uint8Array> {
    const block = new Uint8Array(BLOCK);
    let at = 0;
    await this.pass(BLOCK, (bytes) => {
      block.set(bytes, at);
      at += bytes.length;
    });
    return block;
  }

  /** Reads to the end, so that whoever fills the stream can finish. */
  async drain(): Promise<void> {
    while (await this.some(1 << 20) !== undefined);
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }
}

function checkSum(block: Uint8Array): number {
  return block.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 32 : byte), 0);
}

/** The header in a block; `undefined` for the block of zeros that ends an archive. */
function parseHeader(block: Uint8Array): Header | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  const text = (at: number, length: number) =>
    new TextDecoder().decode(block.subarray(at, at + length)).replace(/\0[^]*$/, "").trim();
  if (parseInt(text(148, 8), 8) !== checkSum(block)) {
    throw new DownloadError("Cannot unpack the archive: a header has a wrong check sum");
  }
  const prefix = text(257, 6) === "ustar" && block[263] === 48 ? text(345, 155) : "";
  return {
    path: prefix === "" ? text(0, 100) : `${prefix}/${text(0, 100)}`,
    mode: parseInt(text(100, 8), 8) || 0o644,
    sizeBytes: parseInt(text(124, 12), 8) || 0,
    kind: text(156, 1) || "0",
  };
}

/** The place of an entry; nothing may lie outside of the folder. */
function placeOf({ path, kind }: Header, directory: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (path.startsWith("/") || /[\\:]/.test(path) || parts.includes("..")) {
    throw new DownloadError(`Cannot unpack the archive: it has a file outside of its folder, ${path}`);
  }
  if (kind !== "0" && kind !== "5") {
    throw new DownloadError(`Cannot unpack the archive: ${path} is neither file nor folder (type ${kind})`);
  }
  return join(directory, ...parts);
}

async function writeFile(reader: ByteReader, place: string, { mode, sizeBytes }: Header): Promise<void> {
  await Deno.mkdir(dirname(place), { recursive: true });
  using file = await Deno.open(place, { write: true, createNew: true, mode: mode & 0o777 });
  await reader.pass(sizeBytes, async (bytes) => {
    for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
  });
}

/**
 * Unpacks a tar archive.
 *
 * @param stream Its bytes, not compressed.
 * @param directory Where to; made when it is not there.
 * @returns Paths of the files in the archive, in its order.
 * @throws {DownloadError} When it is cut short or damaged, or has links or paths that lead out of the folder.
 */
export async function unpackTar(
  stream: ReadableStream<Uint8Array>,
  directory: string,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<string[]> {
  const reader = new ByteReader(stream);
  const files: string[] = [];
  try {
    for (let header = parseHeader(await reader.block()); header; header = parseHeader(await reader.block())) {
      signal?.throwIfAborted();
      const place = placeOf(header, directory);
      if (header.kind === "5") await Deno.mkdir(place, { recursive: true });
      else {
        await writeFile(reader, place, header);
        files.push(header.path);
        await reader.pass((BLOCK - header.sizeBytes % BLOCK) % BLOCK, () => {});
      }
    }
    await reader.drain();
    return files;
  } finally {
    await reader.cancel();
  }
}
