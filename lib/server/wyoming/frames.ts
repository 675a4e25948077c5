/**
 * Wyoming's frames: a line of JSON, then data (JSON too) and payload of the lengths that the line names.
 *
 * @module
 */
import { isObject, type JsonObject } from "../realtime/fields.ts";

/** A line names a type and two lengths. */
const MAX_LINE_BYTES = 64 * 1024;
/** Lists of names and terms. */
const MAX_DATA_BYTES = 256 * 1024;
/** Sound, a tenth of a second of it as a rule. */
const MAX_PAYLOAD_BYTES = 4 * 2 ** 20;
const READ_BYTES = 64 * 1024;
const NEWLINE = 10;

/** One event. */
export interface WyomingEvent {
  type: string;
  data: JsonObject;
  payload?: Uint8Array;
}

/** What came is no event: nothing behind it can be understood. */
export class FrameError extends Error {
  override name = "FrameError";
}

function parse(bytes: Uint8Array, what: string): JsonObject {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (isObject(value)) return value;
  } catch {
    // Told below.
  }
  throw new FrameError(`The ${what} is not a JSON object.`);
}

function lengthOf(value: unknown, name: string, most: number): number {
  const length = value ?? 0;
  if (typeof length === "number" && Number.isInteger(length) && length >= 0 && length <= most) return length;
  throw new FrameError(`${name} is ${JSON.stringify(value)?.slice(0, 40)}, expected 0 to ${most}.`);
}

/** Reads events one after the other. */
export class FrameReader {
  readonly #read: (buffer: Uint8Array) => Promise<number | null>;
  #bytes = new Uint8Array(READ_BYTES);
  #start = 0;
  #end = 0;

  constructor(read: (buffer: Uint8Array) => Promise<number | null>) {
    this.#read = read;
  }

  /** Reads some more; false at the end. */
  async #more(): Promise<boolean> {
    if (this.#start > 0) {
      this.#bytes.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    if (this.#end === this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#bytes.length);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    const count = await this.#read(this.#bytes.subarray(this.#end));
    this.#end += count ?? 0;
    return count !== null;
  }

  async #line(): Promise<Uint8Array | undefined> {
    while (true) {
      const at = this.#bytes.subarray(this.#start, this.#end).indexOf(NEWLINE);
      if (at >= 0) {
        const line = this.#bytes.slice(this.#start, this.#start + at);
        this.#start += at + 1;
        return line;
      }
      if (this.#end - this.#start > MAX_LINE_BYTES) {
        throw new FrameError(`A line is longer than ${MAX_LINE_BYTES} bytes.`);
      }
      if (!await this.#more()) return undefined;
    }
  }

  async #take(length: number): Promise<Uint8Array | undefined> {
    while (this.#end - this.#start < length) if (!await this.#more()) return undefined;
    const bytes = this.#bytes.slice(this.#start, this.#start + length);
    this.#start += length;
    // A large payload was an exception.
    if (this.#start === this.#end && this.#bytes.length > READ_BYTES) {
      [this.#start, this.#end, this.#bytes] = [0, 0, new Uint8Array(READ_BYTES)];
    }
    return bytes;
  }

  /**
   * The next event; undefined when the client has ended.
   *
   * @throws {FrameError} When it is none.
   */
  async next(): Promise<WyomingEvent | undefined> {
    const line = await this.#line();
    if (!line) return undefined;
    const head = parse(line, "line");
    const type = head["type"];
    if (typeof type !== "string") throw new FrameError("The event has no type.");
    const dataLength = lengthOf(head["data_length"], "data_length", MAX_DATA_BYTES);
    const payloadLength = lengthOf(head["payload_length"], "payload_length", MAX_PAYLOAD_BYTES);
    const more = await this.#take(dataLength);
    const payload = await this.#take(payloadLength);
    if (!more || !payload) return undefined;
    const inline = isObject(head["data"]) ? head["data"] : {};
    const data = dataLength > 0 ? { ...inline, ...parse(more, "data") } : inline;
    return { type, data, ...payloadLength > 0 && { payload } };
  }
}

/** An event as it is sent. */
export function frameOf({ type, data }: WyomingEvent): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder();
  const more = text.encode(JSON.stringify(data));
  const line = text.encode(`${JSON.stringify({ type, version: "1.0.0", data_length: more.length })}\n`);
  const frame = new Uint8Array(line.length + more.length);
  frame.set(line);
  frame.set(more, line.length);
  return frame;
}
