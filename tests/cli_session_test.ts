/**
 * A whole session in a pseudo-terminal, held against tests/fixtures/cli_session.txt. What differs from run to run (times,
 * speeds, how far it came) is masked. `UPDATE_GOLDEN=1` writes the file anew.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { join } from "@std/path";
import { displayWidth } from "../lib/output/mod.ts";
import { cli, Folder, recording, ROOT } from "./support/cli_process.ts";
import { screenOf, TerminalSession } from "./support/cli_terminal.ts";
import { FakeHub } from "./support/hub_server.ts";

const GOLDEN = join(ROOT, "tests", "fixtures", "cli_session.txt");
const TALK = "dev-01-en.wav";

/** A line without what differs from run to run. */
function masked(line: string): string {
  return line
    .replace(/[ █▏▎▍▌▋▊▉]*▏ .*$/, " [bar] DONE/TOTAL  SPEED  LEFT")
    .replace(/\d+(\.\d+)? s in [\d:.]+( s)? \([\d.]+x real time\)/, "LENGTH in TIME (SPEED real time)")
    .replace(/\d+:\d\d in [\d:.]+( s)? \([\d.]+x real time\)/, "LENGTH in TIME (SPEED real time)")
    .replace(/(interrupted at|goes on at) [\d:.]+( s)?/, "$1 PLACE")
    .replace(/^warning: .*|.*: \d+ parts? decoded again$/, "warning: ...");
}

function block(title: string, lines: readonly string[]): string {
  const kept = lines.map(masked).filter((line) => line !== "warning: ...");
  return [`== ${title}`, ...kept, ""].join("\n");
}

async function names(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
}

async function firstRun(folder: Folder, env: Record<string, string>, answer: string): Promise<string> {
  await using session = new TerminalSession(["-m", "tester/tiny-asr", "talk.wav"], { cwd: folder.path, env });
  await session.until(/\[Y\/n\] /);
  await session.press(answer);
  const { code, screen } = await session.end();
  assertEquals(code, answer === "n\n" ? 1 : 0, screen.join("\n"));
  return block(`first use of a model, the answer is ${JSON.stringify(answer.trim())}`, screen);
}

const SPEECH = ["-m", "demo", "--batch-size", "1", "--chunk-seconds", "12"];
const LONG = [...SPEECH, "-f", "txt,srt", "-o", "out"];
const FILES = ["meeting.wav", "talk.wav"];

async function interrupted(folder: Folder, heard: string): Promise<string> {
  await using session = new TerminalSession([...LONG, ...FILES], { cwd: folder.path });
  const frame = await session.frame(/█.* for all\r?\n.*\w{3}/);
  assertMatch(
    frame.at(-2)!,
    /^\(1\/2\) meeting\.wav █.* ▏ \d:\d\d\/1:41 {2}[\d.]+x real time {2}\d:\d\d left {2}\d:\d\d for all$/,
  );
  const words = frame.at(-1)!.split(" ").slice(1, 5).join(" ");
  assert(words.length > 8 && heard.includes(words), words);
  await session.press("\x03");
  const { code, screen } = await session.end();
  assertEquals(code, 130);
  assertEquals(await names(folder.at("out")), [
    ".qwen3-asr.jsonl",
    "meeting.partial.srt",
    "meeting.partial.txt",
  ]);
  const [text = "", mark = ""] = (await Deno.readTextFile(folder.at("out", "meeting.partial.txt"))).split(
    "\n",
  );
  assert(heard.startsWith(text) && text.length > 20, text);
  assertMatch(mark, /^\[interrupted at \d:\d\d of 1:41\]$/);
  return block("progress", [...frame.slice(0, -1), "(the text so far)"]) + block("Ctrl-C", screen);
}

async function resumed(folder: Folder, heard: string): Promise<string> {
  await using session = new TerminalSession([...LONG, "--resume", ...FILES], { cwd: folder.path });
  const { code, screen } = await session.end();
  assertEquals(code, 0);
  assertEquals(
    await names(folder.at("out")),
    [".qwen3-asr.jsonl", "meeting.srt", "meeting.txt", "talk.srt", "talk.txt"],
  );
  assertEquals(await Deno.readTextFile(folder.at("out", "meeting.txt")), heard);
  return block("--resume", screen);
}

async function resumedAgain(folder: Folder): Promise<string> {
  await using session = new TerminalSession([...LONG, "--resume", ...FILES], {
    cwd: folder.path,
    env: { QWEN3_ASR_MLX_C: "/nowhere" },
  });
  const { code, screen } = await session.end();
  assertEquals(code, 0);
  return block("--resume again: nothing is loaded", screen);
}

async function badAmongGood(folder: Folder): Promise<string> {
  await folder.put("bad.wav", "no waves here, only words, and then some more of them");
  const args = ["-m", "demo", "talk.wav", "bad.wav", "missing.wav", "talk2.wav"];
  await using session = new TerminalSession(args, { cwd: folder.path });
  const { code, screen } = await session.end();
  assertEquals(code, 1);
  return block("a bad file among good ones", screen);
}

Deno.test("a whole session in a terminal looks as it should", async () => {
  await using folder = await Folder.make();
  await Deno.copyFile(recording("long-en.wav"), folder.at("meeting.wav"));
  await Deno.copyFile(recording(TALK), folder.at("talk.wav"));
  await Deno.copyFile(recording("dev-02-de.wav"), folder.at("talk2.wav"));
  await using hub = await FakeHub.start();
  const files: Record<string, Uint8Array<ArrayBuffer>> = {};
  for (const name of await names(join(ROOT, "demo", "model"))) {
    files[name] = await Deno.readFile(join(ROOT, "demo", "model", name));
  }
  await hub.publish(files);
  const env = { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: folder.at("cache") };
  const { stdout: heard } = await cli([...SPEECH, "meeting.wav"], { cwd: folder.path });
  assert(heard.length > 1000, heard);
  const session = [
    await firstRun(folder, env, "n\n"),
    await firstRun(folder, env, "y\n"),
    await interrupted(folder, heard),
    await resumed(folder, heard),
    await resumedAgain(folder),
    await badAmongGood(folder),
  ].join("\n");
  if (Deno.env.get("UPDATE_GOLDEN")) await Deno.writeTextFile(GOLDEN, session);
  assertEquals(session, await Deno.readTextFile(GOLDEN));
});

Deno.test("a second Ctrl-C ends at once, and nothing crashes", async () => {
  await using folder = await Folder.make();
  await Deno.copyFile(recording("long-en.wav"), folder.at("meeting.wav"));
  await using session = new TerminalSession(["-m", "demo", "-o", "out", "meeting.wav"], { cwd: folder.path });
  await session.until(/so far/);
  await session.press("\x03");
  await session.until(/Ctrl-C again ends at once/);
  await session.press("\x03");
  const { code } = await session.end();
  assertEquals(code, 130);
  assertNotMatch(session.output, /fault|abort|core|terminate/i);
});

Deno.test("NO_COLOR and --no-color take the colours away, and nothing else", async () => {
  await using folder = await Folder.make();
  await folder.copy(TALK);
  const colors = new RegExp(String.raw`\u001b\[\d*m`);
  const play = async (args: string[], env: Record<string, string>) => {
    await using session = new TerminalSession(["-m", "demo", ...args, TALK], { cwd: folder.path, env });
    const { screen } = await session.end();
    return { hasColors: colors.test(session.output), screen: screen.map(masked) };
  };
  const [plain, off, usual] = [
    await play([], { NO_COLOR: "1" }),
    await play(["--no-color"], {}),
    await play([], {}),
  ];
  assertEquals([plain.hasColors, off.hasColors, usual.hasColors], [false, false, true]);
  assertEquals([plain.screen, off.screen], [usual.screen, usual.screen]);
});

Deno.test("progress takes one line of any terminal, and leaves none behind", async () => {
  await using folder = await Folder.make();
  // Long enough that several lines are drawn on a fast machine: they come four times a second.
  const meetings = ["a meeting on a long afternoon.wav", "another meeting on a long afternoon.wav"];
  for (const meeting of meetings) await Deno.copyFile(recording("long-en.wav"), folder.at(meeting));
  await folder.copy(TALK);
  for (const columns of [40, 80]) {
    const args = ["-m", "demo", "-o", "out", "--range", "0-100", ...meetings, TALK];
    await using session = new TerminalSession(args, { cwd: folder.path, columns });
    const { code, screen } = await session.end();
    assertEquals(code, 0, screen.join("\n"));
    const frames = session.output.split(new RegExp(String.raw`\r(?:\u001b\[\d+A)?\u001b\[J`));
    const drawn = frames.slice(0, -1).filter((frame) => / left|so far/.test(frame));
    assert(drawn.length > 3, session.output);
    for (const line of drawn.flatMap((frame) => screenOf(frame))) {
      if (/ left$| so far$/.test(line)) assert(displayWidth(line) < columns, `${columns}: ${line}`);
    }
    assertEquals(screen.filter((line) => / left$|█/.test(line)), []);
    for (const line of screen.filter((line) => line.endsWith(" decoded again"))) {
      assertMatch(line, /: \d+ parts? decoded again$/);
    }
    assertEquals(screen.filter((line) => line.startsWith("warning:")), []);
  }
});
