import { assertGreater, assertLess } from "@std/assert";
import * as mx from "../ffi/mod.ts";
import { Breath, resting, turn } from "../lib/breathe.ts";

/** Timers that are set while `use` runs. */
async function timersOf(use: () => Promise<void>): Promise<number> {
  const { setTimeout } = globalThis;
  let timers = 0;
  globalThis.setTimeout = ((...args: Parameters<typeof setTimeout>) => {
    timers++;
    return setTimeout(...args);
  }) as typeof setTimeout;
  try {
    await use();
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  return timers;
}

/** Some milliseconds in which another thread has the work. */
async function elsewhere(): Promise<void> {
  using square = mx.scope(() => {
    const half = mx.normal([400, 400], mx.randomKey(1));
    return mx.matmul(half, half);
  });
  await mx.evaluateAsync([square]);
}

Deno.test("a loop that waits for another thread needs no timer to see to the sockets, others do", async () => {
  const loop = async (wait: () => Promise<void>) => {
    for (let step = 0; step < 100; step++) {
      await wait();
      await turn();
    }
  };
  await loop(() => resting(elsewhere())); // Whatever was due is done.
  const needed = await timersOf(() => loop(elsewhere));
  const spared = await timersOf(() => loop(() => resting(elsewhere())));
  assertGreater(needed, 2);
  assertLess(spared, needed / 2); // None, unless the machine lets neither thread have a core for a while.
  // A wait that is none is no rest, nor is one in which another loop had turns.
  const busy = () => resting(Promise.resolve(fullOfWork(2)));
  assertGreater(await timersOf(() => loop(busy)), 2);
  const together = () => Promise.all([loop(() => resting(elsewhere())), loop(busy)]).then(() => {});
  assertGreater(await timersOf(together), 2);
});

function fullOfWork(milliseconds: number): void {
  for (const start = performance.now(); performance.now() - start < milliseconds;);
}

Deno.test("Breath lets connections in while many loops work", async () => {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  let isDone = false;
  let slices = 0;
  const work = async () => {
    const breath = new Breath({ everyMs: 2 });
    while (!isDone) {
      fullOfWork(2.5);
      slices++;
      await breath.pause();
    }
  };
  const working = Array.from({ length: 24 }, work);
  const serving = (async () => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(1));
    await connection.write(new Uint8Array(1));
  })();
  using connection = await Deno.connect({ port: (listener.addr as Deno.NetAddr).port });
  await connection.write(new Uint8Array(1));
  await connection.read(new Uint8Array(1));
  const needed = slices;
  isDone = true;
  await Promise.all([serving, ...working]);
  // Some looks at the sockets, with at most 16 slices between two.
  assertLess(needed, 400);
});
