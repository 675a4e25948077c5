/**
 * Frames that stand out of the noise around them.
 *
 * @module
 */
import { SILENCE_DB } from "./band_levels.ts";

/** Reach of the surroundings to each side, and distance of the places where they are looked at, in frames. */
const REACH = 500;
const STEP = 100;
/** Levels that so many frames of the surroundings stay below: the floor, and what is loud. */
const FLOOR_PART = 0.1;
const LOUD_PART = 0.98;
/** Frames this far above the floor are no steady noise. */
const ABOVE_FLOOR_DB = 7;
/** Frames this far below what is loud nearby, or anywhere, are no speech, be the floor ever so low. */
const BELOW_NEAR_DB = 35;
const BELOW_LOUDEST_DB = 50;
/** Below this, 16 bits hold no speech. */
const LEAST_DB = -85;

/** Running mean over `reach` frames to each side. */
export function smoothed(db: Float32Array, reach: number): Float32Array {
  const out = new Float32Array(db.length);
  for (let i = 0; i < db.length; i++) {
    const first = Math.max(0, i - reach);
    const last = Math.min(db.length - 1, i + reach);
    let sum = 0;
    for (let k = first; k <= last; k++) sum += db[k]!;
    out[i] = sum / (last - first + 1);
  }
  return out;
}

/** The level below which `part` of the frames lie; `sorted` ascending. */
export function levelOf(sorted: Float32Array, part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? SILENCE_DB;
}

/**
 * Sets `active[i]` to 1 where frame i of a band stands out.
 *
 * @param band Decibels per frame.
 * @yields Now and then, so that the caller may pause.
 */
export function* markActive(band: Float32Array, active: Uint8Array): Generator<void> {
  const db = smoothed(band, 2);
  const loudest = levelOf(db.toSorted(), LOUD_PART);
  for (let at = 0; at < db.length; at += STEP) {
    const around = db.slice(Math.max(0, at - REACH), at + STEP + REACH).sort();
    const threshold = Math.max(
      levelOf(around, FLOOR_PART) + ABOVE_FLOOR_DB,
      levelOf(around, LOUD_PART) - BELOW_NEAR_DB,
      loudest - BELOW_LOUDEST_DB,
      LEAST_DB,
    );
    const end = Math.min(at + STEP, db.length);
    for (let i = at; i < end; i++) if (db[i]! > threshold) active[i] = 1;
    yield;
  }
}
