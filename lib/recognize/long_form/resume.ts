/**
 * Going on with an interrupted transcript: what was finished is kept, and the result is that of one call, since the whole
 * recording is heard and cut again by the same rule.
 *
 * @module
 */
import { SAMPLE_RATE } from "../../audio/samples.ts";
import type { ChunkResult, Segment, Transcript, Warning } from "../../transcript.ts";
import { assemble } from "./assemble.ts";
import type { Chunk } from "./plan.ts";

/** What is known of the first chunks of a recording. */
export interface Finished {
  chunks: readonly ChunkResult[];
  /** Of all these chunks. */
  segments: readonly Segment[];
  /** What does not follow from the chunks and still holds. */
  warnings: readonly Warning[];
}

/** Says of a chunk whether something of it is missing that was asked for: its text, or the times of its words. */
function unfinished(warnings: readonly Warning[]): (chunk: ChunkResult) => boolean {
  const untimed = new Set(
    warnings.map(({ code, chunk }) => code === "times-interrupted" ? chunk : undefined),
  );
  return ({ finishReason, index }) => finishReason === "cancelled" || untimed.has(index);
}

/** Where in the recording an interrupted transcript ends. */
export function heardSeconds({ chunks, warnings }: Pick<Transcript, "chunks" | "warnings">): number {
  const first = chunks.find(unfinished(warnings));
  return first?.startSeconds ?? chunks.at(-1)?.endSeconds ?? 0;
}

/**
 * An interrupted transcript without the chunks that were not finished: those are decoded again. The last chunk says where
 * it ends: it is kept, without text, marked `cancelled`.
 */
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
      code !== "aborted" && code !== "times-interrupted" && startSeconds < until
    ),
  };
}

/**
 * What of an interrupted transcript stands for the first chunks of a plan: as far as both are cut alike.
 *
 * @param offsetSeconds Second of the recording at which the plan begins.
 */
export function finishedChunks(
  { chunks, segments, warnings }: Pick<Transcript, "chunks" | "segments" | "warnings">,
  plan: readonly Chunk[],
  offsetSeconds: number,
): Finished {
  const isUnfinished = unfinished(warnings);
  const isSame = (chunk: ChunkResult, order: number) => {
    const planned = plan[order];
    return planned !== undefined && !isUnfinished(chunk) &&
      chunk.startSeconds === offsetSeconds + planned.startSample / SAMPLE_RATE &&
      chunk.endSeconds === offsetSeconds + planned.endSample / SAMPLE_RATE;
  };
  const other = chunks.findIndex((chunk, order) => !isSame(chunk, order));
  const kept = other < 0 ? chunks : chunks.slice(0, other);
  const until = kept.at(-1)?.endSeconds ?? -Infinity;
  return {
    chunks: kept,
    segments: segments.filter(({ startSeconds }) => startSeconds < until),
    warnings: warnings.filter(({ code }) => code === "times-approximate"),
  };
}
