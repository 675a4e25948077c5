/**
 * What the chunks of a recording say together: of a whole transcript, of one that was interrupted, of one that was
 * resumed.
 *
 * @module
 */
import { joinTexts } from "../../text/join.ts";
import { mergeLanguages } from "../../text/languages.ts";
import type { ChunkResult, Coverage, Segment, Transcript } from "../../transcript.ts";

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

function abortWarning(chunks: readonly ChunkResult[]): string {
  const from = chunks.find(({ finishReason }) => finishReason === "cancelled")?.startSeconds ?? 0;
  return `The part from ${from.toFixed(1)} s on is missing or cut: the call was aborted.`;
}

/** What a reader of the text has to know, one sentence each. */
export function warningsOf(
  chunks: readonly ChunkResult[],
  { coverage, partial }: { coverage: Coverage; partial: boolean },
): string[] {
  const warnings: string[] = [];
  if (partial) warnings.push(abortWarning(chunks));
  else if (coverage.verdict === "no-speech") warnings.push("No speech was found.");
  for (const chunk of chunks) {
    if (chunk.finishReason === "cancelled") continue;
    if (chunk.error) {
      warnings.push(`The part from ${span(chunk)} could not be decoded: ${chunk.error.message}`);
      continue;
    }
    for (const reason of chunk.coverage.reasons) {
      warnings.push(`The part from ${span(chunk)} is doubtful. ${reason}`);
    }
    const taken = chunk.rescues.filter(({ accepted }) => accepted);
    if (taken.length > 0 && chunk.coverage.reasons.length === 0) {
      warnings.push(`The part from ${span(chunk)} was decoded again. ${taken[0]!.reason}`);
    }
  }
  return warnings;
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
  };
}
