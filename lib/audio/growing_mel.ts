/**
 * What is known of the log-mel spectrogram of a clip that grows: its frames before they are clamped, for the clamp moves
 * with the loudest of them (spec 4.2).
 *
 * @module
 */
import { CLAMP_DECADES, FRAME_SAMPLES, HOP_SAMPLES, melFrameCount } from "./mel.ts";

/** Frames of a clip of so many samples that do not reach its end, where samples are mirrored that may yet come. */
function finalFrames(samples: number): number {
  return Math.max(0, Math.floor((samples - FRAME_SAMPLES / 2) / HOP_SAMPLES) + 1);
}

/** Log powers of all frames so far, and what they are clamped to. */
export class GrowingMel {
  readonly #bins: number;
  readonly #blockFrames: number;
  /** `[frames, bins]`, with room at the end. */
  #powers: Float32Array<ArrayBuffer> = new Float32Array(0);
  #samples = 0;
  /** Smallest value of each block whose frames are final. */
  #lowest: number[] = [];
  #floor = -Infinity;

  /** @param blockFrames Frames of a block: what is looked at together. */
  constructor(bins: number, blockFrames: number) {
    this.#bins = bins;
    this.#blockFrames = blockFrames;
  }

  /** Samples heard so far. */
  get samples(): number {
    return this.#samples;
  }

  /** All frames so far. */
  get frames(): number {
    return this.#samples === 0 ? 0 : melFrameCount(this.#samples);
  }

  /** Frames that stay as they are, however the clip grows. */
  get final(): number {
    return Math.min(this.frames, finalFrames(this.#samples));
  }

  /** Whole blocks of such frames, less one if nothing came after it. */
  get finalBlocks(): number {
    return Math.max(0, Math.floor(Math.min(this.final, this.frames - 1) / this.#blockFrames));
  }

  /** What all values are raised to at least. */
  get floor(): number {
    return this.#floor;
  }

  /**
   * The clip is as long as this now.
   *
   * @param powers Log powers of the frames that were not final, `[frames, bins]`.
   */
  grow(samples: number, powers: Float32Array): void {
    const start = this.final * this.#bins, size = start + powers.length;
    if (size > this.#powers.length) {
      const room = new Float32Array(2 * size);
      room.set(this.#powers.subarray(0, start));
      this.#powers = room;
    }
    this.#powers.set(powers, start);
    this.#samples = samples;
    let largest = -Infinity;
    for (let index = 0; index < size; index++) largest = Math.max(largest, this.#powers[index]!);
    this.#floor = Math.fround(largest - CLAMP_DECADES);
    for (let block = this.#lowest.length; block < this.finalBlocks; block++) {
      this.#lowest.push(this.#powersOf(block, block + 1).reduce((a, b) => Math.min(a, b)));
    }
  }

  #powersOf(firstBlock: number, endBlock: number): Float32Array<ArrayBuffer> {
    const width = this.#blockFrames * this.#bins;
    return this.#powers.subarray(firstBlock * width, endBlock * width);
  }

  /** Whether a final block is the same clamped to another floor. */
  isSame(block: number, floor: number): boolean {
    return floor === this.#floor || this.#lowest[block]! >= Math.max(floor, this.#floor);
  }

  /** Log powers from a block on to the end, `[frames, bins]`. */
  powersFrom(block: number): Float32Array<ArrayBuffer> {
    return this.#powers.subarray(block * this.#blockFrames * this.#bins, this.frames * this.#bins);
  }
}
