import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname, join, resolve } from "@std/path";
import * as mx from "../ffi/mod.ts";
import { type Candidate, libraryCandidates, libraryFileName, notFound } from "../ffi/search.ts";
import { openInProcess, runScript } from "./support/ffi_script.ts";

for (const module of ["mod.ts", "ffi/mod.ts"]) {
  Deno.test(`importing ${module} needs no permission, reads no variable and opens nothing`, async () => {
    const { code, stdout, stderr } = await runScript(
      `
      import * as all from "./${module}";
      const states = await Promise.all(
        ["ffi", "read", "env", "net", "run"].map((name) => Deno.permissions.query({ name })));
      console.log("imported", typeof all, states.map(({ state }) => state).join(" "));`,
      { permissions: [] },
    );
    assertEquals([code, stdout], [0, "imported object prompt prompt prompt prompt prompt"], stderr);
  });
}

Deno.test("the first array opens the library and asks for the permission then", async () => {
  const { code, stdout, stderr } = await runScript(
    `
    import * as mx from "./ffi/mod.ts";
    console.log(mx.libraryInfo());
    try {
      mx.zeros([1]);
    } catch (error) {
      console.log(error.name, mx.libraryInfo());
    }`,
    { permissions: [] },
  );
  assertEquals([code, stdout], [0, "undefined\nNotCapable undefined"], stderr);
});

const WAYS = [
  "mx.fromData(new Float32Array(1))",
  "mx.scalar(1)",
  "mx.zeros([1])",
  "mx.arange(0, 1)",
  "mx.randomKey(1)",
  'new mx.Stream("cpu")',
  "mx.currentStream()",
  'mx.deviceCount("cpu")',
  "mx.activeMemory()",
  'mx.saveSafetensors("/nonexistent/a.safetensors", new Map())',
  'mx.loadSafetensors("/nonexistent/a.safetensors", [])',
];

for (const way of WAYS) {
  Deno.test(`${way} opens the library when it is the first call`, async () => {
    const { stdout, stderr } = await runScript(`
      import * as mx from "./ffi/mod.ts";
      try {
        ${way};
      } catch (error) {
        if (!(error instanceof mx.MLXError)) throw error;
      }
      console.log(mx.libraryInfo().path);`);
    assertEquals(stdout, mx.openLibrary().path, stderr);
  });
}

Deno.test("libraryInfo() tells what was opened, and a second opening changes nothing", () => {
  const info = mx.openLibrary();
  assertEquals(mx.libraryInfo(), info);
  assertEquals(mx.openLibrary({ path: "/nonexistent/libmlxc" }), info);
  assertMatch(info.mlxVersion, /^0\.3[2-9]|^[1-9]/);
  assertMatch(info.generation, /^mlx-c /);
});

/** The places searched in a process with these variables and no others of ours. */
async function places(env: Record<string, string>, argument = ""): Promise<Candidate[]> {
  const { stdout, stderr } = await runScript(
    `
    import { libraryCandidates } from "./ffi/search.ts";
    console.log(JSON.stringify(libraryCandidates(${argument})));`,
    { env: { QWEN3_ASR_CACHE: "", XDG_CACHE_HOME: "", ...env } },
  );
  assertEquals(stderr, "");
  return JSON.parse(stdout);
}

const isMac = Deno.build.os === "darwin";
const FILE = isMac ? "libmlxc.dylib" : "libmlxc.so";

function cacheOf(root: string): Candidate[] {
  const backends = isMac ? ["metal", "cpu"] : ["cuda", "cpu"];
  return backends.map((backend) => ({
    path: join(root, "qwen3-asr", "mlx-c", `current-${backend}`, "lib", FILE),
    origin: "build cache",
  }));
}

const ELSEWHERE: Candidate[] = [
  ...(isMac ? ["/opt/homebrew/lib", "/usr/local/lib"] : []).map((folder) => ({
    path: join(folder, FILE),
    origin: "Homebrew",
  })),
  { path: FILE, origin: "system" },
];

Deno.test("the search goes from the build script's cache over Homebrew to the system", async () => {
  const home = { HOME: "/somebody" };
  const usual = isMac ? "/somebody/Library/Caches" : "/somebody/.cache";
  assertEquals(libraryFileName(), FILE);
  assertEquals(await places(home), [...cacheOf(usual), ...ELSEWHERE]);
  const xdg = isMac ? usual : "/xdg";
  assertEquals(await places({ ...home, XDG_CACHE_HOME: "/xdg" }), [...cacheOf(xdg), ...ELSEWHERE]);
  assertEquals(
    await places({ ...home, XDG_CACHE_HOME: "/xdg", QWEN3_ASR_CACHE: "/mine" }),
    [...cacheOf("/mine"), ...ELSEWHERE],
  );
  assertEquals(await places({ HOME: "" }), ELSEWHERE);
});

Deno.test("a relative QWEN3_ASR_CACHE is meant from the current folder, as the build script means it", async () => {
  const root = resolve(new URL("..", import.meta.url).pathname, "near");
  assertEquals(await places({ QWEN3_ASR_CACHE: "near" }), [...cacheOf(root), ...ELSEWHERE]);
});

Deno.test("an explicit path, then QWEN3_ASR_MLX_C, is the only place when given", async () => {
  const env = { QWEN3_ASR_MLX_C: "/from/variable.so", QWEN3_ASR_CACHE: "/mine" };
  assertEquals(await places(env), [{ path: "/from/variable.so", origin: "QWEN3_ASR_MLX_C" }]);
  assertEquals(await places(env, '"/from/argument.so"'), [{ path: "/from/argument.so", origin: "argument" }]);
});

Deno.test("the search works where no variable may be read", async () => {
  const { stdout, stderr } = await runScript(
    `
    import { libraryCandidates } from "./ffi/search.ts";
    console.log(JSON.stringify(libraryCandidates()));`,
    { permissions: [] },
  );
  assertEquals(JSON.parse(stdout), ELSEWHERE, stderr);
});

Deno.test("the error for no library lists every place with its reason, and the cure", () => {
  const tried = libraryCandidates().map((candidate, i) => ({ ...candidate, reason: `reason ${i}` }));
  const { name, message } = notFound(tried);
  assertEquals(name, "LibraryError");
  assertMatch(message, /^Cannot find mlx-c\. .*scripts\/build_mlx_c\.sh.*QWEN3_ASR_MLX_C.*Tried:\n/);
  for (const { path, origin, reason } of tried) {
    assertStringIncludes(message, `  ${path} (${origin}): ${reason}`);
  }
});

Deno.test("openLibrary() says that QWEN3_ASR_MLX_C points to nothing", async () => {
  const path = "/nonexistent/libmlxc.so";
  const { error } = await openInProcess({ QWEN3_ASR_MLX_C: path });
  assertEquals(error?.name, "LibraryError");
  assertStringIncludes(error!.message, `${path} (QWEN3_ASR_MLX_C): no such file`);
});

Deno.test("openLibrary() says that QWEN3_ASR_MLX_C points to something that is no library", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const text = join(folder, "libmlxc.so");
    await Deno.writeTextFile(text, "This is no library.\n");
    const { error } = await openInProcess({ QWEN3_ASR_MLX_C: text });
    assertEquals(error?.name, "LibraryError");
    assertMatch(error!.message, /Tried:\n {2}.*libmlxc\.so \(QWEN3_ASR_MLX_C\): .*\S/);
    const asFolder = await openInProcess({ QWEN3_ASR_MLX_C: folder });
    assertStringIncludes(asFolder.error!.message, `${folder} (QWEN3_ASR_MLX_C): no such file`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("openLibrary() opens the path it is given before anything else", async () => {
  const { path } = mx.openLibrary();
  const opening = await openInProcess(
    { QWEN3_ASR_MLX_C: "/nonexistent/libmlxc.so" },
    JSON.stringify({ path }),
  );
  assertEquals(opening, { opened: path });
});

Deno.test("openLibrary() passes over a broken library in the build cache and finds the next", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [broken, good] = cacheOf(folder).map(({ path }) => path) as [string, string];
    await Deno.mkdir(dirname(broken), { recursive: true });
    await Deno.writeTextFile(broken, "A library whose driver is missing looks like this to the loader.");
    await Deno.mkdir(dirname(dirname(good)), { recursive: true });
    await Deno.symlink(dirname(await Deno.realPath(mx.openLibrary().path)), dirname(good));
    assertEquals(await openInProcess({ QWEN3_ASR_CACHE: folder }), { opened: good });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
