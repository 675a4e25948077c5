/**
 * One row of a batch: a clip on its way from prompt to last token.
 *
 * @module
 */
import { disposeAll, type MLXArray } from "../../ffi/mod.ts";
import type { KVCache } from "../model/kv_cache.ts";
import { findTokenLoop } from "../text/loops.ts";
import type { Prompt } from "../text/prompt.ts";
import type { FinishReason } from "../transcript.ts";
import type { ClipRequest } from "./clip.ts";
import type { DecoderPass } from "./observer.ts";

/** One clip on its way. */
export class DecodeRow implements Disposable {
  readonly tokens: number[] = [];
  /** Place of the next token to choose: beyond `tokens` where steps are begun ahead. */
  place = 0;
  /** Of the tokens, where they were asked for; NaN for tokens that were not chosen freely. */
  readonly logprobs: number[] = [];
  /** By token, the attention onto the audio when it was chosen, where that was asked for. */
  readonly looks: (Float32Array | undefined)[] = [];
  /** Where the decoder looked when it chose the next token. */
  look: Float32Array | undefined;
  finishReason: FinishReason | undefined;
  /** Per audio token, the largest attention that was paid to it so far. */
  attended: Float32Array | undefined;
  readonly request: ClipRequest;
  readonly cache: KVCache;
  readonly prompt: Prompt;
  #pass: DecoderPass;

  /** @param pass Over the prompt. */
  constructor(request: ClipRequest, cache: KVCache, prompt: Prompt, pass: DecoderPass) {
    this.request = request;
    this.cache = cache;
    this.prompt = prompt;
    this.#pass = pass;
  }

  /** The pass that the next token is chosen after; in a batch, where nobody looks on, only the first is kept. */
  get pass(): DecoderPass {
    return this.#pass;
  }

  /** Puts the next pass in the place of the last, whose arrays are freed. */
  set pass(next: DecoderPass) {
    freePass(this.#pass);
    this.#pass = next;
  }

  /** Shows the observer which token was chosen after the pass, once that is evaluated. */
  show(id: number): void {
    this.request.observer?.chosen(id, this.#pass, this.cache.length);
  }

  /** Counts what was attended to at some positions more. */
  attend(attention: Float32Array): void {
    const before = this.attended;
    this.attended = before ? attention.map((value, index) => Math.max(value, before[index]!)) : attention;
  }

  /** Appends a token that was not chosen freely. */
  push(id: number, logprob = NaN): void {
    this.tokens.push(id);
    this.logprobs.push(logprob);
    this.looks.push(this.look);
    this.look = undefined;
    this.request.onToken?.(id);
  }

  /** Takes a chosen token; the row may end with it: `finishReason`. */
  accept(id: number, stops: ReadonlySet<number>, logprob?: number): void {
    const minTokens = this.request.minTokens ?? 0;
    if (this.tokens.length >= minTokens && stops.has(id)) {
      this.finishReason = "stop";
      return;
    }
    this.push(id, logprob);
    const loop = this.tokens.length > minTokens ? findTokenLoop(this.tokens) : undefined;
    if (loop) {
      this.tokens.length = this.logprobs.length = this.looks.length = loop.startIndex + loop.period;
      this.finishReason = "repetition";
    } else if (this.tokens.length >= this.request.maxTokens) this.finishReason = "length";
  }

  [Symbol.dispose](): void {
    freePass(this.#pass);
    this.cache.dispose();
  }
}

/** Frees the arrays of a pass. */
export function freePass({ logits, weights }: { logits: MLXArray; weights: DecoderPass["weights"] }): void {
  disposeAll([logits, ...weights.values()]);
}
