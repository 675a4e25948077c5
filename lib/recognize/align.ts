/**
 * Forced alignment (spec section 13): one pass over audio and known words gives every word its start and end.
 *
 * @module
 */
import { argmax, astype, fromData, reshape, takeAxis, toInt32 } from "../../ffi/mod.ts";
import type { Qwen3ASRModel } from "../model/qwen3_asr_model.ts";
import { alignerPrompt, fixTimestamps } from "../text/timestamps.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import type { Word } from "../transcript.ts";
import { encode } from "./encode.ts";
import { Timing } from "./timing.ts";

function seconds(milliseconds: number): number {
  return Math.round(milliseconds) / 1000;
}

/** Times before the repair, for those who check them. */
export interface AlignedClip {
  words: Word[];
  /** Start and end of each word as the model says them, in milliseconds. */
  rawMs: number[];
}

/**
 * Aligns words with a clip.
 *
 * @param samples 16 kHz mono, at most about five minutes.
 * @param words As `splitWords` gives them.
 */
export async function alignClip(
  model: Qwen3ASRModel,
  tokenizer: Tokenizer,
  samples: Float32Array,
  words: readonly string[],
): Promise<AlignedClip> {
  const { backend, decoder, config } = model;
  using embeddings = await encode(model, samples, { timing: new Timing() });
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
  const rawMs = Array.from(found.subarray(0, 2 * words.length), (index) => index * config.timestampStepMs);
  const fixed = fixTimestamps(rawMs);
  return {
    rawMs,
    words: words.map((text, index) => ({
      text,
      startSeconds: seconds(fixed[2 * index]!),
      endSeconds: seconds(fixed[2 * index + 1]!),
    })),
  };
}
