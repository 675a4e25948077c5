import { assert, assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { ModelError } from "../lib/errors.ts";
import { findCachedModel } from "../lib/hub/cache.ts";
import {
  downloadModel,
  hubCacheDirectory,
  listCachedModels,
  removeCachedModel,
  verifyModelDirectory,
} from "../lib/hub/mod.ts";
import { digestFile } from "../lib/hub/digest.ts";
import { freeDiskBytes } from "../lib/hub/disk_space.ts";
import { hubEndpoint, hubToken, isOffline } from "../lib/hub/environment.ts";
import { withLock } from "../lib/hub/lock.ts";
import { parseRetryAfter } from "../lib/hub/retry.ts";
import { fixtures } from "./support/fixtures.ts";
import { FakeHub, modelFiles } from "./support/hub_server.ts";

/** A cache with one downloaded model. */
class Cache implements AsyncDisposable {
  readonly directory: string;
  readonly hub: FakeHub;

  private constructor(directory: string, hub: FakeHub) {
    this.directory = directory;
    this.hub = hub;
  }

  static async make(): Promise<Cache> {
    const cache = new Cache(await Deno.realPath(await Deno.makeTempDir()), await FakeHub.start());
    await cache.download();
    return cache;
  }

  async download(): Promise<string> {
    const { directory } = await downloadModel(this.hub.repository, {
      endpoint: this.hub.endpoint,
      environment: () => undefined,
      ...this.options,
    });
    return directory;
  }

  get options(): { cacheDirectory: string } {
    return { cacheDirectory: this.directory };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
    await Deno.remove(this.directory, { recursive: true });
  }
}

Deno.test("digestFile() gives the hashes that sha256sum and git give", async () => {
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, "hello\n");
  assertEquals(await digestFile(file, "git-sha1"), "ce013625030ba8dba906f756967f9e9ca394464a");
  assertEquals(
    await digestFile(file, "sha256"),
    "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
  );
  await Deno.writeTextFile(file, "");
  assertEquals(await digestFile(file, "git-sha1"), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  await Deno.remove(file);
});

Deno.test("parseRetryAfter() reads seconds and dates", () => {
  assertEquals(parseRetryAfter("120"), 120);
  assertEquals(parseRetryAfter("Wed, 21 Oct 2015 07:28:00 GMT", Date.UTC(2015, 9, 21, 7, 27, 30)), 30);
  assertEquals(parseRetryAfter("Wed, 21 Oct 2015 07:28:00 GMT", Date.UTC(2016, 0)), 0);
  assertEquals([parseRetryAfter(null), parseRetryAfter(""), parseRetryAfter("soon")], [
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("freeDiskBytes() agrees with df", async () => {
  const free = await freeDiskBytes(".");
  const { stdout } = await new Deno.Command("df", { args: ["-Pk", "."] }).output();
  const df = Number(new TextDecoder().decode(stdout).split("\n")[1]!.split(/\s+/)[3]) * 1024;
  assert(free !== undefined && Math.abs(free - df) < 1e9, `${free} and ${df}`);
});

Deno.test("the environment is read as Python's huggingface_hub reads it", async () => {
  const from = (variables: Record<string, string>) => (name: string) => variables[name];
  assertEquals(hubCacheDirectory(from({ HOME: "/u" })), "/u/.cache/huggingface/hub");
  assertEquals(hubCacheDirectory(from({ HOME: "/u", XDG_CACHE_HOME: "/x" })), "/x/huggingface/hub");
  assertEquals(hubCacheDirectory(from({ HOME: "/u", XDG_CACHE_HOME: "/x", HF_HOME: "/h" })), "/h/hub");
  assertEquals(hubCacheDirectory(from({ HF_HOME: "/h", HUGGINGFACE_HUB_CACHE: "/old" })), "/old");
  assertEquals(hubCacheDirectory(from({ HF_HUB_CACHE: "/new", HUGGINGFACE_HUB_CACHE: "/old" })), "/new");
  assertEquals(hubCacheDirectory(from({})), undefined);
  assertEquals(
    hubEndpoint(undefined, from({ HF_ENDPOINT: "https://mirror.example/" })),
    "https://mirror.example",
  );
  assertEquals(
    ["1", "ON", "yes", "True", "0", ""].map((word) => isOffline(undefined, from({ HF_HUB_OFFLINE: word }))),
    [
      true,
      true,
      true,
      true,
      false,
      false,
    ],
  );
  assertEquals(isOffline(false, from({ HF_HUB_OFFLINE: "1" })), false);
  const home = await Deno.makeTempDir();
  await Deno.writeTextFile(join(home, "token"), "hf_saved\n");
  assertEquals(await hubToken(undefined, from({ HF_HOME: home })), "hf_saved");
  assertEquals(await hubToken(undefined, from({ HF_HOME: home, HF_TOKEN: "hf_set" })), "hf_set");
  assertEquals(await hubToken("hf_given", from({ HF_TOKEN: "hf_set" })), "hf_given");
  await Deno.remove(home, { recursive: true });
});

Deno.test("listCachedModels() tells sizes, commits, branches, and what is unfinished", async () => {
  await using cache = await Cache.make();
  const needed = ["config.json", "merges.txt", "model.safetensors", "tokenizer_config.json", "vocab.json"];
  const sizeBytes = needed.reduce((sum, name) => sum + cache.hub.sizeBytes(name), 0);
  const [model, ...rest] = await listCachedModels(cache.options);
  assertEquals(rest, []);
  assertEquals([model?.repository, model?.sizeBytes, model?.incompleteBytes], [
    cache.hub.repository,
    sizeBytes,
    0,
  ]);
  const { commit, refs, isComplete, modelType, sizeBytes: snapshotBytes } = model!.snapshots[0]!;
  assertEquals(
    { commit, refs, isComplete, modelType, snapshotBytes },
    {
      commit: cache.hub.commit,
      refs: ["main"],
      isComplete: true,
      modelType: "qwen3_asr",
      snapshotBytes: sizeBytes,
    },
  );
  await Deno.writeFile(join(model!.directory, "blobs", "x.incomplete"), new Uint8Array(1000));
  await Deno.remove(join(model!.directory, "blobs", cache.hub.etag("merges.txt")));
  const [broken] = await listCachedModels(cache.options);
  assertEquals([broken?.incompleteBytes, broken?.snapshots[0]?.isComplete], [1000, false]);
  assertEquals(broken?.snapshots[0]?.problems, ["merges.txt is missing"]);
});

Deno.test("listCachedModels() leaves out models of other kinds unless asked, and reads no cache that is not there", async () => {
  await using cache = await Cache.make();
  const other = join(cache.directory, "models--bert", "snapshots", "c".repeat(40));
  await Deno.mkdir(other, { recursive: true });
  await Deno.writeTextFile(join(other, "config.json"), '{"model_type":"bert"}');
  await Deno.mkdir(join(cache.directory, "datasets--some--data"));
  const repositories = async (everyKind: boolean) =>
    (await listCachedModels({ ...cache.options, everyKind })).map((model) => model.repository);
  assertEquals(await repositories(false), [cache.hub.repository]);
  assertEquals(await repositories(true), ["bert", cache.hub.repository]);
  assertEquals(await listCachedModels({ cacheDirectory: join(cache.directory, "none") }), []);
});

Deno.test("findCachedModel() looks up branches, commits and nothing else", async () => {
  await using cache = await Cache.make();
  const { repository, commit } = cache.hub;
  assertEquals((await findCachedModel(repository, undefined, cache.options))?.commit, commit);
  assertEquals((await findCachedModel(repository, "main", cache.options))?.commit, commit);
  assertEquals((await findCachedModel(repository, commit, cache.options))?.isComplete, true);
  assertEquals(await findCachedModel(repository, "v2", cache.options), undefined);
  assertEquals(await findCachedModel(repository, "d".repeat(40), cache.options), undefined);
  assertEquals(await findCachedModel("no/body", undefined, cache.options), undefined);
});

Deno.test("removeCachedModel() deletes a model and nothing beside it", async () => {
  await using cache = await Cache.make();
  await Deno.mkdir(join(cache.directory, "models--other--model"));
  const [model] = await listCachedModels(cache.options);
  const lock = join(
    cache.directory,
    ".locks",
    "models--tester--tiny-asr",
    `${cache.hub.etag("vocab.json")}.lock`,
  );
  await withLock(lock, async () => {
    await assertRejects(
      () => removeCachedModel(cache.hub.repository, cache.options),
      ModelError,
      "another process is downloading it",
    );
  });
  assertEquals(await removeCachedModel(cache.hub.repository, cache.options), {
    freedBytes: model!.sizeBytes,
  });
  const left = (await Array.fromAsync(Deno.readDir(cache.directory), (entry) => entry.name)).sort();
  assertEquals(left, [".locks", "models--other--model"]);
  await assertRejects(
    () => removeCachedModel(cache.hub.repository, cache.options),
    ModelError,
    "not in the cache",
  );
  assertEquals((await cache.download()).endsWith(cache.hub.commit), true);
});

Deno.test("verifyModelDirectory() names the file in which one bit is wrong", async () => {
  await using cache = await Cache.make();
  const directory = await cache.download();
  const intact = await verifyModelDirectory(directory);
  assertEquals([intact.isIntact, intact.files.map((file) => file.status)], [true, Array(5).fill("ok")]);
  assertEquals(intact.files.map(({ checkedBy }) => checkedBy), [
    "git-sha1",
    "git-sha1",
    "sha256",
    "git-sha1",
    "git-sha1",
  ]);
  const weights = join(directory, "model.safetensors");
  const bytes = await Deno.readFile(weights);
  bytes[200_000]! ^= 1;
  await Deno.writeFile(weights, bytes);
  let last = 0;
  const report = await verifyModelDirectory(directory, { onProgress: ({ doneBytes }) => last = doneBytes });
  assertEquals(report.isIntact, false);
  assertEquals(report.files.filter(({ status }) => status === "damaged").map(({ name }) => name), [
    "model.safetensors",
  ]);
  assertEquals(last, report.files.reduce((sum, file) => sum + file.sizeBytes, 0));
});

Deno.test("downloadModel() with permissions for one folder makes hard links, which count and verify the same", async () => {
  await using hub = await FakeHub.start();
  const cacheDirectory = await Deno.realPath(await Deno.makeTempDir());
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(
    script,
    `const { downloadModel } = await import(${JSON.stringify(import.meta.resolve("../lib/hub/mod.ts"))});
    const options = { endpoint: ${JSON.stringify(hub.endpoint)} };
    await downloadModel(${JSON.stringify(hub.repository)}, options);
    console.log((await downloadModel(${JSON.stringify(hub.repository)}, options)).directory);`,
  );
  const permissions = ["--allow-net=127.0.0.1", "--allow-env=HF_HUB_CACHE"].concat(
    ["read", "write"].map((name) => `--allow-${name}=${cacheDirectory}`),
  );
  const config = fromFileUrl(import.meta.resolve("../deno.json"));
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "--config", config, ...permissions, script],
    env: { HF_HUB_CACHE: cacheDirectory },
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  const directory = new TextDecoder().decode(stdout).trim();
  const names = (await Array.fromAsync(Deno.readDir(directory), (entry) => entry.name)).sort();
  const needed = ["config.json", "merges.txt", "model.safetensors", "tokenizer_config.json", "vocab.json"];
  assertEquals(names, needed);
  assertEquals((await Deno.lstat(join(directory, "config.json"))).isSymlink, false);
  const [model] = await listCachedModels({ cacheDirectory });
  assertEquals(model?.sizeBytes, needed.reduce((sum, name) => sum + hub.sizeBytes(name), 0));
  const report = await verifyModelDirectory(directory);
  assertEquals(report.files.map(({ status }) => status), Array(5).fill("ok"));
  const weights = join(directory, "model.safetensors");
  const bytes = await Deno.readFile(weights);
  bytes[1000]! ^= 1;
  await Deno.writeFile(weights, bytes);
  assertEquals((await verifyModelDirectory(directory)).isIntact, false);
  await Deno.remove(script);
  await Deno.remove(cacheDirectory, { recursive: true });
});

Deno.test("verifyModelDirectory() checks the form of files that no hash is known of", async () => {
  const folder = await Deno.makeTempDir();
  const model = join(await fixtures(), "models", "tiny-mlx-8bit");
  for await (const { name } of Deno.readDir(model)) {
    await Deno.copyFile(join(model, name), join(folder, name));
  }
  const good = await verifyModelDirectory(folder);
  assertEquals([good.isIntact, new Set(good.files.map(({ status }) => status))], [
    true,
    new Set(["readable"]),
  ]);
  await Deno.truncate(join(folder, "model.safetensors"), 5000);
  await Deno.writeTextFile(join(folder, "config.json"), "{");
  const bad = await verifyModelDirectory(folder);
  assertEquals(bad.files.filter(({ status }) => status === "damaged").map(({ name }) => name), [
    "config.json",
    "model.safetensors",
  ]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("verifyModelDirectory() holds a known commit to its known hashes", async () => {
  // The files are consistent in themselves, but they are not those of this commit.
  await using hub = await FakeHub.start(modelFiles());
  const cacheDirectory = await Deno.makeTempDir();
  const commit = "89e96d92ba34aca20b3e29fb10cc284097d1219f";
  await hub.publish(modelFiles(), commit);
  const { directory } = await downloadModel(hub.repository, {
    endpoint: hub.endpoint,
    cacheDirectory,
    environment: () => undefined,
  });
  assertEquals((await verifyModelDirectory(directory)).isIntact, true);
  const renamed = join(cacheDirectory, "models--mlx-community--Qwen3-ASR-0.6B-8bit");
  await Deno.rename(join(cacheDirectory, "models--tester--tiny-asr"), renamed);
  const report = await verifyModelDirectory(join(renamed, "snapshots", commit));
  assertEquals(report.files.filter(({ status }) => status === "damaged").map(({ name }) => name), [
    "merges.txt",
    "model.safetensors",
    "tokenizer_config.json",
    "vocab.json",
  ]);
  await Deno.remove(cacheDirectory, { recursive: true });
});
