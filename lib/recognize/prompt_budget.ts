/**
 * How long a prompt may be, and how many chunks are decoded at once beside it. Keys and values of context and hot words
 * are kept once for every chunk of a batch, and {@linkcode estimateMemory} has only an ordinary prompt in its sum: a
 * longer one takes its room from the batch.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { CHUNK_POSITIONS } from "../model/memory_estimate.ts";
import { systemTokens } from "../text/prompt.ts";
import type { Engine } from "./engine.ts";
import type { TranscribeOptions } from "./options.ts";

/**
 * Most tokens of context and hot words together, unless told otherwise: some 3,000 words of English. The model was made
 * for names and a subject.
 */
const MOST_TOKENS = 4096;
/** Tokens of a prompt that the positions of a chunk include. */
const ORDINARY_TOKENS = 256;

/**
 * Checks the length of context and hot words before anything is computed.
 *
 * @returns Chunks to decode at once, so that their keys and values stay within the estimate.
 * @throws {OptionError} When they are too long, or `maxPromptTokens` is no number of tokens.
 */
export function chunksBesidePrompt(
  { model, tokenizer }: Pick<Engine, "model" | "tokenizer">,
  { context, hotwords, maxPromptTokens }: Pick<TranscribeOptions, "context" | "hotwords" | "maxPromptTokens">,
): number {
  const { batchSize } = model.backend.policy;
  const room = batchSize * CHUNK_POSITIONS;
  // Above what one chunk may have in the place of a whole batch only by an explicit wish.
  const maxTokens = maxPromptTokens ?? Math.min(MOST_TOKENS, room);
  if (!(maxTokens >= 0)) {
    throw new OptionError(`Cannot use maxPromptTokens ${maxTokens}: it must be a number of at least 0.`, {
      option: "maxPromptTokens",
    });
  }
  const tokens = systemTokens(tokenizer, { context, hotwords, maxTokens });
  const positions = CHUNK_POSITIONS + Math.max(0, tokens - ORDINARY_TOKENS);
  return Math.max(1, Math.floor(room / positions));
}
