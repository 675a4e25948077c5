/**
 * A chunk whose text is not believed is decoded again: halved at its best pause, down to a few seconds; then, where the
 * text loops or does not end, at rising temperatures. Every try is recorded; a try is taken only when it leaves fewer
 * doubts.
 *
 * @module
 */
import { bestPause } from "../audio/pauses.ts";
import { measureSpeechInTurns } from "../audio/speech.ts";
import { comparableWords } from "../text/edit_distance.ts";
import { joinTexts } from "../text/join.ts";
import { mergeLanguages } from "../text/languages.ts";
import type { FinishReason, Rescue } from "../transcript.ts";
import type { ClipAnswer, ClipRequest } from "./clip.ts";
import { type ChunkEvidence, doubts } from "./coverage.ts";

const SAMPLE_RATE = 16_000;
/** Parts shorter than this are not halved. */
const SHORTEST_SECONDS = 6;
/** Temperatures tried when halving did not help. */
const TEMPERATURES = [0.2, 0.5, 0.8];
/** Depth of halving: 30 s -> 15 -> 7.5. */
const DEPTH = 2;

/** A chunk's samples with the text that stands for them. */
export interface Part {
  samples: Float32Array;
  answer: ClipAnswer;
  reasons: string[];
  /** Tokens of the text, language lines not counted. */
  tokenCount: number;
}

/** Decodes one clip under the caller's settings. */
export type Redecode = (samples: Float32Array, change: Partial<ClipRequest>) => Promise<ClipAnswer>;

/**
 * What is known about an answer.
 *
 * @param tag The tokenizer's `textTag`: what stands before it is no text.
 */
export async function evidenceOf(
  samples: Float32Array,
  answer: ClipAnswer,
  tag: number,
): Promise<ChunkEvidence> {
  return {
    speech: await measureSpeechInTurns(samples),
    text: answer.text,
    tokenCount: answer.tokens.length - answer.tokens.indexOf(tag) - 1,
    finishReason: answer.finishReason,
    attended: answer.attended,
  };
}

const WORST: readonly FinishReason[] = ["error", "cancelled", "repetition", "length", "stop"];

/** Two halves as one answer. */
function joined(parts: readonly Part[]): ClipAnswer {
  const answers = parts.map((part) => part.answer);
  const failed = answers.find((answer) => answer.error);
  return {
    tokens: answers.flatMap((answer) => answer.tokens),
    finishReason: WORST.find((reason) => answers.some((answer) => answer.finishReason === reason)) ?? "stop",
    rawText: answers.map((answer) => answer.rawText).join("\n"),
    language: mergeLanguages(answers.map((answer) => answer.language)),
    text: joinTexts(answers.map((answer) => answer.text)),
    attended: undefined,
    ...(answers.some(({ logprobs }) => logprobs)
      ? { logprobs: answers.flatMap(({ logprobs = [] }) => logprobs) }
      : {}),
    ...(failed?.error ? { error: failed.error } : {}),
  };
}

/** Whether only chance can help: the text loops or does not end. */
function isRunaway({ finishReason }: ClipAnswer): boolean {
  return finishReason === "repetition" || finishReason === "length";
}

/** Halves that say the same, each for itself, have heard it: what was doubted is there. */
function confirms(halves: ClipAnswer, whole: ClipAnswer): boolean {
  const words = comparableWords(halves.text).join(" ");
  return words !== "" && !isRunaway(halves) && words === comparableWords(whole.text).join(" ");
}

/** The tries at one chunk: at most 2 + 4 halves and 3 temperatures. */
class Attempts {
  readonly log: Rescue[] = [];
  readonly #redecode: Redecode;
  readonly #tag: number;

  constructor(redecode: Redecode, tag: number) {
    this.#redecode = redecode;
    this.#tag = tag;
  }

  async #decode(samples: Float32Array, change: Partial<ClipRequest>): Promise<Part> {
    const answer = await this.#redecode(samples, change);
    const evidence = await evidenceOf(samples, answer, this.#tag);
    return { samples, answer, reasons: doubts(evidence), tokenCount: evidence.tokenCount };
  }

  async halve(part: Part, depth: number): Promise<Part> {
    if (depth === 0 || part.samples.length < SHORTEST_SECONDS * SAMPLE_RATE) return part;
    const cut = bestPause(part.samples);
    const halves: Part[] = [];
    for (const piece of [part.samples.subarray(0, cut), part.samples.subarray(cut)]) {
      const half = await this.#decode(piece, {});
      if (half.answer.finishReason === "cancelled") return part;
      const isDoubted = half.reasons.length > 0 && !half.answer.error;
      halves.push(isDoubted ? await this.halve(half, depth - 1) : half);
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
    const tokenCount = halves.reduce((sum, half) => sum + half.tokenCount, 0);
    return accepted ? { samples: part.samples, answer, reasons, tokenCount } : part;
  }

  /** One draw; undefined when it was aborted. */
  async draw(
    best: Part,
    samples: Float32Array,
    temperature: number,
    seed: number,
  ): Promise<Part | undefined> {
    const trial = await this.#decode(samples, { temperature, seed });
    if (trial.answer.finishReason === "cancelled") return undefined;
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

/**
 * Tries to get a better answer for a doubted chunk.
 *
 * @param tag The tokenizer's `textTag`.
 * @returns The best answer with the doubts that remain, and what was tried.
 */
export async function rescue(
  part: Part,
  redecode: Redecode,
  tag: number,
): Promise<Part & { rescues: Rescue[] }> {
  const attempts = new Attempts(redecode, tag);
  let best = await attempts.halve(part, DEPTH);
  for (const [index, temperature] of TEMPERATURES.entries()) {
    if (!isRunaway(best.answer)) break;
    const drawn = await attempts.draw(best, part.samples, temperature, index + 1);
    if (!drawn) break;
    best = drawn;
  }
  return { ...best, rescues: attempts.log };
}
