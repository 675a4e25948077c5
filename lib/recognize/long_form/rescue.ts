/**
 * A chunk whose text is not believed is decoded again: halved at its best pause, down to a few seconds; then, where the
 * text loops or does not end, at rising temperatures. Every try is recorded; a try is taken only when it leaves fewer
 * doubts.
 *
 * @module
 */
import { bestPause } from "../../audio/pauses.ts";
import { SAMPLE_RATE } from "../../audio/samples.ts";
import { comparableWords } from "../../text/edit_distance.ts";
import { joinTexts } from "../../text/join.ts";
import { mergeLanguages } from "../../text/languages.ts";
import type { FinishReason, Rescue } from "../../transcript.ts";
import { type Clip, type ClipRequest, partOf } from "../clip.ts";
import type { ClipAnswer } from "../clip_answer.ts";
import { STEP_SECONDS } from "../word_times/attended.ts";
import { ABORTED, doubts, evidenceOf } from "./coverage.ts";

/** Parts shorter than this are not halved. */
const SHORTEST_SECONDS = 6;
/** Temperatures tried when halving did not help. */
const TEMPERATURES = [0.2, 0.5, 0.8];
/** Depth of halving: 30 s -> 15 -> 7.5. */
const DEPTH = 2;

/** A chunk, or a part of one, with the answer that stands for it and what is doubted about that. */
export interface Part {
  clip: Clip;
  answer: ClipAnswer;
  reasons: string[];
}

/** What may be decoded again: so many seconds of audio, which grow with what is decoded a first time. */
export class RescueBudget {
  readonly #share: number;
  readonly #leastSeconds: number;
  #firstSeconds = 0;
  #spentSeconds = 0;

  /**
   * @param share Seconds a second of first decoding.
   * @param leastSeconds What even the shortest recording gets, unless the share is 0.
   */
  constructor(share: number, leastSeconds: number) {
    this.#share = share;
    this.#leastSeconds = share > 0 ? leastSeconds : 0;
  }

  /** Counts audio that was decoded a first time. */
  grow(seconds: number): void {
    this.#firstSeconds += seconds;
  }

  /** Takes what some more decoding costs; false, and nothing taken, when there is not so much left. */
  take(seconds: number): boolean {
    const all = Math.max(this.#leastSeconds, this.#share * this.#firstSeconds);
    if (this.#spentSeconds + seconds > all) return false;
    this.#spentSeconds += seconds;
    return true;
  }
}

/** Decodes one clip under the caller's settings. */
export type Redecode = (clip: Clip, change: Partial<ClipRequest>) => Promise<ClipAnswer>;

const WORST: readonly FinishReason[] = ["error", "cancelled", "repetition", "length", "stop"];

/** Where the decoder looked in two halves, as steps of the whole; undefined unless it is known of both. */
function joinedLooks(parts: readonly Part[]): ClipAnswer["looks"] {
  const places: { looks: (Float32Array | undefined)[]; start: number }[] = [];
  let samples = 0, end = 0;
  for (const { clip, answer: { looks } } of parts) {
    if (!looks) return undefined;
    const start = Math.round(samples / SAMPLE_RATE / STEP_SECONDS);
    places.push({ looks, start });
    samples += clip.samples.length;
    end = Math.max(end, start + (looks.find((look) => look)?.length ?? 0));
  }
  return places.flatMap(({ looks, start }) =>
    looks.map((look) => {
      if (!look) return undefined;
      const whole = new Float32Array(end);
      whole.set(look, start);
      return whole;
    })
  );
}

/** Two halves as one answer. */
function joined(parts: readonly Part[]): ClipAnswer {
  const answers = parts.map((part) => part.answer);
  const failed = answers.find((answer) => answer.error);
  const looks = joinedLooks(parts);
  return {
    tokens: answers.flatMap((answer) => answer.tokens),
    textTokens: answers.reduce((sum, { textTokens }) => sum + textTokens, 0),
    finishReason: WORST.find((reason) => answers.some((answer) => answer.finishReason === reason)) ?? "stop",
    rawText: answers.map((answer) => answer.rawText).join("\n"),
    language: mergeLanguages(answers.map((answer) => answer.language)),
    text: joinTexts(answers.map((answer) => answer.text)),
    attended: undefined,
    ...(answers.some(({ logprobs }) => logprobs)
      ? { logprobs: answers.flatMap(({ logprobs = [] }) => logprobs) }
      : {}),
    ...(looks ? { looks } : {}),
    ...(failed?.error ? { error: failed.error } : {}),
  };
}

/** Whether only chance can help: the text loops or does not end. */
function isRunaway({ finishReason }: ClipAnswer): boolean {
  return finishReason === "repetition" || finishReason === "length";
}

/**
 * What a half is likely to say: the whole's text behind so many tokens of it, after the same language line. Nothing where
 * the whole is no text to guess from.
 */
function draftOf(whole: ClipAnswer, said: number): readonly number[] {
  if (isRunaway(whole)) return [];
  const { tokens, textTokens } = whole, start = tokens.length - textTokens;
  return [...tokens.slice(0, start), ...tokens.slice(start + said)];
}

/** Halves that say the same, each for itself, have heard it: what was doubted is there. */
function confirms(halves: ClipAnswer, whole: ClipAnswer): boolean {
  const words = comparableWords(halves.text).join(" ");
  return words !== "" && !isRunaway(halves) && words === comparableWords(whole.text).join(" ");
}

/** A part whose second try was aborted: what there is of it stands, marked as cut short. */
function cutShort(part: Part): Part {
  return {
    ...part,
    answer: { ...part.answer, finishReason: "cancelled" },
    reasons: [...part.reasons, ABORTED],
  };
}

/** The tries at one chunk: at most 2 + 4 halves and 3 temperatures. */
class Attempts {
  readonly log: Rescue[] = [];
  /** Whether there was more to try than could be paid. */
  isBroke = false;
  readonly #redecode: Redecode;
  readonly #budget: RescueBudget;

  constructor(redecode: Redecode, budget: RescueBudget) {
    this.#redecode = redecode;
    this.#budget = budget;
  }

  /** Whether a clip may be decoded once more, in one piece or in two. */
  #pays({ samples }: Clip): boolean {
    const isPaid = this.#budget.take(samples.length / SAMPLE_RATE);
    this.isBroke ||= !isPaid;
    return isPaid;
  }

  async #decode(clip: Clip, change: Partial<ClipRequest>): Promise<Part> {
    const answer = await this.#redecode(clip, change);
    return { clip, answer, reasons: doubts(evidenceOf(clip, answer)) };
  }

  async halve(part: Part, depth: number): Promise<Part> {
    const { samples, speech } = part.clip;
    if (depth === 0 || samples.length < SHORTEST_SECONDS * SAMPLE_RATE) return part;
    if (!this.#pays(part.clip)) return part;
    const cut = bestPause(samples, { speech });
    const halves: Part[] = [];
    let said = 0;
    for (const [from, to] of [[0, cut], [cut, samples.length]] as const) {
      const half = await this.#decode(partOf(part.clip, from, to), { draft: draftOf(part.answer, said) });
      said += half.answer.textTokens;
      const isDoubted = half.reasons.length > 0 && !half.answer.error;
      const isOver = half.answer.finishReason === "cancelled";
      const best = isDoubted && !isOver ? await this.halve(half, depth - 1) : half;
      if (best.answer.finishReason === "cancelled") return cutShort(part);
      halves.push(best);
    }
    const answer = joined(halves);
    const reasons = halves.flatMap((half) => half.reasons);
    const confirmed = !answer.error && confirms(answer, part.answer);
    const accepted = !answer.error && !confirmed && reasons.length < part.reasons.length;
    this.log.push({
      reason: part.reasons.join(" "),
      action: "halved",
      rejectedText: accepted ? part.answer.text : answer.text,
      accepted,
    });
    if (confirmed) return { ...part, reasons: [] };
    return accepted ? { clip: part.clip, answer, reasons } : part;
  }

  /** One draw; undefined when it is not paid. */
  async draw(best: Part, clip: Clip, temperature: number, seed: number): Promise<Part | undefined> {
    if (!this.#pays(clip)) return undefined;
    const trial = await this.#decode(clip, { temperature, seed });
    if (trial.answer.finishReason === "cancelled") return cutShort(best);
    const accepted = !trial.answer.error && !isRunaway(trial.answer) &&
      trial.reasons.length < best.reasons.length;
    this.log.push({
      reason: best.reasons.join(" "),
      action: "temperature",
      temperature,
      rejectedText: accepted ? best.answer.text : trial.answer.text,
      accepted,
    });
    return accepted ? trial : best;
  }
}

/** What is said of a doubted chunk for which there was no budget, or none for all that can be tried. */
const BROKE = "It was not decoded again as often as it might be: the budget for that is spent.";

/**
 * Tries to get a better answer for a doubted chunk.
 *
 * @returns The best answer with the doubts that remain, and what was tried; after an abort its end is `cancelled`.
 */
export async function rescue(
  part: Part,
  redecode: Redecode,
  budget: RescueBudget,
): Promise<Part & { rescues: Rescue[] }> {
  const attempts = new Attempts(redecode, budget);
  let best = await attempts.halve(part, DEPTH);
  for (const [index, temperature] of TEMPERATURES.entries()) {
    if (!isRunaway(best.answer)) break;
    const drawn = await attempts.draw(best, part.clip, temperature, index + 1);
    if (!drawn) break;
    best = drawn;
  }
  const reasons = attempts.isBroke && best.reasons.length > 0 ? [...best.reasons, BROKE] : best.reasons;
  return { ...best, reasons, rescues: attempts.log };
}
