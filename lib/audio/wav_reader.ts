/**
 * RIFF, RF64 and BW64 WAVE files, read block by block as they arrive.
 *
 * @module
 */
import { AudioError } from "../errors.ts";
import { joinBytes, joinSamples } from "../join_arrays.ts";
import {
  FMT_BYTES,
  isSameFormat,
  MAX_FRAME_BYTES,
  parseWavFormat,
  toFloat32,
  type WavFormat,
} from "./wav_format.ts";

/** The samples come before the chunk that says what they are: {@link findWavFormat} looks behind them. */
export class WavOrderError extends AudioError {
  override name = "WavOrderError";
}

const UNKNOWN_SIZE = 0xffff_ffff;
const DS64_BYTES = 16;
/** Name and size. */
export const CHUNK_HEADER_BYTES = 8;
/** Less behind the samples is somebody's tag or padding. */
const LEAST_REST_SECONDS = 1;

/** Sizes that programs write into a pipe when they do not know better: nothing is missing when less comes. */
function isPlaceholder(size: number): boolean {
  return size === UNKNOWN_SIZE || (size >= 0x7fff_f000 && size <= 0x8000_0000);
}

function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/** What a file of this family begins with. */
export const RIFF_IDS: readonly string[] = ["RIFF", "RIFX", "RF64", "BW64"];

/** Name and size at the start of a chunk. */
export function chunkHeader(bytes: Uint8Array, bigEndian: boolean): { id: string; size: number } {
  return { id: textOf(bytes.subarray(0, 4)), size: uint32(bytes, 4, bigEndian) };
}

function uint32(bytes: Uint8Array, at: number, bigEndian = false): number {
  return new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, !bigEndian);
}

/** Whether bytes can be the name of a chunk: samples seldom look like that. */
export function isChunkId(id: string): boolean {
  return /^[ -~]{4}$/.test(id);
}

/** Both in a row; no copy when the first is empty. */
function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  return first.length === 0 ? second : joinBytes([first, second]);
}

/** Where in the file the next byte belongs; `maybe` is behind a data chunk that says it is empty. */
type State = "riff" | "chunk" | "fmt " | "ds64" | "skip" | "maybe" | "data" | "rest" | "done";

/**
 * Takes the bytes of a WAV file in blocks of any size and gives the samples that became complete.
 *
 * Reads 8/16/24/32-bit integer, 32/64-bit float, A-law and mu-law, plain or EXTENSIBLE, in either byte order (RIFX),
 * with the sizes 0 and 0xFFFFFFFF that pipes carry, RF64/BW64 sizes, several data chunks, several files in a row of one
 * format, and files that end too early (with a warning).
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
  /** Where the file ends that begins here, or follows another; Infinity when it does not say. */
  #riffEnd = 0;
  #bigEndian = false;
  #ds64DataSize: number | undefined;
  #dataSize = 0;
  #dataRead = 0;
  /** Of the samples given out. */
  #format: WavFormat | undefined;
  /** Of the next data chunk. */
  #nextFormat: WavFormat | undefined;
  #sawData = false;
  #frames = 0;
  #otherSeconds = 0;
  #restBytes = 0;
  readonly #warnings: string[] = [];

  /**
   * @param options.name What error messages call the file. @default {"WAV"}
   * @param options.format Of a file whose `fmt ` chunk is behind its samples, see findWavFormat().
   */
  constructor(options: { name?: string; format?: WavFormat | undefined } = {}) {
    this.#name = options.name ?? "WAV";
    this.#nextFormat = options.format;
  }

  /** Known once the `fmt ` chunk has passed. */
  get format(): WavFormat | undefined {
    return this.#format ?? this.#nextFormat;
  }

  /** Samples per channel given out so far. */
  get frames(): number {
    return this.#frames;
  }

  /** What was odd about the file; complete after `finish()`. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /**
   * Reads the next bytes of the file.
   *
   * @returns Interleaved samples, whole frames only; empty while headers pass.
   * @throws {AudioError} When this is no WAV file or its header is damaged.
   */
  push(bytes: Uint8Array): Float32Array {
    const parts: Float32Array[] = [];
    for (let rest = bytes; rest.length > 0 && this.#state !== "done";) {
      let taken: number;
      if (this.#state === "data") taken = this.#readSamples(rest, parts);
      else if (this.#state === "skip") taken = this.#skip(rest);
      else if (this.#state === "rest") this.#restBytes += taken = rest.length;
      else taken = this.#gather(rest, parts);
      this.#position += taken;
      rest = rest.subarray(taken);
    }
    return joinSamples(parts);
  }

  /**
   * Says that no more bytes come.
   *
   * @throws {AudioError} When there was no header or not one sample.
   */
  finish(): void {
    if (this.#state === "riff" && !this.#sawData) {
      const size = this.#heldBytes;
      const what = size === 0 ? "it is empty" : `it ends after ${size} bytes, too few for a WAV header`;
      throw new AudioError(`Cannot read ${this.#name}: ${what}.`);
    }
    const format = this.format;
    if (!format) throw new AudioError(`Cannot read ${this.#name}: there is no fmt chunk.`);
    if (!this.#sawData) throw new AudioError(`Cannot read ${this.#name}: there is no data chunk.`);
    if (this.#frames === 0) throw new AudioError(`Cannot read ${this.#name}: it holds no samples.`);
    this.#warn(format);
    this.#state = "done";
  }

  #warn({ sampleRate, channels, bytesPerSample }: WavFormat): void {
    if (this.#state === "data" && this.#dataSize !== Infinity && !isPlaceholder(this.#dataSize)) {
      this.#warnings.push(
        `${this.#name} is cut off: ${this.#dataSize} bytes of samples announced, ${this.#dataRead} there ` +
          `(${(this.#frames / sampleRate).toFixed(3)} s, all of it read).`,
      );
    }
    if (this.#otherSeconds > 0) {
      this.#warnings.push(
        `${this.#name} holds another recording of another format: ` +
          `${this.#otherSeconds.toFixed(3)} s of it were left out.`,
      );
    }
    const restSeconds = this.#restBytes / (sampleRate * channels * bytesPerSample);
    if (restSeconds >= LEAST_REST_SECONDS) {
      this.#warnings.push(
        `${this.#name} goes on behind its samples: ${this.#restBytes} bytes that belong to no chunk were left out ` +
          `(${restSeconds.toFixed(3)} s if they are samples).`,
      );
    }
  }

  #ignoreFrom(bytes: Uint8Array): void {
    this.#state = "rest";
    this.#restBytes = bytes.length;
  }

  #expect(state: State, bytes: number): void {
    this.#state = state;
    this.#wanted = bytes;
    this.#heldBytes = 0;
  }

  /** Collects a header and reads it when complete; gives the number of bytes taken. */
  #gather(bytes: Uint8Array, parts: Float32Array[]): number {
    const taken = Math.min(bytes.length, this.#wanted - this.#heldBytes);
    this.#held.set(bytes.subarray(0, taken), this.#heldBytes);
    this.#heldBytes += taken;
    if (this.#heldBytes === this.#wanted) {
      const header = this.#held.slice(0, this.#wanted);
      const bodyAt = this.#position + taken;
      if (this.#state === "riff") this.#readRiff(header, bodyAt);
      else if (this.#state === "chunk") this.#readChunk(header, bodyAt);
      else if (this.#state === "maybe") this.#readMaybe(header, bodyAt, parts);
      else this.#readBody(header);
    }
    return taken;
  }

  #skip(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, this.#skipBytes);
    this.#skipBytes -= taken;
    if (this.#skipBytes === 0) this.#expect("chunk", CHUNK_HEADER_BYTES);
    return taken;
  }

  #readRiff(header: Uint8Array, bodyAt: number): void {
    const id = textOf(header.subarray(0, 4));
    if (!RIFF_IDS.includes(id) || textOf(header.subarray(8, 12)) !== "WAVE") {
      if (this.#sawData) return this.#ignoreFrom(header);
      throw new AudioError(`Cannot read ${this.#name}: it is not a WAV file (no RIFF/WAVE header).`);
    }
    this.#bigEndian = id === "RIFX";
    const { size } = chunkHeader(header, this.#bigEndian);
    this.#riffEnd = isPlaceholder(size) ? Infinity : bodyAt - 4 + size;
    this.#ds64DataSize = undefined;
    this.#expect("chunk", CHUNK_HEADER_BYTES);
  }

  /** @param bodyAt Place in the file where the body of the chunk starts. */
  #readChunk(header: Uint8Array, bodyAt: number): void {
    const { id, size } = chunkHeader(header, this.#bigEndian);
    if (this.#sawData && RIFF_IDS.includes(id)) {
      // Another file behind this one: the rest of its header is still to come.
      this.#state = "riff";
      this.#wanted = 12;
      return;
    }
    if (this.#sawData && !isChunkId(id)) return this.#ignoreFrom(header);
    if (id === "data") return this.#startData(size, bodyAt);
    const wanted = id === "fmt " ? FMT_BYTES : id === "ds64" ? DS64_BYTES : 0;
    const read = Math.min(size, wanted);
    this.#skipBytes = size - read + size % 2;
    if (read > 0) this.#expect(id === "ds64" ? "ds64" : "fmt ", read);
    else this.#skipNext();
  }

  #skipNext(): void {
    if (this.#skipBytes > 0) this.#state = "skip";
    else this.#expect("chunk", CHUNK_HEADER_BYTES);
  }

  #readBody(body: Uint8Array): void {
    if (this.#state === "fmt ") {
      this.#nextFormat = parseWavFormat(body, { name: this.#name, bigEndian: this.#bigEndian });
    } else if (body.length === DS64_BYTES) {
      this.#ds64DataSize = uint32(body, 8) + uint32(body, 12) * 2 ** 32;
    }
    this.#skipNext();
  }

  #startData(size: number, bodyAt: number): void {
    const format = this.#nextFormat;
    if (!format) {
      throw new WavOrderError(`Cannot read ${this.#name}: there is no fmt chunk before the samples.`);
    }
    this.#sawData = true;
    if (this.#format && !isSameFormat(format, this.#format)) {
      this.#otherSeconds += size / (format.channels * format.bytesPerSample * format.sampleRate);
      this.#skipBytes = size + size % 2;
      return this.#skipNext();
    }
    if (size > 0) return this.#readData(size === UNKNOWN_SIZE ? this.#ds64DataSize || Infinity : size);
    // A size of 0 means "until the end", unless the file says that more chunks follow an empty one.
    if (this.#riffEnd <= bodyAt || this.#riffEnd === Infinity) return this.#readData(Infinity);
    this.#expect("maybe", CHUNK_HEADER_BYTES);
  }

  /** What follows an empty data chunk is either a chunk or, where the writer forgot the size, the samples. */
  #readMaybe(header: Uint8Array, bodyAt: number, parts: Float32Array[]): void {
    const { id, size } = chunkHeader(header, this.#bigEndian);
    if (isChunkId(id) && bodyAt + size <= this.#riffEnd) return this.#readChunk(header, bodyAt);
    this.#readData(this.#riffEnd - bodyAt + header.length);
    this.#readSamples(header, parts);
  }

  #readData(size: number): void {
    const format = this.#nextFormat!;
    this.#format ??= format;
    this.#dataSize = size;
    this.#dataRead = 0;
    this.#expect("data", format.channels * format.bytesPerSample);
  }

  /** Converts whole frames and keeps the bytes of the last, incomplete one; gives the number of bytes taken. */
  #readSamples(bytes: Uint8Array, parts: Float32Array[]): number {
    const body = bytes.subarray(0, this.#dataSize - this.#dataRead);
    this.#dataRead += body.length;
    const total = this.#heldBytes + body.length;
    const partial = total % this.#wanted;
    if (total < this.#wanted) {
      this.#hold(body);
    } else {
      const whole = joined(this.#held.subarray(0, this.#heldBytes), body.subarray(0, body.length - partial));
      this.#heldBytes = 0;
      this.#hold(body.subarray(body.length - partial));
      this.#frames += whole.length / this.#wanted;
      parts.push(toFloat32(whole, this.#nextFormat!));
    }
    if (this.#dataRead === this.#dataSize) {
      this.#skipBytes = this.#dataSize % 2;
      this.#skipNext();
    }
    return body.length;
  }

  #hold(bytes: Uint8Array): void {
    this.#held.set(bytes, this.#heldBytes);
    this.#heldBytes += bytes.length;
  }
}
