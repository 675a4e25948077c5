/**
 * One file from the hub to the disk: goes on where it stopped, until its hash agrees.
 *
 * @module
 */
import { DownloadError } from "../errors.ts";
import { digestKind } from "./digest.ts";
import type { FileFacts } from "./file_facts.ts";
import { PartialFile } from "./partial_file.ts";
import type { OpenFile } from "./request.ts";
import { RangeRefusedError, Retry, type RetryPolicy, TransientError } from "./retry.ts";
import { Watchdog } from "./watchdog.ts";

/** Bytes of real progress that make up for earlier failures. */
const PROGRESS_BYTES = 1 << 16;

/** A file to get. */
export interface PlannedFile {
  /** Path inside the repository. */
  name: string;
  /** Hash by which its blob is named. */
  etag: string;
  /** Size in bytes. */
  sizeBytes: number;
}

/** How to get it. */
export interface TransferOptions {
  /** What it is, for messages. */
  what: string;
  /** Opens the file, from `startByte` on if the server can. */
  open: (startByte: number, signal: AbortSignal) => Promise<OpenFile>;
  /** How often to try again. */
  policy: RetryPolicy;
  /** Silence after which a connection counts as lost. */
  stallSeconds: number;
  /** Stops. */
  signal?: AbortSignal | undefined;
  /** Called with the bytes that came; negative ones when a file starts over. */
  onBytes: (bytes: number) => void;
  /**
   * What to do about a file that came damaged twice.
   *
   * @default {"try again later or use another HF_ENDPOINT"}
   */
  cure?: string;
}

/** The hub now has another file under this name than the one it listed. */
export class FileChangedError extends Error {
  override name = "FileChangedError";
  /** The file as it is now. */
  readonly now: PlannedFile;

  /** Takes the file as it is now. */
  constructor(now: PlannedFile) {
    super(`${now.name} changed on the hub`);
    this.now = now;
  }
}

/**
 * The file as the response says it is, when that is another one than listed. A hash of the other kind says so only if it
 * is the SHA-256 of a large file, of which some listings know the pointer alone; etags of mirrors' own making never do.
 */
function changedFile(
  file: PlannedFile,
  { etag, sizeBytes = file.sizeBytes }: FileFacts,
): PlannedFile | undefined {
  if (etag === undefined || etag === file.etag) return undefined;
  const kind = digestKind(etag);
  const isComparable = kind === "sha256" || (kind !== undefined && kind === digestKind(file.etag));
  return isComparable ? { name: file.name, etag, sizeBytes } : undefined;
}

/** A download of one file, over as many connections as it takes. */
class Transfer {
  readonly #file: PlannedFile;
  readonly #part: PartialFile;
  readonly #options: TransferOptions;
  readonly #retry: Retry;
  #highWater: number;

  constructor(file: PlannedFile, part: PartialFile, options: TransferOptions) {
    this.#file = file;
    this.#part = part;
    this.#options = options;
    this.#retry = new Retry(options.policy);
    this.#highWater = part.sizeBytes;
  }

  async run(): Promise<void> {
    for (let damaged = 0;;) {
      await this.#fill();
      const digest = this.#part.takeDigest();
      if (digest === undefined || digest === this.#file.etag) return;
      await this.#restart();
      if (++damaged > 1) throw new DownloadError(this.#damageMessage(digest));
    }
  }

  #damageMessage(digest: string): string {
    const { what, cure = "try again later or use another HF_ENDPOINT" } = this.#options;
    return `${what} came damaged twice: its hash is ${digest}, expected ${this.#file.etag}; ${cure}`;
  }

  async #restart(): Promise<void> {
    this.#options.onBytes(-this.#part.sizeBytes);
    await this.#part.restart();
  }

  /** Connects until all bytes are there. */
  async #fill(): Promise<void> {
    while (this.#part.sizeBytes < this.#file.sizeBytes) {
      try {
        await this.#connect();
      } catch (error) {
        if (!(error instanceof TransientError)) throw error;
        if (error instanceof RangeRefusedError) await this.#restart();
        await this.#retry.pause(error, this.#options.what);
      }
    }
  }

  async #connect(): Promise<void> {
    const { open, signal, stallSeconds } = this.#options;
    using watchdog = new Watchdog(stallSeconds, signal);
    const opened = await open(this.#part.sizeBytes, watchdog.signal);
    try {
      await this.#prepare(opened);
      await this.#read(opened.body, watchdog);
    } finally {
      await opened.body.cancel().catch(() => {});
    }
  }

  async #prepare(opened: OpenFile): Promise<void> {
    const changed = changedFile(this.#file, opened);
    if (changed !== undefined) throw new FileChangedError(changed);
    if (opened.sizeBytes !== undefined && opened.sizeBytes !== this.#file.sizeBytes) {
      throw new TransientError(
        `the server announces ${opened.sizeBytes} bytes, expected ${this.#file.sizeBytes}`,
      );
    }
    if (opened.startByte === this.#part.sizeBytes) return;
    if (opened.startByte !== 0) {
      throw new TransientError(
        `the server starts at byte ${opened.startByte} instead of ${this.#part.sizeBytes}`,
      );
    }
    await this.#restart();
  }

  async #read(body: ReadableStream<Uint8Array>, watchdog: Watchdog): Promise<void> {
    const reader = body.getReader();
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        watchdog.signal.throwIfAborted();
        watchdog.touch();
        await this.#accept(next.value);
      }
    } catch (error) {
      if (watchdog.signal.aborted) throw watchdog.signal.reason;
      // A stream fails with a TypeError; what writing the file says is not about the network.
      throw error instanceof TypeError ? new TransientError(error.message) : error;
    } finally {
      reader.releaseLock();
    }
    if (this.#part.sizeBytes < this.#file.sizeBytes) {
      throw new TransientError(
        `the connection ended at byte ${this.#part.sizeBytes} of ${this.#file.sizeBytes}`,
      );
    }
  }

  async #accept(bytes: Uint8Array): Promise<void> {
    if (this.#part.sizeBytes + bytes.length > this.#file.sizeBytes) {
      await this.#restart();
      throw new TransientError(`the server sends more than the ${this.#file.sizeBytes} bytes it listed`);
    }
    await this.#part.append(bytes);
    this.#options.onBytes(bytes.length);
    if (this.#part.sizeBytes < this.#highWater + PROGRESS_BYTES) return;
    this.#highWater = this.#part.sizeBytes;
    this.#retry.reset();
  }
}

/**
 * Downloads a file to `path`, going on with `path + ".incomplete"` when an earlier try left one.
 *
 * @throws {DownloadError} When it cannot be had: refused, damaged twice, failed too often, disk full.
 * @throws {FileChangedError} When the hub has another file now; what came so far is thrown away.
 */
export async function transferFile(file: PlannedFile, path: string, options: TransferOptions): Promise<void> {
  const partialPath = `${path}.incomplete`;
  const { etag, sizeBytes: expectedBytes } = file;
  using part = await PartialFile.open(partialPath, { etag, expectedBytes, signal: options.signal });
  options.onBytes(part.sizeBytes);
  try {
    await new Transfer(file, part, options).run();
    await part.moveTo(path);
  } catch (error) {
    if (error instanceof FileChangedError) await Deno.remove(partialPath).catch(() => {});
    throw error;
  }
}
