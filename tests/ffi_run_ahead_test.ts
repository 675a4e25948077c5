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

/**
 * A process of its own, as what is told to MLX stays: the most memory that a chain of products took. Each result is there
 * from when its product is prepared until the next is computed, so the most is how far ahead MLX prepared.
 */
const CHAIN = `
  const mx = await import("./ffi/mod.ts");
  mx.openLibrary();
  const said = Deno.args[0] === "ahead" ? [mx.runAhead(), mx.runAhead()] : [];
  const stream = new mx.Stream("cpu");
  mx.onStream(stream, () => mx.scope(() => {
    const matrix = mx.fromData(new Float32Array(${SIDE ** 2}).fill(${1 / SIDE}), [${SIDE}, ${SIDE}]);
    mx.evaluate(matrix);
    mx.resetPeakMemory();
    let x = mx.matmul(matrix, matrix);
    for (let k = 1; k < ${RESULTS}; k++) {
      using before = x;
      x = mx.matmul(before, matrix);
    }
    mx.evaluate(x);
    console.log(JSON.stringify({ said, bytes: mx.peakMemory(), value: mx.toFloat32(x)[5] }));
  }));`;

async function chain(how: "ahead" | "as it is"): Promise<{ said: boolean[]; results: number }> {
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--ext=ts", CHAIN, how],
    cwd: ROOT,
    env: { NO_COLOR: "1", OPENBLAS_NUM_THREADS: "1" },
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  const { said, bytes, value } = JSON.parse(new TextDecoder().decode(stdout));
  assertAlmostEquals(value, 1 / SIDE, 1e-6);
  return { said, results: bytes / BYTES };
}

Deno.test("MLX prepares about a hundred operations ahead, and a whole graph when it was told to", async () => {
  const before = await chain("as it is");
  assertLess(before.results, 150);
  const after = await chain("ahead");
  const isOurs = after.said[0]!;
  assertEquals(after.said, [isOurs, isOurs]);
  // A library from elsewhere, as Homebrew's, goes on as it does.
  if (Deno.build.os === "linux") assert(isOurs, "libmlxc was made by another script");
  if (isOurs) assertGreater(after.results, 300);
});
