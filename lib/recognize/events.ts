/**
 * What happens during a transcription, in order.
 *
 * @module
 */
import type { ChunkResult, Transcript } from "../transcript.ts";

/**
 * Anything that happens. In the order of the recording:
 *
 * - `start`: the recording is read and cut; `durationSeconds` and `chunks` are what is to be done. Of a long recording the
 *   first chunk's `language` and `delta`s come before, while the rest is read, and what is skipped in front of it after
 * - `language`: the language of a chunk is known
 * - `delta`: more text of a chunk. Put together, deltas are the text, except where a chunk was decoded again or a loop was
 *   cut: its `chunk` event says what counts
 * - `chunk`: a chunk is finished; `doneSeconds` is how far all is finished, `durationSeconds` where the last chunk ends
 * - `done`: the end
 */
export type TranscriptEvent =
  | { type: "start"; durationSeconds: number; chunks: number }
  | { type: "language"; chunkIndex: number; language: string }
  | { type: "delta"; chunkIndex: number; text: string }
  | { type: "chunk"; chunk: ChunkResult; doneSeconds: number; durationSeconds: number }
  | { type: "done"; transcript: Transcript };
