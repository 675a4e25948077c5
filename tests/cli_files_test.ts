/**
 * Files that transcripts go to: nothing is destroyed, nothing is lost, and what cannot work is found before the work.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { planInputs } from "../lib/cli/inputs.ts";
import { Journal } from "../lib/cli/journal.ts";
import { OutputPlan } from "../lib/cli/outputs.ts";
import { OutputError, OutputProbe, writeFile } from "../lib/cli/write_file.ts";
import { cli, Folder, recording, reference, startCli } from "./support/cli_process.ts";
import { transcriptOf } from "./support/output_samples.ts";

const EN = "dev-01-en.wav";
const DE = "dev-02-de.wav";
const NEVER_LOADED = { env: { QWEN3_ASR_MLX_C: "/nowhere" } };
/** A file system of this machine's memory; Linux has one. */
const isLinux = Deno.build.os === "linux";

async function names(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
}

Deno.test("writeFile() keeps links, goes through them, and keeps the file's mode", async () => {
  await using folder = await Folder.make();
  await folder.put("real.txt", "old");
  await Deno.chmod(folder.at("real.txt"), 0o640);
  await Deno.symlink("real.txt", folder.at("link.txt"));
  await Deno.symlink("later.txt", folder.at("dangling.txt"));
  await writeFile(folder.at("link.txt"), "new");
  await writeFile(folder.at("dangling.txt"), "first");
  assertEquals(await names(folder.path), ["dangling.txt", "later.txt", "link.txt", "real.txt"]);
  assertEquals(await Deno.readLink(folder.at("link.txt")), "real.txt");
  assertEquals(await Deno.readTextFile(folder.at("real.txt")), "new");
  assertEquals(await Deno.readTextFile(folder.at("later.txt")), "first");
  assertEquals((await Deno.stat(folder.at("real.txt"))).mode! & 0o777, 0o640);
});

Deno.test("writeFile() takes names up to the longest, and leaves no draft where it fails", async () => {
  await using folder = await Folder.make();
  for (const length of [240, 250, 255]) {
    const path = folder.at("n".repeat(length - 4) + ".txt");
    await writeFile(path, "text");
    assertEquals(await Deno.readTextFile(path), "text");
    await Deno.remove(path);
  }
  const error = await assertRejects(() => writeFile(folder.at("n".repeat(256)), "text"), OutputError);
  assertMatch(error.message, /^Cannot write .*n: the name is too long for the disk$/);
  await Deno.mkdir(folder.at("taken"));
  await assertRejects(() => writeFile(folder.at("taken"), "text"), OutputError, "it is a folder");
  await folder.put("plain", "x");
  const under = () => writeFile(folder.at("plain", "a.txt"), "text");
  await assertRejects(under, OutputError, "a folder in the path is a file");
  assertEquals(await names(folder.path), ["plain", "taken"]);
});

Deno.test({
  name: "writeFile() writes into a FIFO and a device, which stay what they are",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using folder = await Folder.make();
    const fifo = folder.at("fifo");
    await new Deno.Command("mkfifo", { args: [fifo] }).output();
    const [heard] = await Promise.all([Deno.readTextFile(fifo), writeFile(fifo, "through the pipe")]);
    assertEquals(heard, "through the pipe");
    assert((await Deno.lstat(fifo)).isFifo);
    await Deno.symlink("/dev/null", folder.at("null"));
    await writeFile(folder.at("null"), "text");
    assertEquals(await Deno.readLink(folder.at("null")), "/dev/null");
    assert((await Deno.stat(folder.at("null"))).isCharDevice);
  },
});

Deno.test("OutputProbe finds what cannot be written, leaves nothing, and clears up after killed processes", async () => {
  await using folder = await Folder.make();
  const abandoned = await folder.put(".qwen3-asr-0123abcd.part", "half");
  await Deno.utime(abandoned, new Date(2000, 1), new Date(2000, 1));
  const living = await folder.put(".qwen3-asr-89abcdef.part", "being written");
  await Deno.utime(living, new Date(2000, 1), new Date(2000, 1));
  using held = await Deno.open(living, { write: true });
  await held.lock(true);
  await folder.put("talk.wav", "waves");
  await Deno.symlink("talk.wav", folder.at("talk.txt"));
  const probe = new OutputProbe([folder.at("talk.wav")]);
  await probe.try(folder.at("a.txt"));
  await assertRejects(() => probe.try(folder.at("talk.txt")), OutputError, "leads to the recording");
  await assertRejects(() => probe.try(folder.at("n".repeat(256))), OutputError, "too long");
  await assertRejects(() => probe.try(folder.at("talk.wav", "a.txt")), OutputError, "is a file");
  assertEquals(await names(folder.path), [".qwen3-asr-89abcdef.part", "talk.txt", "talk.wav"]);
});

Deno.test("an interrupted transcript of a long name has a name too, another one for every recording", async () => {
  const plan = new OutputPlan({ formats: ["srt"], writer: {}, template: "{parent}/{stem}.{format}" });
  const { inputs } = await planInputs([
    `https://host.example/${"a".repeat(250)}1.wav`,
    `https://host.example/${"a".repeat(250)}2.wav`,
    `https://host.example/${"é".repeat(120)}.wav`,
    "https://host.example/talk.wav",
  ], { recursive: false, offline: false });
  const paths = inputs.map((input) => plan.partialPath(input, "srt"));
  assertEquals(paths[3], "talk.partial.srt");
  assertEquals(new Set(paths).size, 4);
  for (const path of paths) {
    assert(new TextEncoder().encode(path).length <= 255, path);
    assertMatch(path, /\.partial\.srt$/);
  }
});

Deno.test("transcribe prints to /dev/stdout and to a FIFO by name", async () => {
  await using folder = await Folder.make();
  await folder.copy(EN);
  const text = `${await reference(EN)}\n`;
  const args = (template: string) => ["-q", "-m", "demo", folder.at(EN), "--output-template", template];
  assertEquals(await cli(args("/dev/stdout")), { code: 0, stdout: text, stderr: "" });
  assert(!(await Deno.lstat("/dev/stdout")).isFile);
  await new Deno.Command("mkfifo", { args: [folder.at("fifo")] }).output();
  const [heard, said] = await Promise.all([
    Deno.readTextFile(folder.at("fifo")),
    cli(args(folder.at("fifo"))),
  ]);
  assertEquals([heard, said.code], [text, 0]);
});

Deno.test("an output that cannot be written is found before a model is loaded, and costs only its recording", async () => {
  await using folder = await Folder.make();
  const long = `${"n".repeat(251)}.wav`; // .txt fits, .json does not
  await folder.copy(EN);
  await Deno.copyFile(recording(EN), folder.at(long));
  const out = await folder.put("out", "a file, not a folder");
  const blocked = await cli(["-m", "demo", "-o", out, folder.at(EN)], NEVER_LOADED);
  assertEquals([blocked.code, blocked.stdout], [1, ""]);
  assertMatch(blocked.stderr, /^error: Cannot write .*: a folder in the path is a file\n$/);
  assertEquals(await Deno.readTextFile(out), "a file, not a folder");
  const args = ["-m", "demo", "--format", "json", "-o", folder.at("texts"), folder.at(long)];
  const alone = await cli(args, NEVER_LOADED);
  assertMatch(alone.stderr, /^error: .*: the name is too long for the disk\n$/);
  const both = await cli([...args, folder.at(EN)]);
  assertEquals(both.code, 1);
  assertStringIncludes(both.stderr, "2 recordings: 1 done, 1 failed");
  assertEquals(await names(folder.at("texts")), [".qwen3-asr.jsonl", "dev-01-en.json"]);
});

Deno.test({
  name: "a text that cannot be written where it belongs is put aside and named",
  ignore: !isLinux,
  fn: async () => {
    await using folder = await Folder.make();
    await folder.copy(EN);
    const text = `${await reference(EN)}\n`;
    const env = { TMPDIR: folder.path };
    const saved = async (stderr: string) => {
      const [, path = ""] = /^error: .*the disk is full; the text is in (\S+)$/m.exec(stderr) ?? [];
      assert(path.startsWith(folder.path), stderr);
      return await Deno.readTextFile(path);
    };
    const full = await cli(["-m", "demo", folder.at(EN), "--output-template", "/dev/full"], { env });
    assertEquals([full.code, full.stdout, await saved(full.stderr)], [1, "", text]);
    const nowhere = { env: { TMPDIR: folder.at("no", "such") } };
    const printed = await cli(["-m", "demo", folder.at(EN), "--output-template", "/dev/full"], nowhere);
    assertEquals([printed.code, printed.stdout], [1, text]);
    assertMatch(printed.stderr, /^error: .*the text is printed instead$/m);
    const command = `${Deno.execPath()} run --no-check -A mod.ts -q -m demo "$1" > /dev/full`;
    const shell = await new Deno.Command("sh", { args: ["-c", command, "sh", folder.at(EN)], env }).output();
    assertEquals([shell.code, await saved(new TextDecoder().decode(shell.stderr))], [1, text]);
  },
});

const transcript = transcriptOf([
  { startSeconds: 0, endSeconds: 1, text: "Hi.", language: "English", timing: "chunk" },
]);

Deno.test("Journal loses no line to another process, nor to one that was killed in the middle of a line", async () => {
  await using folder = await Folder.make();
  for (const name of ["a.wav", "b.wav", "c.wav", "a.txt", "b.txt", "c.txt"]) await folder.put(name, "x");
  const { inputs: [a, b, c] } = await planInputs(
    ["a.wav", "b.wav", "c.wav"].map((name) => folder.at(name)),
    { recursive: false, offline: false },
  );
  const out = folder.at("out");
  await Deno.mkdir(out);
  const [one, two] = [await Journal.open(out, { n: 1 }), await Journal.open(out, { n: 1 })];
  await one.record(a!, [folder.at("a.txt")], { ...transcript, partial: true });
  assertEquals((await two.past(a!, [folder.at("a.txt")])).state, "begun");
  await one.record(a!, [folder.at("a.txt")], transcript);
  await Deno.writeTextFile(folder.at("out", ".qwen3-asr.jsonl"), '{"input":"cut o', { append: true });
  // Opening again drops the line that was replaced: another file under the same name.
  const three = await Journal.open(out, { n: 1 });
  await Promise.all([
    two.record(b!, [folder.at("b.txt")], transcript),
    three.record(c!, [folder.at("c.txt")], transcript),
  ]);
  for (const journal of [one, two, three, await Journal.open(out, { n: 1 })]) {
    const past = async (input: typeof a, name: string) =>
      (await journal.past(input!, [folder.at(name)])).state;
    assertEquals(
      [await past(a, "a.txt"), await past(b, "b.txt"), await past(c, "c.txt")],
      ["done", "done", "done"],
    );
  }
});

Deno.test("a recording with a chunk that failed is not done", async () => {
  await using folder = await Folder.make();
  const { inputs: [input] } = await planInputs([await folder.put("a.wav", "x")], {
    recursive: false,
    offline: false,
  });
  const outputs = [await folder.put("a.txt", "x")];
  const [chunk] = transcript.chunks;
  const broken = { ...transcript, chunks: [{ ...chunk!, error: { name: "Error", message: "no" } }] };
  await (await Journal.open(folder.path, {})).record(input!, outputs, broken);
  assertEquals((await (await Journal.open(folder.path, {})).past(input!, outputs)).state, "new");
});

Deno.test("two processes that share a folder leave every transcript and the journal whole", async () => {
  await using folder = await Folder.make();
  await folder.copy(EN, DE);
  const args = ["-q", "-m", "demo", "-r", folder.path, "-f", "txt,json", "-o", folder.at("out"), "--resume"];
  const outputs = await Promise.all([startCli(args), startCli(args)].map((child) => child.output()));
  assertEquals(outputs.map(({ code }) => code), [0, 0]);
  assertEquals(await names(folder.at("out")), [
    ".qwen3-asr.jsonl",
    "dev-01-en.json",
    "dev-01-en.txt",
    "dev-02-de.json",
    "dev-02-de.txt",
  ]);
  for (const name of [EN, DE]) {
    const stem = name.replace(".wav", "");
    const text = await reference(name);
    assertEquals(await Deno.readTextFile(folder.at("out", `${stem}.txt`)), `${text}\n`);
    assertEquals(JSON.parse(await Deno.readTextFile(folder.at("out", `${stem}.json`))).text, text);
  }
  assertEquals((await cli(args, NEVER_LOADED)).code, 0);
});

Deno.test("a recording interrupted while it is read is as if it had not been begun", async () => {
  await using folder = await Folder.make();
  const wave = await Deno.readFile(recording(EN));
  let isAsked = () => {};
  const asked = new Promise<void>((resolve) => isAsked = resolve);
  let isSlow = true;
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => {
    if (!isSlow) return new Response(wave);
    const endless = new ReadableStream({
      start(controller) {
        controller.enqueue(wave.subarray(0, 20_000));
        isAsked();
      },
    });
    return new Response(endless);
  });
  const address = `http://127.0.0.1:${server.addr.port}/talk.wav`;
  const args = ["-m", "demo", "-f", "json", "-o", folder.at("out"), "--resume", address];
  const child = startCli(args);
  await asked;
  await new Promise((resolve) => setTimeout(resolve, 300));
  child.kill("SIGINT");
  const { code, stderr } = await child.output();
  assertEquals(code, 130);
  assertStringIncludes(new TextDecoder().decode(stderr), "interrupted before anything was heard");
  assertEquals(await names(folder.at("out")), [".qwen3-asr.jsonl"]);
  isSlow = false;
  assertEquals((await cli(args)).code, 0);
  const { text, durationSeconds } = JSON.parse(await Deno.readTextFile(folder.at("out", "talk.json")));
  assertEquals([text, durationSeconds > 1], [await reference(EN), true]);
});
