/**
 * The lanes that run the tests: what fails in one makes the whole fail, and all is counted.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { countsOf, environmentOf } from "../scripts/test_lanes.ts";
import { inFolder } from "./support/audio_signals.ts";
import { ROOT } from "./support/cli_process.ts";

const FILES: Record<string, string> = {
  good: 'Deno.test("a", async (t) => void await t.step("s", () => {})); Deno.test("b", () => {});',
  ignoring: 'Deno.test("c", () => {}); Deno.test({ name: "d", ignore: true, fn() {} });',
  failing: 'Deno.test("e", () => {}); Deno.test("f", () => { throw new Error("wrong"); });',
  broken: 'Deno.test("g", () => {}); throw new Error("wrong");',
  dying: 'Deno.test("h", () => {}); Deno.test("i", () => Deno.kill(Deno.pid, "SIGKILL"));',
};

/** Runs files, those of {@link FILES} that are there, in this order. */
async function lanes(
  names: readonly string[],
  ...options: string[]
): Promise<{ code: number; lines: string[] }> {
  let code = -1, lines: string[] = [];
  await inFolder(async (folder) => {
    const paths = names.map((name) => join(folder, `${name}_test.ts`));
    for (const [index, name] of names.entries()) {
      if (FILES[name]) await Deno.writeTextFile(paths[index]!, FILES[name]);
    }
    const run = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "scripts/test_lanes.ts", ...paths, ...options],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
    }).output();
    code = run.code;
    lines = new TextDecoder().decode(run.stdout).trimEnd().split("\n");
  });
  return { code, lines };
}

Deno.test("test_lanes.ts counts all files together, and hides no test that was ignored", async () => {
  const { code, lines } = await lanes(["good", "ignoring"]);
  assertEquals(code, 0, lines.join("\n"));
  assertMatch(lines.at(-1)!, /^ok \| 3 passed \| 0 failed \| 1 ignored \(\d+s\)$/);
  assertEquals(lines.filter((line) => / passed \| /.test(line)).length, 1);
});

for (
  const [name, counts, fault] of [
    ["failing", "3 passed | 1 failed", "exit code 1"],
    ["broken", "2 passed | 1 failed", "exit code 1"],
    ["dying", "2 passed | 1 failed", "ended by SIGKILL"],
    ["missing", "2 passed | 1 failed", "exit code 1"],
  ] as const
) {
  Deno.test(`test_lanes.ts fails with a ${name} file in either lane`, async () => {
    for (const order of [["good", name], [name, "good"]]) {
      const { code, lines } = await lanes(order);
      assertEquals(code, 1, lines.join("\n"));
      assertEquals(lines.at(-1)?.replace(/ \(\d+s\)$/, ""), `FAILED | ${counts}`);
      assertMatch(lines.at(-2)!, new RegExp(`^FAILED /.*/${name}_test.ts: ${fault}$`));
    }
  });
}

Deno.test("test_lanes.ts takes no result for a failure, and gives options to deno test", async () => {
  const { code, lines } = await lanes(["good"], "--help");
  assertEquals(code, 1);
  assertMatch(lines.at(-2)!, /^FAILED .*good_test.ts: ended without a result$/);
  assertMatch(lines.at(-1)!, /^FAILED \| 0 passed \| 1 failed /);
});

Deno.test("countsOf() reads the last line of deno test, with steps, ignored and left out tests, in colours too", () => {
  const output = "ok | 7 passed | 0 failed (1s)\n\n" +
    "FAILED | 5 passed (2 steps) | 1 failed (1 step) | 3 ignored (1 step) | 4 filtered out (1m12s)\n\nerror: Test failed\n";
  assertEquals(Object.fromEntries(countsOf(output)), { passed: 5, failed: 1, ignored: 3, "filtered out": 4 });
  assertEquals(countsOf("error: ok | 7 passed").size, 0);
  const colored = "\x1b[32mok\x1b[0m | 2 passed | 0 failed \x1b[90m(3ms)\x1b[0m\n";
  assertEquals(Object.fromEntries(countsOf(colored)), { passed: 2, failed: 0 });
});

Deno.test("test_lanes.ts counts lines in all but the longest files", () => {
  const env = { DENO_COVERAGE_DIR: "/coverage", NO_COLOR: "1" };
  assertEquals(environmentOf("tests/recognize_soak_test.ts", env), { NO_COLOR: "1" });
  for (const name of ["tests/vad_test.ts", "examples"]) assertEquals(environmentOf(name, env), env);
});
