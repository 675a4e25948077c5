/**
 * Interrupted transcripts: what they cover, and how the rest is put behind them.
 *
 * @module
 */
import { assemble } from "../recognize/long_form/assemble.ts";
import type { Transcript } from "../transcript.ts";

/** Where in the recording an interrupted transcript ends. */
export function heardSeconds({ chunks }: Transcript): number {
  const first = chunks.find(({ finishReason }) => finishReason === "cancelled");
  return first?.startSeconds ?? chunks.at(-1)?.endSeconds ?? 0;
}

/** An interrupted transcript without the chunks that were not finished: those are decoded again. The last chunk says
 * where it ends: it is kept, without text, marked `cancelled`. */
export function finishedPart(transcript: Transcript): Transcript {
  const until = heardSeconds(transcript);
  const chunks = transcript.chunks.filter(({ startSeconds }) => startSeconds < until);
  const next = transcript.chunks.find(({ startSeconds }) => startSeconds >= until);
  if (next) chunks.push({ ...next, text: "", rawText: "", tokens: [], finishReason: "cancelled" });
  return {
    ...transcript,
    ...assemble(chunks, transcript.segments.filter(({ startSeconds }) => startSeconds < until)),
    partial: true,
    warnings: transcript.warnings.filter(({ code, startSeconds = -Infinity }) =>
      code !== "aborted" && startSeconds < until
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
    ...assemble(chunks, [...before.segments, ...after.segments]),
    partial: after.partial,
    durationSeconds: before.durationSeconds,
    warnings: [
      ...before.warnings,
      ...after.warnings.map((warning) =>
        warning.chunk === undefined ? warning : { ...warning, chunk: warning.chunk + kept.length }
      ),
    ],
  };
}
