/**
 * What a recording is, whatever it is called: the hash of its bytes.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { digestFile } from "../hub/digest.ts";
import { isRemote, sha256 } from "./job.ts";
import { JobError } from "./queue_error.ts";
import { quickReason } from "./reasons.ts";

/** A recording's bytes. */
export interface Content {
  /** SHA-256 of the bytes, or of what an address says about them. */
  content: string;
  /** Absent where that is not known. */
  sizeBytes?: number;
}

async function contentOfAddress(url: string, signal: AbortSignal | undefined): Promise<Content> {
  const init = signal ? { signal } : {};
  const head = await fetch(url, { ...init, method: "HEAD" });
  await head.body?.cancel();
  const tag = head.ok ? head.headers.get("etag") : null;
  const length = Number(head.headers.get("content-length") ?? NaN);
  // A weak tag may stay the same for other bytes.
  if (tag !== null && !tag.startsWith("W/") && length > 0) {
    return { content: sha256(`${url}\n${tag}\n${length}`), sizeBytes: length };
  }
  const response = await fetch(url, init);
  if (!response.ok || response.body === null) throw new JobError(`the server answers ${response.status}`);
  const hash = createHash("sha256");
  let sizeBytes = 0;
  for await (const bytes of response.body) {
    hash.update(bytes);
    sizeBytes += bytes.length;
  }
  return { content: hash.digest("hex"), sizeBytes };
}

/**
 * Finds out what a recording is: reads it once. An address is believed when it has a strong ETag.
 *
 * @throws {JobError} When it cannot be read.
 */
export async function contentOf(source: string, signal?: AbortSignal): Promise<Content> {
  try {
    if (isRemote(source)) return await contentOfAddress(source, signal);
    const { size } = await Deno.stat(source);
    if (size === 0) throw new JobError("it is empty");
    return { content: await digestFile(source, "sha256", { signal }), sizeBytes: size };
  } catch (cause) {
    signal?.throwIfAborted();
    const reason = cause instanceof Deno.errors.NotFound ? "there is no such file" : quickReason(cause);
    throw new JobError(`Cannot read ${source}: ${reason}`, { cause });
  }
}
