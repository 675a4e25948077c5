import { assertLess } from "@std/assert";
import { Breath } from "../lib/breathe.ts";

Deno.test("Breath lets connections in while many loops work", async () => {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  let isDone = false;
  let slices = 0;
  const work = async () => {
    const breath = new Breath({ everyMs: 2 });
    while (!isDone) {
      for (const start = performance.now(); performance.now() - start < 2.5;);
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
