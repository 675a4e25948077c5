/**
 * Words with times for the chunks of a recording, one after the other, and what there is to say about them.
 *
 * @module
 */
import { SAMPLE_RATE } from "../../audio/samples.ts";
import { type WordSpan, wordSpans } from "../../text/words.ts";
import type { ChunkResult, Segment, Warning, Word } from "../../transcript.ts";
import { attendedTimes } from "./attended.ts";
import { wordConfidences } from "./confidence.ts";
import { milliseconds, spokenWeight, spreadOver, type Stretch, within } from "./fill.ts";
import { segmentsOfWords } from "./word_segments.ts";
import { alignWords, type ClipAligner, whyNotAligned } from "./word_times.ts";

/** A chunk that was judged. */
export interface JudgedChunk {
  chunk: ChunkResult;
  /** For each of the chunk's `logprobs`, where the decoder looked. */
  looks?: readonly (Float32Array | undefined)[] | undefined;
  /** The audio that was decoded, 16 kHz mono. */
  samples: Float32Array;
  /** Where there is speech, in seconds of the chunk; empty when nothing is known of that. */
  speech: readonly Stretch[];
  /** Its sentences with the times they would have without words, in seconds of the recording. */
  sentences: readonly Segment[];
}

/** Words where the decoder looked while it wrote them; undefined where that is not known. */
function attendedWords(spans: readonly WordSpan[], judged: JudgedChunk): Word[] | undefined {
  const { looks, chunk: { logprobs: tokens }, samples, speech } = judged;
  if (!looks || !tokens) return undefined;
  const attended = {
    words: spans.map(({ text }) => text),
    weights: spans.map(({ spoken }) => spokenWeight(spoken)),
    tokens,
    looks,
  };
  const times = attendedTimes(attended, { durationSeconds: samples.length / SAMPLE_RATE, speech });
  return times?.map(({ startSeconds, endSeconds }, index) => ({
    text: spans[index]!.text,
    startSeconds: milliseconds(startSeconds),
    endSeconds: milliseconds(endSeconds),
    timing: "approximate",
  }));
}

/** Words spread over each sentence's speech by their length. */
function spreadWords(spans: readonly WordSpan[], { chunk, speech, sentences }: JudgedChunk): Word[] {
  const words: Word[] = [];
  let textStart = 0, next = 0;
  for (const [index, { text, startSeconds, endSeconds }] of sentences.entries()) {
    textStart = Math.max(chunk.text.indexOf(text, textStart), textStart) + text.length;
    const isLast = index === sentences.length - 1;
    const own: WordSpan[] = [];
    while (next < spans.length && (isLast || spans[next]!.from < textStart)) own.push(spans[next++]!);
    const [from, to] = [startSeconds - chunk.startSeconds, endSeconds - chunk.startSeconds];
    const spoken = within(speech, from, to);
    const stretches = spoken.length > 0 ? spoken : [{ startSeconds: from, endSeconds: to }];
    const places = own.length > 0 ? spreadOver(stretches, own.map(({ spoken }) => spokenWeight(spoken))) : [];
    for (const [order, place] of places.entries()) {
      words.push({
        text: own[order]!.text,
        startSeconds: milliseconds(place.startSeconds),
        endSeconds: milliseconds(place.endSeconds),
        timing: "approximate",
      });
    }
  }
  return words;
}

/** Times words, chunk by chunk. */
export class WordTimer {
  readonly #aligner: ClipAligner | undefined;
  /** Why times are approximate, and in which chunks. */
  readonly #reasons = new Map<string, number[]>();
  /** Chunks whose times the caller did not wait for. */
  readonly #interrupted: number[] = [];

  /** @param aligner Times are approximate without one. */
  constructor(aligner: ClipAligner | undefined) {
    this.#aligner = aligner;
  }

  /** Words in seconds of the chunk. An aligner that fails costs exact times, not the text. */
  async #words(judged: JudgedChunk, spans: readonly WordSpan[], signal?: AbortSignal): Promise<Word[]> {
    const { chunk, samples, speech } = judged;
    const language = chunk.language.split(",")[0]!;
    const clip = { samples, words: spans, language, speech };
    let reason = whyNotAligned(clip, this.#aligner);
    if (!reason) {
      try {
        return await alignWords(clip, this.#aligner!, signal);
      } catch (error) {
        if (signal?.aborted) this.#interrupted.push(chunk.index);
        else reason = `the aligner failed: ${error instanceof Error ? error.message : error}`;
      }
    }
    if (reason) this.#reasons.set(reason, [...this.#reasons.get(reason) ?? [], chunk.index]);
    return attendedWords(spans, judged) ?? spreadWords(spans, judged);
  }

  /** The segments of a chunk, made of its words. */
  async segments(judged: JudgedChunk, signal?: AbortSignal): Promise<Segment[]> {
    const { text, language, startSeconds, endSeconds, logprobs = [] } = judged.chunk;
    const spans = wordSpans(text, language.split(",")[0]!);
    if (spans.length === 0) return [];
    const words = await this.#words(judged, spans, signal);
    const confidences = wordConfidences(words.map((word) => word.text), logprobs);
    /** Second of the recording, in whole milliseconds, inside the chunk. */
    const at = (seconds: number) =>
      Math.min(endSeconds, Math.max(startSeconds, Math.round((startSeconds + seconds) * 1000) / 1000));
    const placed = words.map((word, index): Word => ({
      ...word,
      startSeconds: at(word.startSeconds),
      endSeconds: at(word.endSeconds),
      ...(confidences[index] === undefined ? {} : { confidence: Math.round(confidences[index] * 1e4) / 1e4 }),
    }));
    return segmentsOfWords(text, spans, placed, language);
  }

  /** What a reader of the times has to know: one sentence a reason. */
  warnings(): Warning[] {
    const warnings = [...this.#reasons].map(([reason, chunks]): Warning => ({
      code: "times-approximate",
      ...(chunks.length === 1 ? { chunk: chunks[0]! } : {}),
      message: `Times of words are approximate${
        chunks.length > 1 ? ` in ${chunks.length} chunks` : ""
      }: ${reason}.`,
    }));
    const message = "Times of words are approximate: the call was aborted.";
    return [
      ...warnings,
      ...this.#interrupted.map((chunk): Warning => ({ code: "times-interrupted", chunk, message })),
    ];
  }
}
