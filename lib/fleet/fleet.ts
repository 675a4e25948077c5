/**
 * All that machines share: the queue, what is kept beside it, and what follows from both.
 *
 * @module
 */
import { type RecordingResult, transcriptOf } from "./assemble.ts";
import { connect, type Connection, type QueueAddress } from "./connection.ts";
import { type Job, jobKey } from "./job.ts";
import { Queue } from "./queue.ts";
import type { Patience } from "./reasons.ts";
import { openShelves, type Shelves, type StoredResult } from "./shelves.ts";
import { Uploads } from "./uploads.ts";
import type { Transcript } from "../transcript.ts";

/** A connection to a fleet. */
export class Fleet implements AsyncDisposable {
  /** Jobs that wait, and that failed. */
  readonly queue: Queue;
  /** What is kept beside. */
  readonly shelves: Shelves;
  readonly #connection: Connection;
  readonly #patience: Patience;
  #uploads: Promise<Uploads> | undefined;

  private constructor(connection: Connection, patience: Patience, queue: Queue, shelves: Shelves) {
    this.#connection = connection;
    this.#patience = patience;
    this.queue = queue;
    this.shelves = shelves;
  }

  /**
   * Connects, and makes what is not there yet.
   *
   * @throws {QueueError} When the server cannot be reached or refuses us.
   */
  static async open(address: QueueAddress, patience: Patience = {}): Promise<Fleet> {
    const connection = await connect(address);
    try {
      const queue = await Queue.open(connection, patience);
      return new Fleet(connection, patience, queue, await openShelves(connection, patience));
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Recordings that lie in the queue. The store is made when it is first wanted, with a bound of its own. */
  uploads(mostBytes?: number): Promise<Uploads> {
    return this.#uploads ??= Uploads.open(this.#connection, this.#patience, mostBytes);
  }

  /** How many parts of a recording are known: 1 for a short one; undefined before it was heard. */
  async partCount(id: string): Promise<number | undefined> {
    return (await this.shelves.plans.get(id))?.parts;
  }

  /** Queues the parts of a long recording that have no result yet. */
  async queueParts(job: Job, count: number): Promise<void> {
    const done = new Set(await Array.fromAsync(this.shelves.results.keys(`${job.id}.*`)));
    for (let part = 0; part < count; part++) {
      if (!done.has(jobKey({ ...job, part }))) await this.queue.put({ ...job, part });
    }
  }

  /** Keeps a result. One that is there already stays; an upload that nobody needs any more goes. */
  async store(job: Job, result: StoredResult): Promise<void> {
    await this.shelves.results.putOnce(jobKey(job), result);
    if (job.isUploaded && await this.isDone(job.id)) await (await this.uploads()).remove(job.id);
  }

  /** Whether all of a recording is done. */
  async isDone(id: string): Promise<boolean> {
    const keys = new Set(await Array.fromAsync(this.shelves.results.keys(`${id}.*`)));
    if (keys.has(jobKey({ id }))) return true;
    return keys.size > 0 && keys.size === await this.partCount(id);
  }

  async #result(id: string): Promise<RecordingResult | undefined> {
    const { results, plans } = this.shelves;
    const whole = await results.get(jobKey({ id }));
    if (whole?.facts) return { ...whole.facts, parts: [whole] };
    const plan = await plans.get(id);
    if (plan === undefined) return undefined;
    const parts: StoredResult[] = [];
    for (let part = 0; part < plan.parts; part++) {
      const result = await results.get(jobKey({ id, part }));
      if (result === undefined) return undefined;
      parts.push(result);
    }
    return { ...plan, parts };
  }

  /** The transcript of a recording; undefined while something of it is missing. */
  async transcript(id: string): Promise<Transcript | undefined> {
    const result = await this.#result(id);
    return result && transcriptOf(result);
  }

  /** Takes a recording out of the queue, and forgets who asked for it. What is done of it is kept. */
  async cancel(id: string): Promise<void> {
    await this.queue.remove(id);
    for await (const key of this.shelves.asked.keys(`${id}.*`)) await this.shelves.asked.remove(key);
    for await (const key of this.shelves.journals.keys(`${id}.*`)) await this.shelves.journals.remove(key);
    await this.queue.forgive(id);
    await (await this.uploads()).remove(id);
  }

  /** Queues the failed jobs of a recording again. */
  async retry(id: string): Promise<number> {
    let count = 0;
    for await (const { job } of this.queue.failures(id)) {
      await this.shelves.journals.remove(jobKey(job));
      await this.queue.put(job);
      count++;
    }
    await this.queue.forgive(id);
    return count;
  }

  /** Waits until the server has all that was sent, then closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.nats.flush().catch(() => {});
    await this.#connection[Symbol.asyncDispose]();
  }
}
