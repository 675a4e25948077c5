import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parse as parsePlussub } from "@plussub/srt-vtt-parser";
import { parse as parseAss } from "ass-compiler";
import webvtt from "webvtt-parser";
import { makeCues } from "../lib/output/cues.ts";
import { formatTranscript, type OutputFormat } from "../lib/output/format.ts";
import { wordSpans } from "../lib/text/words.ts";
import type { Segment, Transcript, Word } from "../lib/transcript.ts";
import { randomOf, randomSegments, type Script, segmentOf, transcriptOf } from "./support/output_samples.ts";

/** A segment whose words follow each other, each a second long, with half a second between them. */
function sung(startSeconds: number, text: string): Segment {
  const words = wordSpans(text, "Chinese").map(({ text }, index): Word => ({
    text,
    startSeconds: startSeconds + 1.5 * index,
    endSeconds: startSeconds + 1.5 * index + 1,
    timing: "aligned",
    confidence: 0.9,
  }));
  return segmentOf(startSeconds, words.at(-1)!.endSeconds, text, { words });
}

const SONG = transcriptOf([sung(0.5, "Tom & John – <want> it."), sung(20, "今天，很好。")], {
  durationSeconds: 40,
});
const MARKED = { highlightWords: true, maxSeconds: 20 };

Deno.test("formatTranscript() srt underlines the word that is said, as whisper does", () => {
  const srt = formatTranscript(SONG, "srt", MARKED);
  assertEquals(srt.split("\n\n").slice(0, 5), [
    "1\n00:00:00,500 --> 00:00:01,500\n<u>Tom</u> & John – <\u2060want> it.",
    "2\n00:00:01,500 --> 00:00:02,000\nTom & John – <\u2060want> it.",
    "3\n00:00:02,000 --> 00:00:03,000\nTom & <u>John</u> – <\u2060want> it.",
    "4\n00:00:03,000 --> 00:00:03,500\nTom & John – <\u2060want> it.",
    "5\n00:00:03,500 --> 00:00:04,500\nTom & John – <u><\u2060want></u> it.",
  ]);
});

Deno.test("formatTranscript() vtt has the time of every word inside its cue", () => {
  assertStringIncludes(
    formatTranscript(SONG, "vtt", MARKED),
    "00:00:20.000 --> 00:00:25.500\n今<00:00:21.500>天，<00:00:23.000>很<00:00:24.500>好。\n",
  );
});

Deno.test("formatTranscript() ass has how long every word takes, and all of a cue together", () => {
  const ass = formatTranscript(SONG, "ass", MARKED);
  assertStringIncludes(ass, "{\\k100}今{\\k50}{\\k100}天，{\\k50}{\\k100}很{\\k50}{\\k100}好。");
  for (const line of ass.split("\n").filter((line) => line.startsWith("Dialogue:"))) {
    const [start, end] = line.split(",").slice(1, 3).map((time) => Number(time.split(":").at(-1)));
    const lengths = [...line.matchAll(/\{\\k(\d+)\}/g)].map(([, length]) => Number(length));
    const sum = lengths.reduce((all, length) => all + length, 0);
    assert(Math.abs(sum - 100 * (end! - start!)) < 1e-6, line);
  }
});

Deno.test("formatTranscript() lrc has a line a segment, and with highlightWords a time a word", () => {
  assertEquals(formatTranscript(SONG, "lrc").split("\n"), [
    "[length:00:40.00]",
    "[00:00.50]Tom & John – <want> it.",
    "[00:06.00]",
    "[00:20.00]今天，很好。",
    "[00:25.50]",
    "",
  ]);
  const enhanced = formatTranscript(SONG, "lrc", { highlightWords: true, title: "Song" });
  assertStringIncludes(enhanced, "[ti:Song]\n");
  assertStringIncludes(enhanced, "[00:00.50]<00:00.50>Tom & <00:02.00>John – <00:03.50><want> <00:05.00>it.");
  assertStringIncludes(enhanced, "<00:20.00>今<00:21.50>天，<00:23.00>很<00:24.50>好。");
});

Deno.test("formatTranscript() tsv and csv have one word a row where words have times", () => {
  assertEquals(formatTranscript(SONG, "tsv").split("\n").slice(0, 3), [
    "start\tend\ttext\tconfidence\ttiming",
    "500\t1500\tTom &\t0.900\taligned",
    "2000\t3000\tJohn –\t0.900\taligned",
  ]);
  const quoted = transcriptOf([segmentOf(0, 1, 'He said "yes", twice.')]);
  assertEquals(formatTranscript(quoted, "csv"), 'start,end,text\n0,1000,"He said ""yes"", twice."\n');
});

/** Left to itself the validator reads `&lt;` as `<;`. */
const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };

interface Validation {
  cues: { text: string }[];
  errors: { message: string }[];
}

const { WebVTTParser }: { WebVTTParser: new (entities: object) => { parse(text: string): Validation } } =
  webvtt;

/** Lets ffmpeg read a subtitle file and write what it understood as srt. */
async function ffmpeg(text: string, from: OutputFormat): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: `.${from}` });
  try {
    await Deno.writeTextFile(file, text);
    const args = ["-v", "warning", "-i", file, "-f", "srt", "-"];
    const { success, stdout, stderr } = await new Deno.Command("ffmpeg", { args }).output();
    assertEquals([new TextDecoder().decode(stderr), success], ["", true]);
    return new TextDecoder().decode(stdout).replaceAll("\r\n", "\n");
  } finally {
    await Deno.remove(file);
  }
}

const letters = (text: string) =>
  text.replace(/<[^>]*>|\{\\[^}]*\}/g, "").replace(/\\N|\\[{}]/g, "").replace(/[^\p{L}\p{N}]/gu, "");

/** Text of all cues, each once: cues that differ in their marks only are one. */
function shown(transcript: Transcript): string[] {
  return makeCues(transcript.segments, { ...MARKED, durationSeconds: transcript.durationSeconds }).map(
    ({ lines }) => letters(lines.join("")),
  );
}

/** Neighbours that say the same count once. */
function once(texts: readonly string[]): string[] {
  return texts.filter((text, index) => text !== texts[index - 1]);
}

Deno.test("subtitle readers read every karaoke file, and find the text of every cue in it", async () => {
  for (const format of ["srt", "vtt", "ass"] as const) {
    const read = parsePlussub(await ffmpeg(formatTranscript(SONG, format, MARKED), format)).entries;
    assertEquals(once(read.map(({ text }) => letters(text))), shown(SONG), format);
  }
});

Deno.test("karaoke files of random texts of all scripts are valid, in order and lose no letter", () => {
  const random = randomOf(29);
  const scripts: Script[] = ["latin", "cjk", "arabic", "emoji", "long"];
  for (let round = 0; round < 60; round++) {
    const segments = randomSegments(random, scripts[round % scripts.length]!, "aligned").map((segment) => {
      const words = wordSpans(segment.text, "Chinese");
      const step = (segment.endSeconds - segment.startSeconds) / words.length;
      return {
        ...segment,
        words: words.map(({ text }, index): Word => ({
          text,
          startSeconds: segment.startSeconds + step * index,
          endSeconds: segment.startSeconds + step * (index + random()),
          timing: "aligned",
        })),
      };
    });
    const transcript = transcriptOf(segments);
    const wanted = once(shown(transcript));
    const { cues, errors } = new WebVTTParser(ENTITIES).parse(formatTranscript(transcript, "vtt", MARKED));
    assertEquals(errors, []);
    assertEquals(once(cues.map(({ text }) => letters(text.replace(/&\w+;/g, "")))), wanted);
    const srt = parsePlussub(formatTranscript(transcript, "srt", MARKED)).entries;
    assertEquals(once(srt.map(({ text }) => letters(text))), wanted);
    let clock = 0;
    for (const { from, to } of srt) {
      assert(from >= clock && to > from, `${clock}, ${from}, ${to}`);
      clock = to;
    }
    const { dialogue } = parseAss(formatTranscript(transcript, "ass", MARKED)).events;
    assertEquals(once(dialogue.map(({ Text }) => letters(Text.raw))), wanted);
  }
});
