/**
 * What can be asked of a live stream.
 *
 * @module
 */
import {
  flag,
  from,
  notNegative,
  object,
  oneOf,
  type Rules,
  signal,
  text,
  texts,
  wholeFrom,
} from "../../check_options.ts";
import { VAD_RULES, type VadOptions } from "../../vad/intervals.ts";
import { ALIGNER_RULE, type TranscribeOptions } from "../options.ts";

/** How a live stream is heard. */
export interface LiveOptions {
  /**
   * `utterance`: the stream is cut at pauses; text is committed while an utterance is heard and settled at its end.
   * `official`: the official package's recipe, which hears the whole stream again at every step: text may change until the
   * end, and cost grows with the length.
   *
   * @default {"utterance"}
   */
  mode?: "utterance" | "official" | undefined;
  /** Name, code or tag of the language; detected, for each utterance anew, when left out or "auto". */
  language?: string | undefined;
  /** Languages to choose from when detecting; any when left out. */
  languages?: readonly string[] | undefined;
  /** Free text for the system turn. */
  context?: string | undefined;
  /** Words and names to expect. */
  hotwords?: readonly string[] | undefined;
  /** Most tokens of both together. @default {4096, less where memory leaves no room for it} */
  maxPromptTokens?: number | undefined;
  /** Seconds of new audio before the text is brought up to date. @default {1; official: 2} */
  stepSeconds?: number | undefined;
  /** Steps at the beginning whose text the next one need not continue. @default {1; official: 2} */
  unfixedSteps?: number | undefined;
  /** Tokens at the end of the text that the next step may change. @default {5} */
  unfixedTokens?: number | undefined;
  /** Most tokens a step of the official recipe may add. @default {512} */
  maxTokens?: number | undefined;
  /** Longest utterance, in seconds: without a pause it is cut where speech is least likely. @default {30} */
  maxUtteranceSeconds?: number | undefined;
  /** Whether a pause ends an utterance; if not, only `cut()`, `end()` and the longest length do. @default {true} */
  endpointing?: boolean | undefined;
  /**
   * How speech is found: silence of `minSilenceSeconds` ends an utterance, and `speechPadSeconds` before and behind it are
   * heard with it.
   *
   * @default {threshold 0.5, minSilenceSeconds 0.5, minSpeechSeconds 0.25, speechPadSeconds 0.3}
   */
  vad?: VadOptions | undefined;
  /** Whether a final text has words with times. @default {"segment"} */
  timestamps?: "segment" | "word" | undefined;
  /** A `ForcedAligner` in the place of the model's; `false`: none. */
  aligner?: TranscribeOptions["aligner"];
  /** Whether text tells how sure the model was of its tokens. @default {false} */
  logprobs?: boolean | undefined;
  /** Whether a final text that is not believed is decoded again. @default {true} */
  rescue?: boolean | undefined;
  /**
   * What happens when sound comes faster than it is heard; it always waits, and is never dropped. `lengthen`: the next step
   * takes all there is. `drop-tentative`: only final texts are made until it is caught up. `wait`: every step is made,
   * however late, as for recordings.
   *
   * @default {"lengthen"}
   */
  onOverload?: "lengthen" | "drop-tentative" | "wait" | undefined;
  /** Ends the stream with its reason. */
  signal?: AbortSignal | undefined;
}

/** What the options of a live stream must be. */
export const LIVE_RULES: Rules<LiveOptions> = {
  mode: oneOf("utterance", "official"),
  language: text,
  languages: texts,
  context: text,
  hotwords: texts,
  maxPromptTokens: notNegative,
  stepSeconds: from(0.1),
  unfixedSteps: wholeFrom(0),
  unfixedTokens: wholeFrom(0),
  maxTokens: wholeFrom(1),
  maxUtteranceSeconds: from(2),
  endpointing: flag,
  vad: object(VAD_RULES),
  timestamps: oneOf("segment", "word"),
  aligner: ALIGNER_RULE,
  logprobs: flag,
  rescue: flag,
  onOverload: oneOf("lengthen", "drop-tentative", "wait"),
  signal,
};

/** How the network's probabilities become utterances, unless told otherwise. */
export const LIVE_VAD = {
  threshold: 0.5,
  minSilenceSeconds: 0.5,
  minSpeechSeconds: 0.25,
  speechPadSeconds: 0.3,
} as const satisfies VadOptions;
