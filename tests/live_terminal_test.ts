/**
 * `live` in a pseudo-terminal with a stream that follows a script, shown by a terminal emulator that is not ours.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { Folder } from "./support/cli_process.ts";
import { TerminalSession } from "./support/cli_terminal.ts";
import { Emulator } from "./support/emulator.ts";
import type { LiveProgram } from "./support/live_program.ts";
import { type ScriptLine, textEvent } from "./support/live_script.ts";

const PROGRAM = "tests/support/live_program.ts";
const ROWS = 30;

const at = (atSeconds: number, event: ScriptLine["event"]): ScriptLine => ({ atSeconds, event });

/** Two utterances: one English with a change of mind, one of Chinese with an emoji. */
const TALK: ScriptLine[] = [
  at(0.1, textEvent("tentative", 0, "The train leaf")),
  at(0.4, textEvent("committed", 0, "The train")),
  at(0.4, textEvent("tentative", 0, " leaves at tent")),
  at(0.8, textEvent("committed", 0, " leaves at ten on Thursday,")),
  at(0.8, textEvent("tentative", 0, " and nobody knows whether")),
  at(1.2, textEvent("final", 0, "The train leaves at ten on Thursday, and nobody knows where to.")),
  at(1.4, textEvent("committed", 1, "今天我们来看一看，一段录音是怎样")),
  at(1.4, textEvent("tentative", 1, "一步一步变成文字的 🚂。首先，")),
  at(9, textEvent("final", 1, "今天我们来看一看，一段录音是怎样一步一步变成文字的 🚂。")),
];

async function start(
  folder: Folder,
  program: LiveProgram,
  options: { columns?: number; redirect?: string; args?: string[] } = {},
): Promise<TerminalSession> {
  const path = await folder.put("program.json", JSON.stringify(program));
  return new TerminalSession([path, ...options.args ?? []], {
    cwd: folder.path,
    program: PROGRAM,
    ...options,
  });
}

/** What the terminal shows after some output. */
async function shown(output: string, columns: number): Promise<Emulator> {
  const emulator = new Emulator(columns, ROWS);
  await emulator.write(output);
  return emulator;
}

/** Output up to the last complete drawing that matches. */
function upTo(output: string, pattern: RegExp): string {
  const redraws = [...output.matchAll(new RegExp(String.raw`\r\u001b\[\d+A\u001b\[J`, "g"))].map((
    { index },
  ) => index);
  const parts = redraws.map((end, i) => output.slice(redraws[i - 1] ?? 0, end));
  const last = parts.findLastIndex((part) => pattern.test(part));
  assert(last >= 0, `${pattern} was not drawn:\n${output}`);
  return output.slice(0, redraws[last]);
}

Deno.test("a session at 40 columns: firm and dim, replaced by what is final, wide letters whole", async () => {
  await using folder = await Folder.make();
  await using session = await start(folder, { script: TALK, seconds: 60 }, { columns: 40 });
  await session.until(/首先/);
  await session.press("\x03");
  const { code } = await session.end();
  assertEquals(code, 0);

  const first = await shown(upTo(session.output, /tent/), 40);
  assertMatch(first.rows()[0]!, /^The train leaves at tent$/);
  assertEquals(first.dimIn(0).trim(), "leaves at tent");
  assertMatch(first.rows()[1]!, /^● 0:00 .+▏.*Ctrl-C ends/);

  const second = await shown(upTo(session.output, /whether/), 40);
  assertEquals(second.rows().slice(0, 2), [
    "The train leaves at ten on Thursday,",
    "and nobody knows whether",
  ]);
  assertEquals([second.dimIn(0), second.dimIn(1).trim()], ["", "and nobody knows whether"]);

  const third = await shown(upTo(session.output, /首先/), 40);
  assertEquals(third.rows().slice(0, 4), [
    "The train leaves at ten on Thursday,",
    "and nobody knows where to.",
    "今天我们来看一看，一段录音是怎样一步一",
    "步变成文字的 🚂。首先，",
  ]);

  const last = await shown(session.output, 40);
  assertEquals(last.rows(), [
    "The train leaves at ten on Thursday,",
    "and nobody knows where to.",
    "今天我们来看一看，一段录音是怎样一步一",
    "步变成文字的 🚂。",
    ...last.rows().slice(4),
  ]);
  assertMatch(last.rows().slice(4).join(""), /^scripted: \d\.\d s heard, 2 utterances$/);
});

Deno.test("the window is resized while somebody speaks: nothing twice, nothing lost", async () => {
  await using folder = await Folder.make();
  await using session = await start(folder, { script: TALK, seconds: 60 }, { columns: 80 });
  const emulator = new Emulator(80, ROWS);
  let written = 0;
  const catchUp = async () => {
    const { output } = session;
    await emulator.write(output.slice(written));
    written = output.length;
  };
  for (const [index, columns] of [44, 71, 38, 90].entries()) {
    await session.until([/leaf/, /tent/, /whether/, /首先/][index]!);
    await catchUp();
    emulator.resize(columns);
    await session.stty("cols", String(columns));
    await new Promise((resolve) => setTimeout(resolve, 150));
    await catchUp();
    const statuses = emulator.rows().filter((row) => row.startsWith("●"));
    assertEquals(statuses.length, 1, emulator.rows().join("\n"));
  }
  await session.press("\x03");
  const { code } = await session.end();
  assertEquals(code, 0);
  await catchUp();
  const text = emulator.rows().join(" ");
  assertEquals(text.match(/The train/g)!.length, 1, text);
  assertEquals(text.match(/今天/g)!.length, 1, text);
  assertEquals(text.match(/●/g), null, text);
});

Deno.test("push-to-talk: space begins, space cuts, q ends; the terminal is as it was", async () => {
  await using folder = await Folder.make();
  const script = [at(0.1, textEvent("final", 0, "Said while the key was down."))];
  await using session = await start(folder, { script, seconds: 60, isPushToTalk: true });
  await session.until(/space: talk/);
  assertMatch(await session.stty("-a"), /-icanon/);
  assertMatch(await session.stty("-a"), /[^-]isig/);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assertNotMatch(session.output, /Said/); // Nothing was heard before the key.
  await session.press(" ");
  await session.until(/space: done/);
  await session.until(/Said while/);
  await session.press(" ");
  await session.until(/space: talk[^]*space: done[^]*space: talk/);
  await session.press("q");
  await session.until(/cut after true/);
  const { code, screen } = await session.end();
  assertEquals(code, 0, screen.join("\n"));
});

for (const ending of ["death", "Ctrl-C", "SIGTERM", "a second Ctrl-C"]) {
  Deno.test(`keys: the terminal is as it was after ${ending}`, async () => {
    await using folder = await Folder.make();
    const path = await folder.put(
      "program.json",
      JSON.stringify({
        script: [at(5, textEvent("final", 0, "Heard until then."))],
        isPushToTalk: true,
        seconds: ending === "death" ? 0.5 : 60,
        ...ending === "death" ? { dies: "The microphone has stopped" } : {},
        hangs: ending === "a second Ctrl-C",
      }),
    );
    await using session = new TerminalSession([path], {
      cwd: folder.path,
      program: PROGRAM,
      around: "echo; stty -a",
    });
    await session.until(/space: talk/);
    if (ending === "SIGTERM") await session.signal("SIGTERM");
    else if (ending !== "death") await session.press("\x03");
    if (ending === "a second Ctrl-C") {
      await session.until(/ending/);
      await session.press("\x03");
    }
    const { code } = await session.end();
    assertEquals(code, { "death": 1, "a second Ctrl-C": 130 }[ending] ?? 0, session.output);
    if (ending !== "a second Ctrl-C") assertStringIncludes(session.output, "Heard until then.");
    const settings = session.output.match(/^speed[^]*?echok[^]*?$/gm)!.map((text) => text.replace(/\r/g, ""));
    assertEquals(settings.length, 2);
    assertEquals(settings[1], settings[0]);
  });
}

Deno.test("an error of the source comes after the text, and the exit code tells", async () => {
  await using folder = await Folder.make();
  await using session = await start(folder, { script: TALK, seconds: 0.5, dies: "it was unplugged" });
  const { code, screen } = await session.end();
  assertEquals(code, 1);
  const text = screen.join("\n");
  assert(text.indexOf("where to.") < text.indexOf("it was unplugged"), text);
  assertStringIncludes(text, "2 utterances");
});

Deno.test("standard error elsewhere: the text stays live, without a status", async () => {
  await using folder = await Folder.make();
  await using session = await start(folder, { script: TALK, seconds: 2 }, { redirect: "2>errors.txt" });
  await session.end();
  assertMatch(session.output, new RegExp(String.raw`\u001b\[2m leaves at tent`));
  assertNotMatch(session.output, /●/);
  assertStringIncludes(await Deno.readTextFile(folder.at("errors.txt")), "2 utterances");
});

Deno.test("standard output elsewhere: it has the text alone, the terminal the rest", async () => {
  await using folder = await Folder.make();
  await using session = await start(folder, { script: TALK, seconds: 2, format: "txt" }, {
    redirect: ">text.txt",
  });
  await session.end();
  assertEquals((await Deno.readTextFile(folder.at("text.txt"))).split("\n"), [
    "The train leaves at ten on Thursday, and nobody knows where to.",
    "今天我们来看一看，一段录音是怎样一步一步变成文字的 🚂。",
    "",
  ]);
  assertMatch(session.output, /leaves at tent/);
  const emulator = await shown(session.output, 90);
  assertNotMatch(emulator.rows().join("\n"), /train|●/);
});

Deno.test("--quiet: what is final, and nothing else", async () => {
  await using folder = await Folder.make();
  await using session = await start(folder, { script: TALK, seconds: 2 }, { args: ["-q"] });
  const { screen } = await session.end();
  assertEquals(screen.length, 2);
  assertNotMatch(session.output, /tent|●|heard/);
});
