/**
 * Options of a call, completed. Whoever takes them from a caller has checked them.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { askedLanguage, resolveLanguage } from "../text/languages.ts";
import { systemContext } from "../text/prompt.ts";
import type { Warning } from "../transcript.ts";
import type { VadOptions } from "../vad/intervals.ts";
import type { TranscribeOptions } from "./options.ts";

/** Checked settings of a call. */
export interface RecognizeSettings {
  language: string | undefined;
  languages: readonly string[] | undefined;
  context: string;
  temperature: number;
  seed: number;
  maxTokens: number | undefined;
  minTokens?: number | undefined;
  logprobs?: boolean | undefined;
  timestamps?: "segment" | "word" | undefined;
  chunkSeconds: number;
  chunking: "pauses" | "official";
  batchSize: number;
  rescue: boolean;
  /** See {@linkcode TranscribeOptions}. */
  rescueBudget: number;
  /** How speech is found; undefined when it is not looked for. */
  vad: VadOptions | undefined;
  signal: AbortSignal | undefined;
  /** Second of the recording at which the samples begin. */
  offsetSeconds: number;
  /** What there was to say about the audio. */
  warnings: readonly Warning[];
}

/**
 * Settings of a transcription.
 *
 * @param batchSize Chunks at once when the options do not say.
 * @throws {OptionError} When a language is not known.
 */
export function recognizeSettings(options: TranscribeOptions, batchSize: number): RecognizeSettings {
  const { sampling = {}, chunkSeconds = 30, rescueBudget = 0.5 } = options;
  const languages = options.languages?.map(resolveLanguage);
  if (languages?.length === 0) {
    throw new OptionError("Cannot choose from no languages: `languages` is empty.");
  }
  return {
    language: askedLanguage(options.language),
    languages,
    context: systemContext({ context: options.context, hotwords: options.hotwords }),
    temperature: sampling.temperature ?? 0,
    seed: sampling.seed ?? 0,
    maxTokens: sampling.maxTokens,
    minTokens: sampling.minTokens,
    logprobs: options.logprobs ?? false,
    timestamps: options.timestamps ?? "segment",
    chunkSeconds,
    chunking: options.chunking ?? "pauses",
    batchSize: options.batchSize ?? batchSize,
    rescue: options.rescue ?? true,
    rescueBudget,
    vad: options.vad === "off" ? undefined : options.vad ?? {},
    signal: options.signal,
    offsetSeconds: options.range?.startSeconds ?? 0,
    warnings: [],
  };
}
