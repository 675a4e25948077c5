/**
 * The lock around MLX: while an evaluation runs on a pool thread nobody may build a graph of the models it belongs to.
 * There are two lanes for the process, each with a lock; a backend is in one of them for good, and takes its lock through
 * `Backend.exclusive`. Two lanes share no array and no stream, so that what runs in one may be evaluated beside the other.
 *
 * Short work need not wait for long work stage by stage: while a {@linkcode favour | favoured} task runs, all others go
 * one at a time, and after each hold rest as long as it took. So a favoured task waits at most for as long as it works,
 * and for one stage; the others have half of the time at least.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { abortable } from "../abortable.ts";
import { Mutex } from "../mutex.ts";

/** A task that holds the lock. What it leaves behind, a promise nobody awaited, holds it no longer. */
interface Hold {
  lane: Lane;
  isFavoured: boolean;
  start: number;
  release: () => void;
}

/** Tasks of which one runs at a time. */
export class Lane {
  readonly lock = new Mutex();
  /** Those that are not favoured, one at a time, so that only one of them is ever in front of a favoured task. */
  readonly others = new Mutex();
  holder: Hold | undefined;
  /** When those that are not favoured may go on, however many favoured tasks there are. */
  restUntil = 0;
}

/** Where everything runs that has no reason to be elsewhere. */
export const mainLane = new Lane();
/** What may run beside it: an aligner on a CPU, while the next chunks are decoded. */
export const sideLane = new Lane();

/** The task that the running code was called by. */
const caller = new AsyncLocalStorage<Hold>();

const favoured = new AsyncLocalStorage<true>();
let favouredTasks = 0;
/** Resolves when the last favoured task ends. */
let ended = Promise.withResolvers<void>();

/** What is not favoured lets what is catch up. */
async function rest(lane: Lane, signal: AbortSignal | undefined): Promise<void> {
  const milliseconds = lane.restUntil - performance.now();
  if (favouredTasks === 0 || milliseconds <= 0) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  try {
    await abortable(Promise.race([promise, ended.promise]), signal);
  } finally {
    clearTimeout(timer);
  }
}

async function take(hold: Hold, signal?: AbortSignal): Promise<void> {
  const { lane } = hold;
  const leave = hold.isFavoured ? () => {} : await lane.others.acquire(signal);
  try {
    if (!hold.isFavoured) await rest(lane, signal);
    const release = await lane.lock.acquire(signal);
    hold.release = () => {
      release();
      leave();
    };
  } catch (error) {
    leave();
    throw error;
  }
  hold.start = performance.now();
  lane.holder = hold;
}

function give(hold: Hold): void {
  hold.lane.holder = undefined;
  const now = performance.now();
  if (!hold.isFavoured) hold.lane.restUntil = now + (now - hold.start);
  hold.release();
}

/**
 * Runs a task that has a lane of MLX for itself. Hold it for a stage or a few decode steps, never for a whole call; a task that
 * asks for the lock it holds waits for ever.
 *
 * @param signal Ends the waiting with its reason; a task that runs is left alone.
 */
export async function exclusive<T>(
  task: () => T | Promise<T>,
  signal?: AbortSignal,
  lane: Lane = mainLane,
): Promise<T> {
  const hold = { lane, isFavoured: favoured.getStore() === true, start: 0, release: () => {} };
  await take(hold, signal);
  try {
    return await caller.run(hold, task);
  } finally {
    give(hold);
  }
}

/** Runs a task that has all of MLX for itself: what makes streams, or reads files by the one they share. */
export async function alone<T>(task: () => T | Promise<T>): Promise<T> {
  return await exclusive(() => exclusive(task, undefined, sideLane));
}

/** In the middle of a task that holds the lock: lets those that wait have their turns first. */
export async function letOthers(): Promise<void> {
  const hold = assertExclusive("let others have their turns");
  give(hold);
  await take(hold);
}

/** Runs a task that is short: its turns come before those of others, which get half of the time. */
export async function favour<T>(task: () => Promise<T>): Promise<T> {
  favouredTasks++;
  try {
    return await favoured.run(true, task);
  } finally {
    if (--favouredTasks === 0) {
      ended.resolve();
      ended = Promise.withResolvers<void>();
    }
  }
}

/** @throws {Error} Outside of {@linkcode exclusive}: a mistake in this module, not of its user. */
export function assertExclusive(action: string): Hold {
  const hold = caller.getStore();
  if (hold && hold.lane.holder === hold) return hold;
  throw new Error(`Cannot ${action} outside of backend.exclusive(): another task may be using MLX.`);
}
