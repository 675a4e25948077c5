/**
 * From the answer to a chunk's clip to what became of the chunk: believed, or doubted and decoded again.
 *
 * @module
 */
import type { ChunkResult, Coverage } from "../../transcript.ts";
import type { Clip } from "../clip.ts";
import type { ClipAnswer } from "../clip_answer.ts";
import { ABORTED, coverageOf, doubts, evidenceOf } from "./coverage.ts";
import { type Part, type Redecode, rescue, type RescueBudget } from "./rescue.ts";

/** Where a chunk lies in the recording. */
export type ChunkPlace = Pick<ChunkResult, "index" | "startSeconds" | "endSeconds">;

const NO_SPEECH: Coverage = { speechSeconds: 0, tokensPerSecond: 0, verdict: "no-speech", reasons: [] };

/**
 * A chunk that was not decoded: it is silent, nobody speaks in it, or the call was aborted before.
 *
 * @param levelDb How loud it is, where nobody speaks.
 */
export function undecoded(
  place: ChunkPlace,
  finishReason: "silence" | "no-speech" | "cancelled",
  levelDb?: number,
): ChunkResult {
  return {
    ...place,
    text: "",
    language: "",
    rawText: "",
    tokens: [],
    finishReason,
    coverage: finishReason === "cancelled"
      ? { ...NO_SPEECH, verdict: "suspect", reasons: [ABORTED] }
      : NO_SPEECH,
    rescues: [],
    ...(levelDb === undefined ? {} : { levelDb }),
  };
}

/** A chunk, with what is not told of it in the end. */
export type JudgedResult = ChunkResult & Pick<ClipAnswer, "looks">;

/** How to try again. */
export interface SecondTry {
  redecode: Redecode;
  budget: RescueBudget;
}

/**
 * Checks an answer and, where it is doubted, tries again.
 *
 * @param again Left out when there shall be no second try.
 */
export async function judge(
  place: ChunkPlace,
  clip: Clip,
  first: ClipAnswer,
  again: SecondTry | undefined,
): Promise<JudgedResult> {
  const reasons = doubts(evidenceOf(clip, first));
  let best: Part & { rescues: ChunkResult["rescues"] } = { clip, answer: first, reasons, rescues: [] };
  const isOver = first.finishReason === "error" || first.finishReason === "cancelled";
  const mayHaveText = clip.speech?.speechSamples !== 0;
  if (again && reasons.length > 0 && !isOver && mayHaveText) {
    best = await rescue(best, again.redecode, again.budget);
  }
  const { text, language, rawText, tokens, logprobs, looks, finishReason, error } = best.answer;
  const left = error ? ["It could not be decoded."] : best.reasons;
  return {
    ...place,
    text,
    language,
    rawText,
    tokens,
    ...(logprobs ? { logprobs } : {}),
    ...(looks ? { looks } : {}),
    finishReason,
    coverage: coverageOf(evidenceOf(clip, best.answer), left),
    rescues: best.rescues,
    ...(error ? { error: { name: error.name, message: error.message } } : {}),
  };
}
