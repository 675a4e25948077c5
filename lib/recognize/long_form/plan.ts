/**
 * Where a recording has speech, and how it is cut for a call.
 *
 * @module
 */
import { rmsDb } from "../../audio/frame_levels.ts";
import { planChunks, planSpeech, type SpeechPlan, splitOfficial } from "../../audio/pauses.ts";
import { SAMPLE_RATE, type Samples } from "../../audio/samples.ts";
import type { SpeechMap } from "../../audio/speech_map.ts";
import { detectSpeech } from "../../vad/detect.ts";
import type { VadNetwork } from "../../vad/network.ts";
import type { Clip } from "../clip.ts";
import type { RecognizeSettings } from "../settings.ts";

/** Limit of the official package without timestamps, in seconds (spec 11.1). */
const OFFICIAL_LIMIT_SECONDS = 1200;
/** Shorter chunks of a recording that was cut are padded with zeros to this (spec 11.1). */
const SHORTEST_SAMPLES = SAMPLE_RATE / 2;

/** What a recording is cut into, as planned. */
export interface Chunk extends SpeechPlan {
  /** Place among the chunks, from 0. */
  index: number;
  /** Of `no-speech`: how loud it is, in dB of full scale. */
  levelDb?: number;
}

/** Finds the speech of a recording; undefined when that is not wanted, or aborted meanwhile. */
export async function hearRecording(
  network: VadNetwork,
  samples: Samples,
  { vad, signal }: Pick<RecognizeSettings, "vad" | "signal">,
): Promise<SpeechMap | undefined> {
  if (!vad) return undefined;
  try {
    return await detectSpeech(network, samples, vad, signal);
  } catch (error) {
    if (!signal?.aborted) throw error;
    return undefined;
  }
}

async function plan(
  samples: Samples,
  speech: SpeechMap | undefined,
  { chunking, chunkSeconds, signal }: Pick<RecognizeSettings, "chunking" | "chunkSeconds" | "signal">,
): Promise<SpeechPlan[]> {
  if (chunking === "official") {
    const limit = { limitSeconds: OFFICIAL_LIMIT_SECONDS, ...(signal ? { signal } : {}) };
    return (await splitOfficial(samples, limit)).map(({ startSample, endSample }) => ({
      ...{ startSample, endSample },
      kind: "audio",
    }));
  }
  return speech
    ? await planSpeech(samples, speech, { chunkSeconds }, signal)
    : await planChunks(samples, { chunkSeconds }, signal);
}

/** Cuts a recording by the settings' rule; when aborted meanwhile it stays in one piece. */
export async function planRecording(
  samples: Samples,
  speech: SpeechMap | undefined,
  settings: Pick<RecognizeSettings, "chunking" | "chunkSeconds" | "signal">,
): Promise<Chunk[]> {
  try {
    const chunks: Chunk[] = (await plan(samples, speech, settings)).map((chunk, index) => ({
      index,
      ...chunk,
    }));
    for (const chunk of chunks) {
      if (chunk.kind === "no-speech") chunk.levelDb = await rmsDb(samples, chunk, settings.signal);
    }
    return chunks;
  } catch (error) {
    if (!settings.signal?.aborted) throw error;
    return [{ index: 0, startSample: 0, endSample: samples.length, kind: "audio" }];
  }
}

/** The clip that stands for a whole chunk. */
export function clipOfChunk(
  { samples, chunks, speech }: { samples: Samples; chunks: readonly Chunk[]; speech: SpeechMap | undefined },
  chunk: Chunk,
): Clip {
  const own = samples.slice(chunk.startSample, chunk.endSample);
  const isPadded = (chunks.length > 1 || chunk.index > 0) && own.length < SHORTEST_SAMPLES;
  const padded = isPadded ? new Float32Array(SHORTEST_SAMPLES) : own;
  if (isPadded) padded.set(own);
  return {
    samples: padded,
    origin: { chunk: chunk.index, startSample: chunk.startSample },
    speech: speech?.within(chunk),
  };
}
