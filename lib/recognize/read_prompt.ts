/**
 * From a prompt to a row that is ready to be decoded: the decoder reads the prompt, and walks to the language where it
 * is one of a few. All under the lock.
 *
 * @module
 */
import { disposeAll, fromData, keep, type MLXArray, toFloat32 } from "../../ffi/mod.ts";
import { prefillInPieces } from "../model/prefill.ts";
import type { Qwen3ASRModel } from "../model/qwen3_asr_model.ts";
import type { DecoderProbe } from "../model/tap.ts";
import type { Prompt } from "../text/prompt.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { type ClipRequest, growingClip } from "./clip.ts";
import { DecodeRow } from "./decode_row.ts";
import { acceptDraft, DraftWatch, usableDraft } from "./draft.ts";
import type { DecodeContext } from "./encode.ts";
import { LanguageChoice } from "./language_choice.ts";
import { buildPass, lastPosition } from "./observer.ts";

/** Positions reserved in the cache beyond the prompt, where the budget is larger. */
const RESERVED_POSITIONS = 256;

/** What rows of one engine have in common. */
export interface RowSetting {
  model: Qwen3ASRModel;
  /** Decoder layers whose attention onto the audio is watched for coverage. */
  watchedLayers: ReadonlySet<number>;
  stops: ReadonlySet<number>;
}

/**
 * Fills a cache with the prompt, and with as much of the request's draft as is right.
 *
 * @param embeddings Of the clip, `[N, H]`.
 */
export async function readPrompt(
  { model, watchedLayers, stops }: RowSetting,
  request: ClipRequest,
  prompt: Prompt,
  embeddings: MLXArray,
  { timing, signal }: DecodeContext,
): Promise<DecodeRow> {
  const { backend } = model;
  const start = performance.now();
  const draft = usableDraft(request), ids = [...prompt.ids, ...draft];
  const weights = new Map<number, MLXArray>();
  using watch = new DraftWatch(watchedLayers, draft.length, prompt, { looks: request.looks ?? false });
  const cache = growingClip(request)?.take(prompt) ?? model.newCache();
  const first = cache.length;
  let logits: MLXArray;
  try {
    // What is kept is no larger than it must be.
    if (!request.growing) cache.reserve(ids.length + Math.min(request.maxTokens, RESERVED_POSITIONS));
    using spliced = backend.build(() => model.splice(ids, prompt.audioStart, embeddings, first));
    const pass = await prefillInPieces(model, spliced, cache, {
      rows: draft.length + 1,
      probe: request.observer
        ? lastPosition(request.observer.attention, weights)
        : draft.length > 0
        ? watch.probe
        : undefined,
      also: () => [...weights.values(), ...watch.arrays()],
      signal,
    });
    logits = pass.result;
    timing.hostMs += pass.hostMs;
  } catch (error) {
    disposeAll(weights.values());
    cache.dispose();
    throw error;
  }
  const row = new DecodeRow(request, cache, prompt, {
    logits,
    weights,
    milliseconds: performance.now() - start,
  });
  try {
    if (draft.length > 0) await acceptDraft(model, row, { draft, watch, stops, timing });
  } catch (error) {
    row[Symbol.dispose]();
    throw error;
  }
  timing.book("prefill", start, { tokens: ids.length - first });
  timing.audioTokens += prompt.audioTokens;
  timing.promptTokens += prompt.ids.length;
  return row;
}

/** Walks the most likely of the allowed beginnings, token by token. */
export async function chooseLanguage(
  model: Qwen3ASRModel,
  tokenizer: Tokenizer,
  row: DecodeRow,
  names: readonly string[],
): Promise<void> {
  const { backend } = model;
  const { observer } = row.request;
  const choice = new LanguageChoice(tokenizer, names);
  for (let allowed = choice.allowed(); allowed.length > 0; allowed = choice.allowed()) {
    const token = choice.take(toFloat32(row.pass.logits));
    row.show(token);
    row.push(token);
    row.place++;
    const start = performance.now();
    const step = (probe?: DecoderProbe) => model.step(fromData(Int32Array.of(token)), row.cache, probe);
    row.pass = backend.build(() =>
      observer ? buildPass(observer, step) : { logits: keep(step()), weights: new Map(), milliseconds: 0 }
    );
    await backend.evaluate(row.pass.logits, ...row.pass.weights.values());
    row.pass.milliseconds = performance.now() - start;
  }
}
