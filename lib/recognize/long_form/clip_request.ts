/**
 * What is asked of the decoder for a clip of a recording.
 *
 * @module
 */
import { SAMPLE_RATE } from "../../audio/samples.ts";
import { type Clip, type ClipRequest, tokenBudget } from "../clip.ts";
import type { RecognizeSettings } from "../settings.ts";

/** Where the decoder looked is not followed through longer clips: it takes memory by the square of the length. */
const LONGEST_LOOK_SECONDS = 60;

/** The request for a clip under the settings of a call. */
export function requestFor(clip: Clip, settings: RecognizeSettings): ClipRequest {
  const { context, language, languages, temperature, seed, maxTokens, minTokens = 0 } = settings;
  return {
    samples: clip.samples,
    context,
    language,
    languages,
    temperature,
    seed,
    maxTokens: Math.max(minTokens, Math.min(tokenBudget(clip.samples.length), maxTokens ?? Infinity)),
    minTokens,
    logprobs: settings.logprobs || settings.timestamps === "word",
    looks: settings.timestamps === "word" && clip.samples.length <= LONGEST_LOOK_SECONDS * SAMPLE_RATE,
  };
}
