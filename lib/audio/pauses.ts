/**
 * Long recordings become chunks: at most `chunkSeconds` long, cut at pauses; digital silence and, where voice activity
 * was looked for, long stretches without speech are set aside.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import {
  chunksOf,
  chunksSoFar,
  type FrameRun,
  SILENT,
  silentRuns,
  speechlessRuns,
  united,
} from "./cutting.ts";
import { FRAME, type FrameLevels, frameLevels, recordingLevels } from "./frame_levels.ts";
import { type CutSearch, findCut, findSpeechCut } from "./pause_search.ts";
import { SAMPLE_RATE, type Samples } from "./samples.ts";
import type { SampleRange, SpeechMap } from "./speech_map.ts";

export { type OfficialChunk, type OfficialSplitOptions, splitOfficial } from "./official_split.ts";

/** A piece of a recording: to recognise, or digital silence to skip. */
export interface ChunkPlan extends SampleRange {
  kind: "audio" | "silence";
}

/** See {@link planSpeech}: `no-speech` is sound in which nobody speaks, to skip. */
export interface SpeechPlan extends SampleRange {
  kind: ChunkPlan["kind"] | "no-speech";
}

/** See {@link planChunks}. */
export interface ChunkOptions {
  /** No audio chunk is longer. @default {30} */
  chunkSeconds?: number;
  /** Digital silence shorter than this stays in its chunk, as the model was trained. @default {1} */
  minimumSilenceSeconds?: number;
}

/** See {@link planSpeech}. */
export interface SpeechChunkOptions extends ChunkOptions {
  /** Stretches without speech of at least this length are set aside. @default {1} */
  noSpeechSeconds?: number;
}

function limitOf({ chunkSeconds = 30 }: ChunkOptions): number {
  if (chunkSeconds >= 1) return Math.floor(chunkSeconds * SAMPLE_RATE);
  throw new OptionError(`chunkSeconds is ${chunkSeconds}, expected at least 1.`);
}

function framesOf(seconds: number): number {
  return seconds * SAMPLE_RATE / FRAME;
}

/**
 * Cuts a recording into chunks for recognition, by energy alone.
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
  const limit = limitOf(options);
  const { mean, peak } = await recordingLevels(samples, signal);
  const aside = silentRuns(peak, framesOf(options.minimumSilenceSeconds ?? 1));
  const chunks = chunksOf(samples.length, { limit, aside, cutAt: (search) => findCut(mean, search) });
  return Array.from(chunks, ({ run, ...range }) => ({ ...range, kind: run ? "silence" : "audio" }));
}

/**
 * Cuts a recording into chunks where voice activity hears no speech; energy says where exactly. Otherwise as
 * {@linkcode planChunks}, and stretches without speech are set aside besides: as `no-speech`, or as `silence` where they
 * are nothing else, 0.1 s of them left beside the speech.
 *
 * @param speech Voice activity of the whole recording.
 * @throws {OptionError} When `chunkSeconds` is below 1.
 */
export async function planSpeech(
  samples: Samples,
  speech: SpeechMap,
  options: SpeechChunkOptions = {},
  signal?: AbortSignal,
): Promise<SpeechPlan[]> {
  const limit = limitOf(options);
  const { mean, peak } = await recordingLevels(samples, signal);
  const aside = united(
    silentRuns(peak, framesOf(options.minimumSilenceSeconds ?? 1)),
    speechlessRuns(speech, framesOf(options.noSpeechSeconds ?? 1)),
  );
  const cutAt = (search: CutSearch) => findSpeechCut(mean, search, speech);
  return Array.from(chunksOf(samples.length, { limit, aside, cutAt }), (chunk) => kindOf(chunk, peak));
}

function kindOf({ run, ...range }: SampleRange & { run?: FrameRun }, peak: Float32Array): SpeechPlan {
  if (!run) return { ...range, kind: "audio" };
  const isSilent = peak.subarray(run.start, run.end).every((level) => level < SILENT);
  return { ...range, kind: isSilent ? "silence" : "no-speech" };
}

/**
 * The first chunks of a recording that goes on: those that {@linkcode planSpeech}, or {@linkcode planChunks} where there
 * is no `speech`, makes of all of it, as far as they are certain.
 *
 * @param levels Of its frames so far, all complete.
 * @param speech Voice activity so far, its length the sample before which no further speech begins.
 * @param settledSample Sample before which voice activity does not change any more.
 * @throws {OptionError} When `chunkSeconds` is below 1.
 */
export function planSoFar(
  { mean, peak }: FrameLevels,
  speech: SpeechMap | undefined,
  settledSample: number,
  options: SpeechChunkOptions = {},
): SpeechPlan[] {
  const chunks = chunksSoFar({
    ...{ peak, speech, settledSample },
    limit: limitOf(options),
    cutAt: (search) => speech ? findSpeechCut(mean, search, speech) : findCut(mean, search),
    minimumSilence: framesOf(options.minimumSilenceSeconds ?? 1),
    minimumNoSpeech: framesOf(options.noSpeechSeconds ?? 1),
  });
  return Array.from(chunks, (chunk) => kindOf(chunk, peak));
}

/**
 * The best place to cut a chunk in two: its longest pause, rather near the middle.
 *
 * @param samples A chunk, 16 kHz mono.
 * @param options.fromSample First place allowed. @default {a quarter of the chunk}
 * @param options.toSample Last place allowed. @default {three quarters of the chunk}
 * @param options.speech What voice activity says of the chunk.
 * @returns Sample where the second half starts.
 */
export function bestPause(
  samples: Float32Array,
  options: { fromSample?: number; toSample?: number; speech?: SpeechMap | undefined } = {},
): number {
  const { fromSample = samples.length / 4, toSample = samples.length * 3 / 4, speech } = options;
  const from = Math.ceil(fromSample / FRAME);
  const to = Math.floor(toSample / FRAME);
  if (to <= from) return Math.round((fromSample + toSample) / 2);
  const { mean } = frameLevels(samples);
  const target = Math.round((from + to) / 2);
  const search = { from, to, target, start: 0, end: mean.length };
  return FRAME * (speech ? findSpeechCut(mean, search, speech) : findCut(mean, search));
}
