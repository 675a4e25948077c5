/**
 * Options: precedence, help, versions, completions.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { readArguments } from "../lib/cli/arguments.ts";
import { clock } from "../lib/clock.ts";
import { length, parseRange, size, speed } from "../lib/cli/clock.ts";
import { COMMAND_OPTIONS, type OptionSpec, variableOf } from "../lib/cli/option_specs.ts";
import { bar, Progress } from "../lib/cli/progress.ts";
import { speechOptions } from "../lib/cli/settings.ts";
import { fit, lastColumns, Terminal } from "../lib/cli/terminal.ts";
import { OptionError } from "../lib/errors.ts";
import { displayWidth } from "../lib/output/mod.ts";
import { parseParameters } from "../lib/server/parameters.ts";
import type { ChunkResult } from "../lib/transcript.ts";
import { cli, recording, ROOT } from "./support/cli_process.ts";
import { transcriptOf } from "./support/output_samples.ts";

const SPECS: readonly OptionSpec[] = COMMAND_OPTIONS.transcribe;
const EVERY: OptionSpec[] = Object.values(COMMAND_OPTIONS).flat();

/** Runs with variables set, and takes them away again. */
function withVariables<T>(variables: Record<string, string>, act: () => T): T {
  for (const [name, value] of Object.entries(variables)) Deno.env.set(name, value);
  try {
    return act();
  } finally {
    for (const name of Object.keys(variables)) Deno.env.delete(name);
  }
}

Deno.test("readArguments() takes the flag, then the variable, for every option", () => {
  for (const spec of SPECS.filter(({ onlyFlag }) => !onlyFlag)) {
    const variable = variableOf(spec);
    assertMatch(variable, /^QWEN3_ASR_[A-Z_]+$/);
    const isSwitch = spec.value === undefined;
    withVariables({ [variable]: isSwitch ? "1" : "from variable" }, () => {
      const none = readArguments([], SPECS);
      const flag = readArguments([isSwitch ? `--no-${spec.name}` : `--${spec.name}=from flag`], SPECS);
      if (isSwitch) assertEquals([none.on(spec.name), flag.on(spec.name)], [true, false], spec.name);
      else {assertEquals(
          [none.text(spec.name), flag.text(spec.name)],
          ["from variable", "from flag"],
          spec.name,
        );}
    });
    assertEquals(readArguments([], SPECS).text(spec.name), undefined);
  }
});

Deno.test("readArguments() keeps operands, short names, lists and repeated options apart", () => {
  const args = readArguments([
    "-qr",
    "a.wav",
    "-f",
    "srt,vtt",
    "-",
    "--format=txt",
    "-o",
    "x",
    "--",
    "--b.wav",
  ], SPECS);
  assertEquals(args.operands, ["a.wav", "-", "--b.wav"]);
  assertEquals([args.on("quiet"), args.on("recursive"), args.on("resume")], [true, true, false]);
  assertEquals([args.list("format"), args.text("output-dir")], [["srt", "vtt", "txt"], "x"]);
  assertEquals(readArguments(["--context=-1 to 5", "007"], SPECS).text("context"), "-1 to 5");
  assertEquals(readArguments(["007"], SPECS).operands, ["007"]);
  assertThrows(() => readArguments(["--output-dri", "x"], SPECS), OptionError, "did you mean --output-dir?");
  assertThrows(() => readArguments(["-z"], SPECS), OptionError, "Unknown option -z");
});

Deno.test("option names and letters are unique in every command", () => {
  for (const [command, specs] of Object.entries(COMMAND_OPTIONS)) {
    const all: OptionSpec[] = [...specs];
    const names = all.flatMap(({ name, short }) => short === undefined ? [name] : [name, short]);
    assertEquals(new Set(names).size, names.length, command);
  }
});

Deno.test("parseRange() reads seconds, minutes and hours, and open ends", () => {
  assertEquals(parseRange("1:00-2:30"), { startSeconds: 60, endSeconds: 150 });
  assertEquals(parseRange("90-"), { startSeconds: 90 });
  assertEquals(parseRange("-0:30.5"), { startSeconds: 0, endSeconds: 30.5 });
  assertEquals(parseRange("1:02:03.5 - 2:00:00"), { startSeconds: 3723.5, endSeconds: 7200 });
  for (const wrong of ["", "-", "5", "1:70-2:00", "a-b", "1-2-3", "10-5", "5-5"]) {
    assertThrows(() => parseRange(wrong), OptionError, "Cannot use --range");
  }
});

Deno.test("times, speeds and sizes read like a person writes them", () => {
  assertEquals([0, 59.9, 61, 3723.9].map(clock), ["0:00", "0:59", "1:01", "1:02:03"]);
  assertEquals([2.34, 59.94, 125].map(length), ["2.3 s", "59.9 s", "2:05"]);
  assertEquals([0.456, 9.94, 35.4, Infinity].map(speed), ["0.5x", "9.9x", "35x", "-"]);
  assertEquals([5, 1500, 34_000_000, 2.5e9].map(size), ["5 bytes", "1.5 kB", "34 MB", "2.5 GB"]);
});

Deno.test("bar() is as wide as asked and grows by eighths of a column", () => {
  assertEquals([bar(0, 4), bar(0.5, 4), bar(17 / 32, 4), bar(1, 4), bar(7, 4)], [
    "    ",
    "██  ",
    "██▏ ",
    "████",
    "████",
  ]);
});

Deno.test("fit() and lastColumns() never exceed the columns, also with wide letters", () => {
  for (const text of ["a short one", "会议记录二零二六年十一月二十二日.wav", "x".repeat(200)]) {
    for (const columns of [8, 15, 30]) {
      assert(displayWidth(fit(text, columns)) <= columns, text);
      assert(displayWidth(lastColumns(text, columns)) <= columns, text);
    }
  }
  assertEquals(fit("interview-2026-11-22.wav", 13), "interv…22.wav");
  assertEquals(lastColumns("one  two\nthree", 9), "two three");
});

Deno.test("Progress writes a plain line every five seconds where nobody watches", () => {
  const said: string[] = [];
  const terminal = new Terminal();
  Object.defineProperties(terminal, {
    isLive: { value: false },
    note: { value: (line: string) => said.push(line) },
  });
  const clockNow = performance.now;
  let now = 1000;
  performance.now = () => now;
  try {
    const progress = new Progress(terminal, "talk.wav", { startSeconds: 60, beforeSeconds: 60 });
    const [chunk] = transcriptOf([]).chunks;
    progress.event({ type: "start", durationSeconds: 240, chunks: 8 });
    // After a word nothing is known of the speed yet.
    now += 6000;
    progress.event({ type: "delta", chunkIndex: 0, text: "I" });
    assertEquals(said, []);
    now -= 6000;
    for (const doneSeconds of [90, 120, 150, 180]) {
      now += 2000;
      progress.event({ type: "chunk", chunk: chunk!, doneSeconds, durationSeconds: 300 });
    }
    progress.end();
  } finally {
    performance.now = clockNow;
  }
  // 60 s were done before; 90 s took 6 s; 150 s are left.
  assertEquals(said, ["talk.wav: 2:30 of 5:00 (50 %), 15x real time, 0:10 left"]);
});

Deno.test("Progress shows the first words while the recording is still read, and counts them for nothing", () => {
  const frames: (readonly string[])[] = [];
  const terminal = new Terminal({ color: false });
  Object.defineProperties(terminal, {
    isLive: { value: true },
    columns: { value: 60 },
    draw: { value: (lines: readonly string[]) => frames.push(lines) },
  });
  const clockNow = performance.now;
  let now = 1000;
  performance.now = () => now;
  const progress = new Progress(terminal, "talk.wav", { startSeconds: 0, beforeSeconds: 0 });
  try {
    now += 1000;
    progress.event({ type: "delta", chunkIndex: 0, text: "I see ten yellow windows." });
    now += 1000;
    progress.event({ type: "start", durationSeconds: 3600, chunks: 200 });
  } finally {
    performance.now = clockNow;
    progress.end();
  }
  assertEquals(frames.at(-2), ["talk.wav reading", "I see ten yellow windows."]);
  assertEquals(frames.at(-1), ["talk.wav 0:00/1:00:00  0:00 so far", "I see ten yellow windows."]);
});

Deno.test("Progress moves within a batch, counts all recordings, and never takes more than the columns", () => {
  const { chunks: [chunk] } = transcriptOf([]);
  const clockNow = performance.now;
  let now = 1000;
  performance.now = () => now;
  try {
    for (const columns of [20, 40, 60, 80, 200]) {
      const frames: (readonly string[])[] = [];
      const terminal = new Terminal({ color: false });
      Object.defineProperties(terminal, {
        isLive: { value: true },
        columns: { value: columns },
        draw: { value: (lines: readonly string[]) => frames.push(lines) },
      });
      const name = "(2/7) 会議の録音 of a long afternoon.m4a";
      const progress = new Progress(terminal, name, { startSeconds: 0, beforeSeconds: 0, later: 3 });
      progress.event({ type: "start", durationSeconds: 480, chunks: 16 });
      for (let step = 0; step < 10; step++) {
        now += 1000;
        progress.event({ type: "delta", chunkIndex: 0, text: "forty letters that are read in 3 seconds." });
      }
      for (let index = 0; index < 8; index++) {
        const endSeconds = 30 * (index + 1);
        const done: ChunkResult = {
          ...chunk!,
          index,
          startSeconds: endSeconds - 30,
          endSeconds,
          text: "x".repeat(400),
        };
        progress.event({ type: "chunk", chunk: done, doneSeconds: endSeconds, durationSeconds: 480 });
        now += 1000;
      }
      progress.end();
      for (const line of frames.flat()) assert(displayWidth(line) < columns, `${columns}: ${line}`);
      if (columns < 200) continue;
      const places = frames.map(([line = ""]) => / (\d+):(\d\d)\/8:00 /.exec(line)).filter((found) =>
        found !== null
      );
      const seconds = places.map(([, minutes, rest]) => Number(minutes) * 60 + Number(rest));
      assertEquals(seconds, [...seconds].sort((a, b) => a - b));
      assert(new Set(seconds).size > 8 && seconds[5]! > 60 && seconds.at(-1) === 240, seconds.join());
      // 240 s took 17 s: 17 s are left of this one, and three more like it.
      assert(/ 0:17 left {2}1:\d\d for all$/.test(frames.at(-1)![0]!), frames.at(-1)![0]);
    }
  } finally {
    performance.now = clockNow;
  }
});

Deno.test("--help fits a screen of 80 by 24 with examples; topics have the rest", async () => {
  const { code, stdout, stderr } = await cli(["--help"], { flags: [] });
  const lines = stdout.trimEnd().split("\n");
  assertEquals([code, stderr], [0, ""]);
  assert(lines.length <= 24, `${lines.length} lines`);
  assert(lines.every((line) => line.length <= 80));
  assert(lines.filter((line) => /^ {2}(curl.*\| )?qwen3-asr /.test(line)).length >= 5);
  const topics = lines.at(-1)!.trim().split(/\s+/);
  assert(topics.includes("options") && topics.includes("exit"));
  const texts = await Promise.all(topics.map((topic) => cli(["help", topic], { flags: [] })));
  for (const [i, text] of texts.entries()) {
    assertEquals(text.code, 0);
    assert(text.stdout.split("\n").length > 5, topics[i]!);
    assert(text.stdout.split("\n").every((line) => line.length <= 80), topics[i]!);
  }
  for (const { name } of SPECS) assertStringIncludes(texts[topics.indexOf("options")]!.stdout, `--${name}`);
  assertMatch((await cli(["help", "otput"], { flags: [] })).stderr, /did you mean output\?/);
});

Deno.test("--version is the one of deno.json", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const { stdout } = await cli(["--version"], { flags: [] });
  assertMatch(
    stdout,
    new RegExp(`^qwen3-asr ${version.replaceAll(".", "\\.")} \\(Deno \\d+\\.\\d+\\.\\d+, \\w+ \\w+\\)\n$`),
  );
});

Deno.test("completions for bash offer options, values, commands and files", async () => {
  const { stdout: script } = await cli(["completions", "bash"], { flags: [] });
  const offered = async (words: string[]) => {
    const array = words.map((word) => `'${word}'`).join(" ");
    const { stdout, success } = await new Deno.Command("bash", {
      args: [
        "-c",
        `${script}\nCOMP_WORDS=(qwen3-asr ${array}); COMP_CWORD=${words.length}; _qwen3_asr; printf '%s\\n' "\${COMPREPLY[@]}"`,
      ],
      cwd: join(ROOT, "demo"),
    }).output();
    assert(success);
    return new TextDecoder().decode(stdout).trim().split("\n");
  };
  assertEquals(await offered(["--form"]), ["--format"]);
  assertEquals(await offered(["--device", ""]), ["auto", "cpu", "gpu"]);
  assertEquals(await offered(["-l", "Ge"]), ["German"]);
  assertEquals(await offered(["-l", "ger"]), ["german"]);
  assertEquals(await offered(["-l", "yu"]), ["yue"]);
  assertEquals(await offered(["--languages", "de,spa"]), ["de,spanish"]);
  assertEquals(await offered(["-f", "txt,sr"]), ["txt,srt"]);
  assertEquals(await offered(["serve", "--po"]), ["--port"]);
  assertEquals(await offered(["doctor", "REA"]), [""]);
  assertEquals(await offered(["inspect", "REA"]), ["README.md"]);
  assertEquals(await offered(["doc"]), ["doctor"]);
  assertEquals(await offered(["models", "ver"]), ["verify"]);
  assertEquals(await offered(["--output-dir", "recor"]), ["recordings"]);
  assertEquals(await offered(["x.wav", "REA", ""].slice(0, 2)), ["README.md"]);
});

Deno.test("completions know the options of serve, and keep names with blanks whole", async () => {
  const { stdout: served } = await cli(["serve", "--help"]);
  const { stdout: script } = await cli(["completions", "bash"], { flags: [] });
  const [, options = ""] = /^ {4}serve\).* options=\$'(.*?)'/m.exec(script)!;
  const known = new Set([...served.matchAll(/^\s+(?:-\w, )?(--[a-z-]+)/gm)].map(([, name]) => name!));
  assertEquals(new Set(options.split("\\n")), known);
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(folder, "two words.wav"), "x");
    const line =
      `${script}\nCOMP_WORDS=(qwen3-asr two); COMP_CWORD=1; _qwen3_asr; printf '<%s>' "\${COMPREPLY[@]}"`;
    const { stdout } = await new Deno.Command("bash", { args: ["-c", line], cwd: folder }).output();
    assertEquals(new TextDecoder().decode(stdout), "<two words.wav>");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("completions for zsh and fish name every option of every command", async () => {
  const [zsh, fish] = await Promise.all(
    ["zsh", "fish"].map((shell) => cli(["completions", shell], { flags: [] })),
  );
  for (const { name, short } of EVERY) {
    assertStringIncludes(zsh!.stdout, `'*--${name}[`);
    assertMatch(fish!.stdout, new RegExp(`-l ${name}${short === undefined ? "" : ` -s ${short}`}( |$)`, "m"));
  }
  assertEquals((await cli(["completions", "powershell"], { flags: [] })).code, 2);
});

Deno.test("every model option reaches the model", async () => {
  const file = recording("dev-01-en.wav");
  const options = [
    "--device",
    "cpu",
    "--dtype",
    "float32",
    "--chunk-seconds",
    "2",
    "--batch-size",
    "1",
    "--verbose",
  ];
  const speech = ["--languages", "en,de", "--context", "windows", "--temperature", "0", "--max-tokens", "4"];
  const { code, stdout, stderr } = await cli(["-m", "demo", ...options, ...speech, "--json-stats", file]);
  assertEquals(code, 0, stderr);
  assertMatch(stderr, /^model demo .*, cpu, float32, MLX \d/m);
  const stats = JSON.parse(stderr.split("\n").find((line) => line.startsWith("{"))!);
  assertEquals([stats.language, stats.truncated], ["English", true]);
  assert(stats.stats.promptTokens > 60, "the context is part of the prompt");
  assert(stdout.length < 26, "cut off by --max-tokens");
  const vad = ["--vad-threshold", "0.4", "--vad-min-silence", "0.2", "--vad-speech-pad", "0.2"];
  const starts = await Promise.all([[], vad, ["--vad", "off"]].map(async (more) => {
    const { stdout, stderr } = await cli(["-m", "demo", "-q", "-f", "json", ...more, file]);
    assertEquals(stderr, "");
    return JSON.parse(stdout).segments[0].startSeconds;
  }));
  assert(starts[0] - starts[1] > 0.15 && starts[2] === 0, starts.join());
  const quiet = await cli(["-m", "demo", "-q", "-l", "English", "--range", "0.5-1.5", "-f", "json", file]);
  assertEquals([quiet.code, quiet.stderr], [0, ""]);
  const { durationSeconds, chunks } = JSON.parse(quiet.stdout);
  assertEquals([durationSeconds, chunks[0].startSeconds, chunks[0].endSeconds], [1, 0.5, 1.5]);
});

Deno.test("speechOptions() and parseParameters() take `auto` for detecting, with a choice of languages too", async () => {
  const options = await speechOptions(readArguments(["--language=auto", "--languages=de,en"], SPECS));
  assertEquals([options.language, options.languages], [undefined, ["German", "English"]]);
  const request = parseParameters([{ name: "language", value: "auto" }, {
    name: "languages",
    value: ["de"],
  }]);
  assertEquals([request.options.language, request.options.languages], [undefined, ["German"]]);
});
