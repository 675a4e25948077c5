import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { parse as parsePlussub } from "@plussub/srt-vtt-parser";
import { parse as parseAss } from "ass-compiler";
import webvtt from "webvtt-parser";
import { type Cue, makeCues } from "../lib/output/cues.ts";
import { formatTranscript, type OutputFormat } from "../lib/output/format.ts";
import type { Segment, Transcript } from "../lib/transcript.ts";
import { randomOf, randomSegments, type Script, segmentOf, transcriptOf } from "./support/output_samples.ts";

/** Left to itself the validator reads `&lt;` as `<;`. */
const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };

interface Read {
  startSeconds: number;
  endSeconds: number;
  text: string;
}

interface ValidatorTree {
  children?: ValidatorTree[];
  value?: string;
}

interface Validation {
  cues: { startTime: number; endTime: number; text: string; tree: ValidatorTree }[];
  errors: { message: string; line: number }[];
}

const { WebVTTParser }: { WebVTTParser: new (entities: object) => { parse(text: string): Validation } } =
  webvtt;

const PLAIN: Segment[] = [
  segmentOf(0.5, 4, "Good morning, everyone: it is 9:30, and this is the news."),
  segmentOf(4, 12.345, "今天我们来看一看，一段录音是怎样一步一步变成文字的。首先，声音被切成很短的帧！", {
    timing: "chunk",
  }),
  segmentOf(12.5, 20, "مرحبا بكم. اليوم سننظر كيف يتحول تسجيل الكلام إلى نص، خطوة بعد خطوة.", {
    timing: "estimated",
  }),
  segmentOf(3600, 3605, "Two\nlines, and 👨‍👩‍👧‍👦 for the family."),
];

const NASTY: Segment[] = [
  segmentOf(0, 3, "AT&T said 1 < 2 > 0 &amp; more."),
  segmentOf(3, 6, "00:00:01,000 --> 00:00:02,000\n\n2"),
  segmentOf(6, 9, "WEBVTT\n\nNOTE <b>bold</b> <c.red>x</c> {\\an8}up {braces} C:\\New\\home"),
  segmentOf(9, 12, "7"),
  segmentOf(12, 15, "Dialogue: 0,0:00:00.00,,,; a\tb, c"),
];

function expected(transcript: Transcript): Read[] {
  return makeCues(transcript.segments, transcript).map(({ startSeconds, endSeconds, lines }: Cue) => {
    return { startSeconds, endSeconds, text: lines.join("\n") };
  });
}

function assertReads(read: readonly Read[], transcript: Transcript, toleranceSeconds = 1e-9): void {
  const wanted = expected(transcript);
  const plain = ({ text }: Read) => text.replaceAll("\u2060", "").trimEnd(); // some parsers take a no-break space off
  assertEquals(read.map(plain), wanted.map(plain));
  for (const [k, { startSeconds, endSeconds }] of wanted.entries()) {
    assertAlmostEquals(read[k]!.startSeconds, startSeconds, toleranceSeconds);
    assertAlmostEquals(read[k]!.endSeconds, endSeconds, toleranceSeconds);
  }
}

function readPlussub(text: string): Read[] {
  return parsePlussub(text).entries.map(({ from, to, text }) => {
    return { startSeconds: from / 1000, endSeconds: to / 1000, text };
  });
}

/** Text as it stands in the file: the parser knows no escaped braces. */
function readAss(text: string): Read[] {
  return parseAss(text).events.dialogue.map(({ Start, End, Text }) => {
    const unescaped = Text.raw.replaceAll("\\N", "\n").replace(/\\([{}])/g, "$1").replaceAll("{{}", "{");
    return { startSeconds: Start, endSeconds: End, text: unescaped };
  });
}

function textOfTree({ children, value }: ValidatorTree): string {
  return (value ?? "") + (children ?? []).map(textOfTree).join("");
}

function readValidated(text: string): Read[] {
  const { cues, errors } = new WebVTTParser(ENTITIES).parse(text);
  assertEquals(errors, []);
  return cues.map(({ startTime, endTime, tree }) => {
    return { startSeconds: startTime, endSeconds: endTime, text: textOfTree(tree) };
  });
}

/** Lets ffmpeg read a subtitle file and write what it understood as srt. */
async function ffmpeg(text: string, from: OutputFormat): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: `.${from}` });
  try {
    await Deno.writeTextFile(file, text);
    const args = ["-v", "warning", "-i", file, "-f", "srt", "-"];
    const { success, stdout, stderr } = await new Deno.Command("ffmpeg", { args }).output();
    assertEquals(new TextDecoder().decode(stderr), "");
    assert(success);
    return new TextDecoder().decode(stdout).replaceAll("\r\n", "\n");
  } finally {
    await Deno.remove(file);
  }
}

/** The text in ffmpeg's srt, which names the font size and knows no escaped braces; ffmpeg 7 escapes one as `{{}`. */
function plainOfFfmpeg(text: string): string {
  return text.replace(/^<font size="\d+">|<\/font>$/g, "").replace(/\\([{}])/g, "$1").replaceAll("{{}", "{");
}

for (const [name, segments] of [["plain", PLAIN], ["nasty", NASTY]] as const) {
  const transcript = transcriptOf(segments);

  Deno.test(`formatTranscript() srt gives parsers back every ${name} cue`, () => {
    assertReads(readPlussub(formatTranscript(transcript, "srt")), transcript);
  });

  Deno.test(`formatTranscript() vtt is valid and gives parsers back every ${name} cue`, () => {
    const vtt = formatTranscript(transcript, "vtt");
    assertReads(readValidated(vtt), transcript);
    const unescape = (text: string) =>
      text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
    assertReads(readPlussub(vtt).map((read) => ({ ...read, text: unescape(read.text) })), transcript);
  });

  Deno.test(`formatTranscript() ass gives a parser back every ${name} cue`, () => {
    assertReads(readAss(formatTranscript(transcript, "ass")), transcript, 0.0051);
  });

  for (const format of ["srt", "vtt", "ass"] as const) {
    Deno.test(`formatTranscript() ${format} says the same to ffmpeg for ${name} text`, async () => {
      const srt = await ffmpeg(formatTranscript(transcript, format), format);
      const tolerance = format === "ass" ? 0.0051 : 1e-9;
      assertReads(
        readPlussub(srt).map((read) => ({ ...read, text: plainOfFfmpeg(read.text) })),
        transcript,
        tolerance,
      );
    });
  }
}

Deno.test("formatTranscript() vtt is valid for random texts of all scripts", () => {
  const random = randomOf(23);
  const scripts: Script[] = ["latin", "cjk", "arabic", "emoji", "long", "nasty", "mixed"];
  for (let round = 0; round < 140; round++) {
    const script = scripts[round % scripts.length]!;
    const transcript = transcriptOf(randomSegments(random, script, round % 2 ? "chunk" : "estimated"));
    assertReads(readValidated(formatTranscript(transcript, "vtt")), transcript);
    assertReads(readPlussub(formatTranscript(transcript, "srt")), transcript);
  }
});
