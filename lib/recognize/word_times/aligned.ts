/**
 * What an aligner said of words becomes their times: what cannot be so is placed anew, and said to be.
 *
 * @module
 */
import { fixTimestamps } from "../../text/timestamps.ts";
import type { WordSpan } from "../../text/words.ts";
import type { Word } from "../../transcript.ts";
import { fillTimes, type Ground, milliseconds, spokenWeight, type Stretch, within } from "./fill.ts";

/** What the end of the clip leaves of a word must be more than this, in seconds. */
const LEAST_SECONDS = 0.02;
/** A word this far from speech is not in it, in seconds: a step of the grid and what voice activity may miss of an edge. */
const MARGIN_SECONDS = 0.16;

/** Whether a word can have been said there. */
function isPlausible({ startSeconds, endSeconds }: Stretch, { durationSeconds, speech }: Ground): boolean {
  if (endSeconds - startSeconds < LEAST_SECONDS || startSeconds >= durationSeconds) return false;
  return speech.length === 0 ||
    within(speech, startSeconds - MARGIN_SECONDS, endSeconds + MARGIN_SECONDS).length > 0;
}

/**
 * Words of a clip with their times.
 *
 * Times are the official ones wherever they can be so: a word of length 0, after the end of the clip or where there is no
 * speech is placed between its neighbours, within speech.
 *
 * @param rawMs Start and end of each word that says something, as the model gives them, in milliseconds.
 * @returns Times in seconds of the clip: in order, without overlap, inside the clip.
 */
export function alignedWords(words: readonly WordSpan[], rawMs: readonly number[], ground: Ground): Word[] {
  const fixedMs = fixTimestamps(rawMs);
  let spokenWords = 0;
  /** Place of each word's start among the times. */
  const marks = words.map(({ spoken }) => spoken === "" ? undefined : 2 * spokenWords++);
  const known = marks.map((at) => {
    if (at === undefined) return undefined;
    const place = {
      startSeconds: fixedMs[at]! / 1000,
      endSeconds: Math.min(fixedMs[at + 1]! / 1000, ground.durationSeconds),
    };
    return isPlausible(place, ground) ? place : undefined;
  });
  const places = fillTimes(known, words.map(({ spoken }) => spokenWeight(spoken)), ground);
  return words.map(({ text }, index) => {
    const at = marks[index], { startSeconds, endSeconds, kept } = places[index]!;
    const isOfficial = at !== undefined && fixedMs[at] === rawMs[at] && fixedMs[at + 1] === rawMs[at + 1];
    return {
      text,
      startSeconds: milliseconds(startSeconds),
      endSeconds: milliseconds(endSeconds),
      timing: kept && isOfficial ? "aligned" : "repaired",
    };
  });
}
