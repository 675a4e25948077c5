/**
 * Reading a prompt piece by piece: each piece sees, through the cache, all that came before it, so the result is that
 * of one pass while scores and hidden states are held for one piece only. What a prompt of L positions takes beside its
 * cache then grows with L, not with its square.
 *
 * @module
 */
import { type MLXArray, slice } from "../../ffi/mod.ts";
import type { KVCache } from "./kv_cache.ts";
import type { Qwen3ASRModel } from "./qwen3_asr_model.ts";
import type { DecoderProbe } from "./tap.ts";

/** Positions of a piece: a chunk of 30 s with an ordinary prompt is one, as it always was. */
export const PREFILL_POSITIONS = 512;

/** What {@linkcode prefillInPieces} may be told. */
export interface PrefillOptions {
  /** Positions read at once. @default {PREFILL_POSITIONS} */
  positions?: number | undefined;
  /** Last positions to give the logits of; they are read in one piece. @default {1} */
  rows?: number | undefined;
  /** Looks into the last piece. */
  probe?: DecoderProbe | undefined;
  /** What else to evaluate with it, such as what the probe kept. */
  also?: (() => MLXArray[]) | undefined;
  /** Ends the pass between two stages with its reason. */
  signal?: AbortSignal | undefined;
}

/**
 * Appends a prompt to a cache, evaluated; call under the lock.
 *
 * @param embeddings `[1, L, H]`
 * @returns The logits `[rows, V]` after the last positions, and the milliseconds spent building.
 */
export async function prefillInPieces(
  model: Qwen3ASRModel,
  embeddings: MLXArray,
  cache: KVCache,
  { positions = PREFILL_POSITIONS, rows = 1, probe, also = () => [], signal }: PrefillOptions = {},
): Promise<{ result: MLXArray; hostMs: number }> {
  const { backend } = model;
  const [batch, length, width] = embeddings.shape as [number, number, number];
  let hostMs = 0;
  cache.reserve(length); // Or each piece would copy the cache to one that has room for it.
  for (let start = 0, end;; start = end) {
    end = Math.min(length, start + positions);
    // The last positions stay together.
    if (end < length && end > length - rows) end = start < length - rows ? length - rows : length;
    using piece = backend.build(() => slice(embeddings, [0, start, 0], [batch, end, width]));
    const isLast = end === length;
    const pass = await backend.runStages(
      () => model.prefillStages(piece, cache, isLast ? probe : undefined, isLast ? rows : 1),
      { also: () => [...cache.arrays(), ...also()], signal },
    );
    hostMs += pass.hostMs;
    if (isLast) return { result: pass.result, hostMs };
    pass.result.dispose(); // Nobody asks what the model would say in the middle of a prompt.
    backend.trim(); // The next piece sees more keys: what these leave fits none of MLX's scores.
    signal?.throwIfAborted();
  }
}
