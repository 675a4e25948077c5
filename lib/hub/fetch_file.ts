/**
 * One file from a web address to the disk, when its size and SHA-256 are known beforehand: goes on where it stopped.
 *
 * @module
 */
import { dirname } from "@std/path";
import { DownloadError } from "../errors.ts";
import { withLock } from "./lock.ts";
import { type Fetch, openedFile, type OpenFile, passingFailure, rangeFrom, request } from "./request.ts";
import { transferFile } from "./transfer.ts";

/** How to fetch a file. */
export interface FetchFileOptions {
  /** SHA-256 of the file, 64 hexadecimal digits. */
  sha256: string;
  /** Its size in bytes. */
  sizeBytes: number;
  /**
   * What makes the request.
   *
   * @default {fetch}
   */
  fetch?: Fetch | undefined;
  /**
   * Failures in a row after which it is over.
   *
   * @default {4}
   */
  retries?: number | undefined;
  /**
   * First pause between two tries in seconds; each next one is twice as long.
   *
   * @default {1}
   */
  delaySeconds?: number | undefined;
  /**
   * Silence in seconds after which a connection counts as lost.
   *
   * @default {30}
   */
  stallSeconds?: number | undefined;
  /** Stops; what came stays. */
  signal?: AbortSignal | undefined;
  /** Called with the bytes that came; negative ones when the file starts over. */
  onBytes?: ((bytes: number) => void) | undefined;
}

/** Opens one address; what the server says about hashes does not count. */
async function openAddress(
  url: URL,
  fetch: Fetch,
  { startByte, signal }: { startByte: number; signal: AbortSignal },
): Promise<OpenFile> {
  const response = await request(fetch, url, { what: url.href, signal, headers: rangeFrom(startByte) });
  if (response.ok) return openedFile(response, startByte);
  await response.body?.cancel();
  throw passingFailure(response, url.host) ??
    new DownloadError(`Cannot fetch ${url}: ${url.host} answers ${response.status}`);
}

async function isThere(path: string, sizeBytes: number): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isFile && info.size === sizeBytes, () => false);
}

/**
 * Fetches `url` to `path`, unless a file of that size is there. It grows in `path + ".incomplete"` and gets its name when
 * its hash agrees; a later call goes on with what an interrupted one left; two processes share one download.
 *
 * @throws {DownloadError} When it cannot be had: refused, damaged twice, failed too often, disk full.
 * @throws The signal's reason when it is aborted.
 */
export async function fetchFile(url: URL, path: string, options: FetchFileOptions): Promise<void> {
  const { sha256, sizeBytes, retries = 4, delaySeconds = 1, stallSeconds = 30, signal, onBytes } = options;
  await Deno.mkdir(dirname(path), { recursive: true });
  if (await isThere(path, sizeBytes)) return onBytes?.(sizeBytes);
  const send = options.fetch ?? ((address, init) => fetch(address, init));
  await withLock(`${path}.lock`, async () => {
    if (await isThere(path, sizeBytes)) return onBytes?.(sizeBytes);
    await transferFile({ name: url.pathname, etag: sha256, sizeBytes }, path, {
      what: `${url.origin}${url.pathname}`,
      open: (startByte, signal) => openAddress(url, send, { startByte, signal }),
      policy: { retries, delaySeconds, signal },
      stallSeconds,
      signal,
      cure: "try again later",
      onBytes: (bytes) => onBytes?.(bytes),
    });
  }, { signal });
}
