/**
 * What was transcribed into a folder, so that `--resume` can go on: one line of JSON a recording, the last one counts.
 *
 * @module
 */
import { join, resolve } from "@std/path";
import type { Transcript } from "../transcript.ts";
import { type Input, isAddress } from "./inputs.ts";
import { writeAtomically } from "./outputs.ts";

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
}

/** What is known about a recording: nothing, finished, or begun. */
export type Past = { state: "new" } | { state: "done" } | { state: "begun"; transcript: Transcript };

function parsed(line: string): Entry | undefined {
  try {
    const entry: Entry = JSON.parse(line);
    return typeof entry.input === "string" && Array.isArray(entry.outputs) ? entry : undefined;
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
  return await Deno.stat(path).then(({ mtime }) => mtime?.getTime() ?? 0, () => undefined);
}

/** The journal of one output folder. */
export class Journal {
  readonly #path: string;
  readonly #entries: Map<string, Entry>;
  readonly #settings: string;

  private constructor(path: string, entries: Map<string, Entry>, settings: string) {
    this.#path = path;
    this.#entries = entries;
    this.#settings = settings;
  }

  /** Reads the journal, if there is one. `settings`: everything that changes the transcripts. */
  static async open(directory: string, settings: object): Promise<Journal> {
    const path = join(directory, JOURNAL_FILE);
    const text = await Deno.readTextFile(path).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    });
    const entries = text.split("\n").map(parsed).filter((entry) => entry !== undefined);
    const latest = new Map(entries.map((entry) => [entry.input, entry]));
    if (entries.length > latest.size) {
      await writeAtomically(path, [...latest.values()].map((entry) => `${JSON.stringify(entry)}\n`).join(""));
    }
    return new Journal(path, latest, JSON.stringify(settings));
  }

  /** Whether a recording is finished, or begun. Without an entry, transcripts newer than the recording count. */
  async past(input: Input, outputs: readonly string[]): Promise<Past> {
    if (input.source === "-") return { state: "new" };
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
    if (!isSame) return { state: "new" };
    if (entry.partial !== undefined) return { state: "begun", transcript: entry.partial };
    return { state: times.every((time) => time !== undefined) ? "done" : "new" };
  }

  /** Records what became of a recording. */
  async record(input: Input, outputs: readonly string[], transcript: Transcript): Promise<void> {
    if (input.source === "-") return;
    const entry: Entry = {
      ...await identityOf(input),
      settings: this.#settings,
      outputs: outputs.map((path) => resolve(path)),
      ...(transcript.partial ? { partial: transcript } : {}),
    };
    this.#entries.set(entry.input, entry);
    await Deno.writeTextFile(this.#path, `${JSON.stringify(entry)}\n`, { append: true });
  }
}
