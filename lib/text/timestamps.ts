/**
 * The input of the forced aligner, and the repair of the times that it answers with. Spec 13.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { checkAudioTokens } from "./prompt.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Input of the forced aligner. */
export interface AlignerPrompt {
  ids: number[];
  /** Index in `ids` of the first audio token. */
  audioStart: number;
  audioTokens: number;
  /** Indices in `ids` of the time markers: start and end of each word. Without words there is still one pair. */
  markers: number[];
}

const MARKERS = "<timestamp><timestamp>";

/**
 * Ids of the aligner's input: the audio, then every word followed by its start and end marker. No chat template, no
 * spaces, no language.
 *
 * @param words As `splitWords` gives them.
 * @param audioTokens Rows of the encoder's output.
 * @throws {OptionError} When a word spells out a control token.
 * @throws {ModelError} When the tokenizer is not the aligner's.
 */
export function alignerPrompt(
  tokenizer: Tokenizer,
  words: readonly string[],
  audioTokens: number,
): AlignerPrompt {
  checkAudioTokens(audioTokens);
  const marker = tokenizer.require("<timestamp>");
  const head = [tokenizer.require("<|audio_start|>")];
  const audio = new Array<number>(audioTokens).fill(tokenizer.require("<|audio_pad|>"));
  for (const word of words) {
    const token = tokenizer.controlTokenIn(word);
    if (token) throw new OptionError(`The word "${word}" contains the control token ${token}: take it out`);
  }
  const text = tokenizer.encode(`<|audio_end|>${words.join(MARKERS)}${MARKERS}`);
  const ids = head.concat(audio, text);
  const markers = Array.from(ids.keys()).filter((index) => ids[index] === marker);
  return { ids, audioStart: head.length, audioTokens, markers };
}

/**
 * Which values to trust: those of a longest non-decreasing subsequence. Of equally long ones, the official code's choice
 * (the earliest predecessor of each, the earliest end).
 */
function longestNonDecreasing(values: readonly number[]): boolean[] {
  const lengths: number[] = [];
  const previous: number[] = [];
  for (const [i, value] of values.entries()) {
    let length = 1;
    let before = -1;
    for (let j = 0; j < i; j++) {
      if ((values[j] ?? 0) > value || (lengths[j] ?? 0) < length) continue;
      length = (lengths[j] ?? 0) + 1;
      before = j;
    }
    lengths.push(length);
    previous.push(before);
  }
  const trusted = values.map(() => false);
  let at = lengths.indexOf(lengths.reduce((longest, length) => Math.max(longest, length), 0));
  while (at >= 0) {
    trusted[at] = true;
    at = previous[at] ?? -1;
  }
  return trusted;
}

/** Value number k (from 1) of a block of outliers between two trusted neighbours, of which one may be missing. */
function repaired(
  k: number,
  blockLength: number,
  left: number | undefined,
  right: number | undefined,
): number {
  if (left === undefined || right === undefined) return left ?? right ?? 0;
  if (blockLength <= 2) return k <= blockLength + 1 - k ? left : right;
  return left + (right - left) / (blockLength + 1) * k;
}

/**
 * Makes times non-decreasing: values outside a longest non-decreasing subsequence are replaced, blocks of one or two
 * by the nearer neighbour, longer ones by a straight line; fractions are cut off.
 *
 * @param ms Milliseconds, start and end of each word in turn.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(fixTimestamps([80, 4000, 160, 240]), [80, 80, 160, 240]);
 * ```
 */
export function fixTimestamps(ms: readonly number[]): number[] {
  const trusted = longestNonDecreasing(ms);
  const fixed = [...ms];
  for (let start = 0; start < ms.length;) {
    let end = start;
    while (end < ms.length && !trusted[end]) end++;
    for (let k = start; k < end; k++) {
      fixed[k] = repaired(k - start + 1, end - start, ms[start - 1], ms[end]);
    }
    start = end + 1;
  }
  return fixed.map(Math.trunc);
}
