/**
 * Times for words that have none: spread over the speech between those that do.
 *
 * @module
 */

/** A stretch of a clip, in seconds from its start. */
export interface Stretch {
  startSeconds: number;
  endSeconds: number;
}

/** A word on its way to a time. */
export interface WordPlace extends Stretch {
  /** Whether the time was known and stayed as it was, but for half a step of the time grid. */
  kept: boolean;
}

/** Where words can be. */
export interface Ground {
  durationSeconds: number;
  /** Where there is speech, in order; empty when nothing is known of that. */
  speech: readonly Stretch[];
}

/** One step of the aligner's grid: what a word gets where there is no room. */
const STEP_SECONDS = 0.08;

/** Ideographs and syllabaries say about twice as much per character. */
const DENSE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;

/** Seconds in whole milliseconds, never later than they are: the end of a clip stays its end. */
export function milliseconds(seconds: number): number {
  return Math.floor(seconds * 1000 + 1e-6) / 1000;
}

/** How long a word takes, beside others. */
export function spokenWeight(text: string): number {
  let weight = 0;
  for (const character of text) {
    if (/[\p{L}\p{N}]/u.test(character)) weight += DENSE.test(character) ? 2 : 1;
  }
  return Math.max(weight, 1);
}

/** The parts of stretches between two places. */
export function within(stretches: readonly Stretch[], from: number, to: number): Stretch[] {
  return stretches.map(({ startSeconds, endSeconds }) => ({
    startSeconds: Math.max(startSeconds, from),
    endSeconds: Math.min(endSeconds, to),
  })).filter(({ startSeconds, endSeconds }) => endSeconds > startSeconds);
}

/** Seconds of stretches. */
export function lengthOf(stretches: readonly Stretch[]): number {
  return stretches.reduce((sum, { startSeconds, endSeconds }) => sum + endSeconds - startSeconds, 0);
}

/** Spreads words over stretches by weight; each lies in one stretch, that of its middle. */
export function spreadOver(stretches: readonly Stretch[], weights: readonly number[]): Stretch[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const scale = lengthOf(stretches) / total;
  let index = 0, passed = 0, done = 0;
  return weights.map((weight) => {
    const from = done * scale, to = (done + weight) * scale;
    done += weight;
    const middle = (from + to) / 2;
    let length = lengthOf([stretches[index]!]);
    while (middle > passed + length && index < stretches.length - 1) {
      passed += length;
      length = lengthOf([stretches[++index]!]);
    }
    const { startSeconds, endSeconds } = stretches[index]!;
    return {
      startSeconds: startSeconds + Math.max(0, from - passed),
      endSeconds: Math.min(endSeconds, startSeconds + Math.min(length, to - passed)),
    };
  });
}

/** Words with gaps in what is known of their times. */
class Filler {
  readonly #ground: Ground;
  readonly #places: (WordPlace | undefined)[];

  constructor(known: readonly (Stretch | undefined)[], ground: Ground) {
    this.#ground = ground;
    this.#places = known.map((place) => place && { ...place, kept: true });
  }

  /** Makes room for `missing` seconds around a gap: neighbours give up to half of their length. */
  #borrow(from: number, to: number, missing: number): void {
    const before = this.#places[from - 1], after = this.#places[to];
    const half = (place: WordPlace | undefined) => place ? lengthOf([place]) / 2 : 0;
    const right = Math.min(half(after), Math.max(missing / 2, missing - half(before)));
    const left = Math.min(half(before), missing - right);
    if (before) before.endSeconds -= left;
    if (after) after.startSeconds += right;
    if (before && left > STEP_SECONDS / 2 + 1e-9) before.kept = false;
    if (after && right > STEP_SECONDS / 2 + 1e-9) after.kept = false;
  }

  /** Where the gap of words `from` up to `to` lies. */
  #limits(from: number, to: number): Stretch {
    return {
      startSeconds: this.#places[from - 1]?.endSeconds ?? 0,
      endSeconds: this.#places[to]?.startSeconds ?? this.#ground.durationSeconds,
    };
  }

  /** The gap that begins at a word, with those neighbours in it that have no room to give. */
  #gapAt(first: number): [from: number, to: number] {
    const places = this.#places;
    let from = first, to = first;
    while (true) {
      while (to < places.length && !places[to]) to++;
      const given = [places[from - 1], places[to]].flatMap((place) => place ? lengthOf([place]) / 2 : []);
      const room = given.reduce((sum, length) => sum + length, lengthOf([this.#limits(from, to)]));
      if (given.length === 0 || room >= (to - from) * STEP_SECONDS / 2) return [from, to];
      if (from > 0) places[--from] = undefined;
      if (to < places.length) places[to] = undefined;
    }
  }

  /** Where words `from` up to `to` can go. */
  #room(from: number, to: number): Stretch[] {
    const least = (to - from) * STEP_SECONDS;
    const gap = this.#limits(from, to);
    const missing = least - lengthOf([gap]);
    if (missing > 0) {
      this.#borrow(from, to, missing);
      return [this.#limits(from, to)];
    }
    const { startSeconds, endSeconds } = gap;
    if (this.#ground.speech.length === 0) return [gap];
    const spoken = within(this.#ground.speech, startSeconds, endSeconds);
    if (lengthOf(spoken) >= least) return spoken;
    // No speech is left for them: they stay at the word they were heard beside.
    return from === 0
      ? [{ startSeconds: endSeconds - least, endSeconds }]
      : [{ startSeconds, endSeconds: startSeconds + least }];
  }

  fill(weights: readonly number[]): WordPlace[] {
    const places = this.#places;
    for (let first = 0; first < places.length; first++) {
      if (places[first]) continue;
      const [from, to] = this.#gapAt(first);
      const spread = spreadOver(this.#room(from, to), weights.slice(from, to));
      for (const [index, place] of spread.entries()) places[from + index] = { ...place, kept: false };
      first = to;
    }
    return places.map((place) => place!);
  }
}

/**
 * Gives words without a time one: between their neighbours, within speech, by weight. Where there is no room between the
 * neighbours these give some of theirs.
 *
 * @param known Times by word: in order, inside the clip, none of length 0.
 * @param weights By word; see {@linkcode spokenWeight}.
 * @returns In order, without overlap, inside the clip.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const known = [{ startSeconds: 0, endSeconds: 1 }, undefined, { startSeconds: 4, endSeconds: 5 }];
 * const speech = [{ startSeconds: 0, endSeconds: 2 }, { startSeconds: 3.9, endSeconds: 5 }];
 * const [, filled] = fillTimes(known, [1, 1, 1], { durationSeconds: 6, speech });
 * assertEquals(filled, { startSeconds: 1, endSeconds: 2, kept: false });
 * ```
 */
export function fillTimes(
  known: readonly (Stretch | undefined)[],
  weights: readonly number[],
  ground: Ground,
): WordPlace[] {
  return new Filler(known, ground).fill(weights);
}
