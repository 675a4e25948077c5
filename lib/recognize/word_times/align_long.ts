/**
 * A known text and a recording of any length: what was heard tells which chunk each word of the text belongs to, then
 * every chunk is aligned with its own words.
 *
 * @module
 */
import { SAMPLE_RATE, type Samples } from "../../audio/samples.ts";
import type { SpeechMap } from "../../audio/speech_map.ts";
import { matchWords } from "../../text/match_words.ts";
import { type WordSpan, wordSpans } from "../../text/words.ts";
import type { ChunkResult, Word } from "../../transcript.ts";
import { alignWords, type ClipAligner } from "./word_times.ts";

/** What is aligned. */
export interface LongText {
  samples: Samples;
  /** Voice activity of the samples. */
  speech: SpeechMap;
  /** Words of the text. */
  words: readonly WordSpan[];
  /** Canonical name. */
  language: string;
  /** What was heard, in order. */
  chunks: readonly ChunkResult[];
}

/** Index of the chunk in which each word of the text was heard, as its place in `chunks`. */
function chunkOfWords({ words, language, chunks }: LongText): (number | undefined)[] {
  const heard = chunks.flatMap(({ text }, chunk) =>
    wordSpans(text, language).flatMap(({ spoken }) => spoken === "" ? [] : [{ chunk, spoken }])
  );
  const matches = matchWords(words.map(({ spoken }) => spoken), heard.map(({ spoken }) => spoken));
  return matches.map((match) => match === undefined ? undefined : heard[match]!.chunk);
}

/**
 * Words of the text with their times in the recording. A word that nobody was heard saying is marked: it has no time of
 * its own.
 */
export async function alignLong(text: LongText, aligner: ClipAligner, signal?: AbortSignal): Promise<Word[]> {
  const { samples, speech, words, language, chunks } = text;
  const places = chunkOfWords(text);
  const timed: (Word | undefined)[] = words.map(() => undefined);
  for (const [place, chunk] of chunks.entries()) {
    const own = [...words.keys()].filter((index) => places[index] === place);
    if (own.length === 0) continue;
    const startSample = Math.round(chunk.startSeconds * SAMPLE_RATE);
    const endSample = Math.round(chunk.endSeconds * SAMPLE_RATE);
    const found = await alignWords(
      {
        samples: samples.slice(startSample, endSample),
        words: own.map((index) => words[index]!),
        language,
        speech: speech.within({ startSample, endSample }).stretches(),
      },
      aligner,
      signal,
    );
    const at = (seconds: number) =>
      Math.min(chunk.endSeconds, Math.round((chunk.startSeconds + seconds) * 1000) / 1000);
    for (const [order, word] of found.entries()) {
      timed[own[order]!] = { ...word, startSeconds: at(word.startSeconds), endSeconds: at(word.endSeconds) };
    }
  }
  let clock = 0;
  return timed.map((word, index) => {
    clock = word?.endSeconds ?? clock;
    return word ?? { text: words[index]!.text, startSeconds: clock, endSeconds: clock, timing: "unmatched" };
  });
}
