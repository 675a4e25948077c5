/**
 * JSON: the whole `Transcript` of lib/transcript.ts under its own field names, nothing added or left out.
 *
 * Fields keep their names, types, units (seconds, milliseconds where the name ends in `Ms`, bytes) and order within a
 * major version; new ones may be added at the end of an object. Optional fields (`words`, `error`, `temperature`, `levelDb`) are
 * absent when there is nothing to say. A number that is not finite (the real-time factor of an empty recording) is
 * `null`. Every segment says in `timing` whether its times are `chunk` limits, `estimated` or `aligned`.
 *
 * @module
 */
import type {
  ChunkResult,
  Coverage,
  Rescue,
  Segment,
  SkippedSound,
  Transcript,
  TranscriptStats,
  Warning,
  Word,
} from "../transcript.ts";
import type { FormatOptions } from "./options.ts";

type Keys<T> = readonly (keyof T & string)[];

const WORD: Keys<Word> = ["text", "startSeconds", "endSeconds", "timing", "confidence"];
const SEGMENT: Keys<Segment> = [
  "startSeconds",
  "endSeconds",
  "text",
  "language",
  "timing",
  "words",
  "speechProbability",
];
const COVERAGE: Keys<Coverage> = ["speechSeconds", "tokensPerSecond", "verdict", "reasons"];
const RESCUE: Keys<Rescue> = ["reason", "action", "temperature", "rejectedText", "accepted"];
const ERROR: Keys<NonNullable<ChunkResult["error"]>> = ["name", "message"];
const CHUNK: Keys<ChunkResult> = [
  "index",
  "startSeconds",
  "endSeconds",
  "text",
  "language",
  "rawText",
  "tokens",
  "finishReason",
  "coverage",
  "rescues",
  "error",
  "levelDb",
];
const SKIPPED: Keys<SkippedSound> = ["startSeconds", "endSeconds", "levelDb"];
const WARNING: Keys<Warning> = ["code", "chunk", "startSeconds", "endSeconds", "message"];
const STATS: Keys<TranscriptStats> = [
  "audioMs",
  "melMs",
  "encoderMs",
  "prefillMs",
  "decodeMs",
  "totalMs",
  "hostMs",
  "audioTokens",
  "promptTokens",
  "generatedTokens",
  "decodeSteps",
  "tokensPerSecond",
  "realTimeFactor",
  "peakMemoryBytes",
  "vadMs",
  "alignMs",
];
const TRANSCRIPT: Keys<Transcript> = [
  "text",
  "language",
  "durationSeconds",
  "segments",
  "chunks",
  "coverage",
  "truncated",
  "partial",
  "warnings",
  "stats",
  "skipped",
  "speech",
];

/** The object with the known fields first, in the documented order, then whatever else it has. */
function inOrder<T extends object>(object: T, keys: Keys<T>): T {
  const ordered: Partial<T> = {};
  for (const key of keys) if (object[key] !== undefined) ordered[key] = object[key];
  return { ...ordered, ...object };
}

/** A segment with its fields in order. */
export function orderedSegment(segment: Segment): Segment {
  const words = segment.words?.map((word) => inOrder(word, WORD));
  return inOrder(words ? { ...segment, words } : segment, SEGMENT);
}

function orderedChunk(chunk: ChunkResult): ChunkResult {
  return inOrder({
    ...chunk,
    tokens: Array.from(chunk.tokens),
    coverage: inOrder(chunk.coverage, COVERAGE),
    rescues: chunk.rescues.map((rescue) => inOrder(rescue, RESCUE)),
    ...(chunk.error ? { error: inOrder(chunk.error, ERROR) } : {}),
  }, CHUNK);
}

/** A transcript with its fields, and theirs, in order. */
export function orderedTranscript(transcript: Transcript): Transcript {
  return inOrder({
    ...transcript,
    segments: transcript.segments.map(orderedSegment),
    chunks: transcript.chunks.map(orderedChunk),
    coverage: inOrder(transcript.coverage, COVERAGE),
    warnings: transcript.warnings.map((warning) => inOrder(warning, WARNING)),
    stats: inOrder(transcript.stats, STATS),
    skipped: transcript.skipped.map((skipped) => inOrder(skipped, SKIPPED)),
  }, TRANSCRIPT);
}

/** The whole transcript, indented by two spaces, token ids of a chunk on one line; `input` first where it is given. */
export function formatJSON(transcript: Transcript, { input }: FormatOptions = {}): string {
  const json = JSON.stringify({ input, ...orderedTranscript(transcript) }, null, 2);
  const compact = json.replace(/("tokens": )\[([\d\s,]*)\]/g, (_, key: string, ids: string) => {
    return `${key}[${ids.trim().replace(/,\s*/g, ", ")}]`;
  });
  return `${compact}\n`;
}
