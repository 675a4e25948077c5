/**
 * A file that is being downloaded: it grows at its end, knows its hash so far, and survives an interruption.
 *
 * @module
 */
import { DownloadError } from "../errors.ts";
import { type DigestKind, digestKind, type Hash, readThrough, startDigest } from "./digest.ts";

function isDiskFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
}

/** `BLOB.incomplete`: a prefix of the blob. */
export class PartialFile implements Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #kind: DigestKind | undefined;
  readonly #expectedBytes: number;
  #digest: Hash | undefined;
  #size = 0;

  private constructor(path: string, file: Deno.FsFile, etag: string, expectedBytes: number) {
    this.#path = path;
    this.#file = file;
    this.#kind = digestKind(etag);
    this.#expectedBytes = expectedBytes;
  }

  /**
   * Opens what an earlier try left, or starts a new file.
   *
   * @param etag Hash that the whole file will have.
   * @param expectedBytes Size that the whole file will have; a longer file is no prefix and starts over.
   */
  static async open(
    path: string,
    { etag, expectedBytes, signal }: {
      etag: string;
      expectedBytes: number;
      signal?: AbortSignal | undefined;
    },
  ): Promise<PartialFile> {
    const file = await Deno.open(path, { read: true, write: true, create: true });
    const partial = new PartialFile(path, file, etag, expectedBytes);
    try {
      await partial.#begin();
      const { size } = await file.stat();
      if (size > expectedBytes) await partial.restart();
      else await readThrough(file, (bytes) => partial.#count(bytes), { signal });
      return partial;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  async #begin(): Promise<void> {
    this.#size = 0;
    this.#digest = this.#kind && startDigest(this.#kind, this.#expectedBytes);
    await this.#file.seek(0, Deno.SeekMode.Start);
  }

  #count(bytes: Uint8Array): void {
    this.#digest?.update(bytes);
    this.#size += bytes.length;
  }

  /** Bytes so far. */
  get sizeBytes(): number {
    return this.#size;
  }

  /**
   * Adds bytes at the end.
   *
   * @throws {DownloadError} When the disk is full.
   */
  async append(bytes: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < bytes.length;) done += await this.#file.write(bytes.subarray(done));
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      throw new DownloadError(
        `The disk is full at ${this.#path}: free some space and start again, it goes on where it stopped`,
        { code: "disk-full", cause: error },
      );
    }
    this.#count(bytes);
  }

  /** Throws away all bytes. */
  async restart(): Promise<void> {
    await this.#file.truncate(0);
    await this.#begin();
  }

  /** The hash of what is there, or `undefined` when the etag is no hash we know. Ends the counting. */
  takeDigest(): string | undefined {
    const digest = this.#digest?.digest("hex");
    this.#digest = undefined;
    return digest;
  }

  /** Makes sure it is on the disk and gives it its final name. */
  async moveTo(path: string): Promise<void> {
    await this.#file.sync();
    await Deno.rename(this.#path, path);
  }

  /** Closes the file; what is there stays. */
  [Symbol.dispose](): void {
    this.#file.close();
  }
}
