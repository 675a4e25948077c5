/**
 * Live text on a terminal, judged by a terminal emulator that is not ours.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { plainLines, screenLines } from "../lib/cli/live/lines.ts";
import { LiveScreen } from "../lib/cli/live/screen.ts";
import { statusLine } from "../lib/cli/live/status.ts";
import { displayWidth } from "../lib/output/mod.ts";
import { Emulator } from "./support/emulator.ts";
import { randomOf } from "./support/output_samples.ts";

const dim = (text: string) => `\x1b[2m${text}\x1b[0m`;
const TEXTS = [
  "The train leaves at ten on Thursday, and nobody knows whether it will ever come back again.",
  "今天我们来看一看，一段录音是怎样一步一步变成文字的。首先，声音被切成很短的帧！",
  "Emoji 👍 and trains 🚂 and 🎂 between words, naïve café too.",
  "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenverkäuferin",
  "한국어는 띄어쓰기가 있습니다. 그래서 단어 사이에서 줄이 바뀝니다.",
];

/** xterm.js mixes up the letters of such sequences when it breaks lines anew: they are shown without. */
const SEQUENCES = "Hands 👍🏽 and families 👨‍👩‍👧‍👦 and flags 🇩🇪 between words.";

function screenOn(emulator: Emulator): LiveScreen {
  const decoder = new TextDecoder();
  return new LiveScreen(async (bytes) => {
    await emulator.write(decoder.decode(bytes, { stream: true }));
    return bytes.length;
  }, () => emulator.size);
}

Deno.test("screenLines() breaks by the width of letters, and paints only what may change", () => {
  for (const text of [...TEXTS, SEQUENCES]) {
    for (const columns of [10, 19, 39]) {
      for (const at of [0, 7, text.length]) {
        const lines = screenLines(text.slice(0, at), text.slice(at), columns, (part) => `<${part}>`);
        for (const { plain } of lines) assert(displayWidth(plain) <= columns, plain);
        // All letters are there, in order, and what is firm comes first.
        const whole = lines.map((line) => line.text).join("").replace(/\s/g, "");
        assertEquals(whole.replace(/[<>]/g, ""), text.replace(/\s/g, ""));
        const firm = lines.map((line) => line.text).join("").split("<")[0]!;
        assertEquals(firm.replace(/\s/g, ""), text.slice(0, at).replace(/\s/g, ""), `${at} of ${text}`);
      }
    }
  }
  assertEquals(screenLines("", "", 20, dim), []);
});

Deno.test("what a speaker says cannot move the cursor", () => {
  const [line] = screenLines("a\x1b[2Jb\rc\u202ed", "", 80, dim);
  assertEquals(line!.plain, "a\ufffd[2Jb c\\u202ed");
});

Deno.test("a screen shows firm and dim, in place, and leaves what is final", async () => {
  const emulator = new Emulator(40, 10);
  const screen = screenOn(emulator);
  const show = (firm: string, loose: string) => screen.show(screenLines(firm, loose, screen.columns, dim));
  show("", "The");
  await screen.idle();
  assertEquals([emulator.rows(), emulator.dimIn(0)], [["The"], "The"]);
  show("The train leaves", " at then");
  await screen.idle();
  assertEquals([emulator.rows(), emulator.dimIn(0)], [["The train leaves at then"], " at then"]);
  show("The train leaves at ten on Thursday, and", " nobody knows");
  await screen.idle();
  assertEquals(emulator.rows(), ["The train leaves at ten on Thursday,", "and nobody knows"]);
  assertEquals([emulator.dimIn(0), emulator.dimIn(1)], ["", " nobody knows"]);
  screen.print("The train left.\n");
  screen.show([]);
  await screen.close();
  assertEquals([emulator.rows(), emulator.dimIn(0)], [["The train left."], ""]);
});

Deno.test("texts of all scripts stay whole while the window is resized again and again", async () => {
  const random = randomOf(7);
  const pick = (count: number) => Math.floor(random() * count);
  for (let round = 0; round < 20; round++) {
    const emulator = new Emulator(30 + pick(60), 12);
    const screen = screenOn(emulator);
    const printed: string[] = [];
    for (let step = 0; step < 30; step++) {
      const text = TEXTS[pick(TEXTS.length)]!;
      const at = Math.max(0, text.indexOf(" ", pick(text.length)));
      if (pick(5) === 0) {
        const lines = plainLines(text, screen.columns);
        printed.push(...lines.trimEnd().split("\n"));
        screen.print(lines);
      }
      screen.show([
        ...screenLines(text.slice(0, at), text.slice(at), screen.columns, dim),
        ...screenLines("", "● 0:12 status", screen.columns, dim),
      ]);
      await screen.idle();
      const status = emulator.rows().filter((row) => row.includes("status"));
      assertEquals(status.length, 1, emulator.rows().join("\n"));
      if (pick(3) === 0) emulator.resize(20 + pick(80));
    }
    screen.show([]);
    await screen.close();
    assertEquals(emulator.lines(), printed);
  }
});

Deno.test("families and flags are as wide as the terminal says", async () => {
  for (let columns = 12; columns < 40; columns++) {
    const emulator = new Emulator(columns, 12);
    const screen = screenOn(emulator);
    for (const at of [20, SEQUENCES.length]) {
      screen.show(screenLines(SEQUENCES.slice(0, at), "", screen.columns, dim));
      await screen.idle();
    }
    assertEquals(emulator.rows(), screenLines(SEQUENCES, "", screen.columns, dim).map(({ plain }) => plain));
  }
});

Deno.test("a text higher than the terminal shows its end, and no line twice", async () => {
  const emulator = new Emulator(40, 6);
  const screen = screenOn(emulator);
  for (let words = 1; words < 200; words++) {
    const text = Array.from({ length: words }, (_, word) => `w${word}`).join(" ");
    screen.show(screenLines(text, "", screen.columns, dim).slice(-screen.rows));
    await screen.idle();
    const shown = emulator.rows().join(" ");
    assert(shown.endsWith(`w${words - 1}`), shown);
    assertEquals(shown.split(" ").length, new Set(shown.split(" ")).size, shown);
  }
});

Deno.test("a terminal that takes nothing holds nothing up, and gets only what is new", async () => {
  const written: string[] = [];
  let resume = () => {};
  const stopped = new Promise<void>((resolve) => resume = resolve);
  const screen = new LiveScreen(async (bytes) => {
    if (written.length === 1) await stopped;
    written.push(new TextDecoder().decode(bytes));
    return bytes.length;
  }, () => ({ columns: 40, rows: 10 }));
  const line = (text: string) => [{ text, plain: text }];
  for (let step = 0; step < 100; step++) {
    screen.show(line(`step ${step}`));
    await Promise.resolve();
  }
  screen.print("final\n");
  resume();
  await screen.idle();
  assert(written.length < 5, `${written.length}`);
  assert(written.at(-1)!.includes("final\nstep 99\n"), written.at(-1));
});

Deno.test("statusLine() fits any width, and the level is last to go", () => {
  const facts = {
    state: "listening",
    seconds: 72,
    peak: 0.5,
    lagSeconds: 3.21,
    source: "内蔵マイク of a computer with a long name",
  } as const;
  for (let columns = 20; columns < 120; columns++) {
    const line = statusLine(facts, columns);
    assert(displayWidth(line) <= columns, `${columns}: ${line}`);
    assert(line.startsWith("● 1:12 "), line);
  }
  assertEquals(statusLine(facts, 40), "● 1:12 ███████▎▏ 3.2 s behind");
});
