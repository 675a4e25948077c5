/**
 * What a transcription gives back. Times are seconds from the start of the recording.
 *
 * @module
 */

/**
 * Why the text of a chunk ended:
 * `stop` the model said so; `length` the token budget ran out; `repetition` a loop was cut;
 * `silence` and `no-speech` there was nothing to decode: no sound, or nobody who speaks; `cancelled` the caller aborted; `error` the chunk failed (see `error`).
 */
export type FinishReason =
  | "stop"
  | "length"
  | "repetition"
  | "silence"
  | "no-speech"
  | "cancelled"
  | "error";

/** A word with its place in the recording. */
export interface Word {
  /** What was said, as the text has it: with its case and punctuation. */
  text: string;
  /** Start, in seconds of the recording. */
  startSeconds: number;
  /** End, in seconds of the recording. */
  endSeconds: number;
  /**
   * Where the times come from: `aligned` a forced aligner said so; `repaired` what it said cannot be (no length, no speech
   * there, out of order), they were placed anew within speech; `approximate` there was no aligner for it; `unmatched` nobody
   * was heard saying this word of a known text: it stands at the end of the word before, without any length.
   */
  timing: "aligned" | "repaired" | "approximate" | "unmatched";
  /** Mean probability of the tokens that wrote it, from 0 to 1; absent where nobody wrote it freely. */
  confidence?: number;
}

/** A stretch of text with times: a sentence or, where there is no punctuation, a chunk. */
export interface Segment {
  /** Start, in seconds of the recording. */
  startSeconds: number;
  /** End, in seconds of the recording. */
  endSeconds: number;
  /** What was said. */
  text: string;
  /** Canonical English name, "" when unknown. */
  language: string;
  /**
   * Where the times come from: `chunk` the limits of the chunk it was recognised in, `estimated` by text length and where
   * voice activity hears pauses, `aligned` a forced aligner.
   */
  timing: "chunk" | "estimated" | "aligned";
  /** Words with their times, when these were asked for. */
  words?: Word[];
  /** How likely there is speech at all, by voice activity: from 0 to 1; absent when that was not looked for. */
  speechProbability?: number;
}

/** How believable it is that all speech of a stretch of audio became text, and only once. */
export interface Coverage {
  /** Seconds of speech by voice activity; 0 when that was not looked for. */
  speechSeconds: number;
  /** Text tokens per second of speech (0 when there is none). */
  tokensPerSecond: number;
  /** `complete`: nothing looks lost or repeated; `suspect`: see `reasons`; `no-speech`: nothing to recognise. */
  verdict: "complete" | "suspect" | "no-speech";
  /** One sentence per doubt. */
  reasons: string[];
}

/** One more try at a chunk whose first text was not believed. */
export interface Rescue {
  /** What made the earlier text suspect. */
  reason: string;
  /** What was tried: `halved` at its best pause, or sampled at a `temperature`. */
  action: "halved" | "temperature";
  /** Sampling temperature, when it was sampled. */
  temperature?: number;
  /** The text that was replaced, or that was tried and not better. */
  rejectedText: string;
  /** Whether the try's result was taken. */
  accepted: boolean;
}

/** How sure the model was of one token of a text. */
export interface TokenLogprob {
  /** Place in the vocabulary. */
  id: number;
  /** Its text; U+FFFD where it is only a part of a character. */
  token: string;
  /** Its text as UTF-8. */
  bytes: number[];
  /** Natural logarithm of its probability among all tokens, at temperature 1. */
  logprob: number;
}

/** What became of one chunk of the recording. */
export interface ChunkResult {
  /** Place among the chunks, from 0. */
  index: number;
  /** Start, in seconds of the recording. */
  startSeconds: number;
  /** End, in seconds of the recording. */
  endSeconds: number;
  /** What was said. */
  text: string;
  /** Canonical English name as the model gave it, "" when it gave none. */
  language: string;
  /** Decoder output before parsing, e.g. `language English<asr_text>Hello.` */
  rawText: string;
  /** Generated token ids without the stop token. */
  tokens: number[];
  /** The tokens of the text without the language line, when `logprobs` was asked for. */
  logprobs?: TokenLogprob[];
  /** Why the text ended. */
  finishReason: FinishReason;
  /** How believable the text is. */
  coverage: Coverage;
  /** Rescues tried, in order; empty for most chunks. */
  rescues: Rescue[];
  /** Only with `finishReason: "error"`. */
  error?: { name: string; message: string };
  /** Only with `finishReason: "no-speech"`: how loud it is, see {@linkcode SkippedSound}. */
  levelDb?: number;
}

/** A stretch with sound in which nobody speaks. It was not decoded. */
export interface SkippedSound {
  /** Start, in seconds of the recording. */
  startSeconds: number;
  /** End, in seconds of the recording. */
  endSeconds: number;
  /** Root of the mean square in dB of full scale: music has -10 to -30, a quiet room below -50. At least -100. */
  levelDb: number;
}

/**
 * What a warning is about:
 *
 * - `audio-damaged`: places of the recording could not be read, or were left out
 * - `audio-selected`: one of several tracks, or of channels that cancel each other, was heard
 * - `times-approximate`: times of words were asked for, and some did not come from an aligner
 * - `times-interrupted`: the same, because the call was aborted; a call that goes on with the transcript finds them
 * - `no-speech`: there is no text because there was no speech
 * - `skipped`: loud sound was not decoded, because nobody seems to speak there
 * - `aborted`: the call was aborted, the text ends early
 * - `chunk-failed`: a chunk could not be decoded, its text is missing
 * - `chunk-doubtful`: text of a chunk may be missing, made up or repeated
 * - `chunk-replaced`: the first text of a chunk was not believed, a later one was taken
 */
export type WarningCode =
  | "audio-damaged"
  | "audio-selected"
  | "times-approximate"
  | "times-interrupted"
  | "no-speech"
  | "skipped"
  | "aborted"
  | "chunk-failed"
  | "chunk-doubtful"
  | "chunk-replaced";

/** Something that a reader of the text has to know. */
export interface Warning {
  /** What it is about, for programs. */
  code: WarningCode;
  /** Place of the chunk that it is about, from 0; absent when it is about the whole recording. */
  chunk?: number;
  /** Second of the recording from which it holds; absent when it is about the whole recording. */
  startSeconds?: number;
  /** Second of the recording up to which it holds. */
  endSeconds?: number;
  /** One sentence for people. */
  message: string;
}

/** Where the time went. Milliseconds are wall time unless the name says otherwise. */
export interface TranscriptStats {
  /** Reading, decoding and resampling the audio. */
  audioMs: number;
  /** Log-mel features. */
  melMs: number;
  /** Audio encoder. */
  encoderMs: number;
  /** First pass of the decoder, over the prompt. */
  prefillMs: number;
  /** All further tokens. */
  decodeMs: number;
  /** The whole call. */
  totalMs: number;
  /** Time inside TypeScript building graphs, part of the stages above. */
  hostMs: number;
  /** Audio embeddings that the decoder heard; one is 80 ms. */
  audioTokens: number;
  /** Tokens of all prompts, audio included. */
  promptTokens: number;
  /** Tokens that were generated. */
  generatedTokens: number;
  /** Passes of the decoder for one token per row. */
  decodeSteps: number;
  /** Generated tokens per second of decode time. */
  tokensPerSecond: number;
  /** totalMs / 1000 / durationSeconds: below 1 is faster than real time. */
  realTimeFactor: number;
  /** Largest MLX memory in use during the call. */
  peakMemoryBytes: number;
  /** Voice activity. */
  vadMs: number;
  /** Aligning words, the aligner's own mel and encoder included; on a CPU beside the other stages of the next chunks. */
  alignMs: number;
}

/** A finished (or, when asked for, interrupted) transcription. */
export interface Transcript {
  /** What was said. */
  text: string;
  /** Languages of the chunks, consecutive repeats dropped, joined by ",": "English", "Chinese,English"; "" if none. */
  language: string;
  /** Length in seconds. */
  durationSeconds: number;
  /** Sentences with times, in order. */
  segments: Segment[];
  /** What became of each chunk, in order. */
  chunks: ChunkResult[];
  /** One verdict over all chunks. */
  coverage: Coverage;
  /** Some chunk ended by `length` or `repetition`: text may be missing. Never true without a warning. */
  truncated: boolean;
  /** The call was aborted: the text ends early. */
  partial: boolean;
  /** What a reader has to know; empty when there is nothing to say. */
  warnings: Warning[];
  /** Where the time went. */
  stats: TranscriptStats;
  /** Sound that was not decoded because nobody speaks there, in order. */
  skipped: SkippedSound[];
  /** Where somebody speaks, by voice activity, in order; absent when that was not looked for. */
  speech?: { startSeconds: number; endSeconds: number }[];
}
