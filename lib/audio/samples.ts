/**
 * A recording as the model hears it: 16 kHz, mono, float32, kept once, in blocks.
 *
 * A long one takes half of that: what comes after two minutes is kept in 16 bits, with a scale for each block.
 * Samples that were 16 bits to begin with stay what they were; others change by no more than a 32,000th of the loudest
 * sample around, less than the log-mel spectrum tells apart (80 dB, spec 4.2).
 *
 * @module
 */
import { AudioError } from "../errors.ts";

/** Samples per second that the model was trained on (spec 4.1). */
export const SAMPLE_RATE = 16000;

/** 4.096 s: small beside a recording, large beside a mel frame. */
const BLOCK = 65536;
/** Blocks that are kept as they are: two minutes. */
const PLAIN_BLOCKS = 30;

/** Bytes of memory that so many samples take at most while they are read. */
export function bytesKept(length: number): number {
  const blocks = Math.ceil(length / BLOCK);
  // The last block is packed only when it is full.
  const plain = Math.min(blocks, PLAIN_BLOCKS + 1);
  return BLOCK * (4 * plain + 2 * (blocks - plain));
}

/** A full block in 16 bits. */
interface Packed {
  values: Int16Array;
  /** A value times this is the sample: a power of two, so that 16-bit samples come back as they were. */
  scale: number;
}

function packed(block: Float32Array): Packed {
  let most = 2 ** -100, least = 0;
  for (let i = 0; i < block.length; i++) {
    most = Math.max(most, block[i]!);
    least = Math.min(least, block[i]!);
  }
  let scale = 2 ** Math.floor(Math.log2(Math.max(most / 32767, least / -32768)));
  while (most > 32767 * scale || least < -32768 * scale) scale *= 2;
  const values = new Int16Array(block.length);
  for (let i = 0; i < block.length; i++) values[i] = Math.round(block[i]! / scale);
  return { values, scale };
}

function unpack({ values, scale }: Packed, from: number, into: Float32Array): void {
  for (let i = 0; i < into.length; i++) into[i] = values[from + i]! * scale;
}

/** What a block adds to what is known of a recording. */
function extentOf(block: Float32Array, samplesBefore: number): { least: number; most: number; sum: number } {
  let least = 0, most = 0, sum = 0;
  for (let i = 0; i < block.length; i++) {
    const x = block[i]!;
    // One comparison for all that is wrong: NaN is never smaller.
    if (!(Math.abs(x) < Infinity)) {
      const seconds = ((samplesBefore + i) / SAMPLE_RATE).toFixed(3);
      throw new AudioError(
        `The audio holds ${x} at ${seconds} s, expected finite samples: decode the recording again.`,
      );
    }
    if (x < least) least = x;
    if (x > most) most = x;
    sum += x;
  }
  return { least, most, sum };
}

/**
 * A mean of less changes no word and is left as it is, as the official front end leaves it: recordings without a fault
 * have up to 0.0016 (docs/decisions.md, "Audio").
 */
const LEAST_OFFSET = 0.0025;
/** The mean of less may be speech. */
const LEAST_OFFSET_SAMPLES = SAMPLE_RATE;

/**
 * 16 kHz mono samples that may still grow.
 *
 * @example
 * ```ts
 * import { Samples } from "./samples.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const samples = Samples.of(new Float32Array([0.5, -2, 1]));
 * assertEquals([samples.length, samples.peak], [3, 2]);
 * assertEquals([...samples.slice(0, 3)], [0.25, -1, 0.5]);
 * ```
 */
export class Samples {
  readonly #blocks: (Float32Array | Packed)[] = [];
  /** A block that was packed, for the next: hundreds of them would wait for the collector. */
  #spare: Float32Array | undefined;
  #length = 0;
  #least = 0;
  #most = 0;
  #sum = 0;
  #offset = 0;

  /**
   * Wraps 16 kHz mono samples without a copy: leave the array unchanged afterwards.
   *
   * @throws {AudioError} When a sample is NaN or infinite.
   */
  static of(samples: Float32Array): Samples {
    const wrapped = new Samples();
    for (let at = 0; at < samples.length; at += BLOCK) {
      wrapped.push(samples.subarray(at, at + BLOCK), { keep: true });
    }
    return wrapped;
  }

  /** Number of samples. */
  get length(): number {
    return this.#length;
  }

  /** Length in seconds. */
  get durationSeconds(): number {
    return this.#length / SAMPLE_RATE;
  }

  /**
   * Samples that read the same however many come after them, as long as the recording {@linkcode hasPlainLevel}: a late
   * block changes when it is packed.
   */
  get settledLength(): number {
    const full = Math.floor(this.#length / BLOCK);
    return full < PLAIN_BLOCKS ? this.#length : full * BLOCK;
  }

  /** Whether samples are read as they came: no offset is taken away, no peak divided by. While more come, so far. */
  get hasPlainLevel(): boolean {
    return this.peak <= 1 && this.#faultyMean() === 0;
  }

  /** What {@link removeOffset} found: is taken away when samples are read. */
  get offset(): number {
    return this.#offset;
  }

  /** Finds the mean, once all samples are there, and takes it away where it is so far from 0 that it is a fault. */
  removeOffset(): void {
    this.#offset = this.#faultyMean();
  }

  #faultyMean(): number {
    const mean = this.#sum / this.#length;
    return this.#length >= LEAST_OFFSET_SAMPLES && Math.abs(mean) >= LEAST_OFFSET ? mean : 0;
  }

  /** Largest absolute value of the whole recording, without its offset, before any normalisation. */
  get peak(): number {
    return Math.max(this.#most - this.#offset, this.#offset - this.#least);
  }

  /**
   * Appends samples.
   *
   * @param options.keep The array itself may be kept instead of a copy, where it fits. @default {false}
   * @throws {AudioError} When a sample is NaN or infinite; says where.
   */
  push(block: Float32Array, options: { keep?: boolean } = {}): void {
    const { least, most, sum } = extentOf(block, this.#length);
    this.#least = Math.min(this.#least, least);
    this.#most = Math.max(this.#most, most);
    this.#sum += sum;
    if (options.keep && block.length <= BLOCK && this.#length % BLOCK === 0) {
      this.#blocks.push(block);
      this.#length += block.length;
      return;
    }
    for (let at = 0; at < block.length;) {
      const inBlock = this.#length % BLOCK;
      const part = block.subarray(at, at + BLOCK - inBlock);
      this.#room(inBlock, part.length).set(part, inBlock);
      this.#length += part.length;
      at += part.length;
      this.#packFull();
    }
  }

  /**
   * Gives all memory back at once, where the collector would take its time. Only for samples that were copied in, not
   * kept; they are gone.
   */
  discard(): void {
    const blocks = this.#blocks.splice(0).map((block) =>
      block instanceof Float32Array ? block : block.values
    );
    for (const { buffer } of [...blocks, ...this.#spare ? [this.#spare] : []]) {
      if (buffer instanceof ArrayBuffer) buffer.transfer(0);
    }
    this.#spare = undefined;
    this.#length = 0;
  }

  /** A block that is full and comes late gives back half of its memory. */
  #packFull(): void {
    const index = this.#blocks.length - 1;
    const last = this.#blocks[index];
    if (this.#length % BLOCK === 0 && index >= PLAIN_BLOCKS && last instanceof Float32Array) {
      this.#blocks[index] = packed(last);
      this.#spare = last;
    }
  }

  /** The last block, with room for `count` samples from `inBlock` on. */
  #room(inBlock: number, count: number): Float32Array {
    const last = this.#blocks.at(-1); // Not packed: only full ones are.
    if (inBlock > 0 && last instanceof Float32Array && last.length >= inBlock + count) return last;
    const block = this.#spare ?? new Float32Array(BLOCK);
    this.#spare = undefined;
    if (inBlock > 0 && last instanceof Float32Array) {
      // A kept array that ended early.
      block.set(last.subarray(0, inBlock));
      this.#blocks.pop();
    }
    this.#blocks.push(block);
    return block;
  }

  /**
   * Copies a stretch, without {@link offset}, normalised as the official front end does (spec 4.1, step 4): divided by
   * the peak of the whole recording when that is above 1, then clipped to [-1, 1].
   *
   * @param start First sample. @default {0}
   * @param end Sample after the last. @default {length}
   * @returns [end - start]; limits outside of the recording are moved to its ends.
   */
  slice(start = 0, end: number = this.#length): Float32Array<ArrayBuffer> {
    const first = Math.max(0, Math.min(start, this.#length));
    const out = new Float32Array(Math.max(0, Math.min(end, this.#length) - first));
    this.read(first, out);
    return out;
  }

  /**
   * {@linkcode slice} into an array that is there already, for those who read much and keep nothing.
   *
   * @returns Number of samples read: fewer than `out` holds at the end of the recording.
   */
  read(start: number, out: Float32Array): number {
    const last = Math.min(start + out.length, this.#length);
    const { offset, peak } = this;
    for (let at = start; at < last;) {
      const inBlock = at % BLOCK;
      const block = this.#blocks[Math.floor(at / BLOCK)]!;
      const count = Math.min(BLOCK - inBlock, last - at);
      const part = out.subarray(at - start, at - start + count);
      if (block instanceof Float32Array) part.set(block.subarray(inBlock, inBlock + count));
      else unpack(block, inBlock, part);
      if (offset !== 0) shift(part, -offset);
      if (peak > 1) normalise(part, peak);
      at += count;
    }
    return Math.max(0, last - start);
  }
}

function shift(samples: Float32Array, by: number): void {
  for (let i = 0; i < samples.length; i++) samples[i]! += by;
}

function normalise(samples: Float32Array, peak: number): void {
  for (let i = 0; i < samples.length; i++) {
    samples[i] = Math.max(-1, Math.min(1, samples[i]! / peak));
  }
}
