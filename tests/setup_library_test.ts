/**
 * The prebuilt native library from a release to the folder where it is looked for; the release is a server on this
 * machine, its bundle the real library.
 *
 * @module
 */
import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { basename, fromFileUrl, join } from "@std/path";
import { libraryCandidates } from "../ffi/search.ts";
import { DownloadError } from "../lib/errors.ts";
import { buildLibrary } from "../lib/setup/build.ts";
import type { Bundle } from "../lib/setup/bundle.ts";
import { installLibrary, type InstallOptions, type SetupProgress } from "../lib/setup/install.ts";
import { bundleTable, readBundles } from "../scripts/bundle_table.ts";
import { cli, Folder, recording, reference } from "./support/cli_process.ts";
import { Sandbox, tools } from "./support/scripts_sandbox.ts";
import { FileServer, sha256 } from "./support/setup_server.ts";

const BACKEND = Deno.build.os === "darwin" ? "metal" : "cpu";
const LIBRARY = Deno.build.os === "darwin" ? "libmlxc.dylib" : "libmlxc.so";
const SCRIPTS = fromFileUrl(new URL("../scripts/", import.meta.url));

async function run(command: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, stdin: "null" }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** The folder that build_mlx_c.sh made. */
async function builtFolder(): Promise<string> {
  const library = (await run("bash", join(SCRIPTS, "build_mlx_c.sh"))).trim();
  return join(library, "..", "..");
}

/** A small archive that has the shape of a bundle. */
async function smallBundle(name: string): Promise<Uint8Array<ArrayBuffer>> {
  await using folder = await Folder.make();
  await Deno.mkdir(folder.at("lib"));
  await folder.put(`lib/${LIBRARY}`, crypto.getRandomValues(new Uint8Array(60_000)));
  await folder.put("complete", `${name}\nmlx=0\n`);
  await run("tar", "--format=ustar", "-czf", folder.at("x.tar.gz"), "-C", folder.path, "complete", "lib");
  return await Deno.readFile(folder.at("x.tar.gz"));
}

interface Release extends AsyncDisposable {
  server: FileServer;
  bundle: Bundle;
  cache: Folder;
  options: InstallOptions;
}

/** A release with one bundle in two parts. */
async function release(variables: Record<string, string> = {}): Promise<Release> {
  const name = `1.0-r1-${BACKEND}-${Deno.build.os}-${Deno.build.arch}`;
  const archive = await smallBundle(name);
  const server = new FileServer();
  const half = archive.length >> 1;
  const parts = await Promise.all([archive.slice(0, half), archive.slice(half)].map(async (bytes, i) => {
    const file = `${name}.tar.gz.a${"ab"[i]}`;
    server.files.set(file, bytes);
    return { file, sizeBytes: bytes.length, sha256: await sha256(bytes) };
  }));
  const cache = await Folder.make();
  const environment = (key: string) => ({ QWEN3_ASR_CACHE: cache.path, ...variables })[key];
  const bundle = { name, parts };
  return {
    server,
    bundle,
    cache,
    options: { releaseUrl: server.url, bundles: [bundle], environment, delaySeconds: 0, retries: 2 },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await cache[Symbol.asyncDispose]();
    },
  };
}

async function names(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
}

Deno.test("the built library, bundled, released, set up elsewhere, transcribes", async () => {
  await using dist = await Folder.make();
  const bundler = join(SCRIPTS, "bundle_mlx_c.sh");
  const flags = ["--from", await builtFolder(), "--out", dist.path, "--part-bytes", "9000000"];
  const made = (await run("bash", bundler, ...flags)).trim().split("\n");
  assertMatch(made[0]!, /\.tar\.gz\.aa$/);
  assertMatch(made.at(-1)!, /\.sha256$/);

  await using server = new FileServer();
  const bundles = await readBundles(dist.path);
  for (const { file } of bundles[0]!.parts) {
    server.files.set(`v1/${file}`, await Deno.readFile(dist.at(file)));
  }
  await using cache = await Folder.make();
  const environment = (name: string) => ({ QWEN3_ASR_CACHE: cache.path })[name];
  const installed = await installLibrary({ bundles, environment, releaseUrl: `${server.url}v1` });
  assertEquals(installed.wasThere, false);

  const env = { QWEN3_ASR_CACHE: cache.path, QWEN3_ASR_MLX_C: "" };
  const said = await cli(["--model", "demo", "--verbose", recording("dev-04-en.wav")], { env });
  assertEquals([said.stdout.trim(), said.code], [await reference("dev-04-en.wav"), 0], said.stderr);
  const places = await cli(["doctor", "--model", "demo"], { env });
  assertStringIncludes(places.stdout + places.stderr, cache.path);
});

Deno.test("bundleTable() is a module with the release's address, names, sizes and sums", async () => {
  await using folder = await Folder.make();
  const sum = "ab".repeat(32);
  await folder.put("1-r1-cpu-linux-x86_64.tar.gz", new Uint8Array(5));
  await folder.put("1-r1-cpu-linux-x86_64.sha256", `${sum}  1-r1-cpu-linux-x86_64.tar.gz\n`);
  const text = bundleTable("https://host.example/d/", await readBundles(folder.path));
  const path = await folder.put("table.ts", text.replace(/^import type .*$/m, "type Bundle = unknown;"));
  const table = await import(`file://${path}`);
  assertEquals(table.RELEASE_URL, "https://host.example/d/");
  assertEquals(table.BUNDLES, [{
    name: "1-r1-cpu-linux-x86_64",
    parts: [{ file: "1-r1-cpu-linux-x86_64.tar.gz", sizeBytes: 5, sha256: sum }],
  }]);
  await folder.put("2.sha256", "no sum\n");
  await assertRejects(() => readBundles(folder.path), SyntaxError, '"no sum"');
});

Deno.test("setupLibrary() puts a bundle where the library is looked for, and nothing else", async () => {
  await using there = await release();
  const progress: SetupProgress[] = [];
  const installed = await installLibrary({ ...there.options, onProgress: (state) => progress.push(state) });
  const store = there.cache.at("qwen3-asr", "mlx-c");
  const { name } = there.bundle;
  assertEquals(installed, {
    path: join(store, `current-${BACKEND}`, "lib", LIBRARY),
    name,
    backend: BACKEND,
    wasThere: false,
  });
  assertEquals(await Deno.readLink(join(store, `current-${BACKEND}`)), name);
  assertEquals(await names(store), [name, `current-${BACKEND}`].sort());
  const totalBytes = there.bundle.parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  assertEquals(progress.at(-1), { name, doneBytes: totalBytes, totalBytes });
  const candidates = libraryCandidates().map(({ path }) => path.split("/").slice(-3).join("/"));
  if (!Deno.env.get("QWEN3_ASR_MLX_C")) {
    assertEquals(candidates.includes(installed.path.split("/").slice(-3).join("/")), true);
  }

  const count = there.server.seen.length;
  assertEquals((await installLibrary(there.options)).wasThere, true);
  assertEquals(there.server.seen.length, count);
});

Deno.test("setupLibrary() goes on where a cut connection stopped, also in a later run", async () => {
  await using there = await release();
  const { file, sizeBytes } = there.bundle.parts[1]!;
  there.server.mischief.set(file, ["cut", "busy", "busy"]);
  await assertRejects(
    () => installLibrary({ ...there.options, retries: 1 }),
    DownloadError,
    "gave up after 2 tries",
  );
  await installLibrary(there.options);
  const ranges = there.server.seen.filter(({ path }) => path === file).map(({ range }) => range);
  assertEquals(ranges[0], null);
  assertMatch(ranges.at(-1)!, /^bytes=[1-9]\d*-$/);
  assertEquals(Number(/\d+/.exec(ranges.at(-1)!)![0]) < sizeBytes, true);
  assertEquals(there.server.seen.filter(({ path }) => path === there.bundle.parts[0]!.file).length, 1);
});

Deno.test("setupLibrary() refuses bytes with another sum and installs nothing", async () => {
  await using there = await release();
  const { file, sha256 } = there.bundle.parts[0]!;
  there.server.mischief.set(file, ["wrong", "wrong"]);
  const error = await assertRejects(() => installLibrary(there.options), DownloadError, "came damaged twice");
  assertStringIncludes(error.message, sha256);
  assertStringIncludes(error.message, "build_mlx_c.sh");
  const store = there.cache.at("qwen3-asr", "mlx-c");
  assertEquals(await names(store), [`.download-${there.bundle.name}`]);
  await installLibrary(there.options);
});

Deno.test("setupLibrary() leaves the library that works when a bundle turns out to be another one", async () => {
  await using there = await release();
  const other = { ...there.bundle, name: there.bundle.name.replace("1.0", "2.0") };
  await installLibrary(there.options);
  const store = there.cache.at("qwen3-asr", "mlx-c");
  await assertRejects(
    () => installLibrary({ ...there.options, bundles: [other] }),
    DownloadError,
    `Cannot use the bundle ${other.name}: it holds something else`,
  );
  assertEquals(await Deno.readLink(join(store, `current-${BACKEND}`)), there.bundle.name);
  assertEquals((await names(store)).filter((name) => name.startsWith(other.name)), []);
});

Deno.test("setupLibrary() says how else to come by a library: offline, none for this machine, none at all", async () => {
  await using there = await release({ HF_HUB_OFFLINE: "1" });
  await assertRejects(() => installLibrary(there.options), DownloadError, "HF_HUB_OFFLINE");
  const windows = { ...there.options, platform: { os: "windows", arch: "x86_64" } };
  await assertRejects(
    () => installLibrary(windows),
    DownloadError,
    "There is no mlx-c for windows on x86_64, cpu",
  );
  const mac = { ...there.options, bundles: [], platform: { os: "darwin", arch: "aarch64" } };
  await assertRejects(
    () => installLibrary(mac),
    DownloadError,
    "Cannot build mlx-c for darwin on aarch64, metal",
  );
  assertEquals(there.server.seen, []);
});

Deno.test("setupLibrary() stops when it is told to, and a server that is not there is one sentence", async () => {
  await using there = await release();
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  assertEquals(await installLibrary({ ...there.options, signal }).catch((error) => error), reason);
  await there.server[Symbol.asyncDispose]();
  const error = await assertRejects(
    () => installLibrary(there.options),
    DownloadError,
    "gave up after 3 tries",
  );
  assertEquals(error.message.split("\n").length, 1);
});

Deno.test("the command setup prints the path of a library that works, and fetches nothing then", async () => {
  const said = await cli(["setup"], { env: { QWEN3_ASR_RELEASE_URL: "http://127.0.0.1:1/" } });
  assertEquals(said.code, 0, said.stderr);
  assertEquals((await Deno.stat(said.stdout.trim())).isFile, true);
  const { path, mlxVersion } = JSON.parse((await cli(["setup", "--json"])).stdout);
  assertEquals(path, said.stdout.trim());
  assertMatch(mlxVersion, /^0\.\d+\.\d+$/);
});

Deno.test("setupLibrary() builds where no release has a library, by the script of this package", async () => {
  await using cache = await Folder.make();
  const environment = (name: string) => ({ QWEN3_ASR_CACHE: cache.path })[name];
  const asked: string[] = [];
  const build = ({ backend }: { backend: string }) => {
    asked.push(backend);
    return Promise.resolve({ path: "/x/1-r1/lib/libmlxc.so", name: "1-r1" });
  };
  const built = await installLibrary({ bundles: [], environment, build });
  const made = { path: "/x/1-r1/lib/libmlxc.so", name: "1-r1", backend: BACKEND, wasThere: false } as const;
  assertEquals([built, asked], [made, [BACKEND]]);

  // The real script finds what it built before.
  const store = await Deno.realPath(await builtFolder());
  const { path, name } = await buildLibrary({ backend: BACKEND });
  assertEquals([await Deno.realPath(path), name], [join(store, "lib", LIBRARY), basename(store)]);
});

Deno.test("buildLibrary() hands on what the script says, its reason, and the order to stop", async () => {
  if (Deno.build.os !== "linux") return;
  await using bare = await Sandbox.create({ "apt-get": "", id: "echo 1000" });
  const missing = await assertRejects(
    () => buildLibrary({ backend: "cpu", variables: bare.env }),
    DownloadError,
  );
  assertMatch(
    missing.message,
    /^Cannot build mlx-c: missing: compiler .*sudo apt-get install g\+\+ binutils python3-pip$/,
  );

  const controller = new AbortController();
  await using slow = await Sandbox.create(tools("exec sleep 600 >/dev/null 2>&1"));
  const lines: string[] = [];
  const stopped = buildLibrary({
    backend: "cpu",
    variables: slow.env,
    signal: controller.signal,
    onMessage: (line) => {
      lines.push(line);
      controller.abort(new Error("enough"));
    },
  });
  await assertRejects(() => stopped, Error, "enough");
  assertMatch(lines[0]!, /^taking MLX \S+ with pip$/);
});

Deno.test("without a library, a transcription names setup, and setup the other ways", async () => {
  await using cache = await Folder.make();
  const env = { QWEN3_ASR_CACHE: cache.path, QWEN3_ASR_MLX_C: cache.at(LIBRARY) };
  const first = await cli(["--model", "demo", recording("dev-04-en.wav")], { env });
  assertEquals([first.code, first.stdout], [1, ""]);
  assertStringIncludes(first.stderr, "deno run -A jsr:@qwen3/asr setup");
  const second = await cli(["setup", "--offline"], { env });
  assertEquals([second.code, second.stdout], [1, ""]);
  assertStringIncludes(second.stderr, "no network may be used");
  const third = await cli(["setup", "--backend", "abacus"], { env });
  assertEquals(third.code, 2);
});
