/**
 * What happens during a transcription, in order.
 *
 * @module
 */
import type { ChunkResult, Transcript } from "../transcript.ts";

/** The recording is read and cut. */
export interface StartEvent {
  /** Kind of event. */
  type: "start";
  /** Length in seconds. */
  durationSeconds: number;
  /** Pieces that the recording was cut into. */
  chunks: number;
}

/** The language of a chunk is known. */
export interface LanguageEvent {
  /** Kind of event. */
  type: "language";
  /** Place of the chunk, from 0. */
  chunkIndex: number;
  /** Canonical English name. */
  language: string;
}

/**
 * More text of a chunk. Deltas come in the order of the recording; put together they are the text, except where a
 * chunk was decoded again or a loop was cut: its `chunk` event says what counts.
 */
export interface DeltaEvent {
  /** Kind of event. */
  type: "delta";
  /** Place of the chunk, from 0. */
  chunkIndex: number;
  /** What comes next. */
  text: string;
}

/** A chunk is finished, in the order of the recording. */
export interface ChunkEvent {
  /** Kind of event. */
  type: "chunk";
  /** What became of the chunk. */
  chunk: ChunkResult;
  /** Second of the recording up to which all is finished, this chunk included. */
  doneSeconds: number;
  /** Second of the recording at which the last chunk ends. */
  durationSeconds: number;
}

/** The end. */
export interface DoneEvent {
  /** Kind of event. */
  type: "done";
  /** The finished transcription. */
  transcript: Transcript;
}

/** Anything that happens. */
export type TranscriptEvent = StartEvent | LanguageEvent | DeltaEvent | ChunkEvent | DoneEvent;
