/**
 * Recordings that lie in the queue itself, for machines that share no disk: bounded, and gone when they are done.
 *
 * @module
 */
import type { ObjectStore } from "@nats-io/obj";
import { join } from "@std/path";
import { temporaryFolder } from "../audio/temporary_folder.ts";
import type { Connection } from "./connection.ts";
import { JobError, QueueError } from "./queue_error.ts";
import { isFull, type Patience, patiently, quickReason } from "./reasons.ts";

const BUCKET = "asr_uploads";

/** Room for recordings that wait, in bytes: 10 GB, some 90 hours of 16 kHz WAV. */
export const UPLOAD_BYTES = 10e9;

/** Recordings by the id of their job. */
export class Uploads {
  readonly #store: ObjectStore;
  readonly #patience: Patience;

  private constructor(store: ObjectStore, patience: Patience) {
    this.#store = store;
    this.#patience = patience;
  }

  /**
   * Opens the store, and makes it where there is none.
   *
   * @param mostBytes Its bound when it is made now.
   */
  static async open(
    { objects }: Connection,
    patience: Patience = {},
    mostBytes: number = UPLOAD_BYTES,
  ): Promise<Uploads> {
    const options = { max_bytes: mostBytes, storage: "file" as const, replicas: 1 };
    return new Uploads(await patiently(() => objects.create(BUCKET, options), patience), patience);
  }

  /** Whether a recording is there. */
  async has(id: string): Promise<boolean> {
    const info = await patiently(() => this.#store.info(id), this.#patience);
    return info !== null && !info.deleted;
  }

  /**
   * Puts a file into the store.
   *
   * @throws {QueueError} When there is no room for it.
   */
  async put(id: string, path: string, name: string): Promise<void> {
    if (await this.has(id)) return;
    using file = await Deno.open(path, { read: true });
    try {
      await this.#store.put({ name: id }, file.readable);
    } catch (cause) {
      const { streamInfo } = await this.#store.status();
      throw new QueueError(
        isFull(cause)
          ? `Cannot upload ${name}: the room for recordings that wait (${
            streamInfo.config.max_bytes / 1e6
          } MB) is full; submit again when some are done, or submit paths that all machines share`
          : `Cannot upload ${name}: ${quickReason(cause)}`,
        { cause },
      );
    }
  }

  /**
   * Fetches a recording into a temporary folder, which goes when the result is disposed of.
   *
   * @throws {JobError} When it is not there, or arrives damaged.
   */
  async fetch(id: string, name: string): Promise<{ source: string } & AsyncDisposable> {
    const object = await patiently(() => this.#store.get(id), this.#patience);
    if (object === null) {
      throw new JobError(`${name} is not in the queue's object store any more: submit it again`);
    }
    const folder = await temporaryFolder();
    const dispose = () => folder[Symbol.asyncDispose]();
    try {
      const path = join(folder.path, "recording");
      await Deno.writeFile(path, object.data);
      const error = await object.error;
      if (error) throw new JobError(`${name} arrived damaged: ${quickReason(error)}`);
      return { source: path, [Symbol.asyncDispose]: dispose };
    } catch (error) {
      await dispose();
      throw error;
    }
  }

  /** Takes a recording out of the store. */
  async remove(id: string): Promise<void> {
    if (await this.has(id)) await patiently(() => this.#store.delete(id), this.#patience);
  }
}
