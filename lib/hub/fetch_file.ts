/**
 * One file from a web address to the disk, when its size and SHA-256 are known beforehand: goes on where it stopped.
 *
 * @module
 */
import { dirname } from "@std/path";
import { DownloadError } from "../errors.ts";
import { announcedSize } from "./file_facts.ts";
import type { Fetch, OpenFile } from "./hub_client.ts";
import { withLock } from "./lock.ts";
import { parseRetryAfter, RangeRefusedError, TransientError } from "./retry.ts";
import { transferFile } from "./transfer.ts";

const PASSING_FAILURES = new Set([408, 425, 429, 500, 502, 503, 504]);

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
class AddressClient {
  readonly #url: URL;
  readonly #fetch: Fetch;

  constructor(url: URL, request: Fetch) {
    this.#url = url;
    this.#fetch = request;
  }

  async open(
    _repository: string,
    _commit: string,
    _name: string,
    { startByte, signal }: { startByte: number; signal?: AbortSignal },
  ): Promise<OpenFile> {
    const response = await this.#request(startByte, signal);
    if (!response.ok) throw await this.#failure(response);
    const start = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1];
    const isEncoded = (response.headers.get("content-encoding") ?? "identity") !== "identity";
    const sizeBytes = isEncoded ? undefined : announcedSize(response);
    return {
      ...sizeBytes === undefined ? {} : { sizeBytes },
      body: response.body ?? new ReadableStream({ start: (controller) => controller.close() }),
      startByte: response.status === 206 ? Number(start ?? startByte) : 0,
    };
  }

  async #request(startByte: number, signal?: AbortSignal): Promise<Response> {
    const range: Record<string, string> = startByte > 0 ? { range: `bytes=${startByte}-` } : {};
    try {
      return await this.#fetch(this.#url.href, {
        signal: signal ?? null,
        headers: { ...range, "accept-encoding": "identity", "user-agent": "qwen3-asr-deno" },
      });
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (error instanceof Deno.errors.NotCapable) {
        const { host } = this.#url;
        throw new DownloadError(`Cannot fetch ${this.#url}: ${host} needs --allow-net=${host}`);
      }
      throw new TransientError((error as Error).message.replace(/\?[^\s)"']*/g, ""));
    }
  }

  async #failure(response: Response): Promise<Error> {
    const { status, headers } = response;
    await response.body?.cancel();
    const { host } = this.#url;
    if (PASSING_FAILURES.has(status)) {
      return new TransientError(`${host} answers ${status}`, parseRetryAfter(headers.get("retry-after")));
    }
    if (status === 416) return new RangeRefusedError(`${host} refuses the range (416)`);
    return new DownloadError(`Cannot fetch ${this.#url}: ${host} answers ${status}`);
  }
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
  const [, folder = "", name = ""] = /^(.*)\/([^/]*)$/.exec(`${url.origin}${url.pathname}`) ?? [];
  await withLock(`${path}.lock`, async () => {
    if (await isThere(path, sizeBytes)) return onBytes?.(sizeBytes);
    await transferFile({ name, etag: sha256, sizeBytes }, path, {
      client: new AddressClient(url, options.fetch ?? ((address, init) => fetch(address, init))),
      repository: folder,
      commit: "",
      policy: { retries, delaySeconds, signal },
      stallSeconds,
      signal,
      cure: "try again later",
      onBytes: (bytes) => onBytes?.(bytes),
    });
  }, { signal });
}
