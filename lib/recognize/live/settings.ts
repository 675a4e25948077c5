/**
 * Options of a live stream, completed. Whoever takes them from a caller has checked them.
 *
 * @module
 */
import { SAMPLE_RATE } from "../../audio/samples.ts";
import { type RecognizeSettings, recognizeSettings } from "../settings.ts";
import type { EndpointerOptions } from "./endpointer.ts";
import type { OfficialSettings } from "./official.ts";
import { LIVE_VAD, type LiveOptions } from "./options.ts";
import type { CommitRule } from "./utterance.ts";

/** Most tokens of a step of the official recipe. */
const OFFICIAL_TOKENS = 512;

/** Checked settings of a live stream. */
export interface LiveSettings extends EndpointerOptions, CommitRule {
  stepSamples: number;
  onOverload: "lengthen" | "drop-tentative" | "wait";
  /** How utterances are decoded. */
  recognize: RecognizeSettings;
  /** Of the official recipe, where that is asked for. */
  official: OfficialSettings | undefined;
}

/**
 * Settings of a live stream.
 *
 * @throws {OptionError} When a language is not known.
 */
export function liveSettings(options: LiveOptions): LiveSettings {
  const { mode, vad = {}, maxUtteranceSeconds = 30, maxTokens, signal } = options;
  const isOfficial = mode === "official";
  const { stepSeconds = isOfficial ? 2 : 1, unfixedSteps = isOfficial ? 2 : 1, unfixedTokens = 5 } = options;
  const { language, languages, context, hotwords, timestamps, logprobs, rescue } = options;
  const recognize = recognizeSettings(
    {
      language,
      languages,
      context,
      hotwords,
      timestamps,
      logprobs,
      rescue,
      signal,
      chunkSeconds: maxUtteranceSeconds,
    },
    1,
  );
  const stepSamples = Math.round(stepSeconds * SAMPLE_RATE);
  const rule = { stepSamples, unfixedSteps, unfixedTokens };
  return {
    ...rule,
    vad: {
      threshold: vad.threshold ?? LIVE_VAD.threshold,
      minSilenceSeconds: vad.minSilenceSeconds ?? LIVE_VAD.minSilenceSeconds,
      minSpeechSeconds: vad.minSpeechSeconds ?? LIVE_VAD.minSpeechSeconds,
      speechPadSeconds: vad.speechPadSeconds ?? LIVE_VAD.speechPadSeconds,
    },
    endpointing: options.endpointing ?? true,
    maxUtteranceSamples: Math.round(maxUtteranceSeconds * SAMPLE_RATE),
    onOverload: options.onOverload ?? "lengthen",
    recognize,
    official: isOfficial
      ? {
        ...rule,
        language: recognize.language,
        context: recognize.context,
        maxTokens: maxTokens ?? OFFICIAL_TOKENS,
        signal,
      }
      : undefined,
  };
}
