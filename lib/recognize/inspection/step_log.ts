/**
 * From logits to what can be read: probability, entropy, the likeliest tokens.
 *
 * @module
 */
import { TextStream } from "../../text/detokenizer.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import type { TokenCandidate, TraceStep } from "./trace.ts";

/** Softmax of one row of logits, in float64. */
export interface Distribution {
  /** Of a token, at temperature 1. */
  probability(id: number): number;
  /** In nats. */
  entropy: number;
}

/**
 * The distribution that logits stand for.
 *
 * @param logits `[V]`
 */
export function distributionOf(logits: Float32Array): Distribution {
  let highest = -Infinity;
  for (const logit of logits) if (logit > highest) highest = logit;
  let sum = 0;
  let weighted = 0;
  for (const logit of logits) {
    const weight = Math.exp(logit - highest);
    sum += weight;
    if (weight > 0) weighted += weight * (logit - highest);
  }
  const logSum = Math.log(sum);
  return {
    probability: (id) => Math.exp(logits[id]! - highest - logSum),
    entropy: Math.max(0, logSum - weighted / sum),
  };
}

/**
 * Ids of the `count` highest logits, best first; the lower id wins a tie, as argmax does.
 *
 * @param logits `[V]`
 */
export function highest(logits: Float32Array, count: number): number[] {
  const best: number[] = [];
  for (let id = 0; id < logits.length; id++) {
    const last = best.at(-1);
    if (best.length === count && (last === undefined || logits[id]! <= logits[last]!)) continue;
    let place = best.length;
    while (place > 0 && logits[id]! > logits[best[place - 1]!]!) place--;
    best.splice(place, 0, id);
    if (best.length > count) best.pop();
  }
  return best;
}

/** Writes down the steps of one clip. */
export class StepLog {
  readonly steps: TraceStep[] = [];
  readonly #tokenizer: Tokenizer;
  readonly #text: TextStream;
  readonly #topK: number;
  readonly #tag: number;
  #isText: boolean;

  /** @param isForced The language was given: everything is text. */
  constructor(tokenizer: Tokenizer, topK: number, isForced: boolean) {
    this.#tokenizer = tokenizer;
    this.#text = new TextStream(tokenizer);
    this.#topK = topK;
    this.#tag = tokenizer.textTag;
    this.#isText = isForced;
  }

  #candidate(id: number, logits: Float32Array, { probability }: Distribution): TokenCandidate {
    const text = this.#tokenizer.decode([id], { skipSpecialTokens: false });
    return { id, text, logit: logits[id]!, probability: probability(id) };
  }

  /** A token and the logits `[V]` it was chosen from. */
  add(
    id: number,
    logits: Float32Array,
    about: { isStop: boolean; positions: number; milliseconds: number },
  ): void {
    const { isStop, positions, milliseconds } = about;
    const distribution = distributionOf(logits);
    this.steps.push({
      ...this.#candidate(id, logits, distribution),
      written: isStop || !this.#isText ? "" : this.#text.push(id),
      kind: isStop ? "stop" : this.#isText ? "text" : "language",
      top: highest(logits, this.#topK).map((other) => this.#candidate(other, logits, distribution)),
      entropy: distribution.entropy,
      positions,
      milliseconds,
    });
    if (id === this.#tag) this.#isText = true;
  }
}
