/**
 * Frames of 512 samples (32 ms) with what the network hears around each.
 *
 * @module
 */
import { SAMPLE_RATE } from "../audio/samples.ts";

/** Samples that a probability stands for: 32 ms. */
export const FRAME_SAMPLES = 512;
/** Length of a frame. */
export const FRAME_SECONDS: number = FRAME_SAMPLES / SAMPLE_RATE;
/** Samples before a frame that enter with it; zeros before the first. */
export const CONTEXT_SAMPLES = 64;
/** Samples after a frame: its own last ones mirrored, the very last not repeated. */
const MIRRORED_SAMPLES = 64;
/** Samples that enter for a frame. */
export const INPUT_SAMPLES: number = CONTEXT_SAMPLES + FRAME_SAMPLES + MIRRORED_SAMPLES;

/** Number of frames of a recording; the last is filled up with zeros. */
export function frameCount(samples: number): number {
  return Math.ceil(samples / FRAME_SAMPLES);
}

/**
 * What enters the network, frame by frame.
 *
 * @param audio Context of the first frame, then whole frames. `[64 + n * 512]`
 * @returns `[n, 640]`, row-major.
 */
export function framed(audio: Float32Array): Float32Array<ArrayBuffer> {
  const count = Math.floor((audio.length - CONTEXT_SAMPLES) / FRAME_SAMPLES);
  const out = new Float32Array(count * INPUT_SAMPLES);
  for (let frame = 0; frame < count; frame++) {
    const from = frame * FRAME_SAMPLES, to = frame * INPUT_SAMPLES;
    out.set(audio.subarray(from, from + CONTEXT_SAMPLES + FRAME_SAMPLES), to);
    const last = to + CONTEXT_SAMPLES + FRAME_SAMPLES - 1;
    for (let i = 1; i <= MIRRORED_SAMPLES; i++) out[last + i] = out[last - i]!;
  }
  return out;
}
