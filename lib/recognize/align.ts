/**
 * Forced alignment (spec section 13): one pass over audio and known words gives every word its start and end.
 *
 * @module
 */
import { argmax, astype, type MLXArray, readInt32 } from "../../ffi/mod.ts";
import type { Stages } from "../model/backend.ts";
import type { Qwen3ASRModel } from "../model/qwen3_asr_model.ts";
import { type AlignerPrompt, alignerPrompt } from "../text/timestamps.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { encode } from "./encode.ts";
import { Timing } from "./timing.ts";

/** The likeliest class at each marker: int32 `[2 * words]`. */
function* classStages(model: Qwen3ASRModel, prompt: AlignerPrompt, embeddings: MLXArray): Stages {
  const { decoder } = model;
  const rows = model.splice(prompt.ids, prompt.audioStart, embeddings);
  const markers = yield* decoder.stagesAt(rows, prompt.markers);
  return astype(argmax(decoder.logits(markers), -1), "int32");
}

/**
 * Times of words in a clip as the model says them: nothing repaired, nothing checked.
 *
 * @param samples 16 kHz mono, no longer than the model's classes reach.
 * @param words As `splitWords` gives them.
 * @returns Start and end of each word in turn, in milliseconds of the clip.
 */
export async function alignClip(
  model: Qwen3ASRModel,
  tokenizer: Tokenizer,
  samples: Float32Array,
  words: readonly string[],
  signal?: AbortSignal,
): Promise<number[]> {
  const { backend } = model;
  using embeddings = await encode(model, samples, { timing: new Timing(), signal });
  const prompt = alignerPrompt(tokenizer, words, embeddings.dim(0));
  const { result } = await backend.runStages(() => classStages(model, prompt, embeddings), {
    signal,
    inTurns: true,
  });
  using classes = result;
  const found = await backend.exclusive(() => readInt32(classes));
  return Array.from(found.subarray(0, 2 * words.length), (index) => index * model.config.timestampStepMs);
}
