/**
 * The hashes the hub names files by: SHA-256 for large files, git's SHA-1 of a blob for the others.
 *
 * @module
 */
import { createHash, type Hash } from "node:crypto";

export type { Hash };

/** Bytes read at a time. */
const READ_BYTES = 1 << 20;

/** How the hub hashed a file, told by the length of its etag. */
export type DigestKind = "sha256" | "git-sha1";

/** Kind of hash an etag is, or `undefined` when it is none that can be checked. */
export function digestKind(etag: string): DigestKind | undefined {
  if (/^[0-9a-f]{64}$/.test(etag)) return "sha256";
  return /^[0-9a-f]{40}$/.test(etag) ? "git-sha1" : undefined;
}

/**
 * A hash to feed with a file's bytes in order.
 *
 * @param kind Which hash.
 * @param sizeBytes Size of the whole file: git's hash starts with it.
 */
export function startDigest(kind: DigestKind, sizeBytes: number): Hash {
  if (kind === "sha256") return createHash("sha256");
  return createHash("sha1").update(`blob ${sizeBytes}\0`);
}

/** What reading a file may be told. */
export interface ReadOptions {
  /** Stops between two reads. */
  signal?: AbortSignal | undefined;
  /** Called after each read. */
  onBytes?: ((bytes: number) => void) | undefined;
}

/** Calls `consume` with the bytes of an open file, from its position to its end. */
export async function readThrough(
  file: Deno.FsFile,
  consume: (bytes: Uint8Array) => void,
  { signal, onBytes }: ReadOptions = {},
): Promise<void> {
  const buffer = new Uint8Array(READ_BYTES);
  for (let read = await file.read(buffer); read !== null; read = await file.read(buffer)) {
    signal?.throwIfAborted();
    consume(buffer.subarray(0, read));
    onBytes?.(read);
  }
}

/**
 * Hash of a file as 40 or 64 hexadecimal digits.
 *
 * @throws {Deno.errors.NotFound} When there is no such file.
 */
export async function digestFile(path: string, kind: DigestKind, options: ReadOptions = {}): Promise<string> {
  using file = await Deno.open(path, { read: true });
  const digest = startDigest(kind, (await file.stat()).size);
  await readThrough(file, (bytes) => digest.update(bytes), options);
  return digest.digest("hex");
}
