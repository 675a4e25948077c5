/**
 * Bad input at the command line: one sentence on standard error, an exit code, nothing on standard output.
 *
 * @module
 */
import { assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { openLibrary } from "../ffi/mod.ts";
import {
  cli,
  copyModel,
  floatWav,
  Folder,
  recording,
  type Said,
  type StartOptions,
  withType,
} from "./support/cli_process.ts";

const GOOD = recording("dev-01-en.wav");

/** Runs and expects a refusal: one line that begins with "error:", no stack trace, no transcript. */
async function refused(args: string[], code: number, reason: RegExp, options?: StartOptions): Promise<Said> {
  const said = await cli(args, options);
  const errors = said.stderr.split("\n").filter((line) => line.startsWith("error: "));
  assertEquals([said.code, said.stdout, errors.length], [code, "", 1], said.stderr);
  assertMatch(errors[0]!, reason);
  assertNotMatch(said.stderr, /^\s+at |Uncaught|\.ts:\d+|panicked/m);
  return said;
}

Deno.test("main() names what is wrong with a recording and exits with 1", async () => {
  await using folder = await Folder.make();
  const speech = Array.from({ length: 8000 }, (_, i) => Math.sin(i / 10) / 4);
  const files: [name: string, contents: string | Uint8Array, reason: RegExp][] = [
    ["words.wav", "these are words, no waves, and quite a few of them", /words\.wav/],
    ["empty.wav", "", /empty\.wav: it is empty$/],
    ["silent.wav", floatWav([]), /silent\.wav: it holds no samples$/],
    ["nan.wav", floatWav(speech.with(500, NaN)), /nan\.wav: .*NaN at 0\.031 s/],
    ["page.wav", "<!DOCTYPE html><html><body>Not found</body></html>", /page\.wav: it is a web page/],
  ];
  for (const [name, contents, reason] of files) {
    await refused(["--model", "demo", await folder.put(name, contents)], 1, reason);
  }
  await refused(["-m", "demo", folder.at("nowhere.wav")], 1, /nowhere\.wav: there is no such file$/);
  await refused(["-m", "demo", folder.at("*.flac")], 1, /\*\.flac: no file matches$/);
  await Deno.mkdir(folder.at("hollow"));
  await refused(["-m", "demo", folder.at("hollow")], 1, /hollow: there is no recording in this folder/);
});

Deno.test("main() refuses hot words that no memory would hold, before it reads anything", async () => {
  await using folder = await Folder.make();
  const words = await folder.put("words.txt", "Wintermute\n".repeat(10) + "x".repeat(4_000_000));
  const reason = /: Cannot use \d+ bytes \(some \d+ tokens\) of hot words: at most 4096 tokens are read/;
  await refused(["--model", "demo", "--hotwords", words, GOOD], 1, reason);
});

Deno.test("main() names what is wrong with a model and exits with 1", async () => {
  await using folder = await Folder.make();
  const none = folder.at("none");
  await Deno.mkdir(none);
  await refused(["--model", none, GOOD], 1, /none: config\.json is missing/);
  await refused([none, GOOD], 1, /none: config\.json is missing/);
  await copyModel(folder.at("cut"), (weights) => weights.slice(0, 1_000_000));
  await refused(["-m", folder.at("cut"), GOOD], 1, /model\.safetensors ends at byte 1000000 of \d+$/);
  await copyModel(folder.at("typed"), (weights) => withType(weights, "audio_tower.conv2d1.bias", "I16"));
  await refused(
    ["-m", folder.at("typed"), GOOD],
    1,
    /audio_tower\.conv2d1\.bias has type I16, expected BF16/,
  );
  // The library is looked for first: nobody fetches a model that nothing can run.
  const library = openLibrary().path;
  const env = { HF_HOME: folder.path, HOME: folder.path, QWEN3_ASR_MLX_C: library };
  await refused(["--offline", "-m", "0.6b", GOOD], 1, /Model 0\.6b is not on this machine/, { env });
  const { stderr } = await refused([GOOD], 1, /No model on this machine/, { env });
  assertMatch(stderr, /models download 0\.6b/);
});

Deno.test("main() says where it looked when mlx-c is missing", async () => {
  const { stderr } = await refused(
    ["-m", "demo", "--library", "/nowhere/libmlxc.so", GOOD],
    1,
    /Cannot find mlx-c/,
  );
  assertMatch(stderr, /^ {2}\/nowhere\/libmlxc\.so \(argument\): no such file$/m);
  const env = { QWEN3_ASR_MLX_C: "/elsewhere/libmlxc.so" };
  assertMatch((await refused(["-m", "demo", GOOD], 1, /mlx-c/, { env })).stderr, /elsewhere\/libmlxc\.so/);
});

Deno.test("main() refuses wrong usage with 2 before it loads anything", async () => {
  const cases: [args: string[], reason: RegExp][] = [
    [["--language", "Klingon", GOOD], /Unknown language "Klingon"/],
    [["--language", "jp", GOOD], /did you mean Japanese \(ja\)\?/],
    [["--languages", "en,Germn", GOOD], /did you mean German \(de\)\?/],
    [["--modle", "demo", GOOD], /Unknown option --modle: did you mean --model\?/],
    [["--model"], /--model needs a value/],
    [["--format="], /--format needs a value/],
    [["--format", "str", GOOD], /Did you mean "srt"\?/],
    [["--format", "srt,vtt", GOOD], /several formats need --output-dir/],
    [["--dtype", "int8", GOOD], /--dtype int8: it must be one of auto, float32/],
    [["--device", "gpus", GOOD], /did you mean gpu\?/],
    [["--temperature", "warm", GOOD], /--temperature warm: it must be a number from 0/],
    [["--batch-size", "1.5", GOOD], /must be a whole number from 1/],
    [["--vad", "of", GOOD], /must be one of on, off, did you mean on\?/],
    [["--vad-threshold", "1", GOOD], /must be a probability above 0 and below 1/],
    [["--vad", "off", "--vad-speech-pad", "1", GOOD], /Cannot use --vad-speech-pad with --vad off/],
    [["--range", "3-1", GOOD], /it ends before it begins/],
    [["--range", "soon", GOOD], /it must look like 1:00-2:30/],
    [["--language", "en", "--languages", "de", GOOD], /--language and --languages at once/],
    [["--seed", "3", GOOD], /--seed without --temperature/],
    [["--resume", GOOD], /--resume without --output-dir/],
    [["--line-width", "30", GOOD], /--line-width with txt: it shapes srt, vtt and ass/],
    [["--hotwords", "/nowhere/words.txt", GOOD], /hotwords in \/nowhere\/words\.txt: there is no such file/],
    [["doctor", "please"], /doctor has no use for "please"/],
    [["languages", "--language", "de"], /Unknown option --language/],
    [["--output-template", "{stam}.txt", GOOD], /did you mean \{stem\}\?/],
    [["--output-template", "{stem}.txt", "--format", "txt,srt", GOOD], /add \{format\}/],
    [[], /Nothing to transcribe/],
  ];
  const results = await Promise.all(
    cases.map(([args, reason]) => refused(args, 2, reason, { env: { QWEN3_ASR_MLX_C: "/nowhere" } })),
  );
  assertEquals(results.length, cases.length);
  await refused([GOOD], 2, /QWEN3_ASR_QUIET=maybe/, { env: { QWEN3_ASR_QUIET: "maybe" } });
});

Deno.test({
  name: "main() shows names with control characters, and says what is wrong with names that are not UTF-8",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using folder = await Folder.make();
    await Deno.copyFile(GOOD, folder.at("a\x1b[31mred\rb\u009b2J.wav"));
    const made = await new Deno.Command("sh", {
      args: ["-c", `cp "$1" "$2/caf$(printf '\\351').wav"`, "sh", GOOD, folder.path],
    }).output();
    assertEquals(made.code, 0);
    const { code, stderr } = await cli(["-m", "demo", folder.path, folder.at("no\x07where.wav")]);
    assertEquals(code, 1);
    assertNotMatch(stderr, /[^\P{Cc}\n]/u);
    assertMatch(stderr, /^\S*a\\x1b\[31mred\\rb\\x9b2J\.wav: 2\.9 s in /m);
    assertMatch(stderr, /^error: .*no\\x07where\.wav: there is no such file$/m);
    assertMatch(stderr, /^error: Cannot read .*caf\ufffd\.wav: its name is not UTF-8; rename it/m);
  },
});

Deno.test("main() names addresses that are none, and reads a percent sign that encodes nothing", async () => {
  await refused(
    ["-m", "demo", "http://"],
    1,
    /^error: Cannot read http:\/\/: it is not a whole address, expected one like https:\/\/host\/talk.wav or a path$/,
  );
  await refused(
    ["-m", "demo", "http://127.0.0.1:1/100%.wav"],
    1,
    /Cannot (read|fetch) http:\/\/127\.0\.0\.1:1\/100%/,
  );
  await refused(["-m", "demo", "file:///"], 1, /^error: .*\//);
});

Deno.test("main() refuses hot words that are not UTF-8, and takes a mark at their beginning", async () => {
  await using folder = await Folder.make();
  const utf16 = (text: string, mark: number[]) =>
    Uint8Array.from([...mark, ...[...text].flatMap((letter) => [letter.charCodeAt(0), 0])]);
  const reason = /hotwords in .*: it is not UTF-8 text; save it as UTF-8$/;
  for (
    const [name, bytes] of Object.entries({
      "marked.txt": utf16("windows\n", [0xff, 0xfe]),
      "plain.txt": utf16("windows\n", []),
      "latin1.txt": Uint8Array.of(0x63, 0x61, 0x66, 0xe9, 0x0a),
    })
  ) {
    await refused(["-m", "demo", "--hotwords", await folder.put(name, bytes), GOOD], 2, reason);
  }
  const marked = await folder.put("good.txt", "\ufeffwindows\n");
  assertEquals((await cli(["-m", "demo", "-l", "auto", "--hotwords", marked, GOOD])).code, 0);
});

Deno.test({
  name: "main() finds library and models without HOME",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const args = ["-u", "HOME", Deno.execPath(), "run", "--no-check", "-A", "mod.ts", "-m", "demo", GOOD];
    const { code, stderr } = await new Deno.Command("env", { args }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
  },
});
