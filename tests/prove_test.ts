/**
 * `prove`, whole: a model from a hub, recordings from a web server, and what happens when either is not as it should be.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { join } from "@std/path";
import { OptionError } from "../lib/errors.ts";
import { wordProblems } from "../lib/prove/hearing.ts";
import { parseRecordings, PUBLIC_RECORDINGS } from "../lib/prove/recordings.ts";
import { stageChecks } from "../lib/prove/stages.ts";
import { parseConfig } from "../lib/model/config.ts";
import { Qwen3ASR } from "../mod.ts";
import type { Trace } from "../lib/recognize/inspection/trace.ts";
import {
  cli,
  copyModel,
  Folder,
  recording,
  reference,
  ROOT,
  type Said,
  startCli,
} from "./support/cli_process.ts";
import { FakeHub } from "./support/hub_server.ts";
import { FileServer, sha256 } from "./support/setup_server.ts";

const NAMES = ["dev-00-en", "dev-02-de", "dev-04-en"];

/** An entry of a list. */
type Entry = Record<string, unknown>;

/** A server with recordings, and a folder with a list of them. */
class Stand implements AsyncDisposable {
  private constructor(readonly server: FileServer, readonly folder: Folder) {}

  static async build(): Promise<Stand> {
    const server = new FileServer();
    for (const name of NAMES) server.files.set(`${name}.wav`, await Deno.readFile(recording(`${name}.wav`)));
    return new Stand(server, await Folder.make());
  }

  /** What a list says of a recording that is as it should be. */
  async entry(name: string): Promise<Entry> {
    const bytes = this.server.files.get(`${name}.wav`)!;
    return {
      name,
      url: `${this.server.url}${name}.wav`,
      sha256: await sha256(bytes),
      sizeBytes: bytes.length,
      language: name.endsWith("de") ? "German" : "English",
      text: await reference(`${name}.wav`),
    };
  }

  async prove(list: Entry[], args: string[], env: Record<string, string> = {}): Promise<Said> {
    const path = await this.folder.put("list.json", JSON.stringify(list));
    return await cli(["prove", "--recordings", path, ...args], {
      env: { QWEN3_ASR_CACHE: this.folder.at("cache"), ...await libraryHere(), ...env },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}

/** The library is found in the cache, which these tests keep empty. */
async function libraryHere(): Promise<Record<string, string>> {
  const { openLibrary } = await import("../ffi/mod.ts");
  return { QWEN3_ASR_MLX_C: await Deno.realPath(openLibrary().path) };
}

async function demoModel(): Promise<Record<string, Uint8Array<ArrayBuffer>>> {
  const files: Record<string, Uint8Array<ArrayBuffer>> = {};
  for await (const { name } of Deno.readDir(join(ROOT, "demo", "model"))) {
    files[name] = await Deno.readFile(join(ROOT, "demo", "model", name));
  }
  return files;
}

/** Cells of the row of a check. */
function checkRow(report: string, name: string): string[] {
  const row = report.split("\n").find((line) => line.startsWith(`| ${name} | `));
  assert(row !== undefined, `no check "${name}" in:\n${report}`);
  return row.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, ""));
}

Deno.test("prove fetches model and recordings, and its report says that all is right", async () => {
  await using stand = await Stand.build();
  await using hub = await FakeHub.start(await demoModel());
  const env = { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: stand.folder.at("hub") };
  const list = await Promise.all(NAMES.map((name) => stand.entry(name)));
  for (const key of ["sha256", "sizeBytes"]) delete list[2]![key];
  const args = ["-m", hub.repository, "--aligner", "demo"];
  const { code, stdout, stderr } = await stand.prove(list, args, env);
  assertEquals(code, 0, stdout + stderr);
  assertMatch(
    stdout,
    /^# Proof of tester\/tiny-asr: PASS\n\n\d+ checks, all passed\. 0 of 19 words wrong, 0\.0 %\.\n/,
  );
  assertNotMatch(stdout, /FAIL|NaN|undefined|Infinity/);
  assertStringIncludes(stdout, `| model | tester/tiny-asr at ${hub.commit} |`);
  const sums = await Promise.all(NAMES.map((name) => sha256(stand.server.files.get(`${name}.wav`)!)));
  assertStringIncludes(stdout, `| pinned: ${sums[0]!.slice(0, 16)}… |`);
  assertStringIncludes(stdout, `| not pinned: ${sums[2]} |`);
  assertEquals(checkRow(stdout, "model files").slice(1, 3), [
    "ok",
    "8 files, 8 agree with their sums, 0 of these pinned here",
  ]);
  assertMatch(checkRow(stdout, "decoder attention")[2]!, /^\d+ sums in layers 0, 1, 2, at most \S+ from 1$/);
  assertMatch(stdout, /^\| dev-00-en \| 7 \| 0 \| 0 \| The 0\.\d\d-0\.\d\d, train /m);
  assertMatch(stdout, /^\| decode \| \d+ \| [\d.]+ % \| [\d.]+ \|$/m);
  assertMatch(stdout, /^\| peak memory \| MLX [1-9]\d* MB, process [1-9]\d* MB \|$/m);
  assertNotMatch(stdout, new RegExp(stand.folder.path), "a folder of somebody's machine");
  assertStringIncludes(stderr, "Downloading tester/tiny-asr");
  assertMatch(stderr, /^hearing dev-04-en$/m);

  const fetched = stand.server.seen.length;
  const again = await stand.prove(list, [...args, "--offline", "--output", stand.folder.at("proof.md")], env);
  assertEquals([again.code, again.stdout], [0, ""], again.stderr);
  assertEquals(stand.server.seen.length, fetched);
  const written = await Deno.readTextFile(stand.folder.at("proof.md"));
  assertEquals(written.split("\n").length, stdout.split("\n").length);
});

Deno.test("prove says FAIL for a wrong sum, and for recordings that cannot be fetched; the others are heard", async () => {
  await using stand = await Stand.build();
  const list = await Promise.all(NAMES.map((name) => stand.entry(name)));
  const [damaged, absent, good] = list as [Entry, Entry, Entry];
  damaged.sha256 = "0".repeat(64);
  absent.url = `${stand.server.url}nothing.wav`;
  const unreachable = {
    ...good,
    name: "nobody",
    url: "http://127.0.0.1:1/a.wav",
    sha256: undefined,
    sizeBytes: undefined,
  };
  const { code, stdout, stderr } = await stand.prove([damaged, absent, unreachable, good], ["-m", "demo"]);
  assertEquals(code, 1);
  assertMatch(stdout, /^# Proof of demo: FAIL\n\n\d+ checks, 3 failed\. 0 of 5 words wrong/);
  assertStringIncludes(stdout, "Failed: dev-00-en: fetched, dev-02-de: fetched, nobody: fetched.");
  const [, result, found] = checkRow(stdout, "dev-00-en: fetched");
  assertEquals(result, "**FAIL**");
  assertStringIncludes(found!, `its hash is ${await sha256(stand.server.files.get("dev-00-en.wav")!)}`);
  assertMatch(checkRow(stdout, "dev-02-de: fetched")[2]!, /answers 404/);
  assertMatch(checkRow(stdout, "nobody: fetched")[2]!, /^Cannot fetch http:\/\/127\.0\.0\.1:1\/a\.wav: /);
  assertEquals(checkRow(stdout, "dev-04-en: language")[1], "ok");
  assertMatch(stderr, /^warning: dev-02-de: fetched: /m);
});

Deno.test("prove says FAIL for files on the disk with another sum, and for none", async () => {
  await using stand = await Stand.build();
  await stand.folder.copy("dev-04-en.wav");
  const entry: Entry = { ...await stand.entry("dev-04-en"), url: "dev-04-en.wav" };
  const wrong = { ...entry, name: "wrong", sha256: "f".repeat(64) };
  const none = { ...entry, name: "none", url: "none.wav" };
  const { code, stdout } = await stand.prove([entry, wrong, none], ["-m", "demo"]);
  assertEquals(code, 1);
  assertEquals(
    checkRow(stdout, "wrong: fetched")[2],
    `Cannot use wrong: it has SHA-256 ${entry["sha256"]}, expected ${"f".repeat(64)}`,
  );
  assertMatch(checkRow(stdout, "none: fetched")[2]!, /there is no file/);
  assertEquals(checkRow(stdout, "dev-04-en: language")[1], "ok");
});

Deno.test("prove says FAIL for a model that gives wrong words, and shows both texts", async () => {
  await using stand = await Stand.build();
  await copyModel(
    stand.folder.at("model"),
    (weights) => weights.fill(0, weights.length - (weights.length >> 4)),
  );
  const list = await Promise.all(NAMES.map((name) => stand.entry(name)));
  list[0]!.maxErrorRate = 0.05;
  const { code, stdout, stderr } = await stand.prove(list, ["-m", stand.folder.at("model")]);
  assertEquals(code, 1, stderr);
  assertMatch(stdout, /^# Proof of model: FAIL$/m);
  assertEquals(checkRow(stdout, "word errors of all recordings")[1], "**FAIL**");
  const [, result, found, expected] = checkRow(stdout, "dev-00-en: word errors");
  assertEquals([result, expected], ["**FAIL**", "at most 5.0 %"]);
  assertMatch(found!, /^\d+ of 7, [1-9]\d+\.\d %$/);
  assertMatch(stdout, /^expected {2}The train leaves at ten on Thursday\.\nheard {5}/m);
});

Deno.test("prove reports a model that cannot be loaded, and refuses a list that is none", async () => {
  await using stand = await Stand.build();
  await copyModel(stand.folder.at("half"), (weights) => weights.slice(0, 1000));
  const entry = await stand.entry("dev-00-en");
  const broken = await stand.prove([entry], ["-m", stand.folder.at("half")]);
  assertEquals(broken.code, 1);
  assertMatch(broken.stdout, /^# Proof of a model that could not be loaded: FAIL$/m);
  assertEquals(checkRow(broken.stdout, "model")[1], "**FAIL**");
  const cases: [list: unknown, reason: RegExp][] = [
    [[], /expected a JSON array of objects/],
    [[{ ...entry, text: "" }], /Cannot use recording 1 of .*: it has no text/],
    [[entry, { ...entry, sizeBytes: undefined }], /recording 2 of .*: sha256 and sizeBytes go together/],
    [[entry, entry], /two are named dev-00-en/],
    [[{ ...entry, sha256: "abc" }], /64 hexadecimal digits/],
    [[{ ...entry, language: "Klingon" }], /Klingon/],
  ];
  for (const [list, reason] of cases) {
    const error = assertThrows(() => parseRecordings(JSON.stringify(list), "list.json"), OptionError);
    assertMatch(error.message, reason);
  }
  assertThrows(() => parseRecordings("{", "list.json"), OptionError, "it is no JSON");
  const none = await cli(["prove", "--recordings", stand.folder.at("nothing.json")]);
  assertEquals([none.code, none.stdout], [2, ""]);
  assertMatch(none.stderr, /^error: Cannot read the list of recordings in .*: there is no such file\n$/);
});

Deno.test("prove says nothing at all when it is interrupted", async () => {
  await using stand = await Stand.build();
  const list = [{ name: "long", url: recording("long-en.wav"), text: "What is said." }];
  const path = await stand.folder.put("list.json", JSON.stringify(list));
  const child = startCli(["prove", "-m", "demo", "--recordings", path]);
  const stderr = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  while (!said.includes("looking into")) said += (await stderr.read()).value ?? "";
  child.kill("SIGINT");
  for (let next = await stderr.read(); !next.done; next = await stderr.read()) said += next.value;
  const [{ code }, stdout] = await Promise.all([child.status, new Response(child.stdout).text()]);
  assertEquals([code, stdout], [130, ""], said);
  assertMatch(said, /^Interrupted: there is no report$/m);
});

Deno.test("stageChecks() finds what is wrong in a stage, and in no other", async () => {
  await using asr = await Qwen3ASR.load("demo", { device: "cpu" });
  const trace = await asr.inspect(recording("dev-00-en.wav"), { layers: [0], attention: [0, 1] });
  const config = parseConfig(await Deno.readTextFile(join(ROOT, "demo/model/config.json")), "config.json");
  const failed = (change: (trace: Trace) => void, dtype = "float32") => {
    const copy = structuredClone(trace);
    change(copy);
    return stageChecks(copy, { config, dtype }).filter(({ passed }) => !passed).map(({ name }) => name);
  };
  const pass = ({ chunks }: Trace) => chunks[0]!.passes[0]!;
  assertEquals(failed(() => {}), []);
  assertEquals(failed((trace) => pass(trace).mel.values[7] = NaN), ["mel"]);
  assertEquals(failed((trace) => pass(trace).mel.values[7]! -= 3), ["mel"]);
  assertEquals(failed((trace) => pass(trace).encoderInput.shape[0]!++), ["encoder input"]);
  assertEquals(failed((trace) => pass(trace).encoderLayers[0]!.output.values.fill(1)), ["encoder layer 0"]);
  assertEquals(failed((trace) => pass(trace).audioEmbeddings.values[0] = Infinity), ["audio embeddings"]);
  assertEquals(failed((trace) => pass(trace).promptTokens[pass(trace).audioStart] = 1), ["prompt"]);
  assertEquals(failed((trace) => pass(trace).attention[1]!.rowSums.values[5]! += 1e-4), [
    "decoder attention",
  ]);
  assertEquals(failed((trace) => pass(trace).attention[0]!.audio.values[5] = -0.1), ["decoder attention"]);
  assertEquals(failed((trace) => pass(trace).steps[3]!.logit = NaN), ["decoder steps"]);
  assertEquals(failed((trace) => pass(trace).cache.bytesPerPosition *= 2), ["KV cache"]);
  assertEquals(failed(() => {}, "float16"), ["KV cache"]);
  assertEquals(failed((trace) => pass(trace).finishReason = "length"), ["end of the text"]);
  assertEquals(failed((trace) => trace.chunks = []), ["stages"]);
});

Deno.test("wordProblems() finds words out of order, out of the recording, and of another text", async () => {
  await using asr = await Qwen3ASR.load("demo", { device: "cpu", aligner: "demo" });
  const transcript = await asr.transcribe(recording("dev-00-en.wav"), { timestamps: "word" });
  const problems = (change: (copy: typeof transcript) => void) => {
    const copy = structuredClone(transcript);
    change(copy);
    return wordProblems(copy).join();
  };
  const words = (copy: typeof transcript) => copy.segments[0]!.words!;
  assertEquals(problems(() => {}), "");
  assertMatch(
    problems((copy) => words(copy).at(-1)!.endSeconds = 60),
    /"Thursday\." ends after the recording/,
  );
  assertMatch(problems((copy) => words(copy)[1]!.startSeconds = 0), /"train" begins before/);
  assertMatch(problems((copy) => words(copy)[2]!.endSeconds = 0.1), /"leaves" ends before it begins/);
  assertMatch(problems((copy) => words(copy).pop()), /not those of the text/);
});

Deno.test("docs/proof.md names every public recording with its sum and its text, pinned to a commit", async () => {
  const page = await Deno.readTextFile(join(ROOT, "docs", "proof.md"));
  const document = page.replace(/\n> /g, (mark, at) => page[at - 1] === "\n" ? mark : " ").replace(
    /\s+/g,
    " ",
  );
  assertEquals(PUBLIC_RECORDINGS.length, 7);
  for (const { name, url, sha256, sizeBytes, text } of PUBLIC_RECORDINGS) {
    assertMatch(url, /^https:\/\/raw\.githubusercontent\.com\/[^/]+\/[^/]+\/[0-9a-f]{40}\/.*\.wav$/);
    assertMatch(sha256!, /^[0-9a-f]{64}$/);
    assertEquals(url.endsWith(`/${name}.wav`), true);
    assertStringIncludes(document, `\`${name}\` | ${sizeBytes} | \`${sha256}\``);
    assertStringIncludes(document, `\`${name}\` > ${text} `);
  }
  for (const url of new Set(PUBLIC_RECORDINGS.map(({ url }) => url.replace(/[^/]*$/, "")))) {
    assertStringIncludes(document, url);
  }
});
