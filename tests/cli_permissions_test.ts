/**
 * The commands of docs/permissions.md, run as they stand there, and with each permission taken away.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import { openLibrary } from "../ffi/mod.ts";
import { Folder, recording, reference, ROOT } from "./support/cli_process.ts";
import { FakeHub } from "./support/hub_server.ts";

const TALK = "dev-01-en.wav";
const DOCUMENT = await Deno.readTextFile(join(ROOT, "docs", "permissions.md"));

/** The commands of the document: heading and shell text. */
function commands(): { title: string; command: string }[] {
  return [...DOCUMENT.matchAll(/^## ([^\n]+)$|^```sh\n([^`]*)```$/gm)].reduce<
    { title: string; command: string }[]
  >(
    (found, [, title, command]) => {
      if (title !== undefined) return [...found, { title, command: "" }];
      const last = found.at(-1)!;
      const entry = { title: last.title, command: command!.trim() };
      return last.command === "" ? [...found.slice(0, -1), entry] : [...found, entry];
    },
    [],
  );
}

/** What the words in capitals stand for here. */
async function words(folder: Folder, hub: FakeHub): Promise<Record<string, string>> {
  const talks = folder.at("talks");
  await Deno.mkdir(talks);
  for (const name of ["out", "cache"]) await Deno.mkdir(folder.at(name));
  await Deno.copyFile(recording(TALK), join(talks, "talk.wav"));
  const args = ["-loglevel", "error", "-i", join(talks, "talk.wav"), join(talks, "talk.mp3")];
  assert((await new Deno.Command("ffmpeg", { args }).output()).success);
  return {
    ASR: join(ROOT, "mod.ts"),
    LIBRARY: dirname(await Deno.realPath(openLibrary().path)),
    MODEL: join(ROOT, "demo", "model"),
    ALIGNER: join(ROOT, "demo", "aligner"),
    VAD: join(ROOT, "lib", "vad", "weights"),
    DEMO: join(ROOT, "demo"),
    TALKS: talks,
    OUT: folder.at("out"),
    CACHE: folder.at("cache"),
    HUB: new URL(hub.endpoint).host,
    NAME: hub.repository,
  };
}

async function shell(
  command: string,
  env: Record<string, string>,
): Promise<{ code: number; stdout: string }> {
  const file = Deno.build.os === "darwin" ? command.replaceAll("libmlxc.so", "libmlxc.dylib") : command;
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", file.replace("deno run", `"${Deno.execPath()}" run --no-check`)],
    env: { ...env, NO_COLOR: "1" },
    cwd: ROOT,
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: code === 0 ? text(stdout) : text(stdout) + text(stderr) };
}

async function hubWithDemo(): Promise<FakeHub> {
  const files: Record<string, Uint8Array<ArrayBuffer>> = { "talk.wav": await Deno.readFile(recording(TALK)) };
  for await (const { name } of Deno.readDir(join(ROOT, "demo", "model"))) {
    files[name] = await Deno.readFile(join(ROOT, "demo", "model", name));
  }
  return await FakeHub.start(files);
}

Deno.test("every command of docs/permissions.md works as it stands, and not with a permission less", async () => {
  await using folder = await Folder.make();
  await using hub = await hubWithDemo();
  const env = await words(folder, hub);
  const said = await reference(TALK);
  const all = commands();
  assertEquals(all.map(({ command }) => command !== "").includes(false), false);
  assertEquals(all.length, 14);
  for (const { title, command } of all) {
    const { code, stdout } = await shell(command, env);
    assertEquals(code, 0, `${title}: ${stdout}`);
    if (/ (bench|inspect|doctor) /.test(command)) assert(stdout.length > 50, title);
    else if (command.includes("$TALKS") || command.includes("talk.wav")) {
      const text = command.includes("$OUT") ? await Deno.readTextFile(folder.at("out", "talk.txt")) : stdout;
      assertEquals(text, `${said}\n`, title);
    } else if (command.includes("models download")) assertStringIncludes(stdout, folder.at("cache"));
    else assert(stdout.length > 200, title);
  }
  const lessers = all.flatMap(({ title, command }) =>
    (command.match(/--allow-\S+/g) ?? []).map((flag) => ({
      title,
      flag,
      command: command.replace(`${flag} `, ""),
    }))
  );
  assert(lessers.length >= 20);
  const workers = Array.from({ length: 3 }, async () => {
    for (let next = lessers.pop(); next !== undefined; next = lessers.pop()) {
      const { code, stdout } = await shell(next.command, env);
      assert(code !== 0, `${next.title} works without ${next.flag}: ${stdout}`);
    }
  });
  await Promise.all(workers);
});
