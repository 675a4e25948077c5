/**
 * What an aligner has to be able to do, when it can, and how its answer becomes words.
 *
 * @module
 */
import { SAMPLE_RATE } from "../../audio/samples.ts";
import { ALIGNER_LANGUAGES } from "../../text/languages.ts";
import type { WordSpan } from "../../text/words.ts";
import type { Word } from "../../transcript.ts";
import { alignedWords } from "./aligned.ts";
import type { Stretch } from "./fill.ts";

/** What word times need of a forced aligner. */
export interface ClipAligner {
  /** Longest clip, in seconds. */
  readonly longestSeconds: number;
  /** Start and end of each word in turn, in milliseconds of the clip, as the model says them. */
  rawTimes(samples: Float32Array, words: readonly string[], signal?: AbortSignal): Promise<number[]>;
}

/** A clip whose text is known. */
export interface TextedClip {
  /** 16 kHz mono. */
  samples: Float32Array;
  /** Words of the text, in order. */
  words: readonly WordSpan[];
  /** Canonical name of the language, "" when unknown. */
  language: string;
  /** Where there is speech, in seconds of the clip; empty when nothing is known of that. */
  speech: readonly Stretch[];
}

/** Why an aligner cannot time a clip, as the end of a sentence; undefined when it can. */
export function whyNotAligned(
  { samples, language }: Pick<TextedClip, "samples" | "language">,
  aligner: ClipAligner | undefined,
): string | undefined {
  if (!aligner) return "there is no aligner: load the model with one (`--aligner`)";
  if (!ALIGNER_LANGUAGES.includes(language)) {
    return `the aligner does not know ${language === "" ? "an unknown language" : language}, only ${
      ALIGNER_LANGUAGES.join(", ")
    }`;
  }
  const seconds = samples.length / SAMPLE_RATE;
  return seconds > aligner.longestSeconds
    ? `a chunk of ${
      seconds.toFixed(0)
    } s is longer than the aligner's ${aligner.longestSeconds} s: set chunkSeconds`
    : undefined;
}

/** Words of a clip by an aligner that can. */
export async function alignWords(
  { samples, words, speech }: TextedClip,
  aligner: ClipAligner,
  signal?: AbortSignal,
): Promise<Word[]> {
  const spoken = words.flatMap((word) => word.spoken === "" ? [] : [word.spoken]);
  const rawMs = spoken.length > 0 ? await aligner.rawTimes(samples, spoken, signal) : [];
  return alignedWords(words, rawMs, { durationSeconds: samples.length / SAMPLE_RATE, speech });
}
