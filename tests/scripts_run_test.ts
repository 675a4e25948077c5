/** The scripts that start Deno: deno.sh, demo.sh, test.sh. */
import { assertEquals, assertGreater, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { ROOT, Sandbox, start, tools } from "./support/scripts_sandbox.ts";

Deno.test("deno.sh runs the Deno of DENO and refuses one that is too old", async () => {
  await using box = await Sandbox.create({ old: 'echo "deno 2.8.9"' });
  const good = await start("scripts/deno.sh", ["-V"], { ...box.env, DENO: Deno.execPath() });
  assertEquals(good, { code: 0, stdout: `deno ${Deno.version.deno}\n`, stderr: "" });
  const old = await start("scripts/deno.sh", ["-V"], { ...box.env, DENO: join(box.path, "bin/old") });
  assertEquals(old.code, 1);
  assertMatch(
    old.stderr,
    /^error: DENO=.*\/bin\/old is not a Deno from version 2\.9 on; unset DENO or point it to one\n$/,
  );
});

Deno.test("demo.sh tells by its exit code whether the text is what was said", async () => {
  await using box = await Sandbox.create({
    deno:
      'case $1 in -V) echo "deno 2.9.8" ;; *) echo "${*: -1}" >&2; echo "I see ten yellow windows." ;; esac',
  });
  const env = { ...box.env, QWEN3_ASR_MLX_C: "/not/used", DENO: join(box.path, "bin/deno") };
  const right = await start("scripts/demo.sh", ["dev-01-en.wav"], env);
  assertEquals(right.code, 0, right.stderr);
  assertStringIncludes(
    right.stdout,
    "demo/recordings/dev-01-en.wav\nheard      I see ten yellow windows.\nsaid       the same",
  );
  const wrong = await start("scripts/demo.sh", [], env);
  assertEquals(wrong.code, 1);
  assertStringIncludes(wrong.stdout, "said       The train leaves at ten on Thursday.");
  const unknown = await start("scripts/demo.sh", ["nothing.wav"], env);
  assertEquals(unknown.stderr, "error: demo/refs.tsv has no recording 'nothing.wav'\n");
});

Deno.test("test.sh closes with the numbers of deno test and of the notebooks, whatever fails", async () => {
  const good = "echo '5 notebooks passed, 0 failed'";
  const bad = "echo '4 notebooks passed, 1 failed'; exit 1";
  const cases: [string, string, number, string][] = [
    ["echo 'ok | 120 passed (3 steps) | 0 failed (4s)'", good, 0, "125 passed, 0 failed"],
    ["echo 'ok | 120 passed (3 steps) | 0 failed (4s)'", bad, 1, "124 passed, 1 failed"],
    ["echo 'ok | 120 passed (3 steps) | 0 failed (4s)'", "exit 3", 3, "120 passed, 1 failed"],
    ["echo 'FAILED | 119 passed | 2 failed | 1 ignored (4s)'; exit 1", bad, 1, "123 passed, 3 failed"],
    ["echo 'error: Found 1 problem'; exit 1", good, 1, "5 passed, 1 failed"],
    ["echo 'ok | 7 passed | 0 failed (1s)'; exit 3", good, 3, "12 passed, 1 failed"],
    ["echo nothing", good, 1, "0 passed, 1 failed"],
  ];
  await Promise.all(cases.map(async ([task, notebooks, code, last]) => {
    await using box = await Sandbox.create({
      ...tools(""),
      ...Object.fromEntries(
        ["ffmpeg", "shellcheck", "zsh", "fish", "chromium", "curl", "git"].map((tool) => [tool, "exit 0"]),
      ),
      deno:
        `case "$1 $2" in "-V "*) echo "deno 2.9.8" ;; "task notebooks") ${notebooks} ;; task*) ${task} ;; esac`,
    });
    const run = await start("scripts/test.sh", [], { ...box.env, QWEN3_ASR_MLX_C: "/not/used" });
    assertEquals(
      { code: run.code, last: run.stdout.trimEnd().split("\n").at(-1) },
      { code, last },
      run.stderr,
    );
  }));
});

Deno.test("test.sh names all that the tests and the build need, at once", async () => {
  await using bare = await Sandbox.create({ id: "echo 1000", "apt-get": "" });
  const run = await start("scripts/test.sh", [], bare.env);
  assertEquals({ code: run.code, stdout: run.stdout }, { code: 1, stdout: "0 passed, 1 failed\n" });
  if (Deno.build.os !== "linux") return;
  assertMatch(
    run.stderr,
    /^error: missing: compiler .*, nm .*, pip .*, ffmpeg, shellcheck, zsh, fish, curl, git, browser /,
  );
  assertMatch(
    run.stderr,
    /sudo apt-get install g\+\+ binutils python3-pip ffmpeg shellcheck zsh fish curl git chromium( nats-server)?\n$/,
  );
});

Deno.test("deno.sh says of DENO_DIR that it cannot be written", async () => {
  await using box = await Sandbox.create();
  await Deno.writeTextFile(join(box.path, "file"), "");
  const env = { ...box.env, DENO: Deno.execPath(), DENO_DIR: join(box.path, "file/cache") };
  const unwritable = await start("scripts/deno.sh", ["-V"], env);
  assertEquals([unwritable.code, unwritable.stdout], [1, ""]);
  assertMatch(
    unwritable.stderr,
    /^error: DENO_DIR=\S+ is no folder that can be written; unset DENO_DIR or .*\n$/,
  );
});

Deno.test("all shell scripts are clean for shellcheck", async () => {
  const scripts = [".ci/run"];
  for await (const { name } of Deno.readDir(join(ROOT, "scripts"))) {
    if (name.endsWith(".sh")) scripts.push(join("scripts", name));
  }
  assertGreater(scripts.length, 5);
  const { code, stdout } = await new Deno.Command("shellcheck", {
    args: ["--external-sources", "--source-path=SCRIPTDIR/..", ...scripts],
    cwd: ROOT,
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stdout));
});
