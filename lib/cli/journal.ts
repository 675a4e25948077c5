/**
 * What was transcribed into a folder, so that `--resume` can go on: one line of JSON a recording, the last one counts.
 *
 * @module
 */
import { dirname, join, resolve } from "@std/path";
import type { Transcript } from "../transcript.ts";
import { type Input, isAddress } from "./inputs.ts";
import { cannotWrite, writeAll, writeFile } from "./write_file.ts";

/** Name of the journal in the output folder. */
export const JOURNAL_FILE = ".qwen3-asr.jsonl";

/** A line of the journal. */
interface Entry {
  /** Absolute path, or address. */
  input: string;
  /** Bytes and time of change in milliseconds; absent for addresses. */
  sizeBytes?: number;
  modifiedMs?: number;
  /** What was asked for, as JSON. */
  settings: string;
  /** Absolute paths of what was written. */
  outputs: string[];
  /** What there was when it was interrupted; absent: finished. */
  partial?: Transcript;
  /** A chunk could not be decoded: it is tried again. */
  failed?: boolean;
}

/** What is known about a recording: nothing, finished, or begun. */
export type Past = { state: "new" } | { state: "done" } | { state: "begun"; transcript: Transcript };

function parsed(line: string): Entry | undefined {
  try {
    const entry: Entry = JSON.parse(line);
    const { input, settings, outputs, partial } = entry;
    const isEntry = typeof input === "string" && typeof settings === "string" && Array.isArray(outputs) &&
      (partial === undefined || Array.isArray(partial.chunks) && Array.isArray(partial.segments));
    return isEntry ? entry : undefined;
  } catch {
    return undefined; // cut off by a crash
  }
}

async function identityOf(input: Input): Promise<Pick<Entry, "input" | "sizeBytes" | "modifiedMs">> {
  if (isAddress(input.source)) return { input: input.source };
  const { size, mtime } = await Deno.stat(input.source);
  return { input: resolve(input.source), sizeBytes: size, modifiedMs: mtime?.getTime() ?? 0 };
}

async function modifiedMs(path: string): Promise<number | undefined> {
  // What went into a device or a FIFO is not there any more.
  return await Deno.stat(path).then(
    ({ isFile, mtime }) => isFile ? mtime?.getTime() ?? 0 : undefined,
    () => undefined,
  );
}

/** The journal of one output folder. Other processes may write it at the same time. */
export class Journal {
  readonly #path: string;
  readonly #settings: string;
  #entries = new Map<string, Entry>();
  /** Which file was read, since another process may have put a shorter one in its place, */
  #inode: number | null = null;
  /** and how far. */
  #readBytes = 0;

  private constructor(path: string, settings: string) {
    this.#path = path;
    this.#settings = settings;
  }

  /**
   * Reads the journal, and makes it where there is none. `settings`: everything that changes the transcripts.
   *
   * @throws {OutputError} When it cannot be written: then nothing should be begun.
   */
  static async open(directory: string, settings: object): Promise<Journal> {
    const journal = new Journal(join(directory, JOURNAL_FILE), JSON.stringify(settings));
    await journal.#locked(async (file) => {
      const lines = await journal.#read(file);
      if (lines > journal.#entries.size) await journal.#compact();
    });
    return journal;
  }

  /** Works on the journal while no other process does. */
  async #locked(work: (file: Deno.FsFile) => Promise<void>): Promise<void> {
    try {
      await Deno.mkdir(dirname(this.#path), { recursive: true });
      while (true) {
        using file = await Deno.open(this.#path, { read: true, append: true, create: true });
        await file.lock(true).catch(() => {}); // Some network disks have no locks; whole lines are appended there too.
        const [mine, current] = [await file.stat(), await Deno.stat(this.#path).catch(() => undefined)];
        // Who held the lock may have put another file in its place.
        if (current !== undefined && mine.ino === current.ino) return await work(file);
      }
    } catch (error) {
      throw cannotWrite(`the journal ${this.#path}`, error);
    }
  }

  /** Takes the whole lines that were added since the last time. Returns how many there are. */
  async #read(file: Deno.FsFile): Promise<number> {
    const { ino, size } = await file.stat();
    if (ino !== this.#inode || size < this.#readBytes) {
      [this.#entries, this.#inode, this.#readBytes] = [new Map(), ino, 0];
    }
    const bytes = new Uint8Array(size - this.#readBytes);
    await file.seek(this.#readBytes, Deno.SeekMode.Start);
    let length = 0;
    for (let count = 0; length < bytes.length; length += count) {
      count = await file.read(bytes.subarray(length)) ?? 0;
      if (count === 0) break;
    }
    const end = bytes.subarray(0, length).lastIndexOf(10) + 1;
    const lines = new TextDecoder().decode(bytes.subarray(0, end)).split("\n").slice(0, -1);
    for (const entry of lines.map(parsed)) {
      if (entry !== undefined) this.#entries.set(entry.input, entry);
    }
    this.#readBytes += end;
    return lines.length;
  }

  /** Drops the lines that later ones have replaced. */
  async #compact(): Promise<void> {
    const lines = [...this.#entries.values()].map((entry) => `${JSON.stringify(entry)}\n`);
    await writeFile(this.#path, lines.join(""));
  }

  /** What other processes have written meanwhile. */
  async #refresh(): Promise<void> {
    const info = await Deno.stat(this.#path).catch(() => undefined);
    if (info === undefined || (info.ino === this.#inode && info.size === this.#readBytes)) return;
    using file = await Deno.open(this.#path, { read: true });
    await this.#read(file);
  }

  /** Whether a recording is finished, or begun. Without an entry, transcripts newer than the recording count. */
  async past(input: Input, outputs: readonly string[]): Promise<Past> {
    if (input.source === "-") return { state: "new" };
    await this.#refresh();
    const identity = await identityOf(input);
    const entry = this.#entries.get(identity.input);
    const times = await Promise.all(outputs.map(modifiedMs));
    if (entry === undefined) {
      const isNewer = identity.modifiedMs !== undefined &&
        times.every((time) => time !== undefined && time >= identity.modifiedMs!);
      return { state: isNewer ? "done" : "new" };
    }
    const isSame = entry.settings === this.#settings && entry.sizeBytes === identity.sizeBytes &&
      entry.modifiedMs === identity.modifiedMs;
    if (!isSame || entry.failed) return { state: "new" };
    if (entry.partial !== undefined) return { state: "begun", transcript: entry.partial };
    return { state: times.every((time) => time !== undefined) ? "done" : "new" };
  }

  /**
   * Records what became of a recording.
   *
   * @throws {OutputError} When there is no room for it.
   */
  async record(input: Input, outputs: readonly string[], transcript: Transcript): Promise<void> {
    if (input.source === "-") return;
    const entry: Entry = {
      ...await identityOf(input),
      settings: this.#settings,
      outputs: outputs.map((path) => resolve(path)),
      ...(transcript.partial ? { partial: transcript } : {}),
      ...(transcript.chunks.some(({ error }) => error !== undefined) ? { failed: true } : {}),
    };
    await this.#locked(async (file) => {
      const { size } = await file.stat();
      await this.#read(file);
      // A line that a killed process has left without its end must not swallow this one.
      const isCut = size > this.#readBytes;
      await writeAll(file, new TextEncoder().encode(`${isCut ? "\n" : ""}${JSON.stringify(entry)}\n`));
      await this.#read(file);
    });
  }
}
