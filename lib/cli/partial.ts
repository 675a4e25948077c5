/**
 * Interrupted transcripts: what they cover, and how the rest is put behind them.
 *
 * @module
 */
import { joinTexts } from "../text/join.ts";
import { mergeLanguages } from "../text/languages.ts";
import type { Coverage, Transcript } from "../transcript.ts";

/** Where in the recording an interrupted transcript ends. */
export function heardSeconds({ chunks }: Transcript): number {
  const first = chunks.find(({ finishReason }) => finishReason === "cancelled");
  return first?.startSeconds ?? chunks.at(-1)?.endSeconds ?? 0;
}

/** An interrupted transcript without the chunks that were not finished: those are decoded again. The last chunk says
 * where it ends: it is kept, without text, marked `cancelled`. */
export function finishedPart(transcript: Transcript): Transcript {
  const until = heardSeconds(transcript);
  const kept = transcript.chunks.filter(({ startSeconds }) => startSeconds < until);
  const next = transcript.chunks.find(({ startSeconds }) => startSeconds >= until);
  return {
    ...transcript,
    text: joinTexts(kept.map(({ text }) => text)),
    language: mergeLanguages(kept.flatMap(({ language }) => language.split(","))),
    segments: transcript.segments.filter(({ startSeconds }) => startSeconds < until),
    chunks: next === undefined
      ? kept
      : [...kept, { ...next, text: "", rawText: "", tokens: [], finishReason: "cancelled" }],
    warnings: transcript.warnings.filter(({ code, startSeconds = -Infinity }) =>
      code !== "aborted" && startSeconds < until
    ),
  };
}

function merged(before: Coverage, after: Coverage): Coverage {
  const verdicts = [before.verdict, after.verdict];
  const speechSeconds = before.speechSeconds + after.speechSeconds;
  const tokens = before.tokensPerSecond * before.speechSeconds + after.tokensPerSecond * after.speechSeconds;
  return {
    speechSeconds,
    tokensPerSecond: speechSeconds > 0 ? tokens / speechSeconds : 0,
    verdict: verdicts.includes("suspect")
      ? "suspect"
      : verdicts.includes("complete")
      ? "complete"
      : "no-speech",
    reasons: [...before.reasons, ...after.reasons],
  };
}

/** Doubts about finished chunks only. */
function coverageOfFinished({ chunks, coverage }: Transcript): Coverage {
  const finished = chunks.filter(({ finishReason }) => finishReason !== "cancelled");
  const verdicts = finished.map((chunk) => chunk.coverage.verdict);
  return {
    ...coverage,
    verdict: verdicts.includes("suspect")
      ? "suspect"
      : verdicts.includes("complete")
      ? "complete"
      : "no-speech",
    reasons: finished.flatMap(({ index, coverage: { reasons } }) =>
      reasons.map((reason) => `Chunk ${index}: ${reason}`)
    ),
  };
}

/**
 * Puts the rest behind what there was.
 *
 * @param before The finished part of an interrupted transcript.
 * @param after The transcript from `heardSeconds(before)` on.
 */
export function continued(before: Transcript, after: Transcript): Transcript {
  const kept = before.chunks.filter(({ finishReason }) => finishReason !== "cancelled");
  const chunks = [...kept, ...after.chunks].map((chunk, index) => ({ ...chunk, index }));
  return {
    ...after,
    text: joinTexts(chunks.map(({ text }) => text)),
    language: mergeLanguages(chunks.flatMap(({ language }) => language.split(","))),
    durationSeconds: before.durationSeconds,
    segments: [...before.segments, ...after.segments],
    chunks,
    coverage: merged(coverageOfFinished(before), after.coverage),
    truncated: before.truncated || after.truncated,
    warnings: [
      ...before.warnings,
      ...after.warnings.map((warning) =>
        warning.chunk === undefined ? warning : { ...warning, chunk: warning.chunk + kept.length }
      ),
    ],
  };
}
