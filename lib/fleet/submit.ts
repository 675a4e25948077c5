/**
 * Recordings into the queue, each once: what is done, queued or failed already is told and left as it is.
 *
 * @module
 */
import { contentOf } from "./content.ts";
import type { Fleet } from "./fleet.ts";
import { isRemote, type Job, jobId, type JobOptions, type Priority, sha256 } from "./job.ts";
import type { Asked } from "./shelves.ts";

/** Recordings that are on their way to the server at once. */
const SIDE_BY_SIDE = 16;

/** What is asked for. */
export interface SubmitOptions {
  /** See `modelKey`. */
  model: string;
  options: JobOptions;
  priority: Priority;
  partSeconds: number;
  /** Whether the bytes go through the queue. */
  upload: boolean;
  /** Bound of the store for them when it is made now, in bytes. */
  uploadBytes?: number | undefined;
  signal: AbortSignal;
  /** Is told of every recording. */
  onEach: (name: string, outcome: Outcome) => void;
}

/** What became of a recording. */
export type Outcome = "queued" | "done before" | "queued before" | "failed before" | Error;

/** Puts recordings into the queue. */
export class Submitter {
  readonly #fleet: Fleet;
  readonly #options: SubmitOptions;

  /** Sends nothing yet. */
  constructor(fleet: Fleet, options: SubmitOptions) {
    this.#fleet = fleet;
    this.#options = options;
  }

  async #job({ source, name }: Asked["input"]): Promise<Job> {
    const { model, options, priority, partSeconds, upload, signal } = this.#options;
    const content = await contentOf(source, signal);
    const id = jobId({ content: content.content, model, options });
    const isUploaded = upload && !isRemote(source);
    return { id, source, name, isUploaded, ...content, model, options, priority, partSeconds };
  }

  async #hasFailed(id: string): Promise<boolean> {
    for await (const _ of this.#fleet.queue.failures(id)) return true;
    return false;
  }

  /** Whoever is killed in between leaves nothing that a second call would not complete. */
  async #submit(input: Asked["input"]): Promise<Outcome> {
    const job = await this.#job(input);
    const { asked } = this.#fleet.shelves;
    await asked.put(`${job.id}.${sha256(input.source).slice(0, 16)}`, { job, input, askedAt: Date.now() });
    if (await this.#fleet.isDone(job.id)) return "done before";
    if (await this.#hasFailed(job.id)) return "failed before";
    if (job.isUploaded) {
      await (await this.#fleet.uploads(this.#options.uploadBytes)).put(job.id, input.source, input.name);
    }
    const parts = await this.#fleet.partCount(job.id);
    if (parts !== undefined) {
      await this.#fleet.queueParts(job, parts);
      return "queued before";
    }
    return await this.#fleet.queue.put(job) ? "queued" : "queued before";
  }

  /** Submits all, some at a time. One that cannot be submitted does not stop the others. */
  async all(inputs: Iterable<Asked["input"]>): Promise<void> {
    const { signal, onEach } = this.#options;
    const left = inputs[Symbol.iterator]();
    const lane = async () => {
      for (let next = left.next(); !next.done && !signal.aborted; next = left.next()) {
        const outcome = await this.#submit(next.value).catch((error: Error) => error);
        if (!signal.aborted) onEach(next.value.name, outcome);
      }
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, lane));
  }
}
