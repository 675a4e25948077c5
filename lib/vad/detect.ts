/**
 * Where there is speech in a recording.
 *
 * @module
 */
import type { Samples } from "../audio/samples.ts";
import { SpeechMap } from "../audio/speech_map.ts";
import { FRAME_SAMPLES } from "./frames.ts";
import { speechRanges, type VadOptions } from "./intervals.ts";
import type { VadNetwork } from "./network.ts";
import { Heard, speechProbabilities } from "./probabilities.ts";

/**
 * Runs the network over a recording and finds its intervals of speech.
 *
 * @param heard What it heard of the recording before.
 * @throws {OptionError} When an option is not usable.
 */
export async function detectSpeech(
  network: VadNetwork,
  samples: Samples,
  options: VadOptions = {},
  signal?: AbortSignal,
  heard: Heard = new Heard(),
): Promise<SpeechMap> {
  const probabilities = await speechProbabilities(network, samples, signal, heard);
  return new SpeechMap({
    samples: samples.length,
    frameSamples: FRAME_SAMPLES,
    probabilities,
    ranges: speechRanges(probabilities, samples.length, options),
  });
}
