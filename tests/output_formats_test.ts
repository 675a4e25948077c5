import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { OptionError } from "../lib/errors.ts";
import { formatTranscript, OUTPUT_FORMATS, type OutputFormat, parseFormat } from "../lib/output/format.ts";
import type { Segment } from "../lib/transcript.ts";
import { segmentOf, transcriptOf } from "./support/output_samples.ts";

const SEGMENTS: Segment[] = [
  segmentOf(0, 2.5, "Fish & chips.", {
    words: [{ text: "Fish", startSeconds: 0.2, endSeconds: 0.6, timing: "aligned", confidence: 0.9 }],
    speechProbability: 0.99,
  }),
  segmentOf(2.5, 6, "Zwei\tWörter,\neine Zeile.", { language: "German", timing: "estimated" }),
];

Deno.test("formatTranscript() txt is the text and a newline", () => {
  assertEquals(formatTranscript(transcriptOf(SEGMENTS), "txt"), "Fish & chips. Zwei\tWörter,\neine Zeile.\n");
});

Deno.test("formatTranscript() tsv has whisper's columns, milliseconds, one segment a row", () => {
  const segments = [...SEGMENTS, segmentOf(6, 7.0006, "")];
  assertEquals(
    formatTranscript(transcriptOf(segments), "tsv"),
    "start\tend\ttext\n0\t2500\tFish & chips.\n2500\t6000\tZwei Wörter, eine Zeile.\n6000\t7001\t\n",
  );
});

Deno.test("formatTranscript() srt numbers cues and uses a comma", () => {
  assertEquals(
    formatTranscript(
      transcriptOf([segmentOf(3661.2345, 3663, "Hi there."), segmentOf(3700, 3701, "Bye.")]),
      "srt",
    ),
    "1\n01:01:01,235 --> 01:01:03,000\nHi there.\n\n2\n01:01:40,000 --> 01:01:41,000\nBye.\n",
  );
});

Deno.test("formatTranscript() vtt notes where times come from, once for each change", () => {
  const segments = [
    segmentOf(0, 2, "Aligned."),
    segmentOf(2, 4, "Chunk.", { timing: "chunk" }),
    segmentOf(4, 6, "Estimated.", { timing: "estimated" }),
    segmentOf(6, 8, "Again.", { timing: "estimated" }),
  ];
  const blocks = formatTranscript(transcriptOf(segments, { partial: true }), "vtt").split("\n\n");
  assertEquals(blocks.map((block) => block.replace(/^[\d:.]+ --> [\d:.]+\n/, "").trim()), [
    "WEBVTT",
    "NOTE The transcription was stopped early: text is missing at the end.",
    "Aligned.",
    "NOTE Times from here on are the limits of the chunks in which the text was recognised.",
    "Chunk.",
    "NOTE Times from here on are estimated from the length of the text.",
    "Estimated.",
    "Again.",
  ]);
});

Deno.test("formatTranscript() ass says in a comment that times are not aligned", () => {
  assertStringIncludes(
    formatTranscript(transcriptOf(SEGMENTS), "ass"),
    "[Script Info]\n; Times are not aligned",
  );
  const aligned = formatTranscript(transcriptOf(SEGMENTS.slice(0, 1)), "ass", { title: "A\nB" });
  assertStringIncludes(aligned, "[Script Info]\nTitle: A B\n");
  assertStringIncludes(aligned, "Dialogue: 0,0:00:00.20,0:00:02.50,Default,,0,0,0,,Fish & chips.\n");
});

Deno.test("formatTranscript() json gives the transcript back", () => {
  const transcript = transcriptOf(SEGMENTS, {
    warnings: [{ code: "aborted", message: '"tokens": [1,\n2]' }],
  });
  const json = formatTranscript(transcript, "json");
  assertEquals(JSON.parse(json), transcript);
  assertStringIncludes(json, '"tokens": [11, 22, 33]');
  assert(json.endsWith("}\n"));
});

Deno.test("formatTranscript() adds a note where the format has a place for it, and nothing elsewhere", () => {
  const transcript = transcriptOf(SEGMENTS);
  const note = "cut --> at\n\n0:30";
  const plain = (format: OutputFormat) => formatTranscript(transcript, format);
  const noted = (format: OutputFormat) => formatTranscript(transcript, format, { note });
  assertEquals(noted("txt"), `${plain("txt")}[cut --> at 0:30]\n`);
  assertEquals(noted("vtt"), `${plain("vtt")}\nNOTE cut --&gt; at 0:30\n`);
  assertEquals(noted("ass").replace("; cut --> at 0:30\n", ""), plain("ass"));
  for (const format of ["srt", "tsv", "json", "jsonl"] as const) assertEquals(noted(format), plain(format));
});

Deno.test("formatTranscript() puts the recording's name first in json and in every line of jsonl", () => {
  const options = { input: 'a "b".wav' };
  const transcript = transcriptOf(SEGMENTS);
  const json: Record<string, unknown> = JSON.parse(formatTranscript(transcript, "json", options));
  assertEquals(Object.entries(json)[0], ["input", options.input]);
  const { input: _, ...rest } = json;
  assertEquals(rest, { ...transcript });
  for (const line of formatTranscript(transcript, "jsonl", options).trimEnd().split("\n")) {
    assertEquals(Object.entries(JSON.parse(line))[0], ["input", options.input]);
  }
});

/** Every path of a JSON value, in order. */
function paths(value: unknown, path = ""): string[] {
  if (Array.isArray(value)) return value.length ? paths(value[0], `${path}[]`) : [path];
  if (value === null || typeof value !== "object") return [path];
  return Object.entries(value).flatMap(([key, inner]) => paths(inner, path ? `${path}.${key}` : key));
}

Deno.test("formatTranscript() json keeps its fields and their order however the transcript was built", () => {
  const warning = { code: "chunk-doubtful", chunk: 0, startSeconds: 0, endSeconds: 6, message: "?" } as const;
  const { message, ...place } = warning;
  const skipped = { startSeconds: 4, endSeconds: 6, levelDb: -20 };
  const ordered = transcriptOf(SEGMENTS, { warnings: [warning], skipped: [skipped] });
  const { stats, segments, ...rest } = ordered;
  const shuffled = {
    stats,
    ...rest,
    segments: segments.map(({ words, text, ...more }) => ({ ...(words ? { words } : {}), ...more, text })),
    warnings: [{ message, ...place }],
    skipped: [{ levelDb: -20, endSeconds: 6, startSeconds: 4 }],
  };
  assertEquals(formatTranscript(shuffled, "json"), formatTranscript(ordered, "json"));
  assertEquals(paths(JSON.parse(formatTranscript(shuffled, "json"))), [
    "text",
    "language",
    "durationSeconds",
    "segments[].startSeconds",
    "segments[].endSeconds",
    "segments[].text",
    "segments[].language",
    "segments[].timing",
    "segments[].words[].text",
    "segments[].words[].startSeconds",
    "segments[].words[].endSeconds",
    "segments[].words[].timing",
    "segments[].words[].confidence",
    "segments[].speechProbability",
    "chunks[].index",
    "chunks[].startSeconds",
    "chunks[].endSeconds",
    "chunks[].text",
    "chunks[].language",
    "chunks[].rawText",
    "chunks[].tokens[]",
    "chunks[].finishReason",
    "chunks[].coverage.speechSeconds",
    "chunks[].coverage.tokensPerSecond",
    "chunks[].coverage.verdict",
    "chunks[].coverage.reasons",
    "chunks[].rescues[].reason",
    "chunks[].rescues[].action",
    "chunks[].rescues[].temperature",
    "chunks[].rescues[].rejectedText",
    "chunks[].rescues[].accepted",
    "coverage.speechSeconds",
    "coverage.tokensPerSecond",
    "coverage.verdict",
    "coverage.reasons",
    "truncated",
    "partial",
    "warnings[].code",
    "warnings[].chunk",
    "warnings[].startSeconds",
    "warnings[].endSeconds",
    "warnings[].message",
    "stats.audioMs",
    "stats.melMs",
    "stats.encoderMs",
    "stats.prefillMs",
    "stats.decodeMs",
    "stats.totalMs",
    "stats.hostMs",
    "stats.audioTokens",
    "stats.promptTokens",
    "stats.generatedTokens",
    "stats.decodeSteps",
    "stats.tokensPerSecond",
    "stats.realTimeFactor",
    "stats.peakMemoryBytes",
    "stats.vadMs",
    "stats.alignMs",
    "skipped[].startSeconds",
    "skipped[].endSeconds",
    "skipped[].levelDb",
  ]);
});

Deno.test("formatTranscript() jsonl has one segment a line, then a summary", () => {
  const transcript = transcriptOf(SEGMENTS);
  const lines = formatTranscript(transcript, "jsonl").trimEnd().split("\n").map((line) => JSON.parse(line));
  const { segments: _segments, chunks: _chunks, ...rest } = transcript;
  assertEquals(lines, [
    { type: "segment", index: 0, ...SEGMENTS[0] },
    { type: "segment", index: 1, ...SEGMENTS[1] },
    { type: "summary", segmentCount: 2, ...rest },
  ]);
});

Deno.test("formatTranscript() writes files that readers accept when nothing was said", () => {
  const silence = transcriptOf([], { durationSeconds: 2 });
  const written = Object.fromEntries(
    OUTPUT_FORMATS.map((format) => [format, formatTranscript(silence, format)]),
  );
  assertEquals([written.txt, written.srt, written.vtt, written.tsv], [
    "",
    "",
    "WEBVTT\n",
    "start\tend\ttext\n",
  ]);
  assertEquals(JSON.parse(written.jsonl ?? "").segmentCount, 0);
  assert(written.ass?.endsWith("Effect, Text\n"));
});

Deno.test("formatTranscript() shapes cues by the options and stays inside the recording", () => {
  const transcript = transcriptOf([segmentOf(0, 4, "One two three four five six.")], { durationSeconds: 4 });
  const vtt = formatTranscript(transcript, "vtt", { maxColumns: 10, maxLines: 3 });
  assertStringIncludes(vtt, "00:00:00.000 --> 00:00:04.000\nOne two\nthree four\nfive six.\n");
  const short = transcriptOf([segmentOf(1.8, 2, "Yes.")], { durationSeconds: 2 });
  assertStringIncludes(formatTranscript(short, "srt"), "00:00:01,300 --> 00:00:02,000");
});

Deno.test("parseFormat() knows names, extensions and aliases in any case", () => {
  for (const format of OUTPUT_FORMATS) assertEquals(parseFormat(` .${format.toUpperCase()} `), format);
  const aliases: [string, OutputFormat][] = [["WebVTT", "vtt"], ["text", "txt"], ["ndjson", "jsonl"]];
  for (const [alias, format] of aliases) assertEquals(parseFormat(alias), format);
});

Deno.test("parseFormat() suggests the nearest format for a typing mistake", () => {
  const messages: [string, string][] = [
    ["strt", 'Did you mean "srt"?'],
    ["jsno", 'Did you mean "json"?'],
    ["wbevtt", 'Did you mean "webvtt"?'],
    ["tvs", 'Did you mean "tsv"?'],
    ["tsvv", "There are txt, json, jsonl, srt, vtt, tsv, csv, ass, lrc."],
  ];
  for (const [name, message] of messages) assertThrows(() => parseFormat(name), OptionError, message);
  for (const name of ["parquet", "", "constructor"]) {
    const error = assertThrows(() => parseFormat(name), OptionError, "Unknown output format");
    assert(!error.message.includes("Did you mean"), error.message);
  }
});
