/**
 * `fleet retry` and `fleet cancel`: some recordings, or all.
 *
 * @module
 */
import { resolve } from "@std/path";
import { OptionError } from "../../errors.ts";
import type { Fleet } from "../../fleet/fleet.ts";
import type { Job } from "../../fleet/job.ts";
import type { FleetCall } from "./call.ts";

/** Fewer digits of an id might mean several. */
const LEAST_DIGITS = 6;

/** Whether somebody who wrote a word means a recording: its name, its path, or its id. */
export function isMeant({ id, name, source }: Job, word: string): boolean {
  const isId = word.length >= LEAST_DIGITS && id.startsWith(word);
  return isId || word === name || word === source || resolve(word) === source;
}

/** Does something with each recording that is meant; says what was none. */
async function each(
  { args, terminal, operands }: FleetCall,
  action: "retry" | "cancel",
  jobs: AsyncIterable<Job>,
  act: (id: string) => Promise<unknown>,
): Promise<number> {
  if (operands.length === 0 && !args.on("all")) {
    throw new OptionError(`fleet ${action} needs names or ids of recordings, or --all`);
  }
  const unmet = new Set(operands);
  const ids = new Map<string, string>();
  for await (const job of jobs) {
    const words = operands.filter((word) => isMeant(job, word));
    for (const word of words) unmet.delete(word);
    if (args.on("all") || words.length > 0) ids.set(job.id, job.name);
  }
  for (const [id, name] of ids) {
    await act(id);
    terminal.detail(name);
  }
  for (const word of unmet) terminal.error(`There is no such recording to ${action}: ${word}`);
  terminal.note(`${ids.size} recordings: ${action === "retry" ? "queued again" : "cancelled"}`);
  return unmet.size > 0 ? 1 : 0;
}

async function* failedJobs(fleet: Fleet): AsyncGenerator<Job> {
  for await (const { job } of fleet.queue.failures()) yield job;
}

async function* unfinished(fleet: Fleet): AsyncGenerator<Job> {
  for await (const [, { job }] of fleet.shelves.asked.entries()) {
    if (!(await fleet.isDone(job.id))) yield job;
  }
}

/** Queues failed recordings again. */
export async function retry(call: FleetCall): Promise<number> {
  await using fleet = await call.open();
  return await each(call, "retry", failedJobs(fleet), (id) => fleet.retry(id));
}

/** Takes recordings out of the queue that are not done. */
export async function cancel(call: FleetCall): Promise<number> {
  await using fleet = await call.open();
  return await each(call, "cancel", unfinished(fleet), (id) => fleet.cancel(id));
}
