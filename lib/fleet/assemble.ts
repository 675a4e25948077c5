/**
 * From the results of a recording's parts to its transcript: by the same rule as in one call.
 *
 * @module
 */
import { assemble, warningsOf } from "../recognize/long_form/assemble.ts";
import type { ChunkResult, Segment, Transcript, TranscriptStats, Warning } from "../transcript.ts";
import type { RecordingFacts } from "./plan.ts";

/** What a machine found out about a part. */
export interface PartResult {
  chunks: ChunkResult[];
  segments: Segment[];
  /** What there is to say about the times of words. */
  warnings: Warning[];
  stats: TranscriptStats;
  /** Seconds of sound. */
  seconds: number;
  /** Who did it, with which version of this program. */
  worker: string;
  version: string;
}

/** All about a recording. */
export interface RecordingResult extends RecordingFacts {
  parts: PartResult[];
}

/** What one machine would have said, with what all of them have spent. */
function sumOf(parts: readonly PartResult[], durationSeconds: number): TranscriptStats {
  const [first, ...others] = parts.map(({ stats }) => stats);
  const sum = { ...first! };
  const names = Object.keys(sum) as (keyof TranscriptStats)[];
  for (const stats of others) {
    for (const name of names) {
      sum[name] = name === "peakMemoryBytes" ? Math.max(sum[name], stats[name]) : sum[name] + stats[name];
    }
  }
  return {
    ...sum,
    tokensPerSecond: sum.decodeMs > 0 ? sum.generatedTokens / sum.decodeMs * 1000 : 0,
    realTimeFactor: durationSeconds > 0 ? sum.totalMs / 1000 / durationSeconds : 0,
  };
}

/** Puts parts together, in order. */
export function transcriptOf({ parts, durationSeconds, warnings, speech }: RecordingResult): Transcript {
  const assembled = assemble(
    parts.flatMap(({ chunks }) => chunks),
    parts.flatMap(({ segments }) => segments),
  );
  const { chunks, coverage } = assembled;
  const times = new Map(parts.flatMap((part) => part.warnings).map((warning) => [warning.message, warning]));
  return {
    ...assembled,
    durationSeconds,
    warnings: [...warnings, ...warningsOf(chunks, { coverage, partial: false }), ...times.values()],
    stats: sumOf(parts, durationSeconds),
    ...(speech ? { speech } : {}),
  };
}
