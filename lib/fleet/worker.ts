/**
 * A machine at work: takes a job, tells the queue that it is at it, stores the result, then says that it is done. Killed
 * anywhere in between, it has lost nothing: the job comes again, and what is stored is not done twice.
 *
 * @module
 */
import { sleep } from "../abortable.ts";
import { SAMPLE_RATE } from "../audio/samples.ts";
import { digestFile } from "../hub/digest.ts";
import type { Fleet } from "./fleet.ts";
import { Hold, NotWanted, Saver } from "./hold.ts";
import { isRemote, type Job, jobKey, sha256 } from "./job.ts";
import type { Begun } from "./journal.ts";
import type { PartPlan, RecordingFacts, RecordingPlan } from "./plan.ts";
import type { Delivery } from "./queue.ts";
import { JobError } from "./queue_error.ts";
import { quickReason } from "./reasons.ts";
import type { Recognizer, Sound } from "./recognizer.ts";
import type { StoredPlan, StoredResult } from "./shelves.ts";
import { WorkLog } from "./work_log.ts";

/** Between two looks into an empty queue, in seconds. */
const IDLE_SECONDS = 0.5;
/** Time without a job after which it is asked whether the queue is empty indeed; a look may take seconds itself. */
const HEAL_SECONDS = 4;
/** Before a failed job is tried again: doubled each time, in seconds. */
const FIRST_RETRY_SECONDS = 1;
const LONGEST_RETRY_SECONDS = 60;

/** How a machine works. */
export interface WorkerOptions {
  /** Its name in the fleet. */
  name: string;
  /** Version of this program. */
  version: string;
  recognizer: Recognizer;
  /** How often a job is begun before it counts as failed. */
  tries: number;
  /** Who is silent for longer loses its job to another, in seconds. */
  leaseSeconds: number;
  /** Ends the work: what is begun is kept in the queue. */
  signal: AbortSignal;
  /** Is told what happens, a line each. */
  log: (line: string) => void;
  /** Whether to end when the queue is empty. @default {false} */
  once?: boolean;
}

/** One machine of the fleet. */
export class Worker {
  readonly #fleet: Fleet;
  readonly #options: WorkerOptions;
  readonly #log: WorkLog;

  /** Begins nothing yet. */
  constructor(fleet: Fleet, options: WorkerOptions) {
    this.#fleet = fleet;
    this.#options = options;
    const { name, version, recognizer: { model, device } } = options;
    this.#log = new WorkLog(fleet.shelves.machines, { name, version, model, device });
  }

  /** What was done so far. */
  get counts(): { done: number; failed: number } {
    return this.#log.counts;
  }

  /** Works until the signal is aborted, or, when that is asked for, until there is nothing left. */
  async run(): Promise<void> {
    const { recognizer: { model }, leaseSeconds, signal, once = false } = this.#options;
    await this.#fleet.queue.serve(model, leaseSeconds);
    using _telling = this.#log.start();
    let healed = performance.now();
    while (!signal.aborted) {
      const delivery = await this.#take(model);
      if (delivery !== undefined) {
        await this.#oneSafely(delivery);
        healed = performance.now();
      } else if (once && !(await this.#hasWork(model))) break;
      else await sleep(IDLE_SECONDS, signal).catch(() => {});
      if (performance.now() - healed > 1000 * HEAL_SECONDS) {
        await this.#fleet.queue.heal(model, leaseSeconds).catch(() => {});
        healed = performance.now();
      }
    }
    await this.#log.leave();
  }

  /** The next job; nothing while the server is away. */
  async #take(model: string): Promise<Delivery | undefined> {
    try {
      return await this.#fleet.queue.take(model);
    } catch {
      return undefined;
    }
  }

  /** Whether anything for a model is left, in whosever hands. */
  async #hasWork(model: string): Promise<boolean> {
    for await (const job of this.#fleet.queue.waiting()) {
      if (job.model === model) return true;
    }
    return false;
  }

  /** What cannot even be told to the queue is left there: the job comes again when its lease has run out. */
  async #oneSafely(delivery: Delivery): Promise<void> {
    try {
      await this.#one(delivery);
    } catch (error) {
      if (!this.#options.signal.aborted) this.#options.log(`${delivery.job.name}: ${quickReason(error)}`);
    }
  }

  async #one(delivery: Delivery): Promise<void> {
    const { job } = delivery;
    const { signal, leaseSeconds, log } = this.#options;
    using hold = new Hold(this.#fleet.queue, delivery, leaseSeconds, signal);
    this.#log.begin(job);
    try {
      if (!(await this.#fleet.shelves.results.has(jobKey(job)))) {
        if (delivery.tries > this.#options.tries) return await this.#giveUp(delivery);
        await this.#work(job, hold.signal);
      }
      delivery.done();
    } catch (error) {
      if (error instanceof NotWanted || hold.signal.reason instanceof NotWanted) {
        return log(`${job.name}: not wanted any more`);
      }
      if (signal.aborted) return delivery.giveBack();
      await this.#failed(delivery, error);
    } finally {
      this.#log.end();
    }
  }

  /** A job that was begun often and never ended: its worker died of it, or just so. */
  async #giveUp(delivery: Delivery): Promise<void> {
    const { job, tries } = delivery;
    const known = await this.#fleet.shelves.journals.get(jobKey(job));
    const error = known?.error ??
      `It was begun ${tries - 1} times and never ended: whoever worked on it was killed or lost the queue`;
    await this.#layAside(delivery, error);
  }

  async #failed(delivery: Delivery, error: unknown): Promise<void> {
    const { job, tries } = delivery;
    const reason = quickReason(error);
    if (tries >= this.#options.tries) return await this.#layAside(delivery, reason);
    this.#options.log(`${job.name}: ${reason} (try ${tries} of ${this.#options.tries})`);
    const { journals } = this.#fleet.shelves;
    await journals.put(jobKey(job), { ...await journals.get(jobKey(job)), error: reason });
    delivery.giveBack(Math.min(FIRST_RETRY_SECONDS * 2 ** (tries - 1), LONGEST_RETRY_SECONDS));
  }

  async #layAside(delivery: Delivery, error: string): Promise<void> {
    const { job, tries } = delivery;
    const { name: worker, log } = this.#options;
    await this.#fleet.queue.fail({ job, error, tries, worker, failedAt: Date.now() });
    delivery.done();
    this.#log.failed();
    log(`${job.name}: failed: ${error}`);
  }

  async #work(job: Job, signal: AbortSignal): Promise<void> {
    const sound = this.#sound(job);
    const { plans, parts } = this.#fleet.shelves;
    const known = await plans.get(job.id);
    if (job.part !== undefined) {
      const part = known && await parts.get(partKey(job.id, known, job.part));
      if (!part) throw new JobError("Its plan is not in the queue any more: submit it again");
      return await this.#decode(sound, part, signal, known);
    }
    if (known) return await this.#fleet.queueParts(job, known.parts);
    await this.#checkContent(job, signal);
    const plan = await this.#options.recognizer.plan(sound, signal);
    if (plan.parts.length > 1) return await this.#share(job, plan);
    const { parts: [part = { chunks: [] }], ...facts } = plan;
    await this.#decode(sound, part, signal, facts);
  }

  /** Makes parts of a long recording for all machines. The first plan counts, and nothing of another. */
  async #share(job: Job, { parts, ...facts }: RecordingPlan): Promise<void> {
    const { plans, parts: shelf } = this.#fleet.shelves;
    const places = parts.map(({ chunks }) => chunks.map(({ startSample }) => startSample));
    const cut = sha256(JSON.stringify(places)).slice(0, 8);
    const plan: StoredPlan = { ...facts, parts: parts.length, cut };
    for (const [order, part] of parts.entries()) await shelf.putOnce(partKey(job.id, plan, order), part);
    const first = await plans.putOnce(job.id, plan) ? plan : await plans.get(job.id) ?? plan;
    await this.#fleet.queueParts(job, first.parts);
    this.#options.log(`${job.name}: ${first.parts} parts`);
  }

  async #decode(sound: Sound, part: PartPlan, signal: AbortSignal, facts: RecordingFacts): Promise<void> {
    const { job } = sound;
    const { journals } = this.#fleet.shelves;
    const known = await journals.get(jobKey(job));
    let hasJournal = known !== undefined;
    const saver = new Saver<Begun>((begun) => journals.put(jobKey(job), { begun }));
    const start = performance.now();
    let result: StoredResult;
    try {
      const decoded = await this.#options.recognizer.decode(sound, part, {
        signal,
        before: known?.begun,
        onBegun: (begun) => {
          hasJournal = true;
          saver.push(begun);
        },
      });
      const { name: worker, version } = this.#options;
      const seconds = soundSeconds(part);
      result = { ...decoded, seconds, worker, version, ...(job.part === undefined ? { facts } : {}) };
    } finally {
      await saver.settled();
    }
    await this.#fleet.store(job, result);
    if (hasJournal) await journals.remove(jobKey(job));
    this.#log.done({
      soundSeconds: result.seconds,
      soundBytes: (job.sizeBytes ?? 0) * result.seconds / facts.durationSeconds,
      busySeconds: (performance.now() - start) / 1000,
    });
    this.#options.log(`${job.name}${job.part === undefined ? "" : `, part ${job.part + 1}`}: done`);
  }

  #sound(job: Job): Sound {
    return {
      job,
      open: async () =>
        job.isUploaded
          ? await (await this.#fleet.uploads()).fetch(job.id, job.name)
          : { source: job.source, [Symbol.asyncDispose]: () => Promise.resolve() },
    };
  }

  /** That a path means here what it means where it was submitted. */
  async #checkContent({ source, content, isUploaded }: Job, signal: AbortSignal): Promise<void> {
    if (isUploaded || isRemote(source)) return;
    const here = this.#options.name;
    const found = await digestFile(source, "sha256", { signal }).catch((cause) => {
      if (signal.aborted) throw cause;
      const reason = cause instanceof Deno.errors.NotFound ? "there is no such file" : quickReason(cause);
      throw new JobError(
        `Cannot read ${source} on ${here}: ${reason}; all machines must see the same path, or use --upload`,
        { cause },
      );
    });
    if (found === content) return;
    throw new JobError(`${source} on ${here} is not the file that was submitted: submit it again`);
  }
}

/** What a part of a plan is kept under. */
function partKey(id: string, { cut }: StoredPlan, part: number): string {
  return `${id}.${cut}.${part}`;
}

function soundSeconds({ chunks }: PartPlan): number {
  const [first, last] = [chunks[0], chunks.at(-1)];
  return first && last ? (last.endSample - first.startSample) / SAMPLE_RATE : 0;
}
