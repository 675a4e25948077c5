/**
 * What happens on the first transcription of a machine without the native library; the build is a stand-in that puts the
 * real library where the script would.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import { openLibrary } from "../ffi/mod.ts";
import { cli, Folder, recording, reference } from "./support/cli_process.ts";
import { TerminalSession } from "./support/cli_terminal.ts";
import { FakeHub } from "./support/hub_server.ts";
import { Sandbox } from "./support/scripts_sandbox.ts";

const BACKEND = Deno.build.os === "darwin" ? "metal" : "cpu";
const TALK = recording("dev-04-en.wav");

/** A machine without the library, on which `bash` is a build that takes no time. */
async function bareMachine(): Promise<{ box: Sandbox; env: Record<string, string> }> {
  const built = dirname(dirname(await Deno.realPath(openLibrary().path)));
  const box = await Sandbox.create({
    bash: `link="$QWEN3_ASR_CACHE/qwen3-asr/mlx-c/current-${BACKEND}"
mkdir -p "$(dirname "$link")"
ln -s '${built}' "$link"
echo "compiling mlx-c" >&2
echo "$link/lib/$(basename '${openLibrary().path}')"`,
  });
  for (const tool of ["stty", "sh", "script"]) {
    for (const folder of ["/usr/bin", "/bin"]) {
      const isThere = await Deno.stat(join(folder, tool)).then(() => true, () => false);
      if (isThere) await Deno.symlink(join(folder, tool), join(box.path, "bin", tool)).catch(() => {});
    }
  }
  const { PATH, QWEN3_ASR_CACHE } = box.env;
  return { box, env: { PATH: PATH!, QWEN3_ASR_CACHE: QWEN3_ASR_CACHE!, QWEN3_ASR_MLX_C: "" } };
}

const QUESTION = /mlx-c, which computes, is not on this machine\. Get it now \(about a minute\)\? \[Y\/n\] /;

Deno.test("a user at a terminal is asked once whether to get the library, and gets text", async () => {
  const { box, env } = await bareMachine();
  await using _box = box;
  await using session = new TerminalSession(["-m", "demo", TALK], { cwd: box.path, env });
  await session.until(QUESTION);
  await session.press("\n");
  const { code, screen } = await session.end();
  assertEquals(code, 0, screen.join("\n"));
  assertStringIncludes(screen.join("\n"), "compiling mlx-c");
  assertStringIncludes(screen.join("\n"), await reference("dev-04-en.wav"));

  await using second = new TerminalSession(["-m", "demo", TALK], { cwd: box.path, env });
  const again = await second.end();
  assertEquals([again.code, QUESTION.test(second.output)], [0, false]);
});

Deno.test("whoever says no is told how to get the library, before a model is looked for", async () => {
  await using hub = new FakeHub();
  const { box, env } = await bareMachine();
  await using _box = box;
  await using session = new TerminalSession(["-m", "0.6b", TALK], {
    cwd: box.path,
    env: { ...env, HF_ENDPOINT: hub.endpoint, HF_HOME: join(box.path, "hub") },
  });
  await session.until(QUESTION);
  await session.press("n\n");
  const { code, screen } = await session.end();
  assertEquals(code, 1);
  assertStringIncludes(screen.join(""), "Cannot find mlx-c. Get it with `deno run -A jsr:@qwen3/asr setup`");
  assertEquals(hub.requests, []);
});

Deno.test("in a pipe nothing is built unasked: setup is named, and --yes gets the library", async () => {
  await using hub = new FakeHub();
  await using home = await Folder.make();
  const { box, env } = await bareMachine();
  await using _box = box;
  const ask = { ...env, HF_ENDPOINT: hub.endpoint, HF_HOME: home.path };
  const told = await cli(["-m", "0.6b", TALK], { env: ask });
  assertEquals([told.code, told.stdout], [1, ""]);
  assertStringIncludes(told.stderr, "deno run -A jsr:@qwen3/asr setup");
  assertEquals(hub.requests, [], "no gigabyte is fetched that nothing could compute with");

  const said = await cli(["-m", "demo", "--yes", TALK], { env });
  assertEquals([said.code, said.stdout.trim()], [0, await reference("dev-04-en.wav")], said.stderr);
});
