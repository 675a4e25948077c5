/**
 * Requests for files: which failures may pass, and what an open file is.
 *
 * @module
 */
import { DownloadError } from "../errors.ts";
import { announcedSize, type FileFacts } from "./file_facts.ts";
import { parseRetryAfter, RangeRefusedError, TransientError } from "./retry.ts";

const PASSING_FAILURES = new Set([408, 425, 429, 500, 502, 503, 504, 520, 522, 524]);

/** `fetch`, or something like it. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** A file that is being read. */
export interface OpenFile extends FileFacts {
  /** Bytes from `startByte` on. */
  body: ReadableStream<Uint8Array>;
  /** Where the body starts in the file; 0 when the server ignores ranges. */
  startByte: number;
}

/** Headers that ask for a file from a byte on. */
export function rangeFrom(startByte: number): Record<string, string> {
  return startByte > 0 ? { range: `bytes=${startByte}-` } : {};
}

/** Hides queries: addresses of storage are signed. */
export function withoutQueries(text: string): string {
  return text.replace(/\?[^\s)"']*/g, "");
}

/**
 * One request.
 *
 * @param what What is fetched, for messages.
 * @throws {TransientError} When there is no answer.
 * @throws {DownloadError} When this program may not connect.
 */
export async function request(
  fetch: Fetch,
  url: URL,
  { what, signal, headers = {}, ...init }: {
    what: string;
    signal?: AbortSignal | undefined;
    headers?: Record<string, string>;
    method?: string;
    redirect?: RequestRedirect;
  },
): Promise<Response> {
  try {
    return await fetch(url.href, {
      ...init,
      signal: signal ?? null,
      headers: { ...headers, "accept-encoding": "identity", "user-agent": "qwen3-asr-deno" },
    });
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (error instanceof Deno.errors.NotCapable) {
      throw new DownloadError(`Cannot fetch ${what}: ${url.host} needs --allow-net=${url.host}`);
    }
    throw new TransientError(withoutQueries((error as Error).message));
  }
}

/** A failed answer as an error after which trying again may help; `undefined` when it would not. */
export function passingFailure(
  { status, headers }: Response,
  host: string,
  detail = String(status),
): TransientError | undefined {
  if (status === 416) return new RangeRefusedError(`${host} refuses the range (416)`);
  return PASSING_FAILURES.has(status)
    ? new TransientError(`${host} answers ${detail}`, parseRetryAfter(headers.get("retry-after")))
    : undefined;
}

/** The file in an answer, with what was known about it before. */
export function openedFile(response: Response, startByte: number, facts: FileFacts = {}): OpenFile {
  const sizeBytes = facts.sizeBytes ?? announcedSize(response);
  const start = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1];
  return {
    ...facts,
    ...sizeBytes === undefined ? {} : { sizeBytes },
    body: response.body ?? new ReadableStream({ start: (controller) => controller.close() }),
    startByte: response.status === 206 ? Number(start ?? startByte) : 0,
  };
}
