/**
 * How far a download is.
 *
 * @module
 */

/** What is being done. */
export type DownloadPhase = "listing" | "waiting" | "downloading" | "done";

/** A moment of a download. */
export interface DownloadProgress {
  /** What is being done; `waiting`: another process downloads this file. */
  phase: DownloadPhase;
  /** `org/name`. */
  repository: string;
  /** The file this is about, if it is about one. */
  file?: string;
  /** Bytes that are on the disk, from now or before. */
  doneBytes: number;
  /** Bytes of the whole model; 0 while they are not known. */
  totalBytes: number;
  /** Bytes that came over the network in this call: what a speed is computed from. */
  fetchedBytes: number;
}

/** Adds up and tells. */
export class ProgressMeter {
  readonly #repository: string;
  readonly #tell: ((progress: DownloadProgress) => void) | undefined;
  #phase: DownloadPhase = "listing";
  #doneBytes = 0;
  #totalBytes = 0;
  #fetchedBytes = 0;

  /** `tell` is called with every change. */
  constructor(repository: string, tell: ((progress: DownloadProgress) => void) | undefined) {
    this.#repository = repository;
    this.#tell = tell;
  }

  /** Starts counting towards a total. */
  start(totalBytes: number): void {
    this.#totalBytes = totalBytes;
    this.#doneBytes = 0;
    this.enter("downloading");
  }

  /** Another phase, or another file. */
  enter(phase: DownloadPhase, file?: string): void {
    this.#phase = phase;
    this.#report(file);
  }

  /** More bytes (or fewer, when a file starts over); those found on the disk did not come over the network. */
  add(file: string, bytes: number, { fromDisk }: { fromDisk: boolean }): void {
    this.#doneBytes += bytes;
    if (!fromDisk && bytes > 0) this.#fetchedBytes += bytes;
    if (this.#phase === "waiting") this.#phase = "downloading";
    if (bytes !== 0) this.#report(file);
  }

  #report(file?: string): void {
    this.#tell?.({
      phase: this.#phase,
      repository: this.#repository,
      ...file === undefined ? {} : { file },
      doneBytes: this.#doneBytes,
      totalBytes: this.#totalBytes,
      fetchedBytes: this.#fetchedBytes,
    });
  }
}
