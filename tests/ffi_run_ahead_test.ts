/**
 * MLX prepares a whole graph without waiting for its threads, once it was told to.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { ROOT } from "./support/cli_process.ts";

/** A matrix, and how many are computed one after the other: preparing all takes a hundredth of the time. */
const SIDE = 256, RESULTS = 600;
const BYTES = 4 * SIDE ** 2;

/** A computation whose results are each there from when its product is prepared until the next is computed. */
type How = "as it is" | "without waiting" | "ahead";

/**
 * A process of its own, as what is told to MLX stays: the most memory that each of some chains of products took, in
 * results, which is how far ahead MLX prepared.
 */
const CHAINS = `
  const mx = await import("./ffi/mod.ts");
  mx.openLibrary();
  const stream = new mx.Stream("cpu");
  const chains = [];
  for (const how of Deno.args) {
    const said = how === "ahead" ? [mx.runAhead(), mx.runAhead()] : [];
    mx.onStream(stream, () => mx.scope(() => {
      const matrix = mx.fromData(new Float32Array(${SIDE ** 2}).fill(${1 / SIDE}), [${SIDE}, ${SIDE}]);
      mx.evaluate(matrix);
      mx.resetPeakMemory();
      let x = mx.matmul(matrix, matrix);
      for (let k = 1; k < ${RESULTS}; k++) {
        using before = x;
        x = mx.matmul(before, matrix);
      }
      if (how === "without waiting") mx.withoutWaiting(() => mx.enqueue(x));
      else mx.evaluate(x);
      chains.push({ said, value: mx.toFloat32(x)[5], results: mx.peakMemory() / ${BYTES} });
    }));
  }
  console.log(JSON.stringify(chains));`;

async function chainsOf(...ways: How[]): Promise<{ said: boolean[]; results: number }[]> {
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--ext=ts", CHAINS, ...ways],
    cwd: ROOT,
    env: { NO_COLOR: "1", OPENBLAS_NUM_THREADS: "1" },
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  const chains = JSON.parse(new TextDecoder().decode(stdout));
  for (const { value } of chains) assertAlmostEquals(value, 1 / SIDE, 1e-6);
  return chains;
}

Deno.test("MLX prepares about a hundred operations ahead, and a whole graph when it was told to", async () => {
  const [before, once, again, after] = await chainsOf("as it is", "without waiting", "as it is", "ahead");
  assertLess(before!.results, 150);
  assertLess(again!.results, 150);
  const isOurs = after!.said[0]!;
  assertEquals(after!.said, [isOurs, isOurs]);
  // A library from elsewhere, as Homebrew's, goes on as it does.
  if (Deno.build.os === "linux") assert(isOurs, "libmlxc was made by another script");
  for (const { results } of isOurs ? [once!, after!] : []) assertGreater(results, 300);
});
