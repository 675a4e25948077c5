import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { DownloadError, OptionError } from "../lib/errors.ts";
import { downloadModel, type DownloadOptions, type DownloadProgress } from "../lib/hub/mod.ts";
import { PartialFile } from "../lib/hub/partial_file.ts";
import { FakeHub, modelFiles } from "./support/hub_server.ts";

const NEEDED = ["config.json", "merges.txt", "model.safetensors", "tokenizer_config.json", "vocab.json"];

/** A hub, an empty cache, and a download between them. */
class Bench implements AsyncDisposable {
  readonly hub: FakeHub;
  readonly cache: string;
  readonly #folder: string;

  private constructor(hub: FakeHub, folder: string) {
    this.hub = hub;
    this.#folder = folder;
    this.cache = join(folder, "hub");
  }

  static async start(files?: Record<string, Uint8Array<ArrayBuffer>>): Promise<Bench> {
    return new Bench(await FakeHub.start(files), await Deno.makeTempDir());
  }

  download(options: DownloadOptions = {}): ReturnType<typeof downloadModel> {
    return downloadModel(this.hub.repository, {
      endpoint: this.hub.endpoint,
      cacheDirectory: this.cache,
      environment: () => undefined,
      retryDelaySeconds: 0.001,
      ...options,
    });
  }

  path(...parts: string[]): string {
    return join(this.cache, "models--tester--tiny-asr", ...parts);
  }

  blob(name: string): string {
    return this.path("blobs", this.hub.etag(name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

async function names(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), (entry) => entry.name)).sort();
}

Deno.test("downloadModel() fills a Hugging Face cache with the files a model needs", async () => {
  const files = modelFiles();
  await using bench = await Bench.start(files);
  const { directory, name, source } = await bench.download();
  assertEquals([name, source], [bench.hub.repository, "cache"]);
  assertEquals(directory, bench.path("snapshots", bench.hub.commit));
  assertEquals(await names(directory), NEEDED);
  assertEquals(await names(bench.path("blobs")), NEEDED.map((file) => bench.hub.etag(file)).sort());
  for (const file of NEEDED) {
    assertEquals(await Deno.readLink(join(directory, file)), `../../blobs/${bench.hub.etag(file)}`);
    assertEquals(await Deno.readFile(join(directory, file)), files[file]!);
  }
  assertEquals(await Deno.readTextFile(bench.path("refs", "main")), bench.hub.commit);
});

Deno.test("downloadModel() asks for no contents again when all is there", async () => {
  await using bench = await Bench.start();
  const first = await bench.download();
  const asked = bench.hub.contentRequests.length;
  assertEquals(await bench.download(), first);
  assertEquals(bench.hub.contentRequests.length, asked);
});

Deno.test("downloadModel() fetches only changed files when the model has a new commit", async () => {
  await using bench = await Bench.start();
  await bench.download();
  const served = bench.hub.bytesServed;
  await bench.hub.publish(
    { ...modelFiles(), "config.json": new TextEncoder().encode('{"new":1}') },
    "2".repeat(40),
  );
  const { directory } = await bench.download();
  assertEquals(bench.hub.bytesServed - served, 9);
  assertEquals(await Deno.readTextFile(join(directory, "config.json")), '{"new":1}');
  assertEquals(await Deno.readTextFile(bench.path("refs", "main")), "2".repeat(40));
  assertEquals((await names(bench.path("snapshots"))).length, 2);
});

Deno.test("downloadModel() goes on where cut connections stopped, and fetches no byte twice", async () => {
  const files = modelFiles();
  await using bench = await Bench.start(files);
  bench.hub.cutAfter = { "model.safetensors": 70_000 };
  // More cuts than tries: each time there was progress, so it goes on.
  const { directory } = await bench.download({ retries: 1 });
  assertEquals(await Deno.readFile(join(directory, "model.safetensors")), files["model.safetensors"]!);
  const asked = bench.hub.contentRequests.filter((request) => request.startsWith("model.safetensors bytes="));
  assert(asked.length >= 4, asked.join());
  const needed = NEEDED.reduce((sum, name) => sum + bench.hub.sizeBytes(name), 0);
  assertEquals(bench.hub.bytesServed, needed);
});

Deno.test("downloadModel() fetches only the rest when an aborted download is started again", async () => {
  await using bench = await Bench.start();
  const abort = new AbortController();
  const stop = new Error("enough");
  await assertRejects(
    () =>
      bench.download({
        signal: abort.signal,
        parallel: 1,
        onProgress: ({ doneBytes }) => doneBytes > 100_000 && abort.abort(stop),
      }),
    Error,
    "enough",
  );
  const kept = (await Deno.stat(`${bench.blob("model.safetensors")}.incomplete`)).size;
  assert(kept > 100_000 && kept < bench.hub.sizeBytes("model.safetensors"), String(kept));
  assertEquals(await Deno.stat(bench.path("refs", "main")).catch(() => "none"), "none");
  const before = bench.hub.bytesServed;
  let last: DownloadProgress | undefined;
  await bench.download({ onProgress: (progress) => last = progress });
  const needed = NEEDED.reduce((sum, name) => sum + bench.hub.sizeBytes(name), 0);
  assertEquals(bench.hub.bytesServed - before, needed - kept);
  assertEquals(last, {
    phase: "done",
    repository: bench.hub.repository,
    doneBytes: needed,
    totalBytes: needed,
    fetchedBytes: needed - kept,
  });
});

Deno.test("downloadModel() starts a file over when the server ignores ranges", async () => {
  const files = modelFiles();
  await using bench = await Bench.start(files);
  bench.hub.obeysRange = false;
  bench.hub.cutAfter = { "model.safetensors": 200_000 };
  let asked = 0;
  bench.hub.onContents = (name) => {
    if (name === "model.safetensors" && ++asked === 2) bench.hub.cutAfter = {};
    return undefined;
  };
  const { directory } = await bench.download();
  assertEquals(asked, 2);
  assertEquals(await Deno.readFile(join(directory, "model.safetensors")), files["model.safetensors"]!);
});

Deno.test("downloadModel() gives up when a server that ignores ranges always cuts at the same place", async () => {
  await using bench = await Bench.start();
  bench.hub.obeysRange = false;
  bench.hub.cutAfter = { "model.safetensors": 200_000 };
  await assertRejects(() => bench.download({ retries: 3 }), DownloadError, "gave up after 4 tries");
});

Deno.test("downloadModel() starts over when what lies there is longer than the file", async () => {
  const files = modelFiles();
  await using bench = await Bench.start(files);
  await Deno.mkdir(bench.path("blobs"), { recursive: true });
  await Deno.writeFile(`${bench.blob("model.safetensors")}.incomplete`, new Uint8Array(400_000));
  const { directory } = await bench.download();
  assertEquals(await Deno.readFile(join(directory, "model.safetensors")), files["model.safetensors"]!);
});

Deno.test("PartialFile.open() keeps a beginning and throws away what is longer than the whole", async () => {
  const path = await Deno.makeTempFile();
  for (const [found, kept] of [[0, 0], [99, 99], [100, 100], [101, 0]] as const) {
    await Deno.writeFile(path, new Uint8Array(found));
    using part = await PartialFile.open(path, { etag: "no hash", expectedBytes: 100 });
    assertEquals([part.sizeBytes, (await Deno.stat(path)).size], [kept, kept]);
  }
  await Deno.remove(path);
});

Deno.test("downloadModel() starts over when what lies there is no part of the file", async () => {
  const files = modelFiles();
  await using bench = await Bench.start(files);
  await Deno.mkdir(bench.path("blobs"), { recursive: true });
  await Deno.writeFile(`${bench.blob("model.safetensors")}.incomplete`, new Uint8Array(1000));
  const { directory } = await bench.download();
  assertEquals(await Deno.readFile(join(directory, "model.safetensors")), files["model.safetensors"]!);
  assertEquals(bench.hub.contentRequests.filter((request) => request.startsWith("model.safetensors")), [
    "model.safetensors bytes=1000-",
    "model.safetensors bytes=1000-",
    "model.safetensors all",
    "model.safetensors all",
  ]);
});

for (
  const [lie, length, message] of [
    ["more", 900_000, "announces 900000 bytes"],
    ["less", 1000, "announces 1000 bytes"],
  ] as const
) {
  Deno.test(`downloadModel() refuses a file whose server announces ${lie} bytes than it has`, async () => {
    await using bench = await Bench.start();
    bench.hub.onContents = (name) =>
      name === "vocab.json"
        ? new Response(bench.hub.stream(new Uint8Array(Math.min(length, 5000))), {
          headers: { "content-length": String(length) },
        })
        : undefined;
    await assertRejects(() => bench.download({ retries: 2 }), DownloadError, message);
    assertEquals(await Deno.stat(bench.blob("vocab.json")).catch(() => "none"), "none");
  });
}

Deno.test("downloadModel() refuses a file that goes on after its end", async () => {
  await using bench = await Bench.start();
  bench.hub.onContents = (name) =>
    name === "vocab.json" ? new Response(bench.hub.stream(new Uint8Array(50_000))) : undefined;
  await assertRejects(() => bench.download({ retries: 2 }), DownloadError, "more than the 7 bytes");
});

Deno.test("downloadModel() fetches again what came damaged once, and refuses what comes damaged twice", async () => {
  await using bench = await Bench.start();
  let damaged = 0;
  const size = bench.hub.sizeBytes("model.safetensors");
  bench.hub.onContents = (name) =>
    name === "model.safetensors" && damaged++ < 1
      ? new Response(bench.hub.stream(new Uint8Array(size)), { headers: { "content-length": String(size) } })
      : undefined;
  await bench.download();
  await Deno.remove(bench.cache, { recursive: true });
  damaged = -9;
  const error = await assertRejects(() => bench.download(), DownloadError, "came damaged twice");
  assertStringIncludes(error.message, bench.hub.etag("model.safetensors"));
  assertEquals(await Deno.stat(bench.blob("model.safetensors")).catch(() => "none"), "none");
  assertEquals(await Deno.stat(bench.path("refs", "main")).catch(() => "none"), "none");
});

Deno.test("downloadModel() refuses files that differ from those known of a commit", async () => {
  await using bench = await Bench.start();
  bench.hub.repository = "mlx-community/Qwen3-ASR-0.6B-8bit";
  bench.hub.commit = "89e96d92ba34aca20b3e29fb10cc284097d1219f";
  await assertRejects(() => bench.download(), DownloadError, "is not the file known for this commit");
});

Deno.test("downloadModel() takes the new model whole when it changes midway", async () => {
  const after = modelFiles(350_000, 7);
  await using bench = await Bench.start();
  const oldBlob = bench.blob("model.safetensors");
  bench.hub.cutAfter = { "model.safetensors": 100_000 };
  let asked = 0;
  bench.hub.onContents = (name, request) => {
    if (name !== "model.safetensors" || ++asked > 1) return undefined;
    const response = bench.hub.contents(name, request);
    bench.hub.cutAfter = {};
    return bench.hub.publish(after, "2".repeat(40)).then(() => response);
  };
  const { directory } = await bench.download({ parallel: 1 });
  assertEquals(directory, bench.path("snapshots", "2".repeat(40)));
  for (const name of NEEDED) assertEquals(await Deno.readFile(join(directory, name)), after[name]!);
  assertEquals(await Deno.readTextFile(bench.path("refs", "main")), "2".repeat(40));
  assertEquals(await Deno.stat(`${oldBlob}.incomplete`).catch(() => "none"), "none");
});

Deno.test("downloadModel() believes the file when a mirror lists an older one", async () => {
  const after = modelFiles(310_000, 9);
  await using bench = await Bench.start();
  const listing =
    await (await fetch(`${bench.hub.endpoint}/api/models/${bench.hub.repository}/revision/main`)).text();
  await bench.hub.publish(after);
  bench.hub.onList = () => new Response(listing);
  const { directory } = await bench.download();
  assertEquals(await Deno.readFile(join(directory, "model.safetensors")), after["model.safetensors"]!);
});

Deno.test("downloadModel() gives up on a model that never stops changing", async () => {
  await using bench = await Bench.start();
  let seed = 1;
  bench.hub.onContents = (name, request) => {
    if (name !== "vocab.json") return undefined;
    const next = { ...modelFiles(), "vocab.json": new TextEncoder().encode(`{"a":${seed++}}`) };
    return bench.hub.publish(next).then(() => bench.hub.contents(name, request));
  };
  await assertRejects(() => bench.download(), DownloadError, "keeps changing");
});

for (
  const [status, headers, token, message] of [
    [401, {}, undefined, "there is no such public model (401)"],
    [401, { "x-error-code": "GatedRepo" }, undefined, "it is gated (401)"],
    [401, { "x-error-message": "Invalid credentials" }, "hf_wrong", "the hub refuses the access token (401"],
    [403, { "x-error-code": "GatedRepo" }, "hf_right", "/tester/tiny-asr and set HF_TOKEN"],
    [403, {}, "hf_right", "not allowed (403)"],
    [404, {}, undefined, "not found"],
    [404, { "x-error-code": "RevisionNotFound" }, undefined, "no such revision"],
    [418, {}, undefined, "answers 418"],
  ] as const
) {
  Deno.test(`downloadModel() says "${message}" at once when the hub answers ${status}`, async () => {
    await using bench = await Bench.start();
    bench.hub.onList = () => new Response(null, { status, headers });
    const error = await assertRejects(() => bench.download({ token }), DownloadError, message);
    assertStringIncludes(error.message, bench.hub.repository);
    assertEquals(error.message.includes("hf_"), false);
    assertEquals(bench.hub.requests.length, 1);
  });
}

Deno.test("downloadModel() tries again when the hub is busy", async () => {
  await using bench = await Bench.start();
  const answers = [
    new Response(null, { status: 503 }),
    new Response(null, { status: 429, headers: { "retry-after": "0" } }),
  ];
  bench.hub.onList = () => answers.pop();
  let busy = 2;
  bench.hub.onContents = (name) =>
    name === "model.safetensors" && busy-- > 0 ? new Response("slow down", { status: 429 }) : undefined;
  await bench.download();
  assertEquals([answers.length, busy], [0, -1]);
});

Deno.test("downloadModel() says how long the hub wants it to wait when that is too long", async () => {
  await using bench = await Bench.start();
  bench.hub.onList = () => new Response(null, { status: 429, headers: { "retry-after": "86400" } });
  await assertRejects(() => bench.download(), DownloadError, "come back in 86400 s");
  assertEquals(bench.hub.requests.length, 1);
});

Deno.test("downloadModel() gives up when the hub stays busy", async () => {
  await using bench = await Bench.start();
  bench.hub.onList = () => new Response(null, { status: 503 });
  await assertRejects(
    () => bench.download({ retries: 2 }),
    DownloadError,
    "answers 503 (gave up after 3 tries)",
  );
  assertEquals(bench.hub.requests.length, 3);
});

Deno.test("downloadModel() connects again when nothing comes any more", async () => {
  await using bench = await Bench.start();
  let stalls = 1;
  let release: () => void = () => {};
  bench.hub.onContents = (name) => {
    if (name !== "vocab.json" || stalls-- <= 0) return undefined;
    return new Promise((resolve) => release = () => resolve(new Response(null, { status: 500 })));
  };
  await bench.download({ stallSeconds: 1 });
  release();
  assert(bench.hub.contentRequests.filter((request) => request === "vocab.json all").length >= 2);
});

Deno.test("downloadModel() sends the token to the hub and never to where it redirects", async () => {
  await using bench = await Bench.start();
  await bench.download({ token: "hf_secret" });
  const seen = (server: string) =>
    new Set(
      bench.hub.requests.filter((request) => request.server === server).map((request) =>
        request.authorization
      ),
    );
  assertEquals(seen("hub"), new Set(["Bearer hf_secret"]));
  assertEquals(seen("storage"), new Set([null]));
});

Deno.test("downloadModel() reads HF_TOKEN, HF_ENDPOINT and HF_HUB_CACHE", async () => {
  await using bench = await Bench.start();
  const variables: Record<string, string> = {
    HF_TOKEN: "hf_fromenv",
    HF_ENDPOINT: `${bench.hub.endpoint}/`,
    HF_HUB_CACHE: bench.cache,
  };
  const { directory } = await downloadModel(bench.hub.repository, { environment: (name) => variables[name] });
  assertEquals(directory, bench.path("snapshots", bench.hub.commit));
  assertEquals(bench.hub.requests[0]?.authorization, "Bearer hf_fromenv");
});

Deno.test("downloadModel() follows redirects of a renamed repository within the hub", async () => {
  await using bench = await Bench.start();
  const toNewName = (url: string, init: RequestInit) =>
    url.includes("/api/models/old/name/")
      ? Promise.resolve(
        new Response(null, {
          status: 307,
          headers: { location: `/api/models/${bench.hub.repository}/revision/main?blobs=true` },
        }),
      )
      : fetch(url.replace("/old/name/resolve/", `/${bench.hub.repository}/resolve/`), init);
  const { directory } = await downloadModel("old/name", {
    endpoint: bench.hub.endpoint,
    cacheDirectory: bench.cache,
    environment: () => undefined,
    token: "hf_secret",
    fetch: toNewName,
  });
  assertEquals(await names(directory), NEEDED);
  assertEquals(bench.hub.requests[0]?.authorization, "Bearer hf_secret");
});

Deno.test("downloadModel() asks for hashes and sizes that a listing lacks", async () => {
  await using bench = await Bench.start();
  bench.hub.listsFacts = false;
  const { directory } = await bench.download();
  assertEquals(
    await Deno.readLink(join(directory, "vocab.json")),
    `../../blobs/${bench.hub.etag("vocab.json")}`,
  );
  assertEquals(
    await Deno.readLink(join(directory, "model.safetensors")),
    `../../blobs/${bench.hub.etag("model.safetensors")}`,
  );
});

Deno.test("downloadModel() finds the SHA-256 of large files when a listing knows only their pointers", async () => {
  await using bench = await Bench.start();
  bench.hub.listsSha256 = false;
  const { directory } = await bench.download();
  assertEquals(
    await Deno.readLink(join(directory, "model.safetensors")),
    `../../blobs/${bench.hub.etag("model.safetensors")}`,
  );
});

Deno.test("downloadModel() writes nothing outside of the cache when a hub lists paths that lead there", async () => {
  const evil = new TextEncoder().encode("{}");
  await using bench = await Bench.start({
    ...modelFiles(),
    "../../../evil.json": evil,
    "..json": evil,
    "a/b.json": evil,
  });
  const { directory } = await bench.download();
  assertEquals(await names(directory), NEEDED);
});

Deno.test("downloadModel() refuses repositories that are no models before fetching anything", async () => {
  const { "config.json": _config, "merges.txt": _merges, ...rest } = modelFiles();
  await using bench = await Bench.start(rest);
  await assertRejects(() => bench.download(), DownloadError, "it has no config.json, no tokenizer");
  assertEquals(bench.hub.contentRequests, []);
});

Deno.test("downloadModel() counts the space that is needed and refuses when there is less", async () => {
  await using bench = await Bench.start(modelFiles(30_000_000));
  const error = await assertRejects(
    () => bench.download({ freeBytes: () => Promise.resolve(20_000_000) }),
    DownloadError,
    "0.03 GB needed, 0.02 GB free",
  );
  assertStringIncludes(error.message, bench.cache);
  assertEquals(bench.hub.contentRequests, []);
});

Deno.test("downloadModel() uses the cache and no network when offline", async () => {
  await using bench = await Bench.start();
  await assertRejects(() => bench.download({ offline: true }), DownloadError, "offline");
  const environment = (name: string) => name === "HF_HUB_OFFLINE" ? "1" : undefined;
  await assertRejects(() => bench.download({ environment }), DownloadError, "offline");
  assertEquals(bench.hub.requests, []);
  const online = await bench.download();
  const asked = bench.hub.requests.length;
  assertEquals(await bench.download({ environment }), online);
  assertEquals(bench.hub.requests.length, asked);
});

Deno.test("downloadModel() uses a complete cache when the hub cannot be reached", async () => {
  await using bench = await Bench.start();
  const online = await bench.download();
  const down = () => Promise.reject(new TypeError("error sending request (https://host/?signature=secret)"));
  assertEquals(await bench.download({ fetch: down, retries: 1 }), online);
  await Deno.remove(bench.blob("vocab.json"));
  const error = await assertRejects(
    () => bench.download({ fetch: down, retries: 1 }),
    DownloadError,
    "gave up",
  );
  assertEquals(error.message.includes("secret"), false);
});

Deno.test("downloadModel() lets one caller fetch when two want the same model", async () => {
  await using bench = await Bench.start();
  const phases = new Set<string>();
  const onProgress = ({ phase }: DownloadProgress) => phases.add(phase);
  const [one, two] = await Promise.all([bench.download({ onProgress }), bench.download({ onProgress })]);
  assertEquals(one, two);
  assertEquals(bench.hub.bytesServed, NEEDED.reduce((sum, name) => sum + bench.hub.sizeBytes(name), 0));
  assert(phases.has("waiting"), [...phases].join());
});

/** Another process that downloads the hub's model, or holds the lock of its weights until it is killed. */
function otherProcess(bench: Bench, task: "download" | "hold"): Deno.ChildProcess {
  const lock = join(
    bench.cache,
    ".locks",
    "models--tester--tiny-asr",
    `${bench.hub.etag("model.safetensors")}.lock`,
  );
  const script = `
    const { downloadModel } = await import(${JSON.stringify(import.meta.resolve("../lib/hub/mod.ts"))});
    const { withLock } = await import(${JSON.stringify(import.meta.resolve("../lib/hub/lock.ts"))});
    if (${JSON.stringify(task)} === "hold") {
      await withLock(${JSON.stringify(lock)}, async () => {
        console.log("held");
        await new Promise((resolve) => setTimeout(resolve, 60_000));
      });
    }
    const { directory } = await downloadModel(${JSON.stringify(bench.hub.repository)}, {
      endpoint: ${JSON.stringify(bench.hub.endpoint)},
      cacheDirectory: ${JSON.stringify(bench.cache)},
      environment: () => undefined,
    });
    console.log(directory);`;
  const config = fromFileUrl(import.meta.resolve("../deno.json"));
  const args = ["eval", "--no-check", "--config", config, script];
  return new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "inherit" }).spawn();
}

Deno.test("downloadModel() shares one download with another process", async () => {
  await using bench = await Bench.start(modelFiles(3_000_000));
  const other = otherProcess(bench, "download");
  // Begins when the other has begun: its first request for contents is in.
  while (bench.hub.contentRequests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const { directory } = await bench.download();
  const { stdout } = await other.output();
  assertEquals(new TextDecoder().decode(stdout).trim(), directory);
  assertEquals(bench.hub.bytesServed, NEEDED.reduce((sum, name) => sum + bench.hub.sizeBytes(name), 0));
});

Deno.test("downloadModel() waits for a lock's holder, and no longer once that is killed", async () => {
  await using bench = await Bench.start();
  const holder = otherProcess(bench, "hold");
  const reader = holder.stdout.getReader();
  assertStringIncludes(new TextDecoder().decode((await reader.read()).value), "held");
  const phases = new Set<string>();
  await bench.download({
    onProgress: ({ phase }) => {
      phases.add(phase);
      if (phase === "waiting") holder.kill("SIGKILL");
    },
  });
  await holder.status;
  await reader.cancel();
  assert(phases.has("waiting"), [...phases].join());
});

Deno.test("downloadModel() stops waiting for a lock when it is aborted", async () => {
  await using bench = await Bench.start();
  const holder = otherProcess(bench, "hold");
  const reader = holder.stdout.getReader();
  await reader.read();
  const abort = new AbortController();
  const onProgress = ({ phase }: DownloadProgress) =>
    phase === "waiting" && abort.abort(new Error("no patience"));
  await assertRejects(() => bench.download({ signal: abort.signal, onProgress }), Error, "no patience");
  holder.kill("SIGKILL");
  await holder.status;
  await reader.cancel();
});

Deno.test("downloadModel() records tags and commits", async () => {
  await using bench = await Bench.start();
  await bench.download({ revision: "refs/pr/1" });
  assertEquals(await Deno.readTextFile(bench.path("refs", "refs", "pr", "1")), bench.hub.commit);
  const path = `/api/models/${bench.hub.repository}/revision/refs/pr/1`;
  assertEquals(bench.hub.requests[0]?.path, path);
  await downloadModel(`${bench.hub.repository}@${bench.hub.commit}`, {
    endpoint: bench.hub.endpoint,
    cacheDirectory: bench.cache,
    environment: () => undefined,
  });
  assertEquals(await names(bench.path("refs")), ["refs"]);
});

Deno.test("downloadModel() refuses names that need no download, and settings that make no sense", async () => {
  const options = { environment: () => undefined, cacheDirectory: "/nonexistent" };
  await assertRejects(() => downloadModel("demo", options), OptionError, "comes with this package");
  await assertRejects(() => downloadModel("./folder", options), OptionError, "it is a folder");
  await assertRejects(() => downloadModel("0.6b", { ...options, parallel: 0 }), OptionError, "parallel 0");
  await assertRejects(
    () => downloadModel("0.6b", { ...options, endpoint: "ftp://host" }),
    OptionError,
    'endpoint "ftp://host"',
  );
});

Deno.test("downloadModel() says which folder it may not write to", async () => {
  await using bench = await Bench.start();
  await Deno.mkdir(bench.cache, { recursive: true });
  await Deno.writeTextFile(join(bench.cache, "models--tester--tiny-asr"), "a file where a folder should be");
  await assertRejects(() => bench.download(), Error, "models--tester--tiny-asr");
});
