/**
 * The commands beside `transcribe`: models, doctor, languages, bench, inspect.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { LANGUAGES } from "../mod.ts";
import { cli, Folder, recording, reference, ROOT } from "./support/cli_process.ts";
import { FakeHub, modelFiles } from "./support/hub_server.ts";
import { all, decodePNG, parseSVG } from "./support/plot_readers.ts";

const EN = "dev-01-en.wav";

Deno.test("models downloads, lists, finds, verifies and removes", async () => {
  await using folder = await Folder.make();
  await using hub = await FakeHub.start();
  const env = { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: folder.path };
  const name = hub.repository;
  const models = (...args: string[]) => cli(["models", ...args], { env });
  assertMatch((await models("path", name)).stderr, /^error: Model tester\/tiny-asr is not on this machine/);
  const got = await models("download", name);
  assertEquals(got.code, 0, got.stderr);
  assertEquals((await models("path", name)).stdout, got.stdout);
  assertEquals(await Deno.readFile(join(got.stdout.trim(), "vocab.json")), modelFiles()["vocab.json"]);
  const [listed] = JSON.parse((await models("list", "--json")).stdout);
  assertEquals([listed.repository, listed.state], [name, "complete"]);
  assertMatch((await models()).stdout, /^- +tester\/tiny-asr +300 kB +complete/m);
  assertMatch((await models("verify", name)).stdout, /^ok +sha256 +300 kB +model\.safetensors$/m);
  const weights = await Deno.realPath(join(got.stdout.trim(), "model.safetensors"));
  const bytes = await Deno.readFile(weights);
  bytes[bytes.length - 1]! ^= 1;
  await Deno.writeFile(weights, bytes);
  const damaged = await models("verify", name);
  assertEquals(damaged.code, 1);
  assertMatch(damaged.stderr, /model\.safetensors has sha256 .*, expected /);
  const asked = await models("remove", name);
  assertEquals(asked.code, 2);
  assertMatch(asked.stderr, /say --yes/);
  assertMatch((await models("remove", "--yes", name)).stderr, /removed, 30\d kB freed/);
  assertEquals(JSON.parse((await models("list", "--json")).stdout), []);
});

Deno.test("models explains wrong names, wrong words, and a hub that says no", async () => {
  await using folder = await Folder.make();
  await using hub = await FakeHub.start();
  hub.onList = () => new Response("gated", { status: 401 });
  const env = { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: folder.path };
  const cases: [args: string[], code: number, reason: RegExp][] = [
    [["verfy", "x"], 2, /Unknown command "models verfy", did you mean "verify"\?/],
    [["download"], 2, /models download needs a name/],
    [["download", "0.6bb"], 2, /did you mean "0\.6b"\?/],
    [["download", "demo"], 2, /it comes with this package/],
    [["download", "--offline", "0.6b"], 1, /offline/],
    [["download", hub.repository], 1, /HF_TOKEN|token/i],
    [["remove", "-y", hub.repository], 1, /it is not in the cache/],
    [["download", "--json", "0.6b"], 2, /--json with models download/],
  ];
  const all = await Promise.all(cases.map(([args]) => cli(["models", ...args], { env })));
  for (const [i, said] of all.entries()) {
    const [args, code, reason] = cases[i]!;
    assertEquals([said.code, said.stdout], [code, ""], args.join(" ") + said.stderr);
    assertMatch(said.stderr, reason);
    assertEquals(said.stderr.split("\n").filter((line) => line.startsWith("error:")).length, 1);
  }
});

Deno.test("transcribe downloads a named model with a notice when nobody can be asked", async () => {
  await using folder = await Folder.make();
  const files: Record<string, Uint8Array<ArrayBuffer>> = {};
  for await (const { name } of Deno.readDir(join(ROOT, "demo", "model"))) {
    files[name] = await Deno.readFile(join(ROOT, "demo", "model", name));
  }
  await using hub = await FakeHub.start(files);
  const env = { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: folder.path, QWEN3_ASR_MODEL: hub.repository };
  const offline = await cli(["--offline", recording(EN)], { env });
  assertEquals([offline.code, offline.stdout, hub.requests.length], [1, "", 0]);
  const first = await cli([recording(EN)], { env });
  assertEquals([first.code, first.stdout], [0, `${await reference(EN)}\n`]);
  assertMatch(first.stderr, /^Downloading tester\/tiny-asr; it stays in the Hugging Face cache$/m);
  const requests = hub.requests.length;
  assertEquals((await cli(["-q", recording(EN)], { env })).stderr, "");
  assertEquals(hub.requests.length, requests);
});

Deno.test("doctor is content here, and says what to do where it is not", async () => {
  await using folder = await Folder.make();
  const well = await cli(["doctor", "--model", "demo", "--json"]);
  const { ok, findings } = JSON.parse(well.stdout);
  assertEquals([well.code, ok], [0, true]);
  const texts: Record<string, string> = Object.fromEntries(
    findings.map(({ name, text }: { name: string; text: string }) => [name, text]),
  );
  assertMatch(texts.library!, /^MLX \d+\.\d+\.\d+, mlx-c for MLX .*libmlxc/);
  assertMatch(texts.model!, /^demo \(demo\): .*, 8 files, 6\.8 MB, 156 tensors \(\d+ \w+, \d+ \w+\)$/);
  assertMatch(texts.devices!, /cpu/);
  assertMatch(texts["self test"]!, /every word/);
  if (Deno.build.os === "linux") {
    assertMatch(texts.BLAS!, /openblas.*, \d+ threads? (at most|for large models, 1 for small ones)$/);
    assertMatch(texts["self test"]!, /, 1 thread, \d+ ms/);
    const { stdout } = await cli(["doctor", "--model", "demo", "--threads", "2"]);
    assertMatch(stdout, /^ok {4}BLAS .*, 2 threads as asked for$/m);
    assertMatch(stdout, /^ok {4}self test .*, 2 threads, \d+ ms/m);
  }
  const env = { QWEN3_ASR_MLX_C: folder.at("libmlxc.so"), PATH: folder.path, HF_HUB_CACHE: folder.path };
  const ill = await cli(["doctor", "--model", folder.path], { env });
  assertEquals(ill.code, 1);
  assertMatch(ill.stdout, /^FAIL {2}library +Cannot find mlx-c.*\n +-> \w.*(setup|build_mlx_c)/m);
  assertMatch(ill.stdout, /^FAIL {2}model .*config\.json is missing.*\n +-> models download 0\.6b/m);
  assertMatch(ill.stdout, /^FAIL {2}self test/m);
  if (Deno.build.os === "linux") {
    assertMatch(ill.stdout, /^warn {2}decoders +WAV, FLAC, MP3, Ogg Opus: there is no ffmpeg\n +-> .* m4a/m);
  }
});

Deno.test("languages lists all of them, as text and as JSON", async () => {
  const [text, json] = await Promise.all([cli(["languages"]), cli(["languages", "--json"])]);
  assertEquals(text.stdout.trimEnd().split("\n").length, LANGUAGES.length);
  assertMatch(text.stdout, /^de +German +Deutsch$/m);
  assertEquals(
    JSON.parse(json.stdout).map(({ code }: { code: string }) => code),
    LANGUAGES.map(({ code }) => code),
  );
});

Deno.test("bench measures the demo model where there is no other, and says so", async () => {
  await using folder = await Folder.make();
  const env = { HF_HUB_CACHE: folder.path };
  const { code, stdout, stderr } = await cli(["bench", "--json", recording(EN)], { env });
  assertEquals(code, 0, stderr);
  assertMatch(stderr, /Neither 0\.6b nor 1\.7b is on this machine: this is the demo model/);
  const { measurements: [one], ...rest } = JSON.parse(stdout);
  assertEquals([one.model, rest.recording], ["demo", recording(EN)]);
  const expected = (one.encoderMs + one.decodeMs) / 1000 / one.durationSeconds;
  assert(one.realTimeFactor >= expected && one.realTimeFactor < 100, JSON.stringify(one));
});

Deno.test("align prints the words of a text with their times, and says which were not heard", async () => {
  await using folder = await Folder.make();
  await Deno.writeTextFile(folder.at("text.txt"), "I see ten very\nyellow windows.\n");
  const said = await cli(["align", "-m", "demo", recording(EN), folder.at("text.txt")]);
  assertEquals(said.code, 0, said.stderr);
  const rows = said.stdout.trimEnd().split("\n").map((line) => line.split("\t"));
  assertEquals(rows.slice(1).map(([, , text, , timing]) => [text, timing]), [
    ["I", "aligned"],
    ["see", "aligned"],
    ["ten", "aligned"],
    ["very", "unmatched"],
    ["yellow", "aligned"],
    ["windows.", "aligned"],
  ]);
  assertMatch(said.stderr, /1 of 6 words were not heard/);
  const srt = await cli(["align", "-q", "-m", "demo", recording(EN), folder.at("text.txt"), "-f", "srt"]);
  assertEquals([srt.code, srt.stderr], [0, ""]);
  assertStringIncludes(srt.stdout, "00:00:00,640 --> ");
  const missing = await cli(["align", "-m", "demo", recording(EN), folder.at("none.txt")]);
  assertEquals(missing.code, 2);
  assertMatch(missing.stderr, /none\.txt: there is no such file/);
  assertMatch((await cli(["align", recording(EN)])).stderr, /takes a recording and a text file, got 1/);
});

Deno.test("inspect writes the mel as a picture, tokens, times and chunks as JSON, and a page of its own", async () => {
  await using folder = await Folder.make();
  const { code, stdout, stderr } = await cli(["inspect", "-m", "demo", "-o", folder.path, recording(EN)]);
  assertEquals(code, 0, stderr);
  const [svg = "", json = "", html = ""] = stdout.trim().split("\n");
  const [image] = all(parseSVG(await Deno.readTextFile(svg)), "image");
  const cells = image?.getAttribute("href")?.replace("data:image/png;base64,", "") ?? "";
  const { width, height, data } = decodePNG(Uint8Array.fromBase64(cells));
  assert(width > 100 && height === 128);
  assert(new Set(new Uint32Array(Uint8Array.from(data).buffer)).size > 50, "a picture with many colours");
  const page = await Deno.readTextFile(html);
  assertStringIncludes(page, `<title>${EN}</title>`);
  assertStringIncludes(page, await reference(EN));
  assert(!/\b(src|href)="(?!data:)/.test(page), "nothing is fetched");
  const trace = JSON.parse(await Deno.readTextFile(json));
  assertEquals([trace.text, trace.language], [await reference(EN), "English"]);
  const [pass] = trace.chunks[0].passes;
  assertEquals(pass.melShape[0], 128);
  assertEquals(pass.steps.map(({ written }: { written: string }) => written).join(""), trace.text);
  assert(pass.steps.every((step: { probability: number }) => step.probability > 0 && step.probability <= 1));
  assertStringIncludes((await cli(["inspect", "-m", "demo"])).stderr, "inspect takes one recording, got 0");
});
