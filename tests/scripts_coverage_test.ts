/**
 * The table that decides whether the tests reach enough.
 *
 * @module
 */
import { assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { coverageTable, lcovOf, neverLoaded, readLcov } from "../scripts/coverage.ts";
import { ROOT } from "./support/cli_process.ts";

const REPORT = `SF:${ROOT}lib/hub/a.ts
FNF:0
DA:1,5
DA:2,0
DA:2,3
DA:3,0
LH:1
LF:3
end_of_record
SF:${ROOT}ffi/symbols.ts
DA:1,0
end_of_record
SF:${ROOT}mod.ts
DA:7,1
end_of_record
`;

Deno.test("readLcov() counts a line once, as reached when any of its records is", () => {
  const files = readLcov(REPORT);
  assertEquals(files.get("lib/hub/a.ts"), { found: 3, hit: 2 });
  assertEquals([...files.keys()], ["lib/hub/a.ts", "ffi/symbols.ts", "mod.ts"]);
});

Deno.test("coverageTable() sums by room, names the file that lacks most, and leaves the symbol table out", () => {
  const { text, percent } = coverageTable(readLcov(REPORT));
  assertAlmostEquals(percent, 75);
  assertStringIncludes(text, "66.7 %   most missed: lib/hub/a.ts, 1");
  assertEquals(text.split("\n").map((row) => row.split(/\s+/)[0]), ["lib/hub", "mod.ts", "all"]);
});

Deno.test("neverLoaded() names files with code that a report lacks, and none with types alone", async () => {
  const missing = await neverLoaded(readLcov(REPORT));
  assertEquals(missing.includes("ffi/array.ts"), true);
  assertEquals(
    missing.filter((path) => ["mod.ts", "ffi/symbols.ts", "lib/transcript.ts"].includes(path)),
    [],
  );
});

Deno.test("lcovOf() reports a file whose examples ran after it, and leaves out what a killed process began", async () => {
  const profile = await Deno.makeTempDir();
  try {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--no-check", "--doc", "lib/server/serve.ts"],
      cwd: ROOT,
      env: { DENO_COVERAGE_DIR: profile },
    }).output();
    assertEquals(success, true, new TextDecoder().decode(stderr));
    for (const [name, text] of [["empty", ""], ["cut", '{"result":[']] as const) {
      await Deno.writeTextFile(`${profile}/${name}.json`, text);
    }
    const count = readLcov(await lcovOf(profile)).get("lib/server/serve.ts");
    assertEquals(count !== undefined && count.hit > 0 && count.hit < count.found, true);
  } finally {
    await Deno.remove(profile, { recursive: true });
  }
});
