/**
 * Runs inputs and tells, through shared memory, which one it is at, so that one that never ends is noticed from
 * outside.
 *
 * @module
 */
/// <reference lib="deno.worker" />
import { mutated, seedOf } from "./mutate.ts";
import { isRefusal, SELF_TEST, type Target, targets } from "./targets.ts";

/** Places of the shared numbers. */
export const STATE = { input: 0, startedMs: 1, length: 2 } as const;

/** Work for the worker: some inputs of one target. */
export interface Order {
  target: string;
  seed: number;
  from: number;
  to: number;
  state: SharedArrayBuffer;
}

/** What came of it: how many inputs were refused, or the first finding. */
export type Report = { names: string[] } | { refused: number } | { input: number; error: string };

/** Milliseconds in 31 bits. */
export function clockMs(): number {
  return Date.now() % 2 ** 31;
}

async function work(
  found: readonly Target[],
  { target: name, seed, from, to, state }: Order,
): Promise<Report> {
  const shared = new Int32Array(state);
  const target = [...found, SELF_TEST].find((each) => each.name === name)!;
  let refused = 0;
  for (let input = from; input < to; input++) {
    const bytes = mutated(target.seeds, seedOf(seed, name, input));
    Atomics.store(shared, STATE.input, input);
    Atomics.store(shared, STATE.startedMs, clockMs());
    try {
      await target.run(bytes, input);
    } catch (error) {
      refused++;
      if (!isRefusal(error)) {
        return { input, error: error instanceof Error ? error.stack ?? error.message : String(error) };
      }
    } finally {
      Atomics.store(shared, STATE.startedMs, 0);
    }
  }
  return { refused };
}

if (typeof self !== "undefined" && "postMessage" in self) {
  const found = await targets();
  const answer = (report: Report) => self.postMessage(report);
  self.addEventListener("message", (event: MessageEvent<Order>) => void work(found, event.data).then(answer));
  answer({ names: found.map(({ name }) => name) });
}
