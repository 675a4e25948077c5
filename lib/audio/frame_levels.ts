/**
 * How loud each 10 ms of a recording is.
 *
 * @module
 */
import { Breath } from "../breathe.ts";
import type { Samples } from "./samples.ts";
import type { SampleRange } from "./speech_map.ts";

/** Samples per frame: 10 ms, one mel hop. */
export const FRAME = 160;

/** Frames of a stretch of audio; the last may stand for fewer than {@link FRAME} samples. */
export interface FrameLevels {
  /** Mean absolute value of each frame. */
  mean: Float32Array;
  /** Largest absolute value of each frame. */
  peak: Float32Array;
}

/** Frames read between two looks at the clock: 4 s of audio. */
const FRAMES_AT_ONCE = 400;

function fillLevels(levels: FrameLevels, firstFrame: number, samples: Float32Array): void {
  for (let at = 0, frame = firstFrame; at < samples.length; at += FRAME, frame++) {
    const end = Math.min(at + FRAME, samples.length);
    let sum = 0;
    let peak = 0;
    for (let i = at; i < end; i++) {
      const size = Math.abs(samples[i]!);
      sum += size;
      if (size > peak) peak = size;
    }
    levels.mean[frame] = sum / (end - at);
    levels.peak[frame] = peak;
  }
}

function emptyLevels(length: number): FrameLevels {
  const frames = Math.ceil(length / FRAME);
  return { mean: new Float32Array(frames), peak: new Float32Array(frames) };
}

/** Levels of a piece that fits into one turn of the event loop (up to about a minute). */
export function frameLevels(samples: Float32Array): FrameLevels {
  const levels = emptyLevels(samples.length);
  fillLevels(levels, 0, samples);
  return levels;
}

/**
 * Levels of a recording; the event loop gets its turns.
 *
 * @param length Samples from its beginning on. @default {all}
 */
export async function recordingLevels(
  samples: Samples,
  signal?: AbortSignal,
  length: number = samples.length,
): Promise<FrameLevels> {
  const levels = emptyLevels(length);
  const breath = new Breath({ everyMs: 4, signal });
  const some = new Float32Array(FRAMES_AT_ONCE * FRAME);
  for (let frame = 0; frame < levels.mean.length; frame += FRAMES_AT_ONCE) {
    const part = some.subarray(0, Math.min(some.length, length - frame * FRAME));
    fillLevels(levels, frame, part.subarray(0, samples.read(frame * FRAME, part)));
    await breath.pause();
  }
  return levels;
}

/** What silence has. */
const LEAST_DB = -100;

/** Root of the mean square of a stretch, in dB of full scale, at least -100; the event loop gets its turns. */
export async function rmsDb(
  samples: Samples,
  { startSample, endSample }: SampleRange,
  signal?: AbortSignal,
): Promise<number> {
  const breath = new Breath({ everyMs: 4, signal });
  const some = new Float32Array(FRAMES_AT_ONCE * FRAME);
  let squares = 0;
  for (let at = startSample; at < endSample; at += some.length) {
    const block = some.subarray(0, Math.min(some.length, endSample - at));
    samples.read(at, block);
    for (const sample of block) squares += sample * sample;
    await breath.pause();
  }
  return Math.max(LEAST_DB, 10 * Math.log10(squares / (endSample - startSample)));
}
