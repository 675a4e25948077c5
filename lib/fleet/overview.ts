/**
 * How it stands: recordings by their state, machines with their speed, and how long the rest will take.
 *
 * @module
 */
import type { Fleet } from "./fleet.ts";
import type { Priority } from "./job.ts";
import { PRIORITIES } from "./job.ts";
import type { Machine } from "./shelves.ts";

/** Of a recording as a whole. */
export type State = "waiting" | "done" | "failed" | "lost";

/** How a fleet stands. */
export interface Overview {
  /** Recordings by state. `lost`: asked for, and the queue knows nothing of it: submit it again. */
  recordings: Record<State, number>;
  /** Jobs that wait or are worked on, by priority; a long recording is many. */
  jobs: Record<Priority, number>;
  /** Jobs in the hands of machines. */
  atWork: number;
  /** Models for which jobs wait and no machine works. */
  idleModels: string[];
  machines: Machine[];
  /** Seconds until all is done; undefined while nothing is known of lengths or speeds. */
  leftSeconds: number | undefined;
}

/** What the queue knows of each recording. */
class Ledger {
  /** Results by recording. */
  readonly #done = new Map<string, number>();
  readonly #whole = new Set<string>();
  readonly #plans = new Map<string, number>();
  readonly #waiting = new Set<string>();
  readonly #failed = new Set<string>();
  readonly jobs: Record<Priority, number> = { high: 0, normal: 0, low: 0 };
  readonly models = new Set<string>();

  static async read({ queue, shelves }: Fleet): Promise<Ledger> {
    const ledger = new Ledger();
    for await (const key of shelves.results.keys()) {
      const [id = "", part] = key.split(".");
      if (part === "whole") ledger.#whole.add(id);
      else ledger.#done.set(id, (ledger.#done.get(id) ?? 0) + 1);
    }
    for await (const [id, { parts }] of shelves.plans.entries()) ledger.#plans.set(id, parts);
    for await (const { id, model, priority } of queue.waiting()) {
      ledger.#waiting.add(id);
      ledger.models.add(model);
      const known = PRIORITIES.find((one) => one === priority);
      if (known) ledger.jobs[known]++;
    }
    for await (const { job } of queue.failures()) ledger.#failed.add(job.id);
    return ledger;
  }

  /** Part of a recording that is done, from 0 to 1. */
  share(id: string): number {
    if (this.#whole.has(id)) return 1;
    const parts = this.#plans.get(id);
    return parts === undefined ? 0 : (this.#done.get(id) ?? 0) / parts;
  }

  state(id: string): State {
    if (this.share(id) >= 1) return "done";
    if (this.#failed.has(id)) return "failed";
    return this.#waiting.has(id) ? "waiting" : "lost";
  }
}

/** Bytes of recordings that all machines decode in a second; 0 while nothing is known of it. */
function speedOf(machines: readonly Machine[]): number {
  const busy = machines.filter(({ busySeconds }) => busySeconds > 0);
  const speeds = busy.map(({ soundBytes, busySeconds }) => soundBytes / busySeconds);
  const mean = speeds.reduce((sum, speed) => sum + speed, 0) / speeds.length;
  // Who has not finished anything yet is taken for one like the others.
  return speeds.length === 0 ? 0 : mean * machines.length;
}

/** Reads how a fleet stands. Takes memory by the number of recordings, some hundred bytes each. */
export async function overviewOf(fleet: Fleet): Promise<Overview> {
  const ledger = await Ledger.read(fleet);
  const machines: Machine[] = [];
  for await (const [, machine] of fleet.shelves.machines.entries()) machines.push(machine);
  const recordings: Record<State, number> = { waiting: 0, done: 0, failed: 0, lost: 0 };
  let bytesLeft = 0;
  const seen = new Set<string>();
  for await (const [, { job: { id, sizeBytes = 0 } }] of fleet.shelves.asked.entries()) {
    if (seen.has(id)) continue;
    seen.add(id);
    const state = ledger.state(id);
    recordings[state]++;
    if (state === "waiting") bytesLeft += sizeBytes * (1 - ledger.share(id));
  }
  const speed = speedOf(machines);
  const atWork = await fleet.queue.atWork(ledger.models);
  const served = new Set(machines.map(({ model }) => model));
  return {
    recordings,
    jobs: ledger.jobs,
    atWork,
    idleModels: [...ledger.models].filter((model) => !served.has(model)),
    machines: machines.sort((a, b) => a.name < b.name ? -1 : 1),
    leftSeconds: bytesLeft === 0 ? 0 : speed > 0 ? bytesLeft / speed : undefined,
  };
}
