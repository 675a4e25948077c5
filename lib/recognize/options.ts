/**
 * What can be asked of a transcription.
 *
 * @module
 */
import {
  callback,
  flag,
  from,
  notNegative,
  object,
  oneOf,
  type Rule,
  type Rules,
  signal,
  text,
  texts,
  wholeFrom,
} from "../check_options.ts";
import { RANGE_RULE, TRACK_RULE } from "../audio/load.ts";
import type { TimeRange } from "../audio/pcm.ts";
import { VAD_RULES, type VadOptions } from "../vad/intervals.ts";
import type { Transcript } from "../transcript.ts";
import type { TranscriptEvent } from "./events.ts";
import type { StageSpan } from "./timing.ts";

/** How tokens are chosen. */
export interface SamplingOptions {
  /** 0 takes the likeliest token. @default {0} */
  temperature?: number | undefined;
  /** Most tokens of one chunk; the budget by its length applies besides. @default {12 a second + 32} */
  maxTokens?: number | undefined;
  /**
   * Fewest tokens of one chunk: before that neither a stop token nor a loop ends it. With `maxTokens` the same number
   * this is a fixed amount of work, for measurements.
   *
   * @default {0}
   */
  minTokens?: number | undefined;
  /** Start of the random numbers when the temperature is above 0: a whole number of 32 bits. @default {0} */
  seed?: number | undefined;
}

/** Options of a transcription. */
export interface TranscribeOptions {
  /** Name, code or tag of the language ("German", "de", "de-AT"); detected when left out or "auto". */
  language?: string | undefined;
  /** Languages to choose from when detecting; any when left out. */
  languages?: readonly string[] | undefined;
  /** Free text for the system turn: domain, names, spelling. */
  context?: string | undefined;
  /** Words and names to expect. */
  hotwords?: readonly string[] | undefined;
  /**
   * Most tokens of `context` and `hotwords` together; more are refused before anything is computed.
   *
   * @default {4096, less where memory leaves no room for it}
   */
  maxPromptTokens?: number | undefined;
  /** How tokens are chosen. */
  sampling?: SamplingOptions | undefined;
  /** Whether every chunk tells how sure the model was of each token of its text. @default {false} */
  logprobs?: boolean | undefined;
  /**
   * `word`: segments are made of words, each with its own times, by an aligner (see `LoadOptions.aligner`); where there is
   * none for the language they are approximate, and a warning says so. `segment`: sentences have times.
   *
   * @default {"segment"}
   */
  timestamps?: "segment" | "word" | undefined;
  /** A `ForcedAligner` for this call in the place of the model's; `false`: none. */
  aligner?: false | {
    /** Longest clip, in seconds. */
    readonly longestSeconds: number;
    /** Start and end of each word in turn, in milliseconds. */
    rawTimes(samples: Float32Array, words: readonly string[], signal?: AbortSignal): Promise<number[]>;
  } | undefined;
  /** Longest chunk of a long recording, in seconds. @default {30} */
  chunkSeconds?: number | undefined;
  /**
   * `pauses`: chunks of at most `chunkSeconds`, cut at pauses; digital silence and stretches without speech are skipped.
   * `official`: the official package's rule (one chunk up to 1200 s, then cuts within 5 s of that; spec 11.1), nothing
   * skipped.
   *
   * @default {"pauses"}
   */
  chunking?: "pauses" | "official" | undefined;
  /**
   * Voice activity: how it finds speech, or `off`. Then everything is decoded, as songs may want it, cuts are found by
   * energy, and text is doubted for what it says only: nobody knows whether speech is missing in it.
   *
   * @default {threshold 0.5, minSilenceSeconds 0.1, minSpeechSeconds 0.25, speechPadSeconds 0.03}
   */
  vad?: "off" | VadOptions | undefined;
  /** Chunks decoded at once. @default {by the device: 8 on a CPU, 4 on a GPU} */
  batchSize?: number | undefined;
  /** Whether a chunk whose text is not believed is decoded again. @default {true} */
  rescue?: boolean | undefined;
  /**
   * Most audio to decode again, in parts of what is decoded once; at least one longest chunk. What is most likely wrong
   * comes first, and a doubted chunk that there was no budget for says so.
   *
   * @default {0.5}
   */
  rescueBudget?: number | undefined;
  /** Stops within one decode step. */
  signal?: AbortSignal | undefined;
  /** What an abort does: rejects with the signal's reason, or returns what there is (`partial: true`). @default {"throw"} */
  onAbort?: "throw" | "partial" | undefined;
  /**
   * An interrupted transcript of the same recording with the same options: what it has finished is kept, and the result is
   * that of one call. Events tell of the rest only.
   */
  resume?: Transcript | undefined;
  /** Called with every event as it happens. */
  onProgress?: ((event: TranscriptEvent) => void) | undefined;
  /** Part of the recording to transcribe; times in the result are the recording's. */
  range?: TimeRange | undefined;
  /** Which of several audio tracks: number from 1, or language; see `loadAudio`. @default {the file's default} */
  track?: number | string | undefined;
  /** What samples without a header are, e.g. `s16le:16000`; see `loadAudio`. @default {the file says it itself} */
  raw?: string | undefined;
  /** Called at the end with every stage's start and duration. */
  onProfile?: ((spans: readonly StageSpan[], transcript: Transcript) => void) | undefined;
}

/** What the options of sampling must be. */
export const SAMPLING_RULES: Rules<SamplingOptions> = {
  temperature: from(0),
  maxTokens: wholeFrom(1),
  minTokens: wholeFrom(0),
  // Seeds beyond would not be told apart.
  seed: wholeFrom(0, 2 ** 32 - 1),
};

/** What voice activity must be; its options' bounds are its own. */
export const VAD_RULE: Rule = {
  must: '"off", or options as { threshold: 0.5 }',
  fits: (value) => value === "off" || typeof value === "object" && value !== null,
  fields: VAD_RULES,
};

/** What an aligner must be. */
export const ALIGNER_RULE: Rule = {
  must: "a ForcedAligner, or false",
  fits: (value) => value === false || typeof value === "object" && value !== null,
};

/** What the options of a transcription must be. */
export const TRANSCRIBE_RULES: Rules<TranscribeOptions> = {
  language: text,
  languages: texts,
  context: text,
  hotwords: texts,
  maxPromptTokens: notNegative,
  sampling: object(SAMPLING_RULES),
  logprobs: flag,
  chunkSeconds: from(1),
  chunking: oneOf("pauses", "official"),
  batchSize: wholeFrom(1),
  rescue: flag,
  signal,
  onAbort: oneOf("throw", "partial"),
  onProgress: callback,
  resume: {
    must: "a transcript",
    fits: (value) =>
      typeof value === "object" && value !== null && "chunks" in value && Array.isArray(value.chunks) &&
      "segments" in value && Array.isArray(value.segments),
  },
  range: RANGE_RULE,
  track: TRACK_RULE,
  raw: text,
  vad: VAD_RULE,
  rescueBudget: notNegative,
  timestamps: oneOf("segment", "word"),
  aligner: ALIGNER_RULE,
  onProfile: callback,
};
