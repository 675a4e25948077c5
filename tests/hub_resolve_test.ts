import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { basename, fromFileUrl, join, toFileUrl } from "@std/path";
import { ModelError, OptionError } from "../lib/errors.ts";
import {
  alignerNameFor,
  findModel,
  resolveAligner,
  type ResolvedModel,
  resolveModel,
  type ResolveOptions,
} from "../lib/hub/mod.ts";
import { fixtures } from "./support/fixtures.ts";

const DEMO = fromFileUrl(new URL("../demo/model", import.meta.url));
const COMMIT = "a".repeat(40);

/** A home folder of its own, with models where they are put. */
class Home implements AsyncDisposable {
  readonly path: string;
  variables: Record<string, string>;

  private constructor(path: string) {
    this.path = path;
    this.variables = { HOME: path };
  }

  static async make(): Promise<Home> {
    return new Home(await Deno.realPath(await Deno.makeTempDir()));
  }

  get options(): ResolveOptions {
    return { environment: (name) => this.variables[name] };
  }

  resolve(name?: string | URL): Promise<ResolvedModel> {
    return resolveModel(name, this.options);
  }

  /** A model that works, somewhere below. */
  async put(...parts: string[]): Promise<string> {
    const folder = join(this.path, ...parts);
    const model = join(await fixtures(), "models", "tiny-mlx-8bit");
    await Deno.mkdir(folder, { recursive: true });
    for await (const { name } of Deno.readDir(model)) {
      await Deno.symlink(join(model, name), join(folder, name));
    }
    return folder;
  }

  /** The same in the cache, under a repository's name. */
  async putCached(repository: string, commit = COMMIT): Promise<string> {
    const folder = join(".cache", "huggingface", "hub", `models--${repository.replace("/", "--")}`);
    const snapshot = await this.put(folder, "snapshots", commit);
    await Deno.mkdir(join(this.path, folder, "refs"), { recursive: true });
    await Deno.writeTextFile(join(this.path, folder, "refs", "main"), commit);
    return snapshot;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

Deno.test("resolveModel() prefers argument, environment, default folder, cache, in this order", async () => {
  await using home = await Home.make();
  await home.putCached("mlx-community/Qwen3-ASR-1.7B-bf16");
  assertEquals((await home.resolve()).name, "mlx-community/Qwen3-ASR-1.7B-bf16");
  await home.putCached("Qwen/Qwen3-ASR-0.6B");
  assertEquals((await home.resolve()).name, "Qwen/Qwen3-ASR-0.6B");
  await home.putCached("mlx-community/Qwen3-ASR-0.6B-8bit");
  assertEquals((await home.resolve()).name, "mlx-community/Qwen3-ASR-0.6B-8bit");
  const cached = await home.putCached("mlx-community/Qwen3-ASR-1.7B-8bit");
  const name = "mlx-community/Qwen3-ASR-1.7B-8bit";
  assertEquals(await home.resolve(), { directory: cached, name, source: "cache" });
  const usual = await home.put(".OminiX", "models", "qwen3-asr-1.7b");
  assertEquals(await home.resolve(), { directory: usual, name: "qwen3-asr-1.7b", source: "default folder" });
  const named = await home.put("from-environment");
  home.variables.QWEN3_ASR_MODEL_PATH = "~/from-environment";
  assertEquals(await home.resolve(), { directory: named, name: "from-environment", source: "environment" });
  const given = await home.put("given");
  assertEquals(await home.resolve(given), { directory: given, name: "given", source: "argument" });
  assertEquals(await home.resolve(toFileUrl(given)), { directory: given, name: "given", source: "argument" });
  assertEquals((await home.resolve("1.7b")).directory, cached);
});

Deno.test("resolveModel() finds the demo model beside the package, or where it is told", async () => {
  await using home = await Home.make();
  assertEquals(await home.resolve("demo"), { directory: DEMO, name: "demo", source: "demo" });
  const other = await home.put("elsewhere");
  const options = { ...home.options, demoDirectory: other };
  assertEquals(await resolveModel("demo", options), { directory: other, name: "demo", source: "demo" });
});

Deno.test("resolveAligner() has the demo's own, and for others what the cache has, the 8-bit conversion first", async () => {
  await using home = await Home.make();
  const own = fromFileUrl(new URL("../demo/aligner", import.meta.url));
  assertEquals(await resolveAligner(alignerNameFor("demo"), home.options), {
    directory: own,
    name: "demo",
    source: "demo",
  });
  const name = alignerNameFor("mlx-community/Qwen3-ASR-0.6B-8bit");
  await assertRejects(() => resolveAligner(name, home.options), ModelError, "models download aligner");
  const original = await home.putCached("Qwen/Qwen3-ForcedAligner-0.6B");
  assertEquals((await resolveAligner(name, home.options)).directory, original);
  const packed = await home.putCached("mlx-community/Qwen3-ForcedAligner-0.6B-8bit");
  assertEquals((await resolveAligner(name, home.options)).directory, packed);
  assertEquals((await resolveAligner(own, home.options)).name, "aligner");
});

Deno.test("resolveModel() follows HF_HUB_CACHE, HF_HOME and XDG_CACHE_HOME", async () => {
  await using home = await Home.make();
  const repository = "mlx-community/Qwen3-ASR-0.6B-8bit";
  await home.putCached(repository);
  const moved = join(home.path, "elsewhere");
  await Deno.mkdir(join(moved, "huggingface"), { recursive: true });
  await Deno.rename(join(home.path, ".cache", "huggingface", "hub"), join(moved, "huggingface", "hub"));
  await assertRejects(() => home.resolve("0.6b"), ModelError);
  const variables: Record<string, string>[] = [
    { XDG_CACHE_HOME: moved },
    { HF_HOME: join(moved, "huggingface"), XDG_CACHE_HOME: "/nonexistent" },
    { HF_HOME: "~/elsewhere/huggingface" },
    { HF_HUB_CACHE: join(moved, "huggingface", "hub"), HF_HOME: "/nonexistent" },
  ];
  for (const extra of variables) {
    home.variables = { HOME: home.path, ...extra };
    assertEquals((await home.resolve("0.6b")).name, repository);
  }
});

Deno.test("resolveModel() lists every place and the cures when there is no model", async () => {
  await using home = await Home.make();
  const { message } = await assertRejects(() => home.resolve(), ModelError);
  for (
    const part of [
      "QWEN3_ASR_MODEL_PATH: not set",
      join(home.path, ".OminiX", "models", "qwen3-asr-1.7b") + ": not there",
      "mlx-community/Qwen3-ASR-1.7B-8bit",
      join(home.path, ".cache", "huggingface", "hub"),
      "models download 0.6b",
      "--model demo",
    ]
  ) assertStringIncludes(message, part);
});

Deno.test("resolveModel() says how to download a named model that is not there", async () => {
  await using home = await Home.make();
  const { message } = await assertRejects(() => home.resolve("1.7b-4bit"), ModelError);
  assertStringIncludes(message, "Model 1.7b-4bit is not on this machine");
  assertStringIncludes(message, "models download 1.7b-4bit`");
  assertStringIncludes(message, join(home.path, ".cache", "huggingface", "hub"));
  assertEquals((await findModel("1.7b-4bit", home.options)).wanted, {
    kind: "hub",
    repository: "mlx-community/Qwen3-ASR-1.7B-4bit",
  });
  await assertRejects(
    () => home.resolve("someone/model@v2"),
    ModelError,
    "models download someone/model@v2`",
  );
  await assertRejects(() => home.resolve("1.8b"), OptionError, 'did you mean "1.7b"');
});

Deno.test("resolveModel() names what a folder lacks", async () => {
  await using home = await Home.make();
  const folder = await home.put("broken");
  await Deno.remove(join(folder, "config.json"));
  await assertRejects(() => home.resolve(folder), ModelError, `${folder}: config.json is missing`);
  await Deno.writeTextFile(join(folder, "config.json"), "{");
  await assertRejects(() => home.resolve(folder), ModelError, "config.json is no JSON");
  await Deno.remove(join(folder, "merges.txt"));
  await assertRejects(() => home.resolve(folder), ModelError, "merges.txt is missing");
  await Deno.remove(join(folder, "model.safetensors"));
  await assertRejects(() => home.resolve(folder), ModelError, "no .safetensors file");
  await assertRejects(() => home.resolve(join(home.path, "nowhere")), ModelError, "not there");
  await Deno.writeTextFile(join(home.path, "file"), "");
  await assertRejects(() => home.resolve(join(home.path, "file")), ModelError, "a file, not a folder");
});

Deno.test("resolveModel() passes over ._ files and byte order marks, and names Git LFS pointers", async () => {
  await using home = await Home.make();
  const folder = await home.put("copied");
  await Deno.writeFile(join(folder, "._model.safetensors"), new Uint8Array(4096));
  await Deno.writeTextFile(join(folder, "._config.json"), "Mac");
  const config = await Deno.readTextFile(join(folder, "config.json"));
  await Deno.remove(join(folder, "config.json"));
  await Deno.writeTextFile(join(folder, "config.json"), `\ufeff${config}`);
  assertEquals((await home.resolve(folder)).directory, folder);
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 12345\n`;
  for (const name of ["model.safetensors", "vocab.json", "config.json"]) {
    const broken = await home.put(`pointer-${name}`);
    await Deno.remove(join(broken, name));
    await Deno.writeTextFile(join(broken, name), pointer);
    await assertRejects(
      () => home.resolve(broken),
      ModelError,
      `${name} is a Git LFS pointer, not the file itself (run \`git lfs pull\` in the folder)`,
    );
  }
});

Deno.test("resolveModel() notices truncated weights and missing shards", async () => {
  await using home = await Home.make();
  const folder = await home.put("broken");
  const weights = join(folder, "model.safetensors");
  const bytes = await Deno.readFile(weights);
  await Deno.remove(weights);
  await Deno.writeFile(weights, bytes.subarray(0, bytes.length - 1));
  const problem = `model.safetensors ends at byte ${bytes.length - 1} of ${bytes.length}`;
  await assertRejects(() => home.resolve(folder), ModelError, problem);
  await Deno.writeFile(weights, bytes.subarray(0, 100));
  await assertRejects(() => home.resolve(folder), ModelError, "ends at byte 100, inside its header");
  await Deno.writeTextFile(weights, "<html>404 not found</html>");
  await assertRejects(() => home.resolve(folder), ModelError, "is no safetensors file");
  await Deno.writeFile(weights, bytes);
  await Deno.writeTextFile(
    join(folder, "model.safetensors.index.json"),
    JSON.stringify({ weight_map: { a: "model.safetensors", b: "model-2.safetensors" } }),
  );
  await assertRejects(() => home.resolve(folder), ModelError, "model-2.safetensors is missing");
});

Deno.test("resolveModel() does not pass over a model that the environment names", async () => {
  await using home = await Home.make();
  await home.putCached("mlx-community/Qwen3-ASR-1.7B-8bit");
  home.variables.QWEN3_ASR_MODEL_PATH = join(home.path, "nowhere");
  await assertRejects(() => home.resolve(), ModelError, "QWEN3_ASR_MODEL_PATH");
  home.variables.QWEN3_ASR_MODEL_PATH = "1.7b";
  assertEquals((await home.resolve()).source, "cache");
});

Deno.test("resolveModel() passes over what is incomplete in the cache", async () => {
  await using home = await Home.make();
  const half = await home.putCached("mlx-community/Qwen3-ASR-1.7B-8bit");
  await Deno.remove(join(half, "vocab.json"));
  await home.putCached("mlx-community/Qwen3-ASR-0.6B-8bit");
  assertEquals((await home.resolve()).name, "mlx-community/Qwen3-ASR-0.6B-8bit");
  await assertRejects(() => home.resolve("1.7b"), ModelError, "vocab.json is missing");
  // An older commit that is whole is better than none.
  const older = await home.putCached("mlx-community/Qwen3-ASR-1.7B-8bit", "b".repeat(40));
  await Deno.writeTextFile(join(older, "..", "..", "refs", "main"), COMMIT);
  assertEquals(basename((await home.resolve("1.7b")).directory), "b".repeat(40));
  await assertRejects(() => home.resolve(`1.7b@${COMMIT}`), ModelError, "vocab.json is missing");
});

Deno.test("resolveModel() needs no permission to be imported, and only reading to work", async () => {
  const script = `
    const hub = await import(${JSON.stringify(import.meta.resolve("../lib/hub/mod.ts"))});
    console.log(hub.hubCacheDirectory(), (await hub.resolveModel("demo")).name);
    console.log(await hub.resolveModel(undefined).catch((error) => error.name));`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, script);
  const config = fromFileUrl(import.meta.resolve("../deno.json"));
  const args = ["run", "--no-prompt", "--no-check", "--config", config, `--allow-read=${DEMO}`, file];
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: Deno.cwd() }).output();
  await Deno.remove(file);
  assertEquals(new TextDecoder().decode(stderr), "");
  assertEquals(new TextDecoder().decode(stdout), "undefined demo\nModelError\n");
});
