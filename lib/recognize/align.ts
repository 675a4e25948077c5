/**
 * Forced alignment (spec section 13): one pass over audio and known words gives every word its start and end.
 *
 * @module
 */
import { argmax, astype, fromData, reshape, takeAxis, toInt32 } from "../../ffi/mod.ts";
import { LogMel } from "../audio/mel.ts";
import type { Qwen3ASRModel } from "../model/qwen3_asr_model.ts";
import { alignerPrompt, fixTimestamps } from "../text/timestamps.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import type { Word } from "../transcript.ts";
import { mlxMutex } from "./mutex.ts";

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
  const { backend, encoder, config } = model;
  return await mlxMutex.run(async () => {
    using embeddings = backend.build(() => {
      using front = new LogMel(config.encoder.melBins);
      return encoder.apply(front.apply(samples));
    });
    await backend.evaluate(embeddings);
    const prompt = alignerPrompt(tokenizer, words, embeddings.dim(0));
    using cache = model.newCache();
    using classes = backend.build(() => {
      const hidden = model.decoder.apply(model.splice(prompt.ids, prompt.audioStart, embeddings), cache);
      const width = config.decoder.width;
      const markers = takeAxis(
        reshape(hidden, [prompt.ids.length, width]),
        fromData(Int32Array.from(prompt.markers)),
        0,
      );
      return astype(argmax(model.decoder.logits(markers), -1), "int32"); // [2 * words]
    });
    await backend.evaluate(classes);
    const rawMs = [...toInt32(classes)].map((index) => index * config.timestampStepMs).slice(
      0,
      2 * words.length,
    );
    const fixed = fixTimestamps(rawMs);
    return {
      rawMs,
      words: words.map((text, index) => ({
        text,
        startSeconds: seconds(fixed[2 * index]!),
        endSeconds: seconds(fixed[2 * index + 1]!),
      })),
    };
  });
}
