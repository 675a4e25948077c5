/**
 * Text to token ids and back: byte-level BPE of Qwen3. Spec 7.1.
 *
 * @module
 */
import type { Tokenizer as Encoder } from "@huggingface/tokenizers";
import { DownloadError, ModelError } from "../errors.ts";
import { tokenBytes } from "./byte_level.ts";
import {
  type AddedToken,
  TEXT_TAG,
  tokenizerDefinition,
  type TokenizerFiles,
} from "./tokenizer_definition.ts";

export type { TokenizerFiles } from "./tokenizer_definition.ts";

/** Options of {@linkcode Tokenizer.decode}. */
export interface DecodeOptions {
  /**
   * Leave out tokens with the `special` flag. The tag before the text has none and stays.
   *
   * @default {true}
   */
  skipSpecialTokens?: boolean;
}

const NOTHING = new Uint8Array(0);

/** What decoding gives in the place of bytes that are no whole character. */
export const UNDECODABLE = "\uFFFD";

/** The encoder's code, which Deno fetches with the first tokenizer. Its own words name some package and no cure. */
async function loadEncoder(): Promise<typeof Encoder> {
  try {
    return (await import("@huggingface/tokenizers")).Tokenizer;
  } catch (cause) {
    const lines = cause instanceof Error ? cause.message.split("\n").slice(0, 2) : [String(cause)];
    const reason = lines.map((line) => line.trim().replace(/^0: /, "")).join(": ");
    throw new DownloadError(
      `Cannot load the tokenizer's code, which Deno fetches on first use (${reason}): connect this machine to the ` +
        "network, and see that Deno's cache (DENO_DIR) can be written",
      { cause },
    );
  }
}

/**
 * The tokenizer of a model folder.
 *
 * Encoding is done by `npm:@huggingface/tokenizers`, which is loaded with the first tokenizer. Decoding is done
 * here, on bytes: it needs the bytes of single tokens anyway to stream text (see `TextStream`).
 */
export class Tokenizer {
  /** One more than the highest known id. Ids from here on are padding rows of the embedding: they decode to nothing. */
  readonly size: number;
  readonly #encoder: Encoder;
  readonly #added: Map<number, AddedToken>;
  readonly #bytes = new Map<number, Uint8Array>();

  private constructor(encoder: Encoder, added: readonly AddedToken[], size: number) {
    this.#encoder = encoder;
    this.#added = new Map(added.map((token) => [token.id, token]));
    this.size = size;
  }

  /**
   * Builds a tokenizer in memory; nothing is written anywhere. The real vocabulary takes about 0.3 s.
   *
   * @param files tokenizer.json, or else vocab.json, merges.txt and tokenizer_config.json. When both are given,
   * tokenizer.json is used, with the flags that tokenizer_config.json gives its added tokens.
   * @throws {ModelError} When a file is missing or damaged.
   * @throws {DownloadError} When the encoder's code cannot be had.
   */
  static async fromFiles(files: TokenizerFiles): Promise<Tokenizer> {
    const EncoderClass = await loadEncoder();
    const definition = tokenizerDefinition(files);
    let highest = -1;
    for (const token in definition.model.vocab) {
      highest = Math.max(highest, definition.model.vocab[token] ?? -1);
    }
    for (const { id } of definition.added_tokens) highest = Math.max(highest, id);
    let encoder: Encoder;
    try {
      encoder = new EncoderClass(definition, {});
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ModelError(
        `Cannot use the tokenizer: tokenizer.json is damaged, or of another kind (${reason}).`,
        {
          cause,
        },
      );
    }
    return new Tokenizer(encoder, definition.added_tokens, highest + 1);
  }

  /** Ids of a text. Added tokens in it (`<|im_end|>`) become their ids. Nothing is added at its ends. */
  encode(text: string): number[] {
    return this.#encoder.encode(text).ids;
  }

  /**
   * Text of ids. Incomplete UTF-8 becomes U+FFFD, ids beyond the vocabulary are dropped, spaces are kept.
   *
   * @param ids A list or typed array, may be empty.
   */
  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    const skip = options.skipSpecialTokens ?? true;
    const parts = Array.from(ids).filter((id) => !(skip && this.isSpecial(id))).map((id) => this.bytesOf(id));
    const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
    let end = 0;
    for (const part of parts) {
      bytes.set(part, end);
      end += part.length;
    }
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  }

  /** UTF-8 bytes of one token; a character may be spread over several tokens. Do not write into them. */
  bytesOf(id: number): Uint8Array {
    let bytes = this.#bytes.get(id);
    if (!bytes) {
      const token = this.#encoder.id_to_token(id);
      bytes = token === undefined
        ? NOTHING
        : this.#added.has(id)
        ? new TextEncoder().encode(token)
        : tokenBytes(token);
      this.#bytes.set(id, bytes);
    }
    return bytes;
  }

  /** Id of a token in the vocabulary's own spelling (a space is `Ġ`), or undefined. */
  idOf(token: string): number | undefined {
    return this.#encoder.token_to_id(token);
  }

  /**
   * Id of a token that the model cannot do without.
   *
   * @throws {ModelError} When the vocabulary does not have it.
   */
  require(token: string): number {
    const id = this.idOf(token);
    if (id === undefined) {
      throw new ModelError(
        `The tokenizer has no token ${token}: its files do not belong to a Qwen3-ASR model, copy them again`,
      );
    }
    return id;
  }

  /**
   * Id of the tag that ends an answer's language line: what stands before it is no text.
   *
   * @throws {ModelError} When the vocabulary does not have it.
   */
  get textTag(): number {
    return this.require(TEXT_TAG);
  }

  /** Whether decoding leaves the token out. */
  isSpecial(id: number): boolean {
    return this.#added.get(id)?.special ?? false;
  }

  /** The first added token (special or not) that is spelled out in a text: the model would not read it as text. */
  controlTokenIn(text: string): string | undefined {
    return text.includes("<")
      ? [...this.#added.values()].find(({ content }) => text.includes(content))?.content
      : undefined;
  }
}
