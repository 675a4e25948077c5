/**
 * What strangers get: the files that `deno publish` sends, and how they run where nothing else of the project is.
 *
 * @module
 */
import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { libraryCandidates } from "../ffi/search.ts";
import { LIMIT_BYTES } from "../scripts/pack.ts";
import { Folder, recording, reference, ROOT } from "./support/cli_process.ts";
import { Registry, Stranger } from "./support/package_registry.ts";

const NAME = "jsr:@qwen3/asr";

async function libraryPath(): Promise<string> {
  for (const { path } of libraryCandidates()) {
    const isFile = await Deno.stat(path).then((info) => info.isFile, () => false);
    if (isFile) return await Deno.realPath(path);
  }
  throw new Error("no mlx-c here: bash scripts/build_mlx_c.sh");
}

const registry = await Registry.start();
Deno.test.afterAll(() => registry[Symbol.asyncDispose]());

Deno.test("the package has the demo and the code, and nothing of the workshop", () => {
  const { files } = registry.packed;
  const data = [...files.keys()].filter((path) => !path.endsWith(".ts"));
  assertEquals(data, [
    "LICENSE",
    "README.md",
    "demo/README.md",
    "demo/aligner/chat_template.json",
    "demo/aligner/config.json",
    "demo/aligner/generation_config.json",
    "demo/aligner/merges.txt",
    "demo/aligner/model.safetensors",
    "demo/aligner/preprocessor_config.json",
    "demo/aligner/tokenizer_config.json",
    "demo/aligner/vocab.json",
    "demo/model/chat_template.json",
    "demo/model/config.json",
    "demo/model/generation_config.json",
    "demo/model/merges.txt",
    "demo/model/model.safetensors",
    "demo/model/preprocessor_config.json",
    "demo/model/tokenizer_config.json",
    "demo/model/vocab.json",
    "demo/recordings/dev-00-en.wav",
    "demo/recordings/dev-01-en.wav",
    "demo/recordings/dev-02-de.wav",
    "demo/recordings/dev-03-en.wav",
    "demo/recordings/dev-04-en.wav",
    "demo/recordings/dev-05-de.wav",
    "demo/refs.tsv",
    "deno.json",
    "lib/vad/weights/LICENSE",
    "lib/vad/weights/silero_vad_16k.safetensors",
    "scripts/build_mlx_c.sh",
    "scripts/cpu_kernels.sh",
    "scripts/lib.sh",
    "scripts/mlx-c-source.tar.gz",
    "scripts/own_functions.sh",
    "scripts/own_passes.sh",
    "scripts/pass_kernels.sh",
    "scripts/processors.sh",
  ]);
  const code = [...files.keys()].filter((path) =>
    path.endsWith(".ts") && !/^(mod\.ts$|ffi\/|lib\/)/.test(path)
  );
  assertEquals(code, []);
  const bytes = [...files.values()].reduce((sum, size) => sum + size, 0);
  assertLess(bytes, LIMIT_BYTES);
  assertLess(registry.packed.archiveBytes, bytes);
});

Deno.test("packed files import jsr: and npm: with versions, never a stand-in or a bare name", async () => {
  const seen = new Set<string>();
  for (const path of registry.packed.files.keys()) {
    if (!path.endsWith(".ts")) continue;
    const text = (await Deno.readTextFile(join(registry.directory, path))).replace(/\/\*[^]*?\*\//g, "");
    for (const match of text.matchAll(/(?:\bfrom\s+|\bimport\s*\(?\s*)"([^"]+)"/g)) seen.add(match[1]!);
  }
  const outside = [...seen].filter((specifier) => !/^(\.{1,2}\/|node:)/.test(specifier)).sort();
  const packages = new Set(
    outside.map((specifier) =>
      specifier.replace(/^npm:\//, "npm:").replace(/@\^?\d+\.\d+\.\d+(\/.*)?$/, "@VERSION")
    ),
  );
  // docs/permissions.md tells how many are fetched: one of JSR, which brings another, and one of npm. Of the fleet's
  // clients only types are imported.
  assertEquals([...packages].sort(), [
    "jsr:@std/path@VERSION",
    "npm:@huggingface/tokenizers@VERSION",
    "npm:@nats-io/jetstream@VERSION",
    "npm:@nats-io/kv@VERSION",
    "npm:@nats-io/obj@VERSION",
    "npm:@nats-io/transport-node@VERSION",
  ]);
  assertEquals([...seen].filter((specifier) => /\.\.\/std\//.test(specifier)), []);
});

Deno.test("in a checkout with an empty cache the program asks npm for the packages that it runs", async () => {
  const asked: string[] = [];
  await using npm = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ url }) => {
    asked.push(decodeURIComponent(new URL(url).pathname).replace(/\/-\/.*/, ""));
    return new Response(null, { status: 404 });
  });
  await using cache = await Folder.make();
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "mod.ts", "--version"],
    cwd: ROOT,
    env: { DENO_DIR: cache.path, NPM_CONFIG_REGISTRY: `http://127.0.0.1:${npm.addr.port}/` },
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  assertEquals([...new Set(asked)], ["/@huggingface/tokenizers"]);
});

Deno.test("deno run jsr:@qwen3/asr demo.wav prints the text in an empty folder with empty caches", async () => {
  await using stranger = await Stranger.arrive(registry.url, await libraryPath());
  await Deno.copyFile(recording("dev-00-en.wav"), stranger.at("demo.wav"));
  const said = await stranger.deno("run", "-A", NAME, "demo.wav", "--model", "demo");
  assertEquals([said.stdout.trim(), said.code], [await reference("dev-00-en.wav"), 0], said.stderr);
  const model = "/@qwen3/asr/0.1.0/demo/model/model.safetensors";
  assertEquals(registry.requests.filter((path) => path === model).length, 1);

  const again = await stranger.deno("run", "-A", "--cached-only", NAME, "demo.wav", "--model", "demo");
  assertEquals([again.stdout, again.code], [said.stdout, 0], again.stderr);
  assertEquals(registry.requests.filter((path) => path === model).length, 1);
});

Deno.test("a program of five lines type-checks and runs in an empty folder", async () => {
  await using stranger = await Stranger.arrive(registry.url, await libraryPath());
  await Deno.copyFile(recording("dev-02-de.wav"), stranger.at("demo.wav"));
  await Deno.writeTextFile(
    stranger.at("five.ts"),
    `import { Qwen3ASR } from "${NAME}";

await using asr = await Qwen3ASR.load("demo");
const { text, language } = await asr.transcribe("demo.wav");
console.log(language, text);
`,
  );
  const said = await stranger.deno("run", "-A", "--check", "five.ts");
  assertEquals(
    [said.stdout.trim(), said.code],
    [`German ${await reference("dev-02-de.wav")}`, 0],
    said.stderr,
  );
});

Deno.test("every entry point of the package loads without permissions", async () => {
  await using stranger = await Stranger.arrive(registry.url, await libraryPath());
  const { exports } = JSON.parse(await Deno.readTextFile(join(registry.directory, "deno.json")));
  const names = Object.keys(exports).map((path) => NAME + path.slice(1));
  const lines = names.map((name, i) =>
    `import * as m${i} from "${name}";\nconsole.log(Object.keys(m${i}).length);`
  );
  await Deno.writeTextFile(stranger.at("all.ts"), lines.join("\n"));
  const { code, stdout, stderr } = await stranger.deno("run", "--no-prompt", "all.ts");
  assertEquals(code, 0, stderr);
  assertMatch(stdout, new RegExp(`^([1-9]\\d*\\n){${names.length}}$`));
});
