/**
 * Where to cut: the best pause among the frames of a search window.
 *
 * Frames (smoothed over 50 ms) count as pause below a threshold between the quiet and the loud frames of their
 * surroundings, so that a noisy recording has pauses too. The longest pause wins; one away from the wanted
 * place loses a little. Without pauses the quietest place wins.
 *
 * @module
 */
import { FRAME } from "./frame_levels.ts";
import type { SpeechMap } from "./speech_map.ts";

/** All numbers are frames. */
export interface CutSearch {
  /** First and last place where a cut may be. */
  from: number;
  to: number;
  /** Where it would be best. */
  target: number;
  /** Stretch that says what is loud and what is quiet here. */
  start: number;
  end: number;
}

const SMOOTHING = 2;
/** What is called quiet and loud: the levels that so many frames stay below. */
const QUIET_PART = 0.03;
const LOUD_PART = 0.9;
/** A pause reaches this far up from quiet to loud, in decibels. */
const PAUSE_DEPTH = 0.25;
/** Pauses longer than this are as good as this, in frames. */
const LONGEST_PAUSE = 200;
/** What a cut loses, in frames of pause, for lying at the far end of the search window. */
const DISTANCE_COST = 25;
const SILENCE_DB = -100;
/** Less likely than this, it is a pause to the rule that ends speech; */
const PAUSE_PROBABILITY = 0.35;
/** where there is none, all that is about as unlikely as the most unlikely place. */
const LEAST_MARGIN = 0.02;
/** Samples to each side of a cut that have to be pause: 50 ms. */
const CLEARANCE = 800;

/** Decibels of the frames `start` to `end`, each averaged with its neighbours. */
function smoothedDb(mean: Float32Array, start: number, end: number): Float32Array {
  const out = new Float32Array(end - start);
  for (let i = 0; i < out.length; i++) {
    const first = Math.max(0, start + i - SMOOTHING);
    const last = Math.min(mean.length - 1, start + i + SMOOTHING);
    let sum = 0;
    for (let k = first; k <= last; k++) sum += mean[k]!;
    out[i] = Math.max(SILENCE_DB, 20 * Math.log10(sum / (last - first + 1)));
  }
  return out;
}

/** Frames up to this level are a pause; at least the quietest place of the window is one. */
function pauseLevel(db: Float32Array, window: Float32Array): number {
  const sorted = db.toSorted();
  const quiet = sorted[Math.floor(sorted.length * QUIET_PART)]!;
  const loud = sorted[Math.floor(sorted.length * LOUD_PART)]!;
  const lowest = window.reduce((a, b) => Math.min(a, b), Infinity);
  return Math.max(quiet + PAUSE_DEPTH * (loud - quiet), lowest + 1);
}

/** The longest run of frames that `isPause` allows in the search window, rather near the wanted place. */
function longestPause(
  search: CutSearch,
  isPause: (frame: number) => boolean,
): { from: number; to: number } | undefined {
  const length = search.to - search.from;
  let best: { from: number; to: number } | undefined;
  let bestScore = -Infinity;
  for (let frame = search.from; frame < search.to; frame++) {
    const from = frame;
    while (frame < search.to && isPause(frame)) frame++;
    if (frame === from) continue;
    const middle = from + Math.round((frame - from) / 2);
    const distance = Math.abs(middle - search.target) / length;
    const score = Math.min(frame - from, LONGEST_PAUSE) - DISTANCE_COST * distance;
    if (score > bestScore) [best, bestScore] = [{ from, to: frame }, score];
  }
  return best;
}

/**
 * The best frame boundary between `search.from` and `search.to`, by energy alone.
 *
 * @param mean Mean absolute value per frame, see FrameLevels.
 */
export function findCut(mean: Float32Array, search: CutSearch): number {
  const db = smoothedDb(mean, search.start, search.end);
  const level = pauseLevel(db, db.subarray(search.from - search.start, search.to - search.start));
  const pause = longestPause(search, (frame) => db[frame - search.start]! <= level);
  return pause ? pause.from + Math.round((pause.to - pause.from) / 2) : search.target;
}

/**
 * The best frame boundary between `search.from` and `search.to`: in the longest pause that voice activity knows of, or
 * where speech is least likely; energy says where exactly.
 *
 * @param mean Mean absolute value per frame, see FrameLevels.
 * @param speech Of the same stretch of audio.
 */
export function findSpeechCut(mean: Float32Array, search: CutSearch, speech: SpeechMap): number {
  const likely = Float32Array.from(
    { length: search.to - search.from },
    (_, i) => speech.likeliest((search.from + i) * FRAME - CLEARANCE, (search.from + i) * FRAME + CLEARANCE),
  );
  const least = likely.reduce((a, b) => Math.min(a, b), 1);
  const level = Math.max(PAUSE_PROBABILITY, least + LEAST_MARGIN);
  const pause = longestPause(search, (frame) => likely[frame - search.from]! < level);
  if (!pause) return search.target;
  const target = Math.max(pause.from, Math.min(search.target, pause.to));
  return findCut(mean, { ...pause, target, start: pause.from, end: pause.to });
}
