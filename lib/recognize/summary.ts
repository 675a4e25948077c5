/**
 * What the chunks of a recording say together.
 *
 * @module
 */
import type { ChunkResult, Coverage } from "../transcript.ts";

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** One verdict over all chunks. */
export function overall(chunks: readonly ChunkResult[]): Coverage {
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
