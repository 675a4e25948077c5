/**
 * How a recording is cut for a call.
 *
 * @module
 */
import { planChunks, splitOfficial } from "../audio/pauses.ts";
import type { Samples } from "../audio/samples.ts";

/** Limit of the official package without timestamps, in seconds (spec 11.1). */
const OFFICIAL_LIMIT_SECONDS = 1200;

/** A piece of the recording as cut. */
export interface Plan {
  index: number;
  startSample: number;
  endSample: number;
  kind: "audio" | "silence";
}

/** Cuts a recording by the settings' rule; rejects when aborted. */
export async function makePlan(
  samples: Samples,
  { chunking, chunkSeconds, signal }: {
    chunking: "pauses" | "official";
    chunkSeconds: number;
    signal: AbortSignal | undefined;
  },
): Promise<Plan[]> {
  if (chunking === "official") {
    const options = { limitSeconds: OFFICIAL_LIMIT_SECONDS, ...(signal ? { signal } : {}) };
    const pieces = await splitOfficial(samples, options);
    return pieces.map(({ startSample, endSample }, index) => ({
      index,
      startSample,
      endSample,
      kind: "audio",
    }));
  }
  const pieces = await planChunks(samples, { chunkSeconds }, signal);
  return pieces.map((piece, index) => ({ index, ...piece }));
}
