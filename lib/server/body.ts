/**
 * The bytes of a request, counted and timed while they come: a body that is too large, too slow or endless ends in a
 * refusal, whatever its headers promised.
 *
 * @module
 */
import { HttpError } from "./http_error.ts";

/** How much of a body is taken, and how long it may take. */
export interface BodyLimits {
  maxBytes: number;
  /** Longest wait for the next piece, and for all pieces together beyond what the rate allows. */
  idleSeconds: number;
  /** Least rate: every so many bytes allow for another second of waiting. */
  bytesPerSecond: number;
  /** Longest time for all of it. */
  totalSeconds: number;
  /** Ends the reading with its reason. */
  signal: AbortSignal;
}

function tooLarge(maxBytes: number): HttpError {
  const size = maxBytes >= 2 ** 20 ? `${Math.floor(maxBytes / 2 ** 20)} MiB` : `${maxBytes} bytes`;
  return new HttpError(413, `The request body is larger than ${size}, the limit of this server.`, {
    code: "body_too_large",
  });
}

/** Refuses a body by its declared length, before a byte of it is read. */
export function checkDeclaredLength(request: Request, maxBytes: number): void {
  const declared = request.headers.get("content-length");
  if (declared === null) return;
  if (!/^\d+$/.test(declared)) throw new HttpError(400, "The Content-Length header is not a number.");
  if (Number(declared) > maxBytes) throw tooLarge(maxBytes);
}

/** Reads a body piece by piece within limits. */
export class BodyReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #limits: BodyLimits;
  readonly #deadline: number;
  #bytes = 0;
  /** Time spent waiting for the client: what the server takes to decode is not its fault. */
  #waitedMs = 0;

  constructor(request: Request, limits: BodyLimits) {
    this.#reader = request.body?.getReader();
    this.#limits = limits;
    this.#deadline = performance.now() + limits.totalSeconds * 1000;
  }

  /**
   * The next piece; `undefined` at the end.
   *
   * @throws {HttpError} 408 when it is too slow, 413 when it is too much, 400 when it breaks off.
   */
  async read(): Promise<Uint8Array | undefined> {
    const { maxBytes, idleSeconds, bytesPerSecond, signal } = this.#limits;
    signal.throwIfAborted();
    if (!this.#reader) return undefined;
    const { promise: interrupted, reject } = Promise.withResolvers<never>();
    interrupted.catch(() => {});
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    const start = performance.now();
    const allowedMs = (idleSeconds + this.#bytes / bytesPerSecond) * 1000;
    const left = Math.min(idleSeconds * 1000, allowedMs - this.#waitedMs, this.#deadline - start);
    const timer = setTimeout(() => {
      reject(
        new HttpError(408, "The request body came too slowly and was given up.", { code: "request_timeout" }),
      );
    }, Math.max(0, left));
    const reading = this.#reader.read().catch((cause) => {
      throw new HttpError(400, "The request body broke off.", { code: "body_broken", cause });
    });
    reading.catch(() => {});
    try {
      const { done, value } = await Promise.race([reading, interrupted]);
      if (done) return undefined;
      this.#bytes += value.length;
      if (this.#bytes > maxBytes) throw tooLarge(maxBytes);
      return value;
    } finally {
      this.#waitedMs += performance.now() - start;
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Gives up the rest. */
  cancel(): void {
    this.#reader?.cancel().catch(() => {});
  }

  /** The whole of a small body as text. */
  async text(): Promise<string> {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    let text = "";
    try {
      for (let piece; (piece = await this.read());) text += decoder.decode(piece, { stream: true });
      return text + decoder.decode();
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw new HttpError(400, "The request body is not UTF-8 text.", { cause: error });
    }
  }
}
