/**
 * Transcripts in OpenAI's shapes.
 *
 * @module
 */
import { formatTranscript } from "../output/mod.ts";
import type { TranscribeOptions } from "../recognize/options.ts";
import { meanLogprob, tokensOfTexts } from "../recognize/word_times/confidence.ts";
import type { ChunkResult, Segment, Transcript, Word } from "../transcript.ts";
import { HttpError } from "./http_error.ts";
import type { ResponseFormat } from "./parameters.ts";
import type { WholeAnswer } from "./whole_answer.ts";

/** What a transcription cost, in tokens. */
export interface TokenUsage {
  type: "tokens";
  input_tokens: number;
  output_tokens: number;
  total_tokens: number;
  input_token_details: { audio_tokens: number; text_tokens: number };
}

/** A segment as OpenAI writes it. */
export interface VerboseSegment {
  id: number;
  /** Start of the chunk it was recognised in, in frames of 10 ms. */
  seek: number;
  start: number;
  end: number;
  text: string;
  /** The tokens that wrote it, */
  tokens: number[];
  temperature: number;
  /** and their mean. */
  avg_logprob: number;
  compression_ratio: number;
  /** 1 less the largest probability of speech by voice activity; 0 when that was not looked for. */
  no_speech_prob: number;
}

/** A word as OpenAI writes it, with what we know besides. */
export interface VerboseWord extends Pick<Word, "timing" | "confidence"> {
  word: string;
  start: number;
  end: number;
}

/** A token as OpenAI writes it. */
interface TokenEntry {
  token: string;
  logprob: number;
  bytes: number[];
}

/** Tokens in and out. */
export function tokenUsage({ stats }: Transcript): TokenUsage {
  const { audioTokens, promptTokens, generatedTokens } = stats;
  return {
    type: "tokens",
    input_tokens: promptTokens,
    output_tokens: generatedTokens,
    total_tokens: promptTokens + generatedTokens,
    input_token_details: { audio_tokens: audioTokens, text_tokens: Math.max(0, promptTokens - audioTokens) },
  };
}

/** One language in lower case, as OpenAI has it: the one with most of the text. */
export function mainLanguage({ chunks }: Transcript): string {
  const letters = new Map<string, number>();
  for (const { language, text } of chunks) {
    const name = language.split(",")[0]!;
    if (name !== "") letters.set(name, (letters.get(name) ?? 0) + text.length);
  }
  const [most] = [...letters].sort((a, b) => b[1] - a[1]);
  return most?.[0].toLowerCase() ?? "";
}

/** Length of a text over its length as zlib packs it: repeated text packs well. */
async function compressionRatio(text: string): Promise<number> {
  const bytes = new TextEncoder().encode(text);
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return bytes.length / (await new Response(packed).arrayBuffer()).byteLength;
}

const MILLISECOND = 1000;

function rounded(seconds: number): number {
  return Math.round(seconds * MILLISECOND) / MILLISECOND;
}

/** The chunk that a segment was recognised in. */
function chunkOf({ chunks }: Transcript, { startSeconds }: Segment): ChunkResult | undefined {
  return chunks.findLast((chunk) => chunk.startSeconds <= startSeconds + 1e-3);
}

async function verboseSegments(transcript: Transcript, temperature: number): Promise<VerboseSegment[]> {
  const { segments } = transcript;
  const byChunk = Map.groupBy(segments, (segment) => chunkOf(transcript, segment));
  const written = [...byChunk].flatMap(([chunk, own]) =>
    tokensOfTexts(own.map(({ text }) => text), chunk?.logprobs ?? []).map((tokens = []) => ({
      chunk,
      tokens,
    }))
  );
  return await Promise.all(
    segments.map(async (segment, id) => ({
      id,
      seek: Math.round((written[id]!.chunk?.startSeconds ?? 0) * 100),
      start: rounded(segment.startSeconds),
      end: rounded(segment.endSeconds),
      text: segment.text,
      tokens: written[id]!.tokens.map((token) => token.id),
      temperature,
      avg_logprob: meanLogprob(written[id]!.tokens),
      compression_ratio: await compressionRatio(segment.text),
      no_speech_prob: rounded(1 - (segment.speechProbability ?? 1)),
    })),
  );
}

/** All words, where they were asked for. */
function wordsOf({ segments }: Transcript, { timestamps }: TranscribeOptions): { words?: VerboseWord[] } {
  if (timestamps !== "word") return {};
  return {
    words: segments.flatMap(({ words = [] }) => words).map(({ text, startSeconds, endSeconds, ...more }) => ({
      word: text,
      start: rounded(startSeconds),
      end: rounded(endSeconds),
      ...more,
    })),
  };
}

/** What is said besides OpenAI's fields, and only when there is something to say. */
function remarks({ warnings }: Transcript): Partial<Pick<Transcript, "warnings">> {
  return warnings.length > 0 ? { warnings } : {};
}

/** One entry a token, where they were asked for. */
function logprobsOf({ chunks }: Transcript, { logprobs }: TranscribeOptions): { logprobs?: TokenEntry[] } {
  if (!logprobs) return {};
  const tokens = chunks.flatMap((chunk) => chunk.logprobs ?? []);
  return { logprobs: tokens.map(({ token, logprob, bytes }) => ({ token, logprob, bytes })) };
}

async function bodyOf(
  transcript: Transcript,
  format: ResponseFormat,
  options: TranscribeOptions,
  whole: WholeAnswer | undefined,
): Promise<BodyInit> {
  const temperature = options.sampling?.temperature ?? 0;
  switch (format) {
    case "json":
      return JSON.stringify({
        text: transcript.text,
        ...logprobsOf(transcript, options),
        usage: tokenUsage(transcript),
        ...remarks(transcript),
        ...whole,
      });
    case "verbose_json":
      return JSON.stringify({
        task: "transcribe",
        language: mainLanguage(transcript),
        duration: rounded(transcript.durationSeconds),
        text: transcript.text,
        segments: await verboseSegments(transcript, temperature),
        ...wordsOf(transcript, options),
        usage: { type: "duration", seconds: Math.ceil(transcript.durationSeconds) },
        ...remarks(transcript),
        ...whole,
      });
    case "text":
      return transcript.text + "\n";
    case "srt":
    case "vtt":
      return formatTranscript(transcript, format);
  }
}

/**
 * Refuses a transcript that is nothing but failures.
 *
 * @throws {HttpError} 500 when no chunk could be decoded.
 */
export function assertUsable({ chunks }: Transcript): void {
  const decoded = chunks.filter(({ finishReason }) =>
    finishReason !== "silence" && finishReason !== "no-speech"
  );
  if (decoded.length > 0 && decoded.every(({ error }) => error)) {
    throw new HttpError(500, "The recording could not be decoded.", {
      code: "decoding_failed",
      cause: decoded[0]!.error?.message,
    });
  }
}

/** The answer to a finished transcription. */
export async function answer(
  transcript: Transcript,
  format: ResponseFormat,
  options: TranscribeOptions,
  whole?: WholeAnswer,
): Promise<Response> {
  assertUsable(transcript);
  const isJSON = format === "json" || format === "verbose_json";
  return new Response(await bodyOf(transcript, format, options, whole), {
    headers: {
      "content-type": isJSON ? "application/json" : "text/plain; charset=utf-8",
      "x-transcript-warnings": String(transcript.warnings.length),
    },
  });
}
