/**
 * Forced alignment (spec section 13): one pass over audio and known words gives every word its start and end.
 *
 * @module
 */
import { argmax, astype, fromData, reshape, takeAxis, toInt32 } from "../../ffi/mod.ts";
import type { Qwen3ASRModel } from "../model/qwen3_asr_model.ts";
import { alignerPrompt } from "../text/timestamps.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { encode } from "./encode.ts";
import { Timing } from "./timing.ts";

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
  const { backend, decoder, config } = model;
  using embeddings = await encode(model, samples, { timing: new Timing(), signal });
  const prompt = alignerPrompt(tokenizer, words, embeddings.dim(0));
  const found = await backend.exclusive(async () => {
    using cache = model.newCache();
    using classes = backend.build(() => {
      const hidden = decoder.apply(model.splice(prompt.ids, prompt.audioStart, embeddings), cache);
      const rows = reshape(hidden, [prompt.ids.length, config.decoder.width]);
      const markers = takeAxis(rows, fromData(Int32Array.from(prompt.markers)), 0);
      return astype(argmax(decoder.logits(markers), -1), "int32"); // [2 * words]
    });
    await backend.evaluate(classes);
    return toInt32(classes);
  });
  return Array.from(found.subarray(0, 2 * words.length), (index) => index * config.timestampStepMs);
}
