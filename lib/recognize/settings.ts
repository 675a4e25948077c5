/**
 * Options of a call, checked and completed.
 *
 * @module
 */
import { SAMPLE_RATE } from "../audio/samples.ts";
import { OptionError } from "../errors.ts";
import { resolveLanguage } from "../text/languages.ts";
import { systemContext } from "../text/prompt.ts";
import type { Warning } from "../transcript.ts";
import { speechRanges, type VadOptions } from "../vad/intervals.ts";
import type { LiveOptions, LiveSettings } from "./live.ts";
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

function positive(name: string, value: number | undefined, least: number): void {
  if (value === undefined || (Number.isFinite(value) && value >= least)) return;
  throw new OptionError(`Cannot use ${name} ${value}: it must be a number of at least ${least}.`);
}

/** Seeds beyond would not be told apart. */
const LARGEST_SEED = 2 ** 32 - 1;

function checkSeed(seed = 0): number {
  if (Number.isInteger(seed) && seed >= 0 && seed <= LARGEST_SEED) return seed;
  throw new OptionError(
    `Cannot use sampling.seed ${seed}: it must be a whole number from 0 to ${LARGEST_SEED}.`,
  );
}

function oneOf<T extends string>(name: string, value: T, allowed: readonly T[]): T {
  if (allowed.includes(value)) return value;
  throw new OptionError(`Cannot use ${name} "${value}": it must be ${allowed.join(" or ")}.`);
}

/** Options of voice activity, tried out: a wrong one is refused before anything is read. */
function vadOf(vad: TranscribeOptions["vad"] = {}): VadOptions | undefined {
  if (vad === "off") return undefined;
  if (typeof vad !== "object") {
    throw new OptionError(`Cannot use vad "${vad}": it must be "off", or options as { threshold: 0.5 }.`);
  }
  speechRanges(new Float32Array(), 0, vad);
  return vad;
}

function languageOf(name = ""): string | undefined {
  const asked = name.trim();
  return asked === "" || asked.toLowerCase() === "auto" ? undefined : resolveLanguage(asked);
}

/**
 * Settings of a transcription.
 *
 * @param batchSize Chunks at once when the options do not say.
 * @throws {OptionError} Naming the option that is not usable.
 */
export function recognizeSettings(options: TranscribeOptions, batchSize: number): RecognizeSettings {
  const { sampling = {}, chunkSeconds = 30, rescueBudget = 0.5 } = options;
  positive("sampling.temperature", sampling.temperature, 0);
  positive("sampling.maxTokens", sampling.maxTokens, 1);
  positive("sampling.minTokens", sampling.minTokens, 0);
  positive("chunkSeconds", chunkSeconds, 1);
  positive("batchSize", options.batchSize, 1);
  if (rescueBudget !== Infinity) positive("rescueBudget", rescueBudget, 0);
  oneOf("onAbort", options.onAbort ?? "throw", ["throw", "partial"]);
  const languages = options.languages?.map(resolveLanguage);
  if (languages?.length === 0) {
    throw new OptionError("Cannot choose from no languages: `languages` is empty.");
  }
  return {
    language: languageOf(options.language),
    languages,
    context: systemContext({ context: options.context, hotwords: options.hotwords }),
    temperature: sampling.temperature ?? 0,
    seed: checkSeed(sampling.seed),
    maxTokens: sampling.maxTokens,
    minTokens: sampling.minTokens,
    logprobs: options.logprobs ?? false,
    timestamps: oneOf<"segment" | "word">("timestamps", options.timestamps ?? "segment", ["segment", "word"]),
    chunkSeconds,
    chunking: oneOf("chunking", options.chunking ?? "pauses", ["pauses", "official"]),
    batchSize: Math.floor(options.batchSize ?? batchSize),
    rescue: options.rescue ?? true,
    rescueBudget,
    vad: vadOf(options.vad),
    signal: options.signal,
    offsetSeconds: options.range?.startSeconds ?? 0,
    warnings: [],
  };
}

/** Settings of a live stream. */
export function liveSettings(options: LiveOptions): LiveSettings {
  const { stepSeconds = 2, unfixedSteps = 2, unfixedTokens = 5, maxTokens = 512 } = options;
  positive("stepSeconds", stepSeconds, 0.1);
  positive("unfixedSteps", unfixedSteps, 0);
  positive("unfixedTokens", unfixedTokens, 0);
  positive("maxTokens", maxTokens, 1);
  return {
    language: languageOf(options.language),
    context: systemContext({ context: options.context, hotwords: options.hotwords }),
    stepSamples: Math.round(stepSeconds * SAMPLE_RATE),
    unfixedSteps,
    unfixedTokens,
    maxTokens,
    signal: options.signal,
  };
}
