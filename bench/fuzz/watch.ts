/**
 * Watches the thread that runs the inputs: its time for each, and the memory of the process.
 *
 * @module
 */
import { cpuUsage } from "node:process";
import { clockMs, type Order, type Report, STATE } from "./worker.ts";

/** Of processor time, which a busy machine does not lengthen; */
const LIMIT_MS = 2000;
/** and of any time, for what waits without end. */
const LIMIT_WAITING_MS = 20_000;
const LIMIT_MB = 500;
const LOOK_EVERY_MS = 50;

/** What came of some inputs. */
export interface FuzzResult {
  refused: number;
  /** The first input that went wrong; those behind it were not run. */
  finding?: { input: number; error: string };
  /** Largest resident memory seen. */
  largestMb: number;
  /** The thread is of no use any more. */
  mustRestart: boolean;
}

function residentMb(): number {
  return Math.round(Deno.memoryUsage().rss / 1e6);
}

/** A thread for inputs. */
export class FuzzWorker {
  /** Of the targets. */
  readonly names: readonly string[];
  readonly #worker: Worker;

  private constructor(worker: Worker, names: readonly string[]) {
    this.#worker = worker;
    this.names = names;
  }

  static async start(): Promise<FuzzWorker> {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
    worker.onmessage = ({ data }: MessageEvent<Report>) => "names" in data && resolve(data.names);
    worker.onerror = (event) => reject(new Error(event.message));
    return new FuzzWorker(worker, await promise);
  }

  /** Runs inputs until one goes wrong. */
  async run(order: Omit<Order, "state">): Promise<FuzzResult> {
    const state = new SharedArrayBuffer(4 * STATE.length);
    const shared = new Int32Array(state);
    const { promise, resolve } = Promise.withResolvers<Omit<FuzzResult, "largestMb">>();
    const wrong = (error: string) => {
      const input = Atomics.load(shared, STATE.input);
      resolve({ refused: 0, finding: { input, error }, mustRestart: true });
    };
    let largestMb = 0, watched = -1, usedBefore = 0;
    const look = () => {
      const started = Atomics.load(shared, STATE.startedMs), input = Atomics.load(shared, STATE.input);
      const { user, system } = cpuUsage();
      const used = (user + system) / 1000;
      if (input !== watched) usedBefore = used;
      watched = input;
      largestMb = Math.max(largestMb, residentMb());
      const isLong = used - usedBefore > LIMIT_MS || clockMs() - started > LIMIT_WAITING_MS;
      if (started !== 0 && isLong) wrong(`no end after ${LIMIT_MS / 1000} s`);
      if (largestMb > LIMIT_MB) wrong(`${largestMb} MB resident, the limit is ${LIMIT_MB}`);
    };
    const timer = setInterval(look, LOOK_EVERY_MS);
    this.#worker.onmessage = ({ data }: MessageEvent<Report>) => {
      if ("refused" in data) resolve({ refused: data.refused, mustRestart: false });
      else if ("input" in data) resolve({ refused: 0, finding: data, mustRestart: false });
    };
    // What nobody awaited fails outside of every call.
    this.#worker.onerror = (event) => {
      event.preventDefault();
      wrong(`an error that nobody caught: ${event.message}`);
    };
    this.#worker.postMessage({ ...order, state } satisfies Order);
    try {
      const result = await promise;
      look();
      return { ...result, largestMb };
    } finally {
      clearInterval(timer);
    }
  }

  /** Ends the thread, and waits for its memory to be given back. */
  async end(): Promise<void> {
    this.#worker.terminate();
    for (let times = 0; residentMb() > LIMIT_MB / 2 && times < 100; times++) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }
}
