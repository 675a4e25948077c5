/**
 * Voice activity as a test wants it.
 *
 * @module
 */
import { SpeechMap } from "../../lib/audio/speech_map.ts";

const FRAME_SAMPLES = 512;

/**
 * Speech in some intervals, sure of it unless told otherwise.
 *
 * @param intervals Seconds.
 */
export function speechMap(
  durationSeconds: number,
  intervals: readonly (readonly [start: number, end: number])[],
  probability = 1,
): SpeechMap {
  const samples = Math.round(durationSeconds * 16_000);
  const ranges = intervals.map(([start, end]) => ({
    startSample: Math.round(start * 16_000),
    endSample: Math.round(end * 16_000),
  }));
  const probabilities = new Float32Array(Math.ceil(samples / FRAME_SAMPLES));
  for (const { startSample, endSample } of ranges) {
    probabilities.fill(
      probability,
      Math.floor(startSample / FRAME_SAMPLES),
      Math.ceil(endSample / FRAME_SAMPLES),
    );
  }
  return new SpeechMap({ samples, frameSamples: FRAME_SAMPLES, probabilities, ranges });
}
