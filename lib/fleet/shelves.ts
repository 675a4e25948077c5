/**
 * What is kept beside the queue: who asked for what, plans of long recordings, results, journals of what is begun, and the
 * machines. Values are JSON, compressed.
 *
 * @module
 */
import type { JetStreamManager } from "@nats-io/jetstream";
import type { KV, KvOptions } from "@nats-io/kv";
import type { PartResult } from "./assemble.ts";
import type { Connection } from "./connection.ts";
import type { Job } from "./job.ts";
import type { Begun } from "./journal.ts";
import type { PartPlan, RecordingFacts } from "./plan.ts";
import { QueueError } from "./queue_error.ts";
import { isTaken, type Patience, patiently } from "./reasons.ts";

/** A machine that has not been heard of for so long is gone, in milliseconds. */
const MACHINE_MS = 60_000;

/** Somebody's wish for a transcript. */
export interface Asked {
  job: Job;
  /** How its files are called: see `Input` of the command line. */
  input: {
    source: string;
    name: string;
    stem: string;
    extension: string;
    parent: string;
    below: string;
  };
  /** Milliseconds since 1970. */
  askedAt: number;
}

/** A long recording that was cut; its parts lie beside. */
export interface StoredPlan extends RecordingFacts {
  parts: number;
  /** Tells its parts from those of another plan of the same recording, which another machine may have made. */
  cut: string;
}

/** The result of a recording, or of a part of one. */
export interface StoredResult extends PartResult {
  /** Of a recording that is one part. */
  facts?: RecordingFacts;
}

/** How far a job is, and what went wrong with it before. */
export interface StoredJournal {
  begun?: Begun;
  error?: string;
}

/** A machine at work. */
export interface Machine {
  name: string;
  version: string;
  model: string;
  device: string;
  /** Seconds of sound that were decoded, bytes of recordings that they were, and seconds that it took. */
  soundSeconds: number;
  soundBytes: number;
  busySeconds: number;
  done: number;
  failed: number;
  /** What it works on, and since when; milliseconds since 1970. */
  now?: { name: string; part?: number; since: number };
}

/** Values that are asked for at once. */
const SIDE_BY_SIDE = 64;

async function packed(value: unknown): Promise<Uint8Array> {
  const stream = new Blob([JSON.stringify(value)]).stream().pipeThrough(new CompressionStream("gzip"));
  return await new Response(stream).bytes();
}

async function unpacked<T>(bytes: Uint8Array): Promise<T> {
  const stream = new Blob([new Uint8Array(bytes)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return await new Response(stream).json();
}

/** Values by key. */
export class Shelf<T> {
  readonly #name: string;
  readonly #bucket: KV;
  readonly #manager: JetStreamManager;
  readonly #patience: Patience;
  readonly #mostBytes: number;

  private constructor(
    name: string,
    bucket: KV,
    manager: JetStreamManager,
    patience: Patience,
    mostBytes: number,
  ) {
    this.#name = name;
    this.#bucket = bucket;
    this.#manager = manager;
    this.#patience = patience;
    this.#mostBytes = mostBytes;
  }

  /** Opens a shelf, and makes it where there is none. */
  static async open<T>(
    { buckets, manager, nats }: Connection,
    name: string,
    patience: Patience,
    options: Partial<KvOptions> = {},
  ): Promise<Shelf<T>> {
    const bucket = await patiently(() => buckets.create(name, { history: 1, ...options }), patience);
    return new Shelf(name, bucket, manager, patience, nats.info?.max_payload ?? Infinity);
  }

  #ask<R>(ask: () => Promise<R>): Promise<R> {
    return patiently(ask, this.#patience);
  }

  async #packed(key: string, value: T): Promise<Uint8Array> {
    const bytes = await packed(value);
    // What NATS puts around it is some hundred bytes.
    if (bytes.length < this.#mostBytes - 1024) return bytes;
    throw new QueueError(
      `Cannot keep ${key} in the queue: it takes ${bytes.length} bytes, and the server's max_payload is ` +
        `${this.#mostBytes}; raise it there, or submit with smaller --part-seconds`,
    );
  }

  /** Puts a value, whatever was there. */
  async put(key: string, value: T): Promise<void> {
    const bytes = await this.#packed(key, value);
    await this.#ask(() => this.#bucket.put(key, bytes));
  }

  /** Puts a value where there is none. Returns whether it was put: who comes second changes nothing. */
  async putOnce(key: string, value: T): Promise<boolean> {
    const bytes = await this.#packed(key, value);
    try {
      await this.#ask(() => this.#bucket.create(key, bytes));
      return true;
    } catch (error) {
      if (isTaken(error)) return false;
      throw error;
    }
  }

  /** The value of a key. */
  async get(key: string): Promise<T | undefined> {
    const entry = await this.#ask(() => this.#bucket.get(key));
    return entry === null || entry.operation !== "PUT" ? undefined : await unpacked<T>(entry.value);
  }

  /** Whether there is one. */
  async has(key: string): Promise<boolean> {
    const entry = await this.#ask(() => this.#bucket.get(key));
    return entry !== null && entry.operation === "PUT";
  }

  /** Takes a value away, and leaves no trace of it. */
  async remove(key: string): Promise<void> {
    await this.#ask(() => this.#bucket.purge(key));
  }

  /**
   * Keys that match a pattern of NATS: `*` is one word, `>` the rest; some may be of values that were removed. Asked for
   * as one question: a stream of answers would wait for ever where the server is killed in between.
   */
  async *keys(pattern = ">"): AsyncGenerator<string> {
    const prefix = `$KV.${this.#name}.`;
    const filter = { subjects_filter: `${prefix}${pattern}` };
    const { state } = await this.#ask(() => this.#manager.streams.info(`KV_${this.#name}`, filter));
    for (const subject of Object.keys(state.subjects ?? {})) yield subject.slice(prefix.length);
  }

  /** Values with their keys, some asked for at once. */
  async *entries(pattern = ">"): AsyncGenerator<[key: string, value: T]> {
    const keys = await Array.fromAsync(this.keys(pattern));
    for (let at = 0; at < keys.length; at += SIDE_BY_SIDE) {
      const some = keys.slice(at, at + SIDE_BY_SIDE);
      const values = await Promise.all(some.map((key) => this.get(key)));
      for (const [order, value] of values.entries()) {
        if (value !== undefined) yield [some[order]!, value];
      }
    }
  }
}

/** All shelves. */
export interface Shelves {
  /** By `ID.HASH_OF_SOURCE`. */
  asked: Shelf<Asked>;
  /** By `ID`. */
  plans: Shelf<StoredPlan>;
  /** By `ID.CUT.PART`. */
  parts: Shelf<PartPlan>;
  /** By `ID.whole` or `ID.PART`. */
  results: Shelf<StoredResult>;
  /** By the same. */
  journals: Shelf<StoredJournal>;
  /** By the machine's name. */
  machines: Shelf<Machine>;
}

/** Opens all shelves. */
export async function openShelves(connection: Connection, patience: Patience = {}): Promise<Shelves> {
  const open = <T>(name: string, options?: Partial<KvOptions>) =>
    Shelf.open<T>(connection, name, patience, options);
  return {
    asked: await open("asr_asked"),
    plans: await open("asr_plans"),
    parts: await open("asr_parts"),
    results: await open("asr_results"),
    journals: await open("asr_journals"),
    machines: await open("asr_machines", { ttl: MACHINE_MS }),
  };
}
