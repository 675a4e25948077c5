/**
 * The queue itself: jobs that wait or are worked on, and those that failed. A job stays in its stream until it is
 * acknowledged, so that a message that is there is the permission to work on it.
 *
 * @module
 */
import type { ConsumerConfig, StreamConfig } from "@nats-io/jetstream";
import type { Msg } from "@nats-io/transport-node";
import type { Connection } from "./connection.ts";
import { failureSubject, type Job, jobSubject, parseSubject, PRIORITIES, type Priority } from "./job.ts";
import { isOtherConsumer, isQueuedAlready, type Patience, patiently } from "./reasons.ts";

/** Streams. */
export const JOBS = "ASR_JOBS";
export const FAILURES = "ASR_FAILED";

/** Longest wait for a message that is there, in milliseconds. */
const PULL_MS = 3000;
/** Deliveries at once, over all machines of a model and priority. */
const MOST_AT_WORK = 100_000;
const NANOS = 1e9;
/** Words of a reply subject that begins without a domain, and of one with domain and account. */
const SHORT_REPLY = 9;

/** A job that failed for good. */
export interface Failure {
  job: Job;
  error: string;
  /** How often it was tried. */
  tries: number;
  worker: string;
  /** Milliseconds since 1970. */
  failedAt: number;
}

/** A job that was handed out: nobody else gets it while it is told of in time. */
export class Delivery {
  readonly job: Job;
  /** 1 for the first time. */
  readonly tries: number;
  readonly #answer: (word: string) => void;

  /** Takes a message as JetStream delivers it. */
  constructor(message: Msg, answer: (reply: string, word: string) => void) {
    const reply = message.reply ?? "";
    const words = reply.split(".");
    // $JS.ACK[.DOMAIN.ACCOUNT].STREAM.CONSUMER.DELIVERIES...
    this.tries = Number(words[words.length > SHORT_REPLY ? 6 : 4]);
    this.job = message.json<Job>();
    this.#answer = (word) => answer(reply, word);
  }

  /** Still at it. */
  working(): void {
    this.#answer("+WPI");
  }

  /** Done: it leaves the queue. */
  done(): void {
    this.#answer("+ACK");
  }

  /** Somebody else may try, after a while. */
  giveBack(afterSeconds = 0): void {
    this.#answer(afterSeconds > 0 ? `-NAK {"delay": ${Math.round(afterSeconds * NANOS)}}` : "-NAK");
  }
}

/** Jobs, in order of their priority. */
export class Queue {
  readonly #connection: Connection;
  readonly #patience: Patience;

  private constructor(connection: Connection, patience: Patience) {
    this.#connection = connection;
    this.#patience = patience;
  }

  /** Opens the queue, and makes it where there is none. */
  static async open(connection: Connection, patience: Patience = {}): Promise<Queue> {
    const queue = new Queue(connection, patience);
    await queue.#ensure({
      name: JOBS,
      subjects: ["asr.jobs.>"],
      retention: "workqueue",
      storage: "file",
      discard: "new",
      // A job is queued once, for however long it stays there.
      max_msgs_per_subject: 1,
      discard_new_per_subject: true,
    });
    await queue.#ensure({
      name: FAILURES,
      subjects: ["asr.failed.>"],
      storage: "file",
      max_msgs_per_subject: 1,
    });
    return queue;
  }

  #ask<T>(ask: () => Promise<T>): Promise<T> {
    return patiently(ask, this.#patience);
  }

  async #ensure(config: Partial<StreamConfig> & { name: string }): Promise<void> {
    const { streams } = this.#connection.manager;
    await this.#ask(async () => {
      const isMissing = await streams.info(config.name).then(() => false, (error) => {
        if (error.name === "StreamNotFoundError") return true;
        throw error;
      });
      if (isMissing) await streams.add(config);
    });
  }

  /** Puts a job into the queue, unless it is there already. Returns whether it was put. */
  async put(job: Job): Promise<boolean> {
    try {
      await this.#ask(() => this.#connection.streams.publish(jobSubject(job), JSON.stringify(job)));
      return true;
    } catch (error) {
      if (isQueuedAlready(error)) return false;
      throw error;
    }
  }

  /**
   * Says that jobs for a model are worked on here.
   *
   * @param leaseSeconds Who is silent for longer loses its job to another.
   */
  async serve(model: string, leaseSeconds: number): Promise<void> {
    for (const priority of PRIORITIES) await this.#consume(model, priority, leaseSeconds);
  }

  async #consume(model: string, priority: Priority, leaseSeconds: number): Promise<void> {
    const { consumers } = this.#connection.manager;
    const name = `${model}_${priority}`;
    const config: Partial<ConsumerConfig> = {
      durable_name: name,
      filter_subject: `asr.jobs.${model}.${priority}.>`,
      ack_policy: "explicit",
      ack_wait: leaseSeconds * NANOS,
      // Whoever gets a job counts its tries: JetStream would leave it in the stream and tell nobody who is not there.
      max_deliver: -1,
      max_ack_pending: MOST_AT_WORK,
    };
    await this.#ask(() =>
      consumers.add(JOBS, config).catch((error) => {
        // A machine with another lease was here first: the last word counts, as with older servers.
        if (!isOtherConsumer(error)) throw error;
        return consumers.update(JOBS, name, config);
      })
    );
  }

  /**
   * Finds jobs that are in the stream and are handed out to nobody, and has all be handed out anew. A server that was
   * killed may know who has had a message, and have forgotten that it was taken away since.
   */
  async heal(model: string, leaseSeconds: number): Promise<void> {
    const { streams, consumers } = this.#connection.manager;
    for (const priority of PRIORITIES) {
      const filter = { subjects_filter: `asr.jobs.${model}.${priority}.>` };
      // In this order: what comes in between is known to the consumer.
      const { state } = await streams.info(JOBS, filter);
      if (Object.keys(state.subjects ?? {}).length === 0) continue;
      const { num_pending, num_ack_pending } = await consumers.info(JOBS, `${model}_${priority}`);
      if (num_pending + num_ack_pending > 0) continue;
      await consumers.delete(JOBS, `${model}_${priority}`);
      await this.#consume(model, priority, leaseSeconds);
    }
  }

  /** Takes the first job for a model; `undefined` when there is none now. */
  async take(model: string): Promise<Delivery | undefined> {
    const { nats } = this.#connection;
    for (const priority of PRIORITIES) {
      const message = await nats.request(
        `$JS.API.CONSUMER.MSG.NEXT.${JOBS}.${model}_${priority}`,
        JSON.stringify({ batch: 1, no_wait: true }),
        // The message keeps its own subject, by which answers on a shared inbox are not found.
        { timeout: PULL_MS, noMux: true },
      );
      // An answer without a job has a status: 404 nothing there, 409 the server is about to stop.
      if (message.headers?.code) continue;
      return new Delivery(message, (reply, word) => nats.publish(reply, word));
    }
    return undefined;
  }

  /** Whether a job is still wanted: neither done by another nor cancelled. */
  async has(job: Job): Promise<boolean> {
    const { streams } = this.#connection.manager;
    return await streams.getMessage(JOBS, { last_by_subj: jobSubject(job) }) !== null;
  }

  /** Takes all jobs of a recording away, those that are worked on too. */
  async remove(id: string): Promise<void> {
    await this.#ask(() => this.#connection.manager.streams.purge(JOBS, { filter: `asr.jobs.*.*.${id}.*` }));
  }

  /** What waits or is worked on, by subject. */
  async *waiting(): AsyncGenerator<ReturnType<typeof parseSubject>> {
    const { streams } = this.#connection.manager;
    const { state } = await this.#ask(() => streams.info(JOBS, { subjects_filter: ">" }));
    for (const subject of Object.keys(state.subjects ?? {})) yield parseSubject(subject);
  }

  /** How many jobs are in the hands of machines; 0 for models that nobody has served. */
  async atWork(models: Iterable<string>): Promise<number> {
    let sum = 0;
    for (const model of models) {
      for (const priority of PRIORITIES) {
        const info = () => this.#connection.manager.consumers.info(JOBS, `${model}_${priority}`);
        sum += (await this.#ask(info).catch(() => undefined))?.num_ack_pending ?? 0;
      }
    }
    return sum;
  }

  /** Lays a job aside that failed too often. */
  async fail(failure: Failure): Promise<void> {
    await this.#ask(() =>
      this.#connection.streams.publish(failureSubject(failure.job), JSON.stringify(failure))
    );
  }

  /** Jobs that were laid aside, or those of one recording. */
  async *failures(id = "*"): AsyncGenerator<Failure> {
    const { streams } = this.#connection.manager;
    const filter = { subjects_filter: `asr.failed.*.${id}.*` };
    const { state } = await this.#ask(() => streams.info(FAILURES, filter));
    for (const subject of Object.keys(state.subjects ?? {})) {
      const message = await this.#ask(() => streams.getMessage(FAILURES, { last_by_subj: subject }));
      if (message !== null) yield message.json<Failure>();
    }
  }

  /** Forgets that jobs of a recording failed. */
  async forgive(id: string): Promise<void> {
    await this.#ask(() =>
      this.#connection.manager.streams.purge(FAILURES, { filter: `asr.failed.*.${id}.*` })
    );
  }
}
