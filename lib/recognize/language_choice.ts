/**
 * Detection restricted to a set of languages: the decoder may only begin with the line of one of them, or say that
 * there is no speech.
 *
 * @module
 */
import { languageLine } from "../text/parse.ts";
import type { Tokenizer } from "../text/tokenizer.ts";

/** What the model writes where it hears no speech. */
const NO_LANGUAGE = "None";

/** A walk along the beginnings that are still possible. */
export class LanguageChoice {
  readonly #none: readonly number[];
  #paths: readonly (readonly number[])[];
  #depth = 0;

  /** @param names Canonical names. */
  constructor(tokenizer: Tokenizer, names: readonly string[]) {
    const path = (name: string) => tokenizer.encode(languageLine(name));
    this.#none = path(NO_LANGUAGE);
    this.#paths = [...names.map(path), this.#none];
  }

  /** Tokens that may come next; empty when a beginning is complete. */
  allowed(): number[] {
    return [...new Set(this.#paths.map((path) => path[this.#depth]).filter((id) => id !== undefined))];
  }

  /** What the decoder would say unasked. */
  #likeliest(logits: Float32Array): number {
    let best = 0;
    for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
    return best;
  }

  /**
   * Takes the likeliest allowed token. That there is no speech is only believed when nothing at all is likelier:
   * a language outside the set is still speech.
   *
   * @param logits `[V]`
   */
  take(logits: Float32Array): number {
    const none = this.#none[this.#depth];
    const named = this.allowed().filter((id) =>
      id !== none || this.#paths.every((path) => path[this.#depth] === none)
    );
    const candidates = named.length === 0 || this.#likeliest(logits) === none ? this.allowed() : named;
    const best = candidates.reduce((a, b) => logits[b]! > logits[a]! ? b : a);
    this.#paths = this.#paths.filter((path) => path[this.#depth] === best);
    this.#depth++;
    return best;
  }
}
