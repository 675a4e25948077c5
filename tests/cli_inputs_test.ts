/**
 * What goes in and what comes out: patterns, folders, addresses, pipes; printed, written, skipped, watched.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { join, relative } from "@std/path";
import { loadAudio } from "../lib/audio/load.ts";
import { expandGlob } from "../lib/cli/glob.ts";
import { planInputs } from "../lib/cli/inputs.ts";
import { Journal } from "../lib/cli/journal.ts";
import { OutputPlan } from "../lib/cli/outputs.ts";
import { AudioError, OptionError } from "../mod.ts";
import { cli, Folder, recording, reference, startCli } from "./support/cli_process.ts";
import { transcriptOf } from "./support/output_samples.ts";

const EN = "dev-01-en.wav";
const DE = "dev-02-de.wav";
const PLAIN = { recursive: false, offline: false };

async function tree(...files: string[]): Promise<Folder> {
  const folder = await Folder.make();
  for (const file of files) {
    await Deno.mkdir(folder.at(file, ".."), { recursive: true });
    await folder.put(file, "x");
  }
  return folder;
}

Deno.test("expandGlob() finds what a shell finds", async () => {
  await using folder = await tree(
    "a.wav",
    "b.mp3",
    "c1.wav",
    ".hidden.wav",
    "s/d.wav",
    "s/t/e.wav",
    "x[1].wav",
  );
  const find = async (pattern: string) =>
    (await expandGlob(folder.at(pattern))).map((path) => relative(folder.path, path));
  assertEquals(await find("*.wav"), ["a.wav", "c1.wav", "x[1].wav"]);
  assertEquals(await find("?.{wav,mp3}"), ["a.wav", "b.mp3"]);
  assertEquals(await find("[a-b]*"), ["a.wav", "b.mp3"]);
  assertEquals(await find("[!a]?.wav"), ["c1.wav"]);
  assertEquals(await find("**/*.wav"), ["a.wav", "c1.wav", "s/d.wav", "s/t/e.wav", "x[1].wav"]);
  assertEquals(await find("s/**"), ["s/d.wav", "s/t", "s/t/e.wav"]);
  assertEquals(await find("s*/d.wav"), ["s/d.wav"]);
  assertEquals(await find(".h*"), [".hidden.wav"]);
  assertEquals(await find("no/*.wav"), []);
});

Deno.test("planInputs() takes folders, patterns, addresses and pipes, each recording once", async () => {
  await using folder = await tree("a.wav", "notes.txt", "b.MP3", "s/d.ogg", "x[1].wav", ".old/z.wav");
  const plan = async (operands: string[], options = PLAIN) => {
    const { inputs, bad } = await planInputs(operands, options);
    return [
      ...inputs.map(({ source }) => relative(folder.path, source)),
      ...bad.map(({ error }) => error.message),
    ];
  };
  assertEquals(await plan([folder.path]), ["a.wav", "b.MP3", "x[1].wav"]);
  assertEquals(await plan([folder.path], { ...PLAIN, recursive: true }), [
    "a.wav",
    "b.MP3",
    "x[1].wav",
    "s/d.ogg",
  ]);
  assertEquals(await plan([folder.at("x[1].wav"), folder.at("*.wav"), folder.at("notes.txt")]), [
    "x[1].wav",
    "a.wav",
    "notes.txt",
  ]);
  const { inputs } = await planInputs(["-", "https://host.example/a%20b/c%20d.m4a?key=1"], PLAIN);
  assertEquals(inputs.map(({ name, stem, extension }) => [name, stem, extension]), [
    ["standard input", "stdin", ""],
    ["https://host.example/a%20b/c%20d.m4a", "c d", "m4a"],
  ]);
  const { bad } = await planInputs(["https://host.example/a.wav"], { ...PLAIN, offline: true });
  assertMatch(bad[0]!.error.message, /--offline allows no network/);
});

Deno.test("OutputPlan names files after the recording, its folder and the format", async () => {
  await using folder = await tree("in/a.wav", "in/s/a.mp3");
  const { inputs } = await planInputs([folder.at("in")], { ...PLAIN, recursive: true });
  const paths = (options: { directory?: string; template?: string }) =>
    inputs.flatMap((input) =>
      new OutputPlan({ formats: ["txt", "srt"], writer: {}, ...options }).paths(input)
    );
  assertEquals(paths({ directory: "out" }), ["out/a.txt", "out/a.srt", "out/s/a.txt", "out/s/a.srt"]);
  assertEquals(paths({ template: "{parent}/{stem}.{format}" }), [
    folder.at("in/a.txt"),
    folder.at("in/a.srt"),
    folder.at("in/s/a.txt"),
    folder.at("in/s/a.srt"),
  ]);
  const flat = { directory: "out", template: "{stem}-{ext}.{format}" };
  assertEquals(paths(flat), ["out/a-wav.txt", "out/a-wav.srt", "out/a-mp3.txt", "out/a-mp3.srt"]);
  const clash = new OutputPlan({
    formats: ["txt"],
    writer: {},
    directory: "out",
    template: "{stem}.{format}",
  });
  assertThrows(() => clash.check(inputs), OptionError, "add {parent} or {ext}");
  const over = new OutputPlan({ formats: ["txt"], writer: {}, template: "{parent}/{stem}.{ext}" });
  assertThrows(() => over.check(inputs), OptionError, "it is one of the recordings");
});

Deno.test("Journal knows what is done until the recording, the options or the outputs change", async () => {
  await using folder = await tree("a.wav", "out/a.txt");
  const { inputs: [input] } = await planInputs([folder.at("a.wav")], PLAIN);
  const transcript = transcriptOf([{
    startSeconds: 0,
    endSeconds: 1,
    text: "Hi.",
    language: "English",
    timing: "chunk",
  }]);
  const outputs = [folder.at("out/a.txt")];
  const past = async (settings: object, paths = outputs) =>
    (await (await Journal.open(folder.at("out"), settings)).past(input!, paths)).state;
  await (await Journal.open(folder.at("out"), { model: "demo" })).record(input!, outputs, transcript);
  assertEquals([await past({ model: "demo" }), await past({ model: "1.7b" })], ["done", "new"]);
  assertEquals(await past({ model: "demo" }, [folder.at("out/a.srt")]), "new");
  const begun = { ...transcript, partial: true };
  await (await Journal.open(folder.at("out"), { model: "demo" })).record(input!, outputs, begun);
  await Deno.writeTextFile(folder.at("out/.qwen3-asr.jsonl"), '{"input":"cut o', { append: true });
  assertEquals(await past({ model: "demo" }), "begun");
  await folder.put("a.wav", "longer");
  assertEquals(await past({ model: "demo" }), "new");
});

Deno.test("transcribe prints one text a recording, and JSON that says which it is", async () => {
  await using folder = await Folder.make();
  await folder.copy(EN, DE);
  const texts = [await reference(EN), await reference(DE)];
  const plain = await cli(["-m", "demo", folder.at("*.wav")]);
  assertEquals([plain.code, plain.stdout], [0, `${texts.join("\n")}\n`]);
  assertMatch(plain.stderr, /2 recordings: 2 done$/m);
  const json = await cli(["-m", "demo", "-q", "-f", "jsonl", folder.path]);
  const lines = json.stdout.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines.map(({ input, type }) => [relative(folder.path, input), type]), [
    [EN, "segment"],
    [EN, "summary"],
    [DE, "segment"],
    [DE, "summary"],
  ]);
  const refused = await cli(["-m", "demo", "-f", "srt", folder.path]);
  assertEquals([refused.code, refused.stdout], [2, ""]);
});

Deno.test("transcribe reads a pipe and an address", async () => {
  const bytes = await Deno.readFile(recording(EN));
  const piped = await cli(["-m", "demo", "-f", "json", "-"], { stdin: bytes });
  assertEquals(JSON.parse(piped.stdout).text, await reference(EN));
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    ({ url }) => url.endsWith("/talk.wav") ? new Response(bytes) : new Response("no", { status: 404 }),
  );
  const base = `http://127.0.0.1:${server.addr.port}`;
  const { code, stdout, stderr } = await cli(["-m", "demo", `${base}/talk.wav`, `${base}/gone.wav`]);
  assertEquals([code, stdout], [1, `${await reference(EN)}\n`]);
  assertStringIncludes(stderr, "the server answered 404");
});

Deno.test("transcribe writes every format whole, and a closed pipe ends it quietly", async () => {
  await using folder = await Folder.make();
  await folder.copy(EN);
  const formats = ["txt", "json", "jsonl", "srt", "vtt", "tsv", "csv", "ass", "lrc"];
  const args = [
    "-m",
    "demo",
    folder.at(EN),
    "--output-template",
    "{parent}/t/{stem}.{format}",
    "-f",
    formats.join(","),
  ];
  assertEquals((await cli(args)).code, 0);
  const written = (await Array.fromAsync(Deno.readDir(folder.at("t")), ({ name }) => name)).sort();
  assertEquals(written, formats.map((format) => `dev-01-en.${format}`).sort());
  const text = await reference(EN);
  for (const name of written) {
    assertStringIncludes(await Deno.readTextFile(folder.at("t", name)), text.slice(0, 12));
  }
  const child = startCli(["help", "options"]);
  await child.stdout.cancel();
  const { code, stderr } = await child.output().catch(async () => ({
    code: (await child.status).code,
    stderr: new Uint8Array(),
  }));
  assert([0, 141].includes(code));
  assertEquals(new TextDecoder().decode(stderr), "");
});

Deno.test("transcribe --watch takes what arrives and ends with Ctrl-C", async () => {
  await using folder = await Folder.make();
  await Deno.mkdir(folder.at("in"));
  const args = ["-m", "demo", "--watch", folder.at("in"), "-o", folder.at("out")];
  const child = startCli(args);
  let said = "";
  const read = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) said += text;
  })();
  const until = async (pattern: RegExp) => {
    for (let i = 0; i < 600 && !pattern.test(said); i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assertMatch(said, pattern);
  };
  await until(/Watching/);
  const whole = await Deno.readFile(recording(EN));
  await Deno.writeFile(join(folder.at("in"), "late.wav"), whole.subarray(0, 20_000));
  await Deno.writeFile(join(folder.at("in"), "late.wav"), whole);
  await until(/late\.wav -> |late\.txt/);
  child.kill("SIGINT");
  const { code } = await child.status;
  await child.stdout.cancel();
  await read;
  assertEquals([code, await Deno.readTextFile(folder.at("out", "late.txt"))], [
    0,
    `${await reference(EN)}\n`,
  ]);
});

Deno.test("planInputs() names odd addresses as they are, and refuses broken ones with a sentence", async () => {
  const odd = [
    "file:///",
    "http://host.example/100%.wav",
    "http://host.example/",
    "data:audio/wav;base64,AA==",
  ];
  const { inputs, bad } = await planInputs([...odd, "http://", "https://host.example:port/c.wav"], PLAIN);
  assertEquals(inputs.map(({ name }) => name), [
    "file:///",
    "http://host.example/100%.wav",
    "http://host.example/",
    "the data: URL",
  ]);
  assertEquals(inputs.map(({ stem }) => stem), ["audio", "100%", "audio", "audio"]);
  assertEquals(bad.map(({ error }) => `${error.name}: ${error.message}`), [
    "AudioError: Cannot read http://: it is not a whole address, expected one like https://host/talk.wav or a path.",
    "AudioError: Cannot read https://host.example:port/c.wav: it is not a whole address, expected one like https://host/talk.wav or a path.",
  ]);
});

Deno.test("loadAudio() refuses addresses that lead nowhere with a sentence", async () => {
  for (
    const [address, sentence] of [
      ["http://", "Cannot read http://: it is not a whole address"],
      ["file:///", "Cannot read /: it is a folder"],
      ["file:///100%zz.wav", "Cannot read file:///100%zz.wav: it is no path of this machine."],
      ["file://elsewhere/a.wav", "Cannot read file://elsewhere/a.wav: it is no path of this machine."],
    ] as const
  ) {
    await assertRejects(() => loadAudio(address), AudioError, sentence);
  }
});

Deno.test("transcribe takes raw samples and another track, and says how to name raw samples", async () => {
  const wav = await Deno.readFile(recording(EN));
  const raw = wav.subarray(44);
  const named = await cli(["-m", "demo", "--raw", "s16le:16000", "-q", "-"], { stdin: raw });
  assertEquals([named.code, named.stdout.trim()], [0, await reference(EN)]);
  const unnamed = await cli(["-m", "demo", "-q", "-"], { stdin: raw });
  assertEquals(unnamed.code, 1);
  assertStringIncludes(unnamed.stderr, "--raw s16le:16000");
  const wrong = await cli(["-m", "demo", "--raw", "s16", "-"], { stdin: raw });
  assertEquals(wrong.code, 2);
  const second = await cli(["-m", "demo", "--track", "2", "-q", recording(EN)]);
  assertStringIncludes(second.stderr, "there is no audio track 2, it has one");
});
