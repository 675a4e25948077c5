/**
 * Transcripts that grow: at every moment what is written is a file that others read, and nothing of it changes.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { parse as parsePlussub } from "@plussub/srt-vtt-parser";
import { parse as parseAss } from "ass-compiler";
import webvtt from "webvtt-parser";
import { OptionError } from "../lib/errors.ts";
import { GrowingTranscript, type OutputFormat, type Passage } from "../lib/output/mod.ts";
import type { Segment } from "../lib/transcript.ts";
import { randomOf, randomSegments, segmentOf } from "./support/output_samples.ts";

const { WebVTTParser }: {
  WebVTTParser: new (entities: object) => {
    parse(text: string): { cues: { startTime: number; endTime: number }[]; errors: { message: string }[] };
  };
} = webvtt;

const passage = (...segments: Segment[]): Passage => ({
  text: segments.map(({ text }) => text).join(" "),
  segments,
  endSeconds: segments.at(-1)!.endSeconds,
});

const TALK: Passage[] = [
  passage(segmentOf(0.5, 3, "Good morning, everyone: it is 9:30, and this is the news.")),
  passage(segmentOf(3.4, 3.5, "Yes.")), // Too short for a cue: it may not take the time of the one before.
  { text: " ", segments: [], endSeconds: 4 },
  passage(
    segmentOf(5, 9, "今天我们来看一看，一段录音是怎样一步一步变成文字的。"),
    segmentOf(9, 12, "首先，声音被切成很短的帧！", { timing: "estimated" }),
  ),
  passage(segmentOf(3600, 3602, "<i>An hour later</i> & --> on.", { timing: "estimated" })),
];

/** What is written after each passage. */
function written(format: OutputFormat, passages: readonly Passage[], options = {}): string[] {
  const growing = new GrowingTranscript(format, options);
  let text = growing.head;
  return [text, ...passages.map((passage) => text += growing.append(passage))];
}

/** Cues as a public parser reads them: numbered on, in order, none over another. */
function readSrt(text: string): { id: string; from: number; to: number; text: string }[] {
  const { entries } = parsePlussub(text);
  entries.forEach(({ id, from, to }, index) => {
    assertEquals(id, String(index + 1));
    assert(to > from && from >= (entries[index - 1]?.to ?? 0), text);
  });
  return entries;
}

Deno.test("srt grows: at every moment a parser reads all cues, numbered on", () => {
  const states = written("srt", TALK);
  assertEquals(states[0], "");
  assertEquals(states.slice(1).map((state) => readSrt(state).length), [1, 2, 2, 4, 5]);
  const last = readSrt(states.at(-1)!).at(-1)!;
  assertEquals([last.from, last.to], [3600_000, 3602_000]);
  assertEquals(last.text.replaceAll("\u2060", ""), "<i>An hour later</i> & --> on.");
  // Between any two cues one empty line, at the end none.
  assertEquals(states.at(-1)!.match(/\n\n/g)!.length, 4);
  assert(/[^\n]\n$/.test(states.at(-1)!));
});

Deno.test("vtt grows and stays valid; a note says where times come from when that changes", () => {
  const states = written("vtt", TALK);
  for (const [index, state] of states.entries()) {
    const { cues, errors } = new WebVTTParser({ "&amp;": "&", "&lt;": "<", "&gt;": ">" }).parse(state);
    assertEquals(errors, [], state);
    assertEquals(cues.length, [0, 1, 2, 2, 4, 5][index]);
  }
  assertEquals(states.at(-1)!.match(/^NOTE/gm)!.length, 1);
});

Deno.test("ass, lrc, tsv, csv and txt grow by lines", () => {
  const ass = written("ass", TALK);
  assertEquals(ass.map((state) => parseAss(state).events.dialogue.length), [0, 1, 2, 2, 4, 5]);
  assertEquals(written("txt", TALK).at(-1)!.split("\n").slice(1, 4), [
    "Yes.",
    "今天我们来看一看，一段录音是怎样一步一步变成文字的。 首先，声音被切成很短的帧！",
    "<i>An hour later</i> & --> on.",
  ]);
  assertEquals(written("tsv", TALK).at(-1)!.split("\n").slice(0, 3), [
    "start\tend\ttext",
    "500\t3000\tGood morning, everyone: it is 9:30, and this is the news.",
    "3400\t3500\tYes.",
  ]);
  assertEquals(
    written("csv", TALK).at(-1)!.split("\n")[1],
    '500,3000,"Good morning, everyone: it is 9:30, and this is the news."',
  );
  assertEquals(written("lrc", TALK).at(-1)!.split("\n").slice(-4), [
    "[00:09.00]首先，声音被切成很短的帧！",
    "[00:12.00]",
    "[60:00.00]<i>An hour later</i> & --> on.",
    "",
  ]);
});

Deno.test("a row a word: an utterance whose words have no times is one row", () => {
  const words = [
    { text: "Hello", startSeconds: 1, endSeconds: 1.4, timing: "aligned", confidence: 0.5 },
    { text: "you.", startSeconds: 1.5, endSeconds: 2, timing: "aligned" },
  ] as const;
  const passages = [
    passage(segmentOf(1, 2, "Hello you.", { words: [...words] })),
    passage(segmentOf(3, 4, "No times.")),
  ];
  assertEquals(
    written("tsv", passages, { byWord: true }).at(-1),
    [
      "start\tend\ttext\tconfidence\ttiming\n",
      "1000\t1400\tHello\t0.500\taligned\n",
      "1500\t2000\tyou.\t\taligned\n",
      "3000\t4000\tNo times.\t\tapproximate\n",
    ].join(""),
  );
});

Deno.test("srt and vtt of random talks in all scripts never overlap", () => {
  const random = randomOf(11);
  for (const script of ["latin", "cjk", "arabic", "emoji", "long", "nasty", "mixed"] as const) {
    for (let round = 0; round < 8; round++) {
      const passages = randomSegments(random, script, "estimated").map((segment) => passage(segment));
      for (const state of written("srt", passages).slice(1)) readSrt(state);
      const vtt = written("vtt", passages).at(-1)!;
      assertEquals(new WebVTTParser({ "&amp;": "&", "&lt;": "<", "&gt;": ">" }).parse(vtt).errors, []);
    }
  }
});

Deno.test("json cannot grow", () => {
  assertThrows(() => new GrowingTranscript("json"), OptionError, "json");
});
