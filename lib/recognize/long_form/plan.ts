/**
 * How a recording is cut for a call.
 *
 * @module
 */
import { type ChunkPlan, planChunks, splitOfficial } from "../../audio/pauses.ts";
import { SAMPLE_RATE, type Samples } from "../../audio/samples.ts";
import { type Clip, clipOf } from "../clip.ts";
import type { RecognizeSettings } from "../settings.ts";

/** Limit of the official package without timestamps, in seconds (spec 11.1). */
const OFFICIAL_LIMIT_SECONDS = 1200;
/** Shorter chunks of a recording that was cut are padded with zeros to this (spec 11.1). */
const SHORTEST_SAMPLES = SAMPLE_RATE / 2;

/** What a recording is cut into, as planned. */
export interface Chunk extends ChunkPlan {
  /** Place among the chunks, from 0. */
  index: number;
}

/** Cuts a recording by the settings' rule; when aborted meanwhile it stays in one piece. */
export async function planRecording(
  samples: Samples,
  { chunking, chunkSeconds, signal }: Pick<RecognizeSettings, "chunking" | "chunkSeconds" | "signal">,
): Promise<Chunk[]> {
  try {
    if (chunking === "pauses") {
      return (await planChunks(samples, { chunkSeconds }, signal)).map((chunk, index) => ({
        index,
        ...chunk,
      }));
    }
    const limit = { limitSeconds: OFFICIAL_LIMIT_SECONDS, ...(signal ? { signal } : {}) };
    return (await splitOfficial(samples, limit)).map(({ startSample, endSample }, index) => ({
      ...{ index, startSample, endSample },
      kind: "audio",
    }));
  } catch (error) {
    if (!signal?.aborted) throw error;
    return [{ index: 0, startSample: 0, endSample: samples.length, kind: "audio" }];
  }
}

/** The clip that stands for a whole chunk. */
export async function clipOfChunk(samples: Samples, chunk: Chunk, chunks: number): Promise<Clip> {
  const { index, startSample, endSample } = chunk;
  const own = samples.slice(startSample, endSample);
  const isPadded = chunks > 1 && own.length < SHORTEST_SAMPLES;
  const padded = isPadded ? new Float32Array(SHORTEST_SAMPLES) : own;
  if (isPadded) padded.set(own);
  return await clipOf(padded, { chunk: index, startSample });
}
