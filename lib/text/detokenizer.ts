/**
 * Decodes token ids to text while they are generated.
 *
 * @module
 */
import type { DecodeOptions, Tokenizer } from "./tokenizer.ts";

/**
 * Decodes ids one by one: all that `push` and `flush` return, put together, is what `decode` gives for all ids.
 * A character whose bytes are not all there yet is held back.
 */
export class TextStream {
  readonly #tokenizer: Tokenizer;
  readonly #skipSpecialTokens: boolean;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  constructor(tokenizer: Tokenizer, options: DecodeOptions = {}) {
    this.#tokenizer = tokenizer;
    this.#skipSpecialTokens = options.skipSpecialTokens ?? true;
  }

  /** The text that this id completes, often "". It will not change any more. */
  push(id: number): string {
    if (this.#skipSpecialTokens && this.#tokenizer.isSpecial(id)) return "";
    return this.#decoder.decode(this.#tokenizer.bytesOf(id), { stream: true });
  }

  /** Ends the text: U+FFFD for a character that stayed incomplete, else "". The stream can then be used again. */
  flush(): string {
    return this.#decoder.decode();
  }
}
