/**
 * Guessed tokens, verified: a draft of the answer is read in the same pass as the prompt, the logits behind each of its
 * tokens say what would have been chosen there, and as far as that is the draft its tokens are the answer's. A prefill
 * of k tokens more costs little beside k steps.
 *
 * What comes out is what decoding token by token gives: the same choice (greedy or drawn), log probabilities,
 * attention; budget, loops and stop tokens end the row in the same way.
 *
 * @module
 */
import { add, disposeAll, keep, maximum, type MLXArray, readInt32, slice, toFloat32 } from "../../ffi/mod.ts";
import type { Qwen3ASRModel } from "../model/qwen3_asr_model.ts";
import type { DecoderProbe } from "../model/tap.ts";
import type { Prompt } from "../text/prompt.ts";
import { chooseTokens, logprobsOf } from "./choice.ts";
import type { ClipRequest } from "./clip.ts";
import type { DecodeRow } from "./decode_row.ts";
import { attentionLayer, largestOverHeads, sumOverHeads } from "./observer.ts";
import type { Timing } from "./timing.ts";

/**
 * The draft of a request as far as it may be used: somebody who looks on sees every token chosen by a step, and where
 * the language is one of a few the first tokens are not chosen freely.
 */
export function usableDraft(request: ClipRequest): readonly number[] {
  const { draft = [], observer, languages, language, prefix, maxTokens } = request;
  if (observer || (languages && !language && !prefix)) return [];
  return draft.slice(0, maxTokens);
}

/** Where the decoder looks from the tokens of a draft: onto the audio, heads and watched layers together. */
export class DraftWatch implements Disposable {
  readonly probe: DecoderProbe;
  /** `[1, draft, N]` */
  #largest: MLXArray | undefined;
  /** float32 `[1, draft, N]`, when asked for. */
  #together: MLXArray | undefined;

  /**
   * @param layers Decoder layers that are watched.
   * @param count Tokens of the draft.
   * @param options.looks Whether it is asked where each token's choice looked.
   */
  constructor(layers: ReadonlySet<number>, count: number, prompt: Prompt, options: { looks: boolean }) {
    const { audioStart, audioTokens } = prompt;
    this.probe = {
      attention: layers,
      last: count,
      tap: (stage, weights) => {
        if (attentionLayer(stage) === undefined) return;
        const [batch, heads] = weights.shape as [number, number];
        const stop = [batch, heads, count, audioStart + audioTokens];
        const onAudio = slice(weights, [0, 0, 0, audioStart], stop);
        this.#largest = this.#put(this.#largest, largestOverHeads(onAudio), maximum);
        if (options.looks) this.#together = this.#put(this.#together, sumOverHeads(onAudio), add);
      },
    };
  }

  #put(before: MLXArray | undefined, more: MLXArray, join: typeof add): MLXArray {
    const next = keep(before ? join(before, more) : more);
    before?.dispose();
    return next;
  }

  /** What is to be evaluated with the pass. */
  arrays(): MLXArray[] {
    return [this.#largest, this.#together].filter((array) => array !== undefined);
  }

  /** By token of the draft, in one piece each. */
  read(): { attention: Float32Array | undefined; looks: Float32Array | undefined } {
    return {
      attention: this.#largest && toFloat32(this.#largest),
      looks: this.#together && toFloat32(this.#together),
    };
  }

  [Symbol.dispose](): void {
    disposeAll([this.#largest, this.#together]);
  }
}

/**
 * Gives a row the tokens of its draft that would have been chosen, under the lock. Its pass is the one after the last of
 * them then, and its cache ends there.
 *
 * @param row Its pass has the logits after the prompt and after each token of the draft, `[draft + 1, V]`.
 */
export async function acceptDraft(
  model: Qwen3ASRModel,
  row: DecodeRow,
  { draft, watch, stops, timing }: {
    draft: readonly number[];
    watch: DraftWatch;
    stops: ReadonlySet<number>;
    timing: Timing;
  },
): Promise<void> {
  const { backend } = model;
  const { request, prompt } = row;
  const { temperature, seed } = request;
  const all = row.pass.logits;
  const { tokens, logprobs } = backend.build(() => {
    const draws = Array.from({ length: draft.length + 1 }, (_, place) => ({ temperature, seed, place }));
    const tokens = chooseTokens(model, all, draws);
    return { tokens, logprobs: request.logprobs ? logprobsOf(all, tokens) : undefined };
  });
  let accepted = 0;
  try {
    await backend.evaluate(...[tokens, logprobs].filter((array) => array !== undefined));
    const chosen = readInt32(tokens), sureness = logprobs && toFloat32(logprobs);
    const { attention, looks } = watch.read();
    const part = (of: Float32Array | undefined, index: number) =>
      of?.slice(index * prompt.audioTokens, (index + 1) * prompt.audioTokens);
    for (; accepted < draft.length && chosen[accepted] === draft[accepted]; accepted++) {
      row.accept(draft[accepted]!, stops, sureness?.[accepted]);
      // A buffered loop begins the step after the last token before it reads that token, and counts where it looked.
      if (!row.finishReason || backend.policy.doubleBuffer) row.attend(part(attention, accepted)!);
      if (row.finishReason) break;
      row.look = part(looks, accepted);
    }
  } finally {
    disposeAll([tokens, logprobs]);
  }
  row.place = accepted;
  row.cache.truncate(prompt.ids.length + accepted);
  timing.generatedTokens += row.tokens.length;
  const logits = backend.build(() => slice(all, [accepted, 0], [accepted + 1, all.dim(1)]));
  row.pass = { ...row.pass, logits };
}
