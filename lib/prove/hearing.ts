/**
 * A recording as it was heard, held against its text.
 *
 * @module
 */
import { comparableWords, wordErrorRate, type WordErrors } from "../text/edit_distance.ts";
import type { Transcript, Word } from "../transcript.ts";
import type { Check } from "./check.ts";
import type { FetchedRecording } from "./fetch_recording.ts";
import type { ProofRecording } from "./recordings.ts";

/** What became of one recording. */
export interface Hearing {
  recording: ProofRecording;
  /** Absent when it could not be had. */
  fetched?: FetchedRecording;
  /** Absent when it could not be transcribed. */
  transcript?: Transcript;
  /** Absent without a transcript. */
  errors?: WordErrors;
  /** Why something is absent. */
  problem?: string;
}

/** `2.4 %` */
export function percent(rate: number): string {
  return `${(100 * rate).toFixed(1)} %`;
}

function wordsOf(transcript: Transcript): Word[] {
  return transcript.segments.flatMap(({ words }) => words ?? []);
}

/** How many words got their times in which way. */
export function timings(transcript: Transcript): Record<Word["timing"], number> {
  const count = { aligned: 0, repaired: 0, approximate: 0, unmatched: 0 };
  for (const { timing } of wordsOf(transcript)) count[timing]++;
  return count;
}

/** What is wrong with the times of a transcript's words; empty when nothing is. */
export function wordProblems(transcript: Transcript): string[] {
  const words = wordsOf(transcript);
  const problems: string[] = [];
  const late = words.find(({ endSeconds }) => endSeconds > transcript.durationSeconds + 1e-6);
  if (late) problems.push(`"${late.text}" ends after the recording`);
  const reversed = words.find(({ startSeconds, endSeconds }) =>
    startSeconds < 0 || endSeconds < startSeconds
  );
  if (reversed) problems.push(`"${reversed.text}" ends before it begins`);
  const early = words.find(({ startSeconds }, index) =>
    index > 0 && startSeconds < words[index - 1]!.endSeconds - 1e-6
  );
  if (early) problems.push(`"${early.text}" begins before the word in front of it ends`);
  const [written, timed] = [transcript.text, words.map(({ text }) => text).join(" ")].map((text) =>
    comparableWords(text).join("")
  );
  if (written !== timed) problems.push("the words are not those of the text");
  return problems;
}

/** Checks of one recording. */
export function hearingChecks({ recording, fetched, transcript, errors, problem }: Hearing): Check[] {
  const { name, language, maxErrorRate } = recording;
  if (fetched === undefined || transcript === undefined || errors === undefined) {
    const what = fetched === undefined ? "fetched" : "transcribed";
    return [{ name: `${name}: ${what}`, passed: false, found: problem ?? "not tried", expected: what }];
  }
  const problems = wordProblems(transcript);
  return [
    {
      name: `${name}: language`,
      passed: transcript.language === language,
      found: transcript.language || "none",
      expected: language,
    },
    ...(maxErrorRate === undefined ? [] : [{
      name: `${name}: word errors`,
      passed: errors.rate <= maxErrorRate,
      found: `${errors.errors} of ${errors.words}, ${percent(errors.rate)}`,
      expected: `at most ${percent(maxErrorRate)}`,
    }]),
    {
      name: `${name}: times of words`,
      passed: problems.length === 0,
      found: problems.join("; ") || `${wordsOf(transcript).length} words in order`,
      expected: "the words of the text, in order, inside the recording",
    },
  ];
}

/** Errors of all recordings that were heard. */
export function totalErrors(hearings: readonly Hearing[]): WordErrors {
  const known = hearings.flatMap(({ errors }) => errors ?? []);
  const sum = (of: (one: WordErrors) => number) => known.reduce((total, one) => total + of(one), 0);
  const [errors, words] = [sum((one) => one.errors), sum((one) => one.words)];
  return { errors, words, rate: errors / Math.max(1, words) };
}

/** A hearing of what was written. */
export function heard(recording: ProofRecording, fetched: FetchedRecording, transcript: Transcript): Hearing {
  return { recording, fetched, transcript, errors: wordErrorRate(recording.text, transcript.text) };
}
