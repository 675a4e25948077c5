/**
 * How likely each frame of a recording is speech.
 *
 * @module
 */
import { Breath } from "../breathe.ts";
import type { Samples } from "../audio/samples.ts";
import { CONTEXT_SAMPLES, FRAME_SAMPLES, frameCount } from "./frames.ts";
import type { VadNetwork } from "./network.ts";
import { GATES, Memory, type Recurrence } from "./recurrence.ts";

/** Frames that go through the front at once: 33 s, some 15 MB of activations, 25 ms. */
const BLOCK_FRAMES = 1024;

/**
 * Moves the memory over some frames; the event loop gets its turns.
 *
 * @param gates As the front gives them; taken over, and freed. `[n, 512]`
 * @param out Gets the probabilities. `[n]`
 */
export async function recur(
  recurrence: Recurrence,
  gates: Float32Array<ArrayBuffer>,
  memory: Memory,
  out: Float32Array,
  breath: Breath,
): Promise<void> {
  for (let frame = 0; frame < out.length; frame++) {
    out[frame] = recurrence.step(gates.subarray(frame * GATES, (frame + 1) * GATES), memory);
    await breath.pause();
  }
  gates.buffer.transfer(0); // Megabytes a block, that would wait for the collector.
}

/** Frames `first` to `first + count` with the context before them, zeros where there are no samples. */
function stretch(samples: Samples, first: number, count: number): Float32Array<ArrayBuffer> {
  const audio = new Float32Array(CONTEXT_SAMPLES + count * FRAME_SAMPLES);
  const start = first * FRAME_SAMPLES - CONTEXT_SAMPLES;
  samples.read(Math.max(0, start), start < 0 ? audio.subarray(-start) : audio);
  return audio;
}

/** What was heard of a recording from its beginning on. */
export class Heard {
  /** Of its frames so far; whole blocks, unless the recording is at its end. */
  probabilities: Float32Array<ArrayBuffer> = new Float32Array(0);
  /** What the network remembers of them. */
  readonly memory: Memory = new Memory();
}

/** Samples that are heard at once. */
export const BLOCK_SAMPLES: number = BLOCK_FRAMES * FRAME_SAMPLES;

/**
 * How likely each 32 ms of a recording are speech, block by block: while the recurrence goes over one block, MLX is at
 * the next.
 *
 * @param samples May be of any length; only the probabilities grow with it.
 * @param heard What was heard of it before; of no use any more when this rejects.
 * @param frames Where to end: a whole number of blocks. @default {the end of the recording}
 * @returns One number per frame of 512 samples; the last frame is filled up with zeros. `[ceil(samples / 512)]`
 */
export async function speechProbabilities(
  network: VadNetwork,
  samples: Samples,
  signal?: AbortSignal,
  heard: Heard = new Heard(),
  frames: number = frameCount(samples.length),
): Promise<Float32Array<ArrayBuffer>> {
  const { memory, probabilities: before } = heard;
  const probabilities = new Float32Array(frames);
  probabilities.set(before);
  const gatesFrom = (first: number) => {
    const count = Math.min(BLOCK_FRAMES, probabilities.length - first);
    const gates = count > 0 ? network.gates(stretch(samples, first, count), signal) : undefined;
    gates?.catch(() => {}); // Awaited below; until then nobody listens.
    return gates;
  };
  let coming = gatesFrom(before.length);
  try {
    for (let first = before.length; coming; first += BLOCK_FRAMES) {
      const gates = await coming;
      coming = gatesFrom(first + BLOCK_FRAMES);
      const breath = new Breath({ everyMs: 4, signal });
      const out = probabilities.subarray(first, first + BLOCK_FRAMES);
      await recur(network.recurrence, gates, memory, out, breath);
    }
  } finally {
    await coming?.catch(() => {}); // Nothing may still compute when the caller frees the network.
  }
  return heard.probabilities = probabilities;
}
