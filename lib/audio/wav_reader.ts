/**
 * RIFF, RF64 and BW64 WAVE files, read block by block as they arrive.
 *
 * @module
 */
import { AudioError } from "../errors.ts";
import { FMT_BYTES, MAX_FRAME_BYTES, parseWavFormat, toFloat32, type WavFormat } from "./wav_format.ts";

const NOTHING = new Float32Array(0);
const UNKNOWN_SIZE = 0xffff_ffff;
const DS64_BYTES = 16;

/** Sizes that programs write into a pipe when they do not know better: nothing is missing when less comes. */
function isPlaceholder(size: number): boolean {
  return size === UNKNOWN_SIZE || (size >= 0x7fff_f000 && size <= 0x8000_0000);
}

function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function uint32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, true);
}

/** Both in a row; no copy when the first is empty. */
function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** Where in the file the next byte belongs. */
type State = "riff" | "chunk" | "fmt " | "ds64" | "skip" | "data" | "done";

/**
 * Takes the bytes of a WAV file in blocks of any size and gives the samples that became complete.
 *
 * Reads 8/16/24/32-bit integer, 32/64-bit float, A-law and mu-law, plain or EXTENSIBLE, with the sizes 0 and
 * 0xFFFFFFFF that pipes carry, RF64/BW64 sizes, and files that end too early (with a warning).
 *
 * @example
 * ```ts
 * import { encodeWav, WavReader } from "./wav.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const reader = new WavReader();
 * const samples = reader.push(encodeWav(new Float32Array([0, 0.5, -0.5]), { sampleRate: 16000 }));
 * reader.finish();
 * assertEquals([...samples], [0, 0.5, -0.5]);
 * assertEquals(reader.format?.sampleRate, 16000);
 * ```
 */
export class WavReader {
  readonly #name: string;
  #state: State = "riff";
  /** Bytes of a header or frame that is not complete yet, */
  readonly #held: Uint8Array = new Uint8Array(MAX_FRAME_BYTES);
  #heldBytes = 0;
  /** which has this many when it is. */
  #wanted = 12;
  #skipBytes = 0;
  #position = 0;
  #riffSize = 0;
  #ds64DataSize: number | undefined;
  #sawData = false;
  #dataSize = 0;
  #dataRead = 0;
  #format: WavFormat | undefined;
  #frames = 0;
  readonly #warnings: string[] = [];

  /** @param options.name What error messages call the file. @default {"WAV"} */
  constructor(options: { name?: string } = {}) {
    this.#name = options.name ?? "WAV";
  }

  /** Known once the `fmt ` chunk has passed. */
  get format(): WavFormat | undefined {
    return this.#format;
  }

  /** Samples per channel given out so far. */
  get frames(): number {
    return this.#frames;
  }

  /** What was odd about the file; complete after `finish()`. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /** Whether all samples have been read: more bytes are ignored. */
  get done(): boolean {
    return this.#state === "done";
  }

  /**
   * Reads the next bytes of the file.
   *
   * @returns Interleaved samples, whole frames only; empty while headers pass.
   * @throws {AudioError} When this is no WAV file or its header is damaged.
   */
  push(bytes: Uint8Array): Float32Array {
    let samples: Float32Array = NOTHING;
    for (let rest = bytes; rest.length > 0 && this.#state !== "done";) {
      let taken: number;
      if (this.#state === "data") {
        const body = rest.subarray(0, this.#dataSize - this.#dataRead);
        samples = this.#readSamples(body);
        taken = body.length;
      } else {
        taken = this.#state === "skip" ? this.#skip(rest) : this.#gather(rest);
      }
      this.#position += taken;
      rest = rest.subarray(taken);
    }
    return samples;
  }

  /**
   * Says that no more bytes come.
   *
   * @throws {AudioError} When there was no header or not one sample.
   */
  finish(): void {
    if (this.#state === "riff") {
      const size = this.#heldBytes;
      const what = size === 0 ? "it is empty" : `it ends after ${size} bytes, too few for a WAV header`;
      throw new AudioError(`Cannot read ${this.#name}: ${what}.`);
    }
    if (!this.#format) throw new AudioError(`Cannot read ${this.#name}: there is no fmt chunk.`);
    if (!this.#sawData) throw new AudioError(`Cannot read ${this.#name}: there is no data chunk.`);
    if (this.#frames === 0) throw new AudioError(`Cannot read ${this.#name}: it holds no samples.`);
    if (this.#state === "data" && this.#dataSize !== Infinity && !isPlaceholder(this.#dataSize)) {
      const seconds = (this.#frames / this.#format.sampleRate).toFixed(3);
      this.#warnings.push(
        `${this.#name} is cut off: ${this.#dataSize} bytes of samples announced, ${this.#dataRead} there ` +
          `(${seconds} s, all of it read).`,
      );
    }
    this.#state = "done";
  }

  #expect(state: State, bytes: number): void {
    this.#state = state;
    this.#wanted = bytes;
    this.#heldBytes = 0;
  }

  /** Collects a header and reads it when complete; gives the number of bytes taken. */
  #gather(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, this.#wanted - this.#heldBytes);
    this.#held.set(bytes.subarray(0, taken), this.#heldBytes);
    this.#heldBytes += taken;
    if (this.#heldBytes === this.#wanted) {
      const header = this.#held.subarray(0, this.#wanted);
      if (this.#state === "riff") this.#readRiff(header);
      else if (this.#state === "chunk") this.#readChunk(header, this.#position + taken);
      else this.#readBody(header);
    }
    return taken;
  }

  #skip(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, this.#skipBytes);
    this.#skipBytes -= taken;
    if (this.#skipBytes === 0) this.#expect("chunk", 8);
    return taken;
  }

  #readRiff(header: Uint8Array): void {
    const id = textOf(header.subarray(0, 4));
    if (!["RIFF", "RF64", "BW64"].includes(id) || textOf(header.subarray(8, 12)) !== "WAVE") {
      throw new AudioError(`Cannot read ${this.#name}: it is not a WAV file (no RIFF/WAVE header).`);
    }
    this.#riffSize = uint32(header, 4);
    this.#expect("chunk", 8);
  }

  /** @param bodyAt Place in the file where the body of the chunk starts. */
  #readChunk(header: Uint8Array, bodyAt: number): void {
    const id = textOf(header.subarray(0, 4));
    const size = uint32(header, 4);
    if (id === "data") return this.#startData(size, bodyAt);
    const wanted = id === "fmt " ? FMT_BYTES : id === "ds64" ? DS64_BYTES : 0;
    const read = Math.min(size, wanted);
    this.#skipBytes = size - read + size % 2;
    if (read > 0) this.#expect(id === "ds64" ? "ds64" : "fmt ", read);
    else this.#skipNext();
  }

  #skipNext(): void {
    if (this.#skipBytes > 0) this.#state = "skip";
    else this.#expect("chunk", 8);
  }

  #readBody(body: Uint8Array): void {
    if (this.#state === "fmt ") this.#format = parseWavFormat(body, this.#name);
    else if (body.length === DS64_BYTES) this.#ds64DataSize = uint32(body, 8) + uint32(body, 12) * 2 ** 32;
    this.#skipNext();
  }

  #startData(size: number, bodyAt: number): void {
    const format = this.#format;
    if (!format) throw new AudioError(`Cannot read ${this.#name}: there is no fmt chunk before the samples.`);
    this.#sawData = true;
    // A size of 0 means "until the end", unless the file says that more chunks follow an empty one.
    const isOpen = size === 0 && (this.#riffSize === UNKNOWN_SIZE || 8 + this.#riffSize <= bodyAt);
    if (size === 0 && !isOpen) {
      this.#skipBytes = 0;
      return this.#skipNext();
    }
    this.#dataSize = isOpen ? Infinity : size;
    if (size === UNKNOWN_SIZE) this.#dataSize = this.#ds64DataSize || Infinity;
    this.#expect("data", format.channels * format.bytesPerSample);
  }

  /** Converts whole frames and keeps the bytes of the last, incomplete one. */
  #readSamples(body: Uint8Array): Float32Array {
    const format = this.#format!;
    this.#dataRead += body.length;
    if (this.#dataRead === this.#dataSize) this.#state = "done";
    const total = this.#heldBytes + body.length;
    const partial = total % this.#wanted;
    if (total < this.#wanted) {
      this.#hold(body);
      return NOTHING;
    }
    const whole = joined(this.#held.subarray(0, this.#heldBytes), body.subarray(0, body.length - partial));
    this.#heldBytes = 0;
    this.#hold(body.subarray(body.length - partial));
    this.#frames += whole.length / this.#wanted;
    return toFloat32(whole, format);
  }

  #hold(bytes: Uint8Array): void {
    this.#held.set(bytes, this.#heldBytes);
    this.#heldBytes += bytes.length;
  }
}
