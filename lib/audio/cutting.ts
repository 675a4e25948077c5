/**
 * What is set aside of a recording and where the rest is cut, frame by frame: of a whole one, or as far as it is certain
 * of one that is still being read.
 *
 * @module
 */
import { FRAME } from "./frame_levels.ts";
import type { CutSearch } from "./pause_search.ts";
import { SAMPLE_RATE } from "./samples.ts";
import { type SampleRange, SpeechMap } from "./speech_map.ts";

/** Below one step of 16 bits a sample is digital silence. */
export const SILENT = 1 / 32768;
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
export interface FrameRun {
  start: number;
  end: number;
}

/** Runs of digital silence that are worth skipping, without their guards. */
export function silentRuns(peak: Float32Array, minimumFrames: number): FrameRun[] {
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
export function speechlessRuns(speech: SpeechMap, minimumFrames: number): FrameRun[] {
  return speech.gaps().flatMap(({ startSample, endSample }) => {
    if (endSample - startSample < minimumFrames * FRAME) return [];
    const guardAt = (place: number, edge: number) => place === edge ? 0 : GUARD_FRAMES;
    const start = Math.ceil(startSample / FRAME) + guardAt(startSample, 0);
    const end = Math.ceil(endSample / FRAME) - guardAt(endSample, speech.samples);
    return end > start ? [{ start, end }] : [];
  });
}

/** Runs of both, in order; those that touch become one. */
export function united(a: readonly FrameRun[], b: readonly FrameRun[]): FrameRun[] {
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
export interface Cutting {
  /** Samples of the longest chunk. */
  limit: number;
  /** Runs of frames to set aside, in order. */
  aside: readonly FrameRun[];
  cutAt: (search: CutSearch) => number;
}

/** Chunks of a recording, in order; `run` is what was set aside there. */
export function* chunksOf(
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

/** Frames around a cut that are looked at beyond the search: those of its clearance and of smoothing. */
const MARGIN_FRAMES = 10;

/** What is known of the beginning of a recording that goes on. */
export interface Beginning {
  /** Of the frames so far. */
  peak: Float32Array;
  /** Voice activity up to the sample before which no further speech begins; undefined when it was not looked for. */
  speech: SpeechMap | undefined;
  /** Sample before which nothing that voice activity says changes any more. */
  settledSample: number;
  /** See {@linkcode Cutting}. */
  limit: number;
  cutAt: Cutting["cutAt"];
  minimumSilence: number;
  minimumNoSpeech: number;
}

/** Digital silence of a beginning: what will be set aside whatever comes, and the frame from which on that is open. */
function silenceSoFar(peak: Float32Array, minimumFrames: number): { runs: FrameRun[]; settled: number } {
  const last = peak.findLastIndex((level) => level >= SILENT) + 1;
  const isRun = peak.length - last >= Math.max(minimumFrames, 2 * GUARD_FRAMES + 1);
  const runs = silentRuns(peak.subarray(0, last), minimumFrames);
  if (!isRun) return { runs, settled: last };
  const start = last === 0 ? 0 : last + GUARD_FRAMES;
  return { runs: [...runs, { start, end: Infinity }], settled: peak.length };
}

/** The same for stretches without speech. */
function speechlessSoFar(
  { peak, speech, settledSample, minimumNoSpeech }: Beginning,
): { runs: FrameRun[]; settled: number } {
  if (!speech) return { runs: [], settled: peak.length };
  const end = speech.ranges.at(-1)?.endSample ?? 0;
  const runs = speechlessRuns(new SpeechMap({ ...speech, samples: end }), minimumNoSpeech);
  // Neither guard may eat it up when its end is known.
  const isRun = speech.samples - end >= Math.max(minimumNoSpeech, 2 * GUARD_FRAMES + 2) * FRAME;
  if (!isRun) return { runs, settled: Math.floor(settledSample / FRAME) };
  const start = end === 0 ? 0 : Math.ceil(end / FRAME) + GUARD_FRAMES;
  return { runs: [...runs, { start, end: Infinity }], settled: peak.length };
}

/**
 * The first chunks of a recording that goes on: those that {@linkcode chunksOf} cuts all of it into, as far as they are
 * certain.
 */
export function* chunksSoFar(beginning: Beginning): Generator<SampleRange & { run?: FrameRun }> {
  const { peak, limit, cutAt, minimumSilence } = beginning;
  const silence = silenceSoFar(peak, minimumSilence), speechless = speechlessSoFar(beginning);
  const settled = Math.min(silence.settled, speechless.settled, peak.length - MARGIN_FRAMES);
  const aside = united(silence.runs, speechless.runs).filter(({ start }) => start < settled);
  // A run may still grow into another that begins where nothing is settled yet.
  const open = aside.findIndex(({ end }) => end >= settled);
  const closed = open < 0 ? aside : aside.slice(0, open);
  const end = open < 0 ? undefined : aside[open]!.start;
  let start = 0;
  const cut = function* (until: number, isKnown: boolean) {
    for (let left; (left = (until - start) * FRAME) > (isKnown ? limit : BALANCED * limit);) {
      const place = cutAt(searchFor(start, left, limit));
      yield { startSample: start * FRAME, endSample: place * FRAME };
      start = place;
    }
  };
  for (const run of closed) {
    yield* cut(run.start, true);
    if (run.start > start) yield { startSample: start * FRAME, endSample: run.start * FRAME };
    yield { startSample: run.start * FRAME, endSample: run.end * FRAME, run };
    start = run.end;
  }
  yield* cut(end ?? settled, end !== undefined);
  if (end !== undefined && end > start) yield { startSample: start * FRAME, endSample: end * FRAME };
}
