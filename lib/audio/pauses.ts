/**
 * Long recordings become chunks: at most `chunkSeconds` long, cut at pauses; digital silence and, where voice activity
 * was looked for, long stretches without speech are set aside.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { FRAME, frameLevels, recordingLevels } from "./frame_levels.ts";
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

/** Below one step of 16 bits a sample is digital silence. */
const SILENT = 1 / 32768;
/** What is left of silence at the edges of a chunk: an onset out of nothing is no speech sound, and words end softly. */
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

/** Stretches without speech that are worth skipping, without their guards. */
function speechlessRuns(speech: SpeechMap, minimumFrames: number): FrameRun[] {
  return speech.gaps().flatMap(({ startSample, endSample }) => {
    if (endSample - startSample < minimumFrames * FRAME) return [];
    const guardAt = (place: number, edge: number) => place === edge ? 0 : GUARD_FRAMES;
    const start = Math.ceil(startSample / FRAME) + guardAt(startSample, 0);
    const end = Math.ceil(endSample / FRAME) - guardAt(endSample, speech.samples);
    return end > start ? [{ start, end }] : [];
  });
}

/** Runs of both, in order; those that touch become one. */
function united(a: readonly FrameRun[], b: readonly FrameRun[]): FrameRun[] {
  const runs: FrameRun[] = [];
  for (const { start, end } of [...a, ...b].sort((a, b) => a.start - b.start)) {
    const last = runs.at(-1);
    if (last && start <= last.end) last.end = Math.max(last.end, end);
    else runs.push({ start, end });
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

/** How a recording is cut: what is set aside, and where the rest may be cut. */
interface Cutting {
  /** Samples of the longest chunk. */
  limit: number;
  /** Runs of frames to set aside, in order. */
  aside: readonly FrameRun[];
  cutAt: (search: CutSearch) => number;
}

/** Chunks of a recording, in order; `run` is what was set aside there. */
function* chunksOf(
  samples: number,
  { limit, aside, cutAt }: Cutting,
): Generator<SampleRange & { run?: FrameRun }> {
  const frames = Math.ceil(samples / FRAME);
  const sampleAt = (frame: number) => Math.min(frame * FRAME, samples);
  const range = (start: number, end: number) => ({ startSample: sampleAt(start), endSample: sampleAt(end) });
  let start = 0;
  for (const run of [...aside, { start: frames, end: frames }]) {
    for (let left; (left = sampleAt(run.start) - sampleAt(start)) > limit;) {
      const cut = cutAt(searchFor(start, left, limit));
      yield range(start, cut);
      start = cut;
    }
    if (run.start > start) yield range(start, run.start);
    if (run.end > run.start) yield { ...range(run.start, run.end), run };
    start = run.end;
  }
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
  const isSilent = ({ start, end }: FrameRun) => peak.subarray(start, end).every((level) => level < SILENT);
  return Array.from(chunksOf(samples.length, { limit, aside, cutAt }), ({ run, ...range }) => ({
    ...range,
    kind: run === undefined ? "audio" : isSilent(run) ? "silence" : "no-speech",
  }));
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
