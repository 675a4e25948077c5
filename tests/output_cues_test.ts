import { assert, assertEquals, assertGreaterOrEqual, assertLessOrEqual, assertThrows } from "@std/assert";
import { OptionError } from "../lib/errors.ts";
import type { Segment } from "../lib/transcript.ts";
import { type Cue, makeCues } from "../lib/output/cues.ts";
import type { CueOptions } from "../lib/output/options.ts";
import { displayWidth } from "../lib/display_width.ts";
import { randomOf, randomSegments, type Script, segmentOf } from "./support/output_samples.ts";

const SCRIPTS: Script[] = ["latin", "cjk", "arabic", "emoji", "long", "nasty", "mixed"];
const ROUNDING = 0.0011;

/** What is left of a text when white space does not count. */
function ink(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\s\u0085]+/g, "").replace(/[\0-\x1f\x7f-\x9f]/g, "\ufffd");
}

function inkOf(cues: readonly Cue[]): string {
  return ink(cues.map(({ lines }) => lines.join(" ")).join(" "));
}

function checkRules(cues: readonly Cue[], segments: readonly Segment[], options: CueOptions = {}): void {
  const { maxColumns = 42, maxLines = 2, maxSeconds = 7 } = options;
  assertEquals(inkOf(cues), ink(segments.map(({ text }) => text).join(" ")));
  let clock = 0;
  for (const { startSeconds, endSeconds, lines } of cues) {
    assertGreaterOrEqual(startSeconds, clock);
    assert(endSeconds > startSeconds, `${startSeconds} --> ${endSeconds}`);
    assertLessOrEqual(endSeconds - startSeconds, maxSeconds + ROUNDING);
    assert(lines.length > 0 && lines.length <= maxLines, `${lines.length} lines`);
    for (const line of lines) {
      assertEquals(line, line.replace(/^ +| +$/g, ""));
      assert(line !== "");
      assertLessOrEqual(displayWidth(line), maxColumns, line);
    }
    clock = endSeconds;
  }
}

/** Every cue must lie in the hull of the segments whose text it shows. */
function checkInside(cues: readonly Cue[], segments: readonly Segment[]): void {
  const owners = segments.flatMap((segment) => Array.from(ink(segment.text), () => segment));
  let at = 0;
  for (const cue of cues) {
    const length = Array.from(inkOf([cue])).length;
    assertGreaterOrEqual(cue.startSeconds, owners[at]!.startSeconds - ROUNDING);
    assertLessOrEqual(cue.endSeconds, owners[at + length - 1]!.endSeconds + ROUNDING);
    at += length;
  }
}

Deno.test("makeCues() keeps every rule on random texts of all scripts", () => {
  const random = randomOf(7);
  for (let round = 0; round < 210; round++) {
    const timing: Segment["timing"] = round % 2 ? "chunk" : "estimated";
    const segments = randomSegments(random, SCRIPTS[round % SCRIPTS.length]!, timing);
    const cues = makeCues(segments);
    checkRules(cues, segments);
    checkInside(cues, segments);
  }
});

Deno.test("makeCues() shows no cue under 0.7 s when people speak at a rate of people", () => {
  const random = randomOf(11);
  for (let round = 0; round < 150; round++) {
    const segments = randomSegments(random, (["latin", "cjk", "arabic"] as const)[round % 3]!, "estimated");
    for (const { startSeconds, endSeconds } of makeCues(segments)) {
      assertGreaterOrEqual(endSeconds - startSeconds, 0.7 - ROUNDING);
    }
  }
});

Deno.test("makeCues() keeps every rule under other limits", () => {
  const random = randomOf(13);
  for (let round = 0; round < 120; round++) {
    const options = {
      maxColumns: 4 + Math.floor(random() * 50),
      maxLines: 1 + Math.floor(random() * 3),
      minSeconds: random() * 2,
      maxSeconds: 2 + random() * 8,
      readingSpeed: 5 + random() * 30,
    };
    const segments = randomSegments(random, SCRIPTS[round % SCRIPTS.length]!, "chunk");
    checkRules(makeCues(segments, options), segments, options);
  }
});

Deno.test("makeCues() loses nothing when times are overlapping, reversed, empty or negative", () => {
  const random = randomOf(17);
  for (let round = 0; round < 60; round++) {
    const segments = randomSegments(random, SCRIPTS[round % SCRIPTS.length]!, "chunk").map((segment) => ({
      ...segment,
      startSeconds: random() * 10 - 1,
      endSeconds: random() * 10 - 1,
    }));
    checkRules(makeCues(segments), segments);
  }
});

Deno.test("makeCues() ends cues with sentences and clauses", () => {
  const text =
    "The first sentence says very little. The second one is a good deal longer, as you can see here. " +
    "A third, shorter one ends it.";
  assertEquals(makeCues([segmentOf(0, 12, text)]).map(({ lines }) => lines.join(" | ")), [
    "The first sentence says very little.",
    "The second one is a good deal longer, | as you can see here.",
    "A third, shorter one ends it.",
  ]);
});

Deno.test("makeCues() never starts a line with closing CJK punctuation", () => {
  const text =
    "今天我们来看一看，一段录音是怎样一步一步变成文字的。首先，声音被切成很短的帧，每一帧变成梅尔频谱的一列；" +
    "然后编码器每次读一百列。最后，解码器一个接一个地写出词元！";
  for (let maxColumns = 4; maxColumns <= 42; maxColumns++) {
    for (const { lines } of makeCues([segmentOf(0, 30, text)], { maxColumns })) {
      for (const line of lines) assert(!/^[，。；！]/.test(line), line);
    }
  }
});

Deno.test("makeCues() spreads the times of a chunk by text length", () => {
  const text =
    "This sentence has exactly forty columns. This one 20 columns. And here come exactly thirty now.";
  const cues = makeCues([segmentOf(10, 22, text, { timing: "chunk" })], { maxLines: 1 });
  assertEquals(cues.map(({ lines }) => lines[0]?.length), [40, 20, 33]);
  // 41, 21 and 33 of 95 columns of 12 seconds: a space belongs to the text before it.
  assertEquals(cues.map(({ startSeconds }) => startSeconds), [10, 15.179, 17.832]);
  assertEquals(cues.map(({ endSeconds }) => endSeconds), [15.179, 17.832, 22]);
  assertEquals(new Set(cues.map(({ timing }) => timing)), new Set(["estimated"]));
});

Deno.test("makeCues() counts a CJK character as two Latin letters of time", () => {
  const cues = makeCues([
    segmentOf(0, 8, "你好你好你好你好你好。 Hello hello hello he.", { timing: "chunk" }),
  ], {
    maxLines: 1,
    maxColumns: 24,
  });
  assertEquals(cues.map(({ lines }) => lines[0]), ["你好你好你好你好你好。", "Hello hello hello he."]);
  assertEquals(cues[1]?.startSeconds, 4.182); // 23 of 44 columns of 8 seconds
});

Deno.test("makeCues() takes the times of words where an aligner gave them", () => {
  const text = "Hello, world! It’s 4 o'clock — time for tea, said the hatter.";
  const words = ["hello", "world", "It's", "4", "o'clock", "time", "for", "tea", "said", "the", "hatter"]
    .map((word, k) => ({
      text: word,
      startSeconds: 1 + k * 0.5,
      endSeconds: 1.4 + k * 0.5,
      timing: "aligned" as const,
    }));
  const cues = makeCues([segmentOf(0, 12, text, { words })], {
    maxColumns: 15,
    readingSpeed: 100,
    minSeconds: 0,
  });
  assertEquals(
    cues.map(({ startSeconds, endSeconds, lines }) => [startSeconds, endSeconds, lines.join("|")]),
    [
      [1, 1.9, "Hello, world!"],
      [2, 4.9, "It’s 4 o'clock|— time for tea,"],
      [5, 6.4, "said the|hatter."],
    ],
  );
  assertEquals(cues[0]?.timing, "aligned");
});

Deno.test("makeCues() lets a fast cue stand in the pause that follows it", () => {
  const text = "Quick words said fast. Then a pause.";
  const words = [
    ["Quick", 0, 0.1],
    ["words", 0.1, 0.2],
    ["said", 0.2, 0.3],
    ["fast", 0.3, 0.4],
    ["Then", 5, 5.5],
    ["a", 5.5, 6],
    ["pause", 6, 6.5],
  ].map(([text, startSeconds, endSeconds]) => ({
    text: String(text),
    startSeconds: Number(startSeconds),
    endSeconds: Number(endSeconds),
    timing: "aligned" as const,
  }));
  const [first, second] = makeCues([segmentOf(0, 8, text, { words })], { maxColumns: 24, maxLines: 1 });
  assertEquals(first?.endSeconds, 1.048); // 22 columns at 21 a second
  assertEquals([second?.startSeconds, second?.endSeconds], [5, 6.5]);
});

Deno.test("makeCues() merges a segment under 0.7 s with its neighbour", () => {
  const cues = makeCues([
    segmentOf(0, 0.3, "Yes."),
    segmentOf(0.4, 3, "I think so."),
    segmentOf(3, 6, "你好"),
  ]);
  assertEquals(cues.map(({ startSeconds, endSeconds, lines }) => [startSeconds, endSeconds, ...lines]), [
    [0, 3, "Yes. I think so."],
    [3, 6, "你好"],
  ]);
});

Deno.test("makeCues() lets a lonely short segment borrow silence, but not past the end of the recording", () => {
  const shown = (options: CueOptions, ...segments: Segment[]) =>
    makeCues(segments, options).map(({ startSeconds, endSeconds }) => [startSeconds, endSeconds]);
  assertEquals(shown({}, segmentOf(2, 2.2, "Yes.")), [[2, 2.7]]);
  assertEquals(shown({ durationSeconds: 2.3 }, segmentOf(2, 2.2, "Yes.")), [[1.6, 2.3]]);
  assertEquals(shown({}, segmentOf(0, 2, "Well?"), segmentOf(3, 3.1, "No."), segmentOf(3.5, 9, "Why not?")), [
    [0, 2],
    [2.8, 3.5],
    [3.5, 9],
  ]);
});

Deno.test("makeCues() cuts a cue that would last over 7 s", () => {
  const [cue] = makeCues([segmentOf(3, 30, "Hello.", { timing: "chunk" })]);
  assertEquals([cue?.startSeconds, cue?.endSeconds, cue?.timing], [3, 10, "chunk"]);
});

Deno.test("makeCues() gives nothing for segments without text", () => {
  assertEquals(makeCues([]), []);
  assertEquals(makeCues([segmentOf(0, 1, ""), segmentOf(1, 2, " \n ")]), []);
});

Deno.test("makeCues() takes seconds, not minutes, for two hours without spaces", () => {
  const cues = makeCues([
    segmentOf(0, 7200, "x".repeat(50_000)),
    segmentOf(7200, 14400, "字幕".repeat(25_000)),
  ]);
  assertEquals(inkOf(cues).length, 100_000);
});

Deno.test("makeCues() refuses limits and times that make no sense", () => {
  const one = [segmentOf(0, 1, "Hi.")];
  assertThrows(() => makeCues(one, { maxColumns: 3 }), OptionError, "maxColumns is 3");
  assertThrows(() => makeCues(one, { maxLines: 0 }), OptionError, "maxLines is 0");
  assertThrows(() => makeCues(one, { readingSpeed: NaN }), OptionError, "readingSpeed is NaN");
  assertThrows(
    () => makeCues(one, { minSeconds: 8 }),
    OptionError,
    "maxSeconds is 7, it must be above minSeconds",
  );
  assertThrows(
    () => makeCues([segmentOf(0, NaN, "Hi.")]),
    OptionError,
    "segment 0 runs from 0 to NaN seconds",
  );
});
