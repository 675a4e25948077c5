/**
 * What the chunks of a recording say together: of a whole transcript, of one that was interrupted, of one that was
 * resumed.
 *
 * @module
 */
import { joinTexts } from "../../text/join.ts";
import { mergeLanguages } from "../../text/languages.ts";
import type {
  ChunkResult,
  Coverage,
  Segment,
  SkippedSound,
  Transcript,
  Warning,
  WarningCode,
} from "../../transcript.ts";

/** Sound that was skipped is worth a warning from this length, in seconds, */
const LONG_SECONDS = 10;
/** and this loudness on. Rooms and records hiss below. */
const LOUD_DB = -45;

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** One verdict over all chunks. */
function overall(chunks: readonly ChunkResult[]): Coverage {
  const speechSeconds = sum(chunks.map(({ coverage }) => coverage.speechSeconds));
  const tokens = sum(chunks.map(({ coverage }) => coverage.tokensPerSecond * coverage.speechSeconds));
  const verdicts = new Set(chunks.map(({ coverage }) => coverage.verdict));
  return {
    speechSeconds,
    tokensPerSecond: speechSeconds > 0 ? tokens / speechSeconds : 0,
    verdict: verdicts.has("suspect") ? "suspect" : verdicts.has("complete") ? "complete" : "no-speech",
    reasons: chunks.flatMap(({ index, coverage }) =>
      coverage.reasons.map((reason) => `Chunk ${index}: ${reason}`)
    ),
  };
}

function span({ startSeconds, endSeconds }: ChunkResult): string {
  return `${startSeconds.toFixed(1)} s to ${endSeconds.toFixed(1)} s`;
}

function warningAbout(chunk: ChunkResult, code: WarningCode, what: string): Warning {
  const { index, startSeconds, endSeconds } = chunk;
  return { code, chunk: index, startSeconds, endSeconds, message: `The part from ${span(chunk)} ${what}` };
}

function abortWarning(chunks: readonly ChunkResult[]): Warning {
  const cut = chunks.find(({ finishReason }) => finishReason === "cancelled");
  const startSeconds = cut?.startSeconds ?? 0;
  const message = `The part from ${startSeconds.toFixed(1)} s on is missing or cut: the call was aborted.`;
  if (cut === undefined) return { code: "aborted", message };
  return { code: "aborted", chunk: cut.index, startSeconds, endSeconds: chunks.at(-1)!.endSeconds, message };
}

function warningsAbout(chunk: ChunkResult): Warning[] {
  if (chunk.finishReason === "cancelled") return [];
  if (chunk.error) {
    return [warningAbout(chunk, "chunk-failed", `could not be decoded: ${chunk.error.message}`)];
  }
  const { reasons } = chunk.coverage;
  const taken = chunk.rescues.find(({ accepted }) => accepted);
  if (reasons.length === 0 && taken) {
    return [warningAbout(chunk, "chunk-replaced", `was decoded again. ${taken.reason}`)];
  }
  return reasons.map((reason) => warningAbout(chunk, "chunk-doubtful", `is doubtful. ${reason}`));
}

/** Where there was sound in which nobody speaks. */
function skippedIn(chunks: readonly ChunkResult[]): SkippedSound[] {
  return chunks.flatMap(({ finishReason, startSeconds, endSeconds, levelDb }) =>
    finishReason === "no-speech" && levelDb !== undefined ? [{ startSeconds, endSeconds, levelDb }] : []
  );
}

/** One warning for all sound that a listener would not call a pause. */
function skippedWarnings(chunks: readonly ChunkResult[]): Warning[] {
  const loud = skippedIn(chunks).filter(({ startSeconds, endSeconds, levelDb }) =>
    endSeconds - startSeconds >= LONG_SECONDS && levelDb >= LOUD_DB
  );
  const [first] = loud, last = loud.at(-1);
  if (!first || !last) return [];
  const seconds = sum(loud.map(({ startSeconds, endSeconds }) => endSeconds - startSeconds));
  const message =
    `${seconds.toFixed(1)} s of sound were not transcribed, because nobody seems to speak there: ` +
    'with `vad: "off"` (--vad off) everything is heard.';
  return [{ code: "skipped", startSeconds: first.startSeconds, endSeconds: last.endSeconds, message }];
}

/** What a reader of the text has to know. */
export function warningsOf(
  chunks: readonly ChunkResult[],
  { coverage, partial }: { coverage: Coverage; partial: boolean },
): Warning[] {
  const about: Warning[] = [...skippedWarnings(chunks), ...chunks.flatMap(warningsAbout)];
  if (partial) return [abortWarning(chunks), ...about];
  if (coverage.verdict !== "no-speech") return about;
  return [{ code: "no-speech", message: "No speech was found." }, ...about];
}

/** All of a transcript that follows from its chunks. */
export type Assembled = Omit<Transcript, "durationSeconds" | "warnings" | "stats">;

/** Puts chunks together, in order. */
export function assemble(chunks: ChunkResult[], segments: Segment[]): Assembled {
  const ends = new Set(chunks.map(({ finishReason }) => finishReason));
  return {
    text: joinTexts(chunks.map(({ text }) => text)),
    language: mergeLanguages(chunks.flatMap(({ language }) => language.split(","))),
    segments,
    chunks,
    coverage: overall(chunks),
    truncated: ends.has("length") || ends.has("repetition"),
    partial: ends.has("cancelled"),
    skipped: skippedIn(chunks),
  };
}
