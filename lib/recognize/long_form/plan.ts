/**
 * Where a recording has speech, and how it is cut for a call.
 *
 * @module
 */
import { FRAME, recordingLevels, rmsDb } from "../../audio/frame_levels.ts";
import { planChunks, planSoFar, planSpeech, type SpeechPlan, splitOfficial } from "../../audio/pauses.ts";
import { SAMPLE_RATE, type Samples } from "../../audio/samples.ts";
import { SpeechMap } from "../../audio/speech_map.ts";
import { detectSpeech } from "../../vad/detect.ts";
import { FRAME_SAMPLES } from "../../vad/frames.ts";
import { speechSoFar } from "../../vad/intervals.ts";
import type { VadNetwork } from "../../vad/network.ts";
import { BLOCK_SAMPLES, type Heard, speechProbabilities } from "../../vad/probabilities.ts";
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

/**
 * Finds the speech of a recording; undefined when that is not wanted, or aborted meanwhile.
 *
 * @param heard What was heard of it before.
 */
export async function hearRecording(
  network: VadNetwork,
  samples: Samples,
  { vad, signal }: Pick<RecognizeSettings, "vad" | "signal">,
  heard?: Heard,
): Promise<SpeechMap | undefined> {
  if (!vad) return undefined;
  try {
    return await detectSpeech(network, samples, vad, signal, heard);
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

/** How far a first chunk is looked for: behind so many blocks of voice activity, and so many lengths of the longest. */
const FIRST_BLOCKS = 4, FIRST_LENGTHS = 4;

/**
 * The first chunk to decode of a recording of which only the beginning is there: the one that {@linkcode planRecording}
 * finds in all of it, provided that what comes leaves the level plain. Undefined when it is not certain yet.
 *
 * @param heard Gets what is heard on the way.
 * @returns The chunk, and what voice activity says up to its end.
 */
export async function firstChunk(
  network: VadNetwork,
  samples: Samples,
  { vad, chunkSeconds, signal }: Pick<RecognizeSettings, "vad" | "chunkSeconds" | "signal">,
  heard: Heard,
): Promise<{ chunk: Chunk; speech: SpeechMap | undefined } | undefined> {
  const within = FIRST_BLOCKS * BLOCK_SAMPLES + FIRST_LENGTHS * chunkSeconds * SAMPLE_RATE;
  const most = Math.min(samples.settledLength, within);
  for (let length = BLOCK_SAMPLES; length <= most; length += BLOCK_SAMPLES) {
    const frames = length / FRAME_SAMPLES;
    const probabilities = vad && await speechProbabilities(network, samples, signal, heard, frames);
    const levels = await recordingLevels(samples, signal, length - length % FRAME);
    const soFar = probabilities && speechSoFar(probabilities, vad);
    const map = soFar && { ranges: soFar.ranges, frameSamples: FRAME_SAMPLES, probabilities };
    const until = map && new SpeechMap({ ...map, samples: soFar.nextSample });
    const plan = planSoFar(levels, until, soFar?.settledSample ?? 0, { chunkSeconds });
    const index = plan.findIndex(({ kind }) => kind === "audio");
    if (index < 0) continue;
    return { chunk: { index, ...plan[index]! }, speech: map && new SpeechMap({ ...map, samples: length }) };
  }
  return undefined;
}

/** The clip that stands for a whole chunk. */
export function clipOfChunk(
  { samples, speech, isOnly }: { samples: Samples; speech: SpeechMap | undefined; isOnly: boolean },
  chunk: Chunk,
): Clip {
  const own = samples.slice(chunk.startSample, chunk.endSample);
  const isPadded = !isOnly && own.length < SHORTEST_SAMPLES;
  const padded = isPadded ? new Float32Array(SHORTEST_SAMPLES) : own;
  if (isPadded) padded.set(own);
  return {
    samples: padded,
    origin: { chunk: chunk.index, startSample: chunk.startSample },
    speech: speech?.within(chunk),
  };
}
