/**
 * samples -> log-mel -> encoder and projector -> audio embeddings, for the engine and the aligner.
 *
 * @module
 */
import { disposeAll, keep, type MLXArray, reshape } from "../../ffi/mod.ts";
import { LogMel } from "../audio/mel.ts";
import { SAMPLE_RATE } from "../audio/samples.ts";
import type { Qwen3ASRModel } from "../model/qwen3_asr_model.ts";
import type { ClipObserver } from "./observer.ts";
import type { Timing } from "./timing.ts";

/** What a call brings along. */
export interface DecodeContext {
  timing: Timing;
  signal?: AbortSignal | undefined;
}

/**
 * Audio embeddings `[N, H]` of a clip, evaluated; the caller disposes them. Takes the lock for one
 * stage after the other; an abort ends it between two.
 *
 * @param samples 16 kHz mono.
 */
export async function encode(
  model: Qwen3ASRModel,
  samples: Float32Array,
  { timing, signal, observer }: DecodeContext & { observer?: ClipObserver | undefined },
): Promise<MLXArray> {
  const { backend, encoder, config } = model;
  let start = performance.now();
  using mel = await backend.exclusive(async () => {
    start = performance.now();
    const made = backend.build(() => {
      using front = new LogMel(config.encoder.melBins);
      return front.apply(samples);
    });
    try {
      await backend.evaluate(made);
      return made;
    } catch (error) {
      made.dispose();
      throw error;
    }
  });
  timing.book("mel", start);
  signal?.throwIfAborted();
  start = performance.now();
  const stages = new Map<string, MLXArray>();
  // Handles of their own: those of the encoder are freed on the way.
  const tap = observer && ((stage: string, array: MLXArray) => {
    if (observer.stages.has(stage)) stages.set(stage, keep(reshape(array, array.shape)));
  });
  try {
    const { result, hostMs } = await backend.runStages(() => encoder.stages(mel, tap), {
      also: () => [...stages.values()],
      signal,
      inTurns: true,
    });
    timing.hostMs += hostMs;
    timing.book("encoder", start, { seconds: samples.length / SAMPLE_RATE });
    try {
      observer?.encoded({ mel, stages, embeddings: result });
    } catch (error) {
      result.dispose();
      throw error;
    }
    return result;
  } finally {
    disposeAll(stages.values());
  }
}
