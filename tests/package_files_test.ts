/**
 * Files of the package that must lie on the disk, when the package itself was loaded from the network.
 *
 * @module
 */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { dirname, fromFileUrl, join } from "@std/path";
import { buildCache } from "../ffi/search.ts";
import { DownloadError } from "../lib/errors.ts";
import { packagedFolder, userCache } from "../lib/hub/packaged.ts";
import { PACKAGED_FILES } from "../lib/hub/packaged_files.ts";
import { packagedFilesTable } from "../scripts/packaged_files.ts";
import { Folder, ROOT } from "./support/cli_process.ts";
import { FileServer } from "./support/setup_server.ts";

const MODEL = "demo/model";
const FOLDERS = ["demo/aligner", MODEL, "lib/vad/weights", "scripts"];
const WEIGHTS = `${MODEL}/model.safetensors`;

async function packageServer(): Promise<FileServer> {
  const server = new FileServer();
  for (const name of Object.keys(PACKAGED_FILES)) {
    server.files.set(`pkg/${name}`, await Deno.readFile(join(ROOT, name)));
  }
  return server;
}

function optionsFor(server: FileServer, cache: Folder, variables: Record<string, string> = {}) {
  const environment = (name: string) => ({ QWEN3_ASR_CACHE: cache.path, ...variables })[name];
  return { base: new URL("pkg/", server.url), environment, delaySeconds: 0, retries: 2 };
}

async function filesUnder(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) found.push(...(await filesUnder(join(folder, name))).map((path) => `${name}/${path}`));
    else found.push(name);
  }
  return found.sort();
}

Deno.test("the table of packaged files says what lies in the folders", async () => {
  assertEquals(await Deno.readTextFile(join(ROOT, "lib/hub/packaged_files.ts")), await packagedFilesTable());
});

Deno.test("packagedFolder() is the folder itself when the package lies on the disk", async () => {
  assertEquals(await packagedFolder(MODEL), fromFileUrl(new URL("../demo/model", import.meta.url)));
});

Deno.test("packagedFolder() brings each file once, byte for byte", async () => {
  await using server = await packageServer();
  await using cache = await Folder.make();
  for (const folder of FOLDERS) {
    const path = await packagedFolder(folder, optionsFor(server, cache));
    for (const name of Object.keys(PACKAGED_FILES).filter((name) => name.startsWith(`${folder}/`))) {
      const file = await Deno.readFile(join(path, name.slice(folder.length + 1)));
      assertEquals(file, server.files.get(`pkg/${name}`));
    }
  }
  const count = server.seen.length;
  assertEquals(count, Object.keys(PACKAGED_FILES).length);
  for (const folder of FOLDERS) await packagedFolder(folder, optionsFor(server, cache));
  assertEquals(server.seen.length, count);
});

Deno.test("packagedFolder() fetches once when two ask at the same time", async () => {
  await using server = await packageServer();
  await using cache = await Folder.make();
  const options = optionsFor(server, cache);
  const [a, b] = await Promise.all([packagedFolder(MODEL, options), packagedFolder(MODEL, options)]);
  assertEquals(a, b);
  assertEquals(server.seen.filter(({ path }) => path === `pkg/${WEIGHTS}`).length, 1);
});

Deno.test("packagedFolder() goes on where a cut connection stopped", async () => {
  await using server = await packageServer();
  await using cache = await Folder.make();
  server.mischief.set(`pkg/${WEIGHTS}`, ["cut", "busy"]);
  const folder = await packagedFolder(MODEL, optionsFor(server, cache));
  assertEquals(await Deno.readFile(join(folder, "model.safetensors")), server.files.get(`pkg/${WEIGHTS}`));
  const ranges = server.seen.filter(({ path }) => path === `pkg/${WEIGHTS}`).map(({ range }) => range);
  assertEquals(ranges.length, 3);
  assertEquals(ranges[0], null);
  assertStringIncludes(ranges[2]!, "bytes=");
});

Deno.test("packagedFolder() refuses a file with another sum, and leaves none under its name", async () => {
  await using server = await packageServer();
  await using cache = await Folder.make();
  server.mischief.set(`pkg/${WEIGHTS}`, ["wrong", "wrong"]);
  const error = await assertRejects(
    () => packagedFolder(MODEL, optionsFor(server, cache)),
    DownloadError,
    "model.safetensors came damaged twice",
  );
  assertStringIncludes(error.message, PACKAGED_FILES[WEIGHTS]!.sha256);
  const names = (await filesUnder(cache.path)).map((path) => path.replace(/.*\//, ""));
  assertEquals(names.filter((name) => name === "model.safetensors"), []);
  await packagedFolder(MODEL, optionsFor(server, cache));
});

Deno.test("packagedFolder() uses no network when it is forbidden, and needs none later", async () => {
  await using server = await packageServer();
  await using cache = await Folder.make();
  const offline = optionsFor(server, cache, { HF_HUB_OFFLINE: "1" });
  await assertRejects(() => packagedFolder(MODEL, offline), DownloadError, "HF_HUB_OFFLINE");
  assertEquals(server.seen, []);
  const folder = await packagedFolder(MODEL, optionsFor(server, cache));
  assertEquals(await packagedFolder(MODEL, offline), folder);
});

Deno.test("packagedFolder() takes files out of a compiled program, and names what it was compiled without", async () => {
  await using cache = await Folder.make();
  const environment = (name: string) => ({ QWEN3_ASR_CACHE: cache.path })[name];
  const base = new URL("..", import.meta.url);
  const folder = await packagedFolder(MODEL, { base, environment, isCompiled: true });
  assertStringIncludes(folder, cache.path);
  const copied = await Deno.readFile(join(folder, "model.safetensors"));
  assertEquals(copied, await Deno.readFile(join(ROOT, WEIGHTS)));
  assertEquals((await filesUnder(cache.path)).filter((name) => name.endsWith(".tmp")), []);
  const empty = new URL("tests/", base);
  await using other = await Folder.make();
  const elsewhere = (name: string) => ({ QWEN3_ASR_CACHE: other.path })[name];
  await assertRejects(
    () => packagedFolder(MODEL, { base: empty, environment: elsewhere, isCompiled: true }),
    DownloadError,
    "compile it with --include demo/model",
  );
});

Deno.test("userCache() is the folder in which the native library is looked for", () => {
  assertEquals(join(userCache()!, "mlx-c"), buildCache());
  const where = userCache((name) => ({ HOME: "/h", XDG_CACHE_HOME: "/x" })[name]);
  assertEquals(where, Deno.build.os === "darwin" ? "/h/Library/Caches/qwen3-asr" : "/x/qwen3-asr");
  assertEquals(dirname(userCache((name) => ({ QWEN3_ASR_CACHE: "/c" })[name])!), "/c");
  assertEquals(userCache(() => undefined), undefined);
});
