/**
 * multipart/form-data (RFC 7578, RFC 2046 section 5.1) as a stream: parts come one by one, and the content of a part
 * is handed on as it arrives. No more than a piece of the body and one line of headers are in memory.
 *
 * @module
 */
import { HttpError } from "./http_error.ts";

const MAX_HEADER_BYTES = 16 * 1024;
const MAX_PARTS = 100;
const CR = 13;

/** What the body comes from. */
export interface ByteReader {
  /** The next piece; `undefined` at the end. */
  read(): Promise<Uint8Array | undefined>;
}

/** A part whose content is about to come. */
export interface PartHead {
  name: string;
  /** Whether the client called it a file. */
  isFile: boolean;
  contentType: string;
}

function broken(message: string): HttpError {
  return new HttpError(400, `The multipart body is not well-formed: ${message}`, {
    code: "invalid_multipart",
  });
}

/** The parameters of a header like `form-data; name="file"; filename="a.wav"`, by name in lower case. */
function parametersOf(header: string): Map<string, string> {
  const parameters = new Map<string, string>();
  const pattern = /;\s*([^=\s;"]+)\s*=\s*(?:"((?:[^"\\]|\\[^])*)"|([^;"]*))\s*/y;
  pattern.lastIndex = Math.max(0, header.indexOf(";"));
  for (let match; (match = pattern.exec(header));) {
    const value = match[2]?.replace(/\\(["\\])/g, "$1") ?? match[3]!.trim();
    parameters.set(match[1]!.toLowerCase(), value);
  }
  return parameters;
}

/**
 * The boundary of a `Content-Type: multipart/form-data` header.
 *
 * @throws {HttpError} When there is none that RFC 2046 allows.
 */
export function boundaryOf(contentType: string): string {
  const boundary = parametersOf(contentType).get("boundary") ?? "";
  if (boundary === "" || boundary.length > 200 || /[^\x20-\x7e]/.test(boundary)) {
    throw broken("its Content-Type names no usable boundary.");
  }
  return boundary;
}

function headOf(text: string): PartHead {
  const headers = new Map<string, string>();
  for (const line of text.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon < 1) throw broken("a part has a header without a name.");
    headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  const disposition = headers.get("content-disposition") ?? "";
  const parameters = parametersOf(disposition);
  const name = parameters.get("name");
  if (!/^form-data\s*;/i.test(disposition) || !name) throw broken("a part has no name.");
  const encoding = headers.get("content-transfer-encoding")?.toLowerCase() ?? "binary";
  if (!["binary", "8bit", "7bit"].includes(encoding)) throw broken("a part has a Content-Transfer-Encoding.");
  return {
    name,
    isFile: parameters.has("filename") || parameters.has("filename*"),
    contentType: headers.get("content-type") ?? "text/plain",
  };
}

function concatenate(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

function startsWith(bytes: Uint8Array, pattern: Uint8Array, at: number): boolean {
  for (let i = 0; i < pattern.length; i++) if (bytes[at + i] !== pattern[i]) return false;
  return true;
}

/** First place of a pattern that begins with CR, or -1. */
function indexOf(bytes: Uint8Array, pattern: Uint8Array): number {
  const last = bytes.length - pattern.length;
  for (let at = bytes.indexOf(CR); at >= 0 && at <= last; at = bytes.indexOf(CR, at + 1)) {
    if (startsWith(bytes, pattern, at)) return at;
  }
  return -1;
}

/**
 * Reads the parts of a body.
 *
 * @example
 * ```ts
 * import { MultipartReader } from "./multipart.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const body = '--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--x--\r\n';
 * const pieces = [...body].map((letter) => new TextEncoder().encode(letter));
 * const reader = new MultipartReader({ read: () => Promise.resolve(pieces.shift()) }, "x");
 * assertEquals((await reader.next())?.name, "model");
 * assertEquals(await reader.text(100), "whisper-1");
 * assertEquals(await reader.next(), undefined);
 * ```
 */
export class MultipartReader {
  readonly #source: ByteReader;
  /** CR LF and the boundary line's beginning. */
  readonly #delimiter: Uint8Array;
  /** Read, but not handed on. The virtual CR LF makes the first boundary one like the others. */
  #buffer: Uint8Array = new TextEncoder().encode("\r\n");
  /** What stands before the first boundary counts as content, of no part. */
  #inContent = true;
  #parts = 0;

  constructor(source: ByteReader, boundary: string) {
    this.#source = source;
    this.#delimiter = new TextEncoder().encode(`\r\n--${boundary}`);
  }

  /** Reads on; false at the end of the body. */
  async #more(): Promise<boolean> {
    const piece = await this.#source.read();
    if (!piece) return false;
    this.#buffer = concatenate(this.#buffer, piece);
    return true;
  }

  /** Makes sure that this many bytes are in the buffer. */
  async #need(count: number): Promise<void> {
    while (this.#buffer.length < count) if (!await this.#more()) throw broken("it ends too early.");
  }

  /**
   * Goes to the next part, past whatever is left of this one; `undefined` after the last.
   *
   * @throws {HttpError} When the body is not well-formed.
   */
  async next(): Promise<PartHead | undefined> {
    while (await this.read());
    if (await this.#boundaryLine()) return undefined;
    if (++this.#parts > MAX_PARTS) throw broken(`it has more than ${MAX_PARTS} parts.`);
    const head = headOf(await this.#headers());
    this.#inContent = true;
    return head;
  }

  /** Reads the line that the delimiter began; says whether it was the last. */
  async #boundaryLine(): Promise<boolean> {
    const start = this.#delimiter.length;
    await this.#need(start + 2);
    if (this.#buffer[start] === 45 && this.#buffer[start + 1] === 45) return true;
    let at = start;
    // Blanks may follow the boundary.
    for (; this.#buffer[at] === 32 || this.#buffer[at] === 9; at++) {
      if (at - start > 100) throw broken("a boundary line is too long.");
      await this.#need(at + 3);
    }
    await this.#need(at + 2);
    if (this.#buffer[at] !== CR || this.#buffer[at + 1] !== 10) throw broken("a boundary line goes on.");
    this.#buffer = this.#buffer.subarray(at + 2);
    return false;
  }

  async #headers(): Promise<string> {
    const end = new Uint8Array([CR, 10, CR, 10]);
    for (;;) {
      const at = indexOf(this.#buffer, end);
      if (at > MAX_HEADER_BYTES || (at < 0 && this.#buffer.length > MAX_HEADER_BYTES)) {
        throw broken("the headers of a part are too long.");
      }
      if (at >= 0) {
        const text = new TextDecoder().decode(this.#buffer.subarray(0, at));
        this.#buffer = this.#buffer.subarray(at + 4);
        return text;
      }
      if (!await this.#more()) throw broken("it ends inside of a part's headers.");
    }
  }

  /**
   * The next piece of this part's content; `undefined` at its end.
   *
   * @throws {HttpError} When the body ends before the part does.
   */
  async read(): Promise<Uint8Array | undefined> {
    if (!this.#inContent) return undefined;
    for (;;) {
      const at = indexOf(this.#buffer, this.#delimiter);
      if (at > 0) return this.#take(at);
      if (at === 0) {
        this.#inContent = false;
        return undefined;
      }
      // What may be the beginning of a delimiter stays.
      const safe = this.#safeLength();
      if (safe > 0) return this.#take(safe);
      if (!await this.#more()) throw broken("it ends without its last boundary.");
    }
  }

  #safeLength(): number {
    const from = Math.max(0, this.#buffer.length - this.#delimiter.length + 1);
    const at = this.#buffer.indexOf(CR, from);
    return at < 0 ? this.#buffer.length : at;
  }

  #take(count: number): Uint8Array {
    const piece = this.#buffer.subarray(0, count);
    this.#buffer = this.#buffer.subarray(count);
    return piece;
  }

  /**
   * The content of this part as text.
   *
   * @throws {HttpError} When it is longer, or not UTF-8.
   */
  async text(maxBytes: number): Promise<string> {
    let bytes: Uint8Array = new Uint8Array(0);
    for (let piece; (piece = await this.read());) {
      bytes = concatenate(bytes, piece);
      if (bytes.length > maxBytes) throw new HttpError(413, `A field is longer than ${maxBytes} bytes.`);
    }
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch (cause) {
      throw broken(`a field is not UTF-8 text (${cause instanceof Error ? cause.message : cause}).`);
    }
  }
}
