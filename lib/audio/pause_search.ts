/**
 * Where to cut: the best pause among the frames of a search window.
 *
 * Frames (smoothed over 50 ms) count as pause below a threshold between the quiet and the loud frames of their
 * surroundings, so that a noisy recording has pauses too. The longest pause wins; one away from the wanted
 * place loses a little. Without pauses the quietest place wins.
 *
 * @module
 */

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

/**
 * The best frame boundary between `search.from` and `search.to`.
 *
 * @param mean Mean absolute value per frame, see FrameLevels.
 */
export function findCut(mean: Float32Array, search: CutSearch): number {
  const db = smoothedDb(mean, search.start, search.end);
  const window = db.subarray(search.from - search.start, search.to - search.start);
  const level = pauseLevel(db, window);
  let best = search.target;
  let bestScore = -Infinity;
  for (let frame = 0; frame < window.length; frame++) {
    const runStart = frame;
    while (frame < window.length && window[frame]! <= level) frame++;
    if (frame === runStart) continue;
    const cut = search.from + Math.round((runStart + frame) / 2);
    const distance = Math.abs(cut - search.target) / window.length;
    const score = Math.min(frame - runStart, LONGEST_PAUSE) - DISTANCE_COST * distance;
    if (score > bestScore) [best, bestScore] = [cut, score];
  }
  return best;
}
