/**
 * What is finished of a part, so that whoever gets it next goes on there: the chunks from its first on, without a gap.
 *
 * @module
 */
import type { ChunkResult, Segment, Warning } from "../transcript.ts";

/** The first chunks of a part. */
export interface Begun {
  chunks: ChunkResult[];
  /** Of all these chunks. */
  segments: Segment[];
  /** What there is to say about the times of words. */
  warnings: Warning[];
}

/** Whether a chunk is as it would be in a finished transcript. */
function isDone({ finishReason }: ChunkResult): boolean {
  return finishReason !== "cancelled" && finishReason !== "error";
}

/** Collects chunks as they are finished, in whatever order. */
export class PartJournal {
  readonly #first: number;
  readonly #before: Begun | undefined;
  readonly #finished = new Map<number, { chunk: ChunkResult; segments: readonly Segment[] }>();
  #length = 0;

  /**
   * @param first Index of the part's first chunk.
   * @param before What was finished by others.
   */
  constructor(first: number, before: Begun | undefined) {
    this.#first = first + (before?.chunks.length ?? 0);
    this.#before = before;
  }

  /** Chunks that are finished, those of others too. */
  get length(): number {
    return (this.#before?.chunks.length ?? 0) + this.#length;
  }

  /** Takes a chunk. Returns whether there is more to keep than before. */
  finish(chunk: ChunkResult, segments: readonly Segment[]): boolean {
    if (isDone(chunk)) this.#finished.set(chunk.index, { chunk, segments });
    const before = this.#length;
    while (this.#finished.has(this.#first + this.#length)) this.#length++;
    return this.#length > before;
  }

  /** What to keep. */
  begun(warnings: readonly Warning[]): Begun {
    const own = Array.from({ length: this.#length }, (_, order) => this.#finished.get(this.#first + order)!);
    return {
      chunks: [...this.#before?.chunks ?? [], ...own.map(({ chunk }) => chunk)],
      segments: [...this.#before?.segments ?? [], ...own.flatMap(({ segments }) => segments)],
      warnings: [...this.#before?.warnings ?? [], ...warnings],
    };
  }
}
