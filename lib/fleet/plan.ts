/**
 * How a long recording becomes parts that any machine can decode by itself: each is some of the chunks that one machine
 * would have cut, with what voice activity heard there.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { SAMPLE_RATE } from "../audio/samples.ts";
import { type SampleRange, SpeechMap } from "../audio/speech_map.ts";
import type { Chunk } from "../recognize/long_form/plan.ts";
import type { Transcript, Warning } from "../transcript.ts";

/** Voice activity of a part as it is sent. Places are samples of the whole recording. */
export interface SentSpeech {
  samples: number;
  frameSamples: number;
  offsetSamples: number;
  ranges: SampleRange[];
  /** Float32, little endian, base64. */
  probabilities: string;
}

/** A part of a recording. */
export interface PartPlan {
  /** With their places in the whole recording. */
  chunks: Chunk[];
  /** Absent where voice activity was not looked for. */
  speech?: SentSpeech;
}

/** What is known of a recording before it is decoded. */
export interface RecordingFacts {
  durationSeconds: number;
  /** What there was to say about its sound. */
  warnings: Warning[];
  /** Where somebody speaks; absent where that was not looked for. */
  speech?: Transcript["speech"];
}

/** A recording that was cut. */
export interface RecordingPlan extends RecordingFacts {
  parts: PartPlan[];
}

/** The map of a stretch, with places of the whole. */
function sentSpeech(speech: SpeechMap, { startSample, endSample }: SampleRange): SentSpeech {
  const { probabilities, frameSamples, samples, ranges } = speech;
  const first = Math.floor(startSample / frameSamples);
  const own = probabilities.slice(first, Math.ceil(endSample / frameSamples));
  return {
    samples,
    frameSamples,
    offsetSamples: first * frameSamples,
    ranges: ranges.filter((range) => range.endSample > startSample && range.startSample < endSample),
    probabilities: Buffer.from(own.buffer).toString("base64"),
  };
}

/** Voice activity as it was before it was sent. */
export function receivedSpeech(sent: SentSpeech | undefined): SpeechMap | undefined {
  if (sent === undefined) return undefined;
  const bytes = Uint8Array.from(Buffer.from(sent.probabilities, "base64"));
  return new SpeechMap({ ...sent, probabilities: new Float32Array(bytes.buffer) });
}

/**
 * Chunks in groups of about the same length, in order.
 *
 * @param partSeconds No recording of at most this length is divided, and groups are about as long at most.
 */
export function partsOf(chunks: readonly Chunk[], partSeconds: number): Chunk[][] {
  const samples = chunks.at(-1)?.endSample ?? 0;
  const count = Math.max(1, Math.ceil(samples / (partSeconds * SAMPLE_RATE)));
  const groups: Chunk[][] = Array.from({ length: count }, () => []);
  for (const chunk of chunks) {
    const middle = (chunk.startSample + chunk.endSample) / 2;
    groups[Math.min(count - 1, Math.floor(middle / samples * count))]!.push(chunk);
  }
  return groups.filter((group) => group.length > 0);
}

/** A recording's chunks as parts to send. */
export function planParts(
  chunks: readonly Chunk[],
  speech: SpeechMap | undefined,
  partSeconds: number,
): PartPlan[] {
  return partsOf(chunks, partSeconds).map((group) => {
    const range = { startSample: group[0]!.startSample, endSample: group.at(-1)!.endSample };
    return { chunks: group, ...(speech === undefined ? {} : { speech: sentSpeech(speech, range) }) };
  });
}
