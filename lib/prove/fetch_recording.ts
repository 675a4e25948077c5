/**
 * A recording of a list, on the disk: fetched once into the user's cache, and held against its sum each time.
 *
 * @module
 */
import { extname, fromFileUrl, join, resolve } from "@std/path";
import { DownloadError } from "../errors.ts";
import { digestFile } from "../hub/digest.ts";
import { isOffline } from "../hub/environment.ts";
import { fetchFile, type FetchFileOptions } from "../hub/fetch_file.ts";
import { userCache } from "../hub/packaged.ts";
import type { ProofRecording } from "./recordings.ts";

/** Most bytes of a recording whose size is not known. */
const MAX_BYTES = 500e6;

/** How recordings are fetched. */
export interface FetchRecordingOptions extends Pick<FetchFileOptions, "signal" | "retries" | "delaySeconds"> {
  /** Takes only what is on this machine. */
  offline?: boolean;
  /** Folder that paths of files are meant from. @default {the working folder} */
  folder?: string;
}

/** A recording on the disk. */
export interface FetchedRecording {
  path: string;
  /** SHA-256 of its bytes. */
  sha256: string;
}

function addressOf({ url }: ProofRecording): URL | undefined {
  return /^https?:/i.test(url) ? new URL(url) : undefined;
}

function cachePath({ name, sha256 }: ProofRecording, address: URL): string {
  const cache = userCache();
  if (cache === undefined) {
    throw new DownloadError(
      `Cannot tell where to put ${name}: set QWEN3_ASR_CACHE (or HOME), or allow reading them`,
    );
  }
  const file = `${name}${sha256 === undefined ? "" : `-${sha256.slice(0, 16)}`}${extname(address.pathname)}`;
  return join(cache, "proof", file);
}

/** Without a size there is nothing to go on by: it comes in one piece. */
async function fetchWhole(address: URL, signal: AbortSignal | undefined): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(address, { signal: signal ?? null });
  if (!response.ok) {
    await response.body?.cancel();
    throw new DownloadError(`Cannot fetch ${address.href}: ${address.host} answers ${response.status}`);
  }
  if (Number(response.headers.get("content-length") ?? 0) > MAX_BYTES) {
    await response.body?.cancel();
    throw new DownloadError(`Cannot fetch ${address.href}: it is larger than ${MAX_BYTES / 1e6} MB`);
  }
  return await response.bytes();
}

async function download(
  recording: ProofRecording,
  address: URL,
  { offline, signal, retries, delaySeconds }: FetchRecordingOptions,
): Promise<string> {
  const path = cachePath(recording, address);
  const isThere = await Deno.stat(path).then(() => true, () => false);
  const { sha256, sizeBytes } = recording;
  if (isThere && (sha256 !== undefined || isOffline(offline))) return path;
  if (isOffline(offline)) {
    throw new DownloadError(
      `Cannot fetch ${address.href}: it is not in the cache, and the network is not to be used`,
      {
        code: "offline",
      },
    );
  }
  if (sha256 !== undefined && sizeBytes !== undefined) {
    await fetchFile(address, path, { sha256, sizeBytes, signal, retries, delaySeconds });
    return path;
  }
  try {
    const bytes = await fetchWhole(address, signal);
    await Deno.mkdir(join(path, ".."), { recursive: true });
    await Deno.writeFile(path, bytes);
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof DownloadError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DownloadError(`Cannot fetch ${address.href}: ${reason}`, { cause });
  }
  return path;
}

/**
 * Gets a recording.
 *
 * @throws {DownloadError} When it cannot be had, or has another sum than the list says.
 * @throws The signal's reason when it is aborted.
 */
export async function fetchRecording(
  recording: ProofRecording,
  options: FetchRecordingOptions = {},
): Promise<FetchedRecording> {
  const { name, url, sha256: expected } = recording;
  const address = addressOf(recording);
  const path = address === undefined
    ? resolve(options.folder ?? ".", url.startsWith("file:") ? fromFileUrl(url) : url)
    : await download(recording, address, options);
  let sha256;
  try {
    sha256 = await digestFile(path, "sha256", { signal: options.signal });
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new DownloadError(`Cannot read ${name}: there is no file ${path}`, { cause });
  }
  if (expected !== undefined && sha256 !== expected) {
    throw new DownloadError(`Cannot use ${name}: it has SHA-256 ${sha256}, expected ${expected}`);
  }
  return { path, sha256 };
}
