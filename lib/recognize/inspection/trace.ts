/**
 * What `inspect()` gives back: a transcription with everything on the way to it. Times are seconds, attention and
 * probabilities are float32, arrays are row-major.
 *
 * @module
 */
import { SAMPLE_RATE } from "../../audio/samples.ts";
import type { SpeechMap } from "../../audio/speech_map.ts";
import type { ChunkResult, FinishReason, Transcript } from "../../transcript.ts";

/** Numbers with their shape, copied out of MLX. */
export interface Tensor {
  /** Row-major. */
  values: Float32Array;
  /** Their product is the number of values. */
  shape: number[];
}

/** Where there is speech, by voice activity. */
export interface SpeechActivity {
  /** Sum of the intervals' lengths. */
  speechSeconds: number;
  /** In order, without overlap. */
  intervals: { startSeconds: number; endSeconds: number }[];
  /** How likely each frame is speech. */
  probabilities: Float32Array;
  /** Length of a frame: 32 ms. */
  frameSeconds: number;
  /** Start of the first frame; in a clip that may be a little before its own. */
  firstFrameSeconds: number;
}

/** Voice activity in seconds, `startSeconds` added to all places. */
export function activityOf(speech: SpeechMap, startSeconds: number): SpeechActivity {
  const at = (sample: number) => startSeconds + sample / SAMPLE_RATE;
  return {
    speechSeconds: speech.speechSamples / SAMPLE_RATE,
    intervals: speech.ranges.map(({ startSample, endSample }) => ({
      startSeconds: at(startSample),
      endSeconds: at(endSample),
    })),
    probabilities: speech.probabilities,
    frameSeconds: speech.frameSamples / SAMPLE_RATE,
    firstFrameSeconds: at(speech.offsetSamples),
  };
}

/** A token that could have been next. */
export interface TokenCandidate {
  /** Its number in the vocabulary. */
  id: number;
  /** As the vocabulary spells it, special tokens too; U+FFFD where a token is only a part of a character. */
  text: string;
  /** Before softmax. */
  logit: number;
  /** Softmax of all logits at temperature 1. */
  probability: number;
}

/** How one token came about. */
export interface TraceStep extends TokenCandidate {
  /** What this token adds to the written text: "" for special tokens and for parts of a character. */
  written: string;
  /** `language`: the language line; `text`: what was said; `stop`: the end. */
  kind: "language" | "text" | "stop";
  /** The likeliest tokens, best first. */
  top: TokenCandidate[];
  /** Of the whole distribution at temperature 1, in nats: 0 is certainty. */
  entropy: number;
  /** Filled positions of the KV cache when the token was chosen. */
  positions: number;
  /** Time of the pass that gave the logits; for the first token that is the prefill. */
  milliseconds: number;
}

/** Where one decoder layer looked while each token was chosen. */
export interface AttentionTrace {
  /** Number of the layer, from 0. */
  layer: number;
  /**
   * Weights on the audio positions: `[steps, heads, audioTokens]`. An audio token is 80 ms; 13 of them are a second.
   * The first step is the prompt's last position; it is NaN where the prompt is longer than 2048 positions.
   */
  audio: Tensor;
  /** Sum over all positions, audio or not: 1. `[steps, heads]` */
  rowSums: Tensor;
}

/** Keys and values of a finished clip. */
export interface CacheSize {
  /** Positions filled: prompt and generated tokens. */
  positions: number;
  /** Positions there is room for. */
  capacity: number;
  /** Bytes of all buffers. */
  bytes: number;
  /** Bytes of one position over all layers. */
  bytesPerPosition: number;
}

/** A clip on its way through encoder and decoder: a chunk, or a part of one that was decoded again. */
export interface ClipTrace {
  /** Where the clip begins in the recording. */
  startSeconds: number;
  /** Length in seconds. */
  durationSeconds: number;
  /** What went in, 16 kHz mono. `[n]` */
  samples: Tensor;
  /** Log-mel, 10 ms a frame. `[melBins, frames]` */
  mel: Tensor;
  /** Its voice activity, in seconds from the start of the clip; absent with `vad: "off"`. */
  speech?: SpeechActivity;
  /** After the convolutions, positions added. `[audioTokens, width]` */
  encoderInput: Tensor;
  /** After the asked encoder layers. `[audioTokens, width]` */
  encoderLayers: { layer: number; output: Tensor }[];
  /** What the decoder hears. `[audioTokens, decoderWidth]` */
  audioEmbeddings: Tensor;
  /** Ids that the decoder read; the audio embeddings stand at `audioStart`. */
  promptTokens: number[];
  /** Position of the first audio embedding in the prompt. */
  audioStart: number;
  /** Audio embeddings that the decoder heard; one is 80 ms. */
  audioTokens: number;
  /** Every token, the stop token included. */
  steps: TraceStep[];
  /** The asked decoder layers. */
  attention: AttentionTrace[];
  /** 0 unless sampled. */
  temperature: number;
  /** Why the text ended. */
  finishReason: FinishReason;
  /** Decoder output before parsing. */
  rawText: string;
  /** Canonical English name, "" when unknown. */
  language: string;
  /** What was said in it. */
  text: string;
  /** Keys and values at the end. */
  cache: CacheSize;
  /** Milliseconds of wall time; reading what is traced is part of it. */
  times: { melMs: number; encoderMs: number; prefillMs: number; decodeMs: number; totalMs: number };
}

/** A chunk with every pass that was made over it. */
export interface ChunkTrace {
  /** Place among the chunks, from 0. */
  index: number;
  /** What became of it, as in the transcript. */
  result: ChunkResult;
  /** The first pass, then those of a rescue in order: halves, or the whole chunk at other temperatures. */
  passes: ClipTrace[];
}

/** Loudness of the whole recording, as the search for cuts sees it. */
export interface EnergyCurve {
  /** Mean absolute value of each frame in dB of full scale, at least -100. */
  db: Float32Array;
  /** Length of a frame. */
  frameSeconds: number;
}

/** A transcription and how it came about. */
export interface Trace {
  /** What `transcribe()` gives for the same recording and options. */
  transcript: Transcript;
  /** What was said in it. */
  text: string;
  /** The whole recording, 16 kHz mono. `[n]` */
  samples: Tensor;
  /** Samples per second: 16000. */
  sampleRate: number;
  /** Loudness over time. */
  energy: EnergyCurve;
  /** Voice activity of the whole recording, in its seconds; absent with `vad: "off"`. */
  speech?: SpeechActivity;
  /** All chunks, traced or not, without gaps; digital silence and sound without speech were set aside. */
  plan: {
    index: number;
    startSeconds: number;
    endSeconds: number;
    kind: "audio" | "silence" | "no-speech";
  }[];
  /** Places between chunks. */
  cutsSeconds: number[];
  /** The traced chunks, in order. */
  chunks: ChunkTrace[];
  /** Decoder layers watched for coverage in every call, traced or not. */
  watchedLayers: number[];
}
