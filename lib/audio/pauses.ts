/**
 * Long recordings become chunks: at most `chunkSeconds` long, cut at pauses, digital silence set aside.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { FRAME, frameLevels, recordingLevels } from "./frame_levels.ts";
import { type CutSearch, findCut } from "./pause_search.ts";
import { SAMPLE_RATE, type Samples } from "./samples.ts";

export { type OfficialChunk, type OfficialSplitOptions, splitOfficial } from "./official_split.ts";

/** A piece of a recording: to recognise, or digital silence to skip. */
export interface ChunkPlan {
  startSample: number;
  /** Sample after the last. */
  endSample: number;
  kind: "audio" | "silence";
}

/** See {@link planChunks}. */
export interface ChunkOptions {
  /** No audio chunk is longer. @default {30} */
  chunkSeconds?: number;
  /** Digital silence shorter than this stays in its chunk, as the model was trained. @default {1} */
  minimumSilenceSeconds?: number;
}

/** Below one step of 16 bits a sample is digital silence. */
const SILENT = 1 / 32768;
/** Silence left at the edges of a chunk of audio: an onset out of nothing is no speech sound. */
const GUARD_FRAMES = 10;
/** Where the next cut is looked for, in parts of the longest chunk, */
const SEARCH_FROM = 0.5;
/** but never further back than a minute. */
const SEARCH_MAX = 60 * SAMPLE_RATE;
/** What is left of a stretch is cut into two equal parts when it is no longer than this. */
const BALANCED = 1.6;
const BALANCED_MIN = 0.25;

/** A run of frames, `end` not included. */
interface FrameRun {
  start: number;
  end: number;
}

/** Runs of digital silence that are worth skipping, without their guards. */
function silentRuns(peak: Float32Array, minimumFrames: number): FrameRun[] {
  const runs: FrameRun[] = [];
  for (let frame = 0; frame < peak.length;) {
    const start = frame;
    while (frame < peak.length && peak[frame]! < SILENT) frame++;
    if (frame === start) {
      frame++;
      continue;
    }
    const atStart = start === 0;
    const atEnd = frame === peak.length;
    if (atStart && atEnd) return [{ start, end: frame }];
    if (frame - start < Math.max(minimumFrames, 2 * GUARD_FRAMES + 1)) continue;
    runs.push({ start: atStart ? 0 : start + GUARD_FRAMES, end: atEnd ? frame : frame - GUARD_FRAMES });
  }
  return runs;
}

/** Where to look for the end of the next chunk, when `left` samples from frame `start` on are to be cut. */
function searchFor(start: number, left: number, limit: number): CutSearch {
  const isLastCut = left <= BALANCED * limit;
  const from = isLastCut
    ? Math.max(left - limit, BALANCED_MIN * limit)
    : Math.max(SEARCH_FROM * limit, limit - SEARCH_MAX);
  const to = isLastCut ? Math.min(limit, left - BALANCED_MIN * limit) : limit;
  const target = isLastCut ? left / 2 : limit;
  return {
    from: start + Math.ceil(from / FRAME),
    to: start + Math.floor(to / FRAME),
    target: start + Math.round(target / FRAME),
    start: start + Math.ceil(Math.max(0, from - SEARCH_MAX) / FRAME),
    end: start + Math.ceil(Math.min(left, limit) / FRAME),
  };
}

/**
 * Cuts a recording into chunks for recognition.
 *
 * Every sample belongs to exactly one entry, in order. Cuts lie in pauses, the longest within the second half
 * of what a chunk may hold; the last two chunks of a stretch are of about the same length instead of one long
 * and one tiny. Digital silence (below one step of 16 bits) of at least `minimumSilenceSeconds`, and a recording
 * that is nothing else, is set aside as `silence`, 0.1 s of it left beside the audio.
 *
 * @throws {OptionError} When `chunkSeconds` is below 1.
 *
 * @example
 * ```ts
 * import { planChunks } from "./pauses.ts";
 * import { Samples } from "./samples.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const tone = (_: unknown, i: number) => (i < 16000 ? Math.sin(i / 10) : 0);
 * const plan = await planChunks(Samples.of(Float32Array.from({ length: 48000 }, tone)));
 * assertEquals(plan, [
 *   { startSample: 0, endSample: 17600, kind: "audio" },
 *   { startSample: 17600, endSample: 48000, kind: "silence" },
 * ]);
 * ```
 */
export async function planChunks(
  samples: Samples,
  options: ChunkOptions = {},
  signal?: AbortSignal,
): Promise<ChunkPlan[]> {
  const { chunkSeconds = 30, minimumSilenceSeconds = 1 } = options;
  if (!(chunkSeconds >= 1)) {
    throw new OptionError(`chunkSeconds is ${chunkSeconds}, expected at least 1.`);
  }
  const limit = Math.floor(chunkSeconds * SAMPLE_RATE);
  const { mean, peak } = await recordingLevels(samples, signal);
  const plan: ChunkPlan[] = [];
  const sampleAt = (frame: number) => Math.min(frame * FRAME, samples.length);
  const add = (start: number, end: number, kind: ChunkPlan["kind"]) => {
    if (end > start) plan.push({ startSample: sampleAt(start), endSample: sampleAt(end), kind });
  };
  let start = 0;
  const addAudio = (end: number) => {
    for (let left; (left = sampleAt(end) - sampleAt(start)) > limit;) {
      const cut = findCut(mean, searchFor(start, left, limit));
      add(start, cut, "audio");
      start = cut;
    }
    add(start, end, "audio");
  };
  for (const run of silentRuns(peak, minimumSilenceSeconds * SAMPLE_RATE / FRAME)) {
    addAudio(run.start);
    add(run.start, run.end, "silence");
    start = run.end;
  }
  addAudio(mean.length);
  return plan;
}

/**
 * The best place to cut a chunk in two: its longest pause, rather near the middle.
 *
 * @param samples A chunk, 16 kHz mono.
 * @param options.fromSample First place allowed. @default {a quarter of the chunk}
 * @param options.toSample Last place allowed. @default {three quarters of the chunk}
 * @returns Sample where the second half starts.
 */
export function bestPause(
  samples: Float32Array,
  options: { fromSample?: number; toSample?: number } = {},
): number {
  const { fromSample = samples.length / 4, toSample = samples.length * 3 / 4 } = options;
  const from = Math.ceil(fromSample / FRAME);
  const to = Math.floor(toSample / FRAME);
  if (to <= from) return Math.round((fromSample + toSample) / 2);
  const { mean } = frameLevels(samples);
  const target = Math.round((from + to) / 2);
  return FRAME * findCut(mean, { from, to, target, start: 0, end: mean.length });
}
