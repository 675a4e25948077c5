/**
 * A TCP connection as the stream that `node:http` wants.
 *
 * It reads ahead of the parser. The end of a connection stands behind everything that was sent before it, so a server
 * that reads an upload no faster than it decodes learns of a client that hung up when the whole upload is decoded.
 *
 * @module
 */
import { Duplex } from "node:stream";

/** What is read at once: a busy event loop gives few turns to read in. Memory that was never used costs nothing. */
const BLOCK_BYTES = 256 * 1024;
/** What may wait for the parser besides. */
const HANDED_BYTES = 64 * 1024;
/** What one connection may read ahead, and all of them together besides the first block of each. */
const AHEAD_BYTES = 4 * 2 ** 20;
const SHARED_AHEAD_BYTES = 128 * 2 ** 20;
/** A client must have read something of its answer by then. */
const UNREAD_MS = 30_000;
/** A client must have sent its headers by then, */
const HEADERS_MS = 20_000;
/** or have begun another request on a connection that it keeps. */
export const KEPT_MS = 5000;
/** First look at whether a client that sends no more still listens; each further one comes after twice the time. */
const FIRST_PROBE_MS = 100;

/** What all connections of a server may read ahead. */
export class ReadAhead {
  #left = SHARED_AHEAD_BYTES;
  readonly #waiting = new Set<() => void>();

  /** Takes bytes, or gives them back where negative. */
  take(bytes: number): void {
    this.#left -= bytes;
    if (bytes >= 0 || this.#left <= 0) return;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Whether somebody who has this much may read more. */
  allows(bytes: number): boolean {
    return bytes < BLOCK_BYTES || (bytes < AHEAD_BYTES && this.#left > 0);
  }

  /** Calls once when others have given bytes back. */
  onRoom(wake: () => void): void {
    this.#waiting.add(wake);
  }
}

/** What carries a connection. */
export type Socket = Deno.TcpConn | Deno.TlsConn;

/** An answer in the making, as far as a connection must know it. */
export interface Exchange {
  /**
   * Writes something that means nothing, so that the system of a client that is gone says so.
   *
   * @returns Whether there was something that could be written.
   */
  probe(): boolean;
  /** Whether the whole request has been read. */
  isWhole(): boolean;
  /** The connection is closed. */
  gone(): void;
}

/** One client's connection. */
export class Connection extends Duplex {
  /** The client's address. */
  readonly remoteAddress: string;
  readonly #socket: Socket;
  readonly #shared: ReadAhead;
  readonly #exchanges = new Set<Exchange>();
  /** Read, but not asked for yet. */
  #ahead: Uint8Array[] = [];
  #aheadBytes = 0;
  /** Bytes that were given to the parser, and blocks with the number of bytes at which each ends. */
  #handedOut = 0;
  #full: { block: Uint8Array<ArrayBuffer>; end: number }[] = [];
  #isWanted = false;
  #hasEnded = false;
  #isLast = false;
  #onConsumed = () => {};
  #timer: ReturnType<typeof setTimeout> | undefined;
  #probing: ReturnType<typeof setTimeout> | undefined;
  /** Whether the parser keeps what it was given. */
  #isKept = false;
  /** Whether bytes came since it was last at rest. */
  #hasBegun = true;

  constructor(socket: Socket, shared: ReadAhead) {
    super({ readableHighWaterMark: HANDED_BYTES });
    this.remoteAddress = socket.remoteAddr.hostname;
    this.#socket = socket;
    this.#shared = shared;
    if ("setNoDelay" in socket) socket.setNoDelay(true);
    this.#expectBy(HEADERS_MS);
    // A request that ends in the middle will not be answered.
    this.once("end", () => {
      if (![...this.#exchanges].every((exchange) => exchange.isWhole())) this.destroy();
    });
    void this.#readOn();
  }

  /** Whether no request is being answered. */
  get isResting(): boolean {
    return this.#exchanges.size === 0;
  }

  /** A request has come. */
  begin(exchange: Exchange): void {
    this.#exchanges.add(exchange);
    clearTimeout(this.#timer);
    if (this.#hasEnded) this.#probe(FIRST_PROBE_MS);
  }

  /** It speaks another protocol from now on, whose parser keeps the bytes of a message until that is whole. */
  switchTo(exchange: Exchange): void {
    this.#isKept = true;
    this.#full = [];
    this.begin(exchange);
  }

  /** Its answer is written, or nobody waits for it any more. */
  finish(exchange: Exchange): void {
    this.#exchanges.delete(exchange);
    if (!this.isResting || this.destroyed) return;
    clearTimeout(this.#probing);
    this.#full = [];
    this.#hasBegun = this.#ahead.length > 0;
    this.#expectBy(this.#hasBegun ? HEADERS_MS : KEPT_MS);
    if (this.#isLast) this.destroySoon();
  }

  /** Closes it after the answer that is being written. */
  endSoon(): void {
    this.#isLast = true;
    if (this.isResting) this.destroy();
  }

  /** Closes it when all is written. `node:http` asks for this after an answer that is the last. */
  destroySoon(): void {
    this.end(() => this.destroy());
  }

  /** What `node:http` would like to be told of its own time limits; ours suffice, but it closes what has no such method. */
  setTimeout(): this {
    return this;
  }

  #expectBy(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.destroy(), milliseconds);
  }

  async #readOn(): Promise<void> {
    let block = new Uint8Array(BLOCK_BYTES);
    let used = 0;
    try {
      while (!this.destroyed) {
        if (!this.#shared.allows(this.#aheadBytes)) {
          await this.#room();
          continue;
        }
        if (used === block.length) {
          if (!this.#isKept) this.#full.push({ block, end: this.#handedOut + this.#aheadBytes });
          [block, used] = [this.#emptyBlock(), 0];
        }
        const count = await this.#socket.read(block.subarray(used));
        if (count === null) return this.#onEnd();
        this.#onBytes(block.subarray(used, used + count));
        used += count;
      }
    } catch {
      // Reset by the client, or closed here.
      this.destroy();
    }
  }

  /** A block whose bytes the parser has read (that of HTTP keeps none), or a new one: a long upload leaves no garbage. */
  #emptyBlock(): Uint8Array<ArrayBuffer> {
    const first = this.#isKept ? undefined : this.#full[0];
    if (!first || first.end > this.#handedOut - this.readableLength) return new Uint8Array(BLOCK_BYTES);
    this.#full.shift();
    return first.block;
  }

  async #room(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onConsumed = resolve;
    this.#shared.onRoom(resolve);
    await promise;
  }

  #onBytes(bytes: Uint8Array): void {
    if (!this.#hasBegun && this.isResting) this.#expectBy(HEADERS_MS);
    this.#hasBegun = true;
    const last = this.#ahead.at(-1);
    const isNext = last?.buffer === bytes.buffer && last.byteOffset + last.length === bytes.byteOffset;
    // One piece a block: a client that sends single bytes costs no more than their number.
    if (last && isNext) {
      this.#ahead[this.#ahead.length - 1] = new Uint8Array(
        last.buffer,
        last.byteOffset,
        last.length + bytes.length,
      );
    } else this.#ahead.push(bytes);
    this.#count(bytes.length);
    this.#handOut();
  }

  #count(bytes: number): void {
    this.#aheadBytes += bytes;
    this.#shared.take(bytes);
    if (bytes < 0) this.#onConsumed();
  }

  #handOut(): void {
    while (this.#isWanted && !this.destroyed) {
      const piece = this.#ahead.shift();
      if (!piece) break;
      this.#count(-piece.length);
      this.#handedOut += piece.length;
      this.#isWanted = this.push(piece);
    }
    if (this.#hasEnded && this.#ahead.length === 0) this.push(null);
  }

  /** The client sends no more. It may be gone, or have closed one direction only and wait for its answer. */
  #onEnd(): void {
    this.#hasEnded = true;
    this.#handOut();
    if (!this.isResting) this.#probe(FIRST_PROBE_MS);
  }

  #probe(milliseconds: number): void {
    clearTimeout(this.#probing);
    this.#probing = setTimeout(() => {
      const [exchange] = this.#exchanges;
      if (!exchange) return;
      if (exchange.probe()) this.#probe(2 * milliseconds);
      else this.destroy();
    }, milliseconds);
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const unread = setTimeout(() => this.destroy(), UNREAD_MS);
      try {
        at += await this.#socket.write(bytes.subarray(at));
      } finally {
        clearTimeout(unread);
      }
    }
  }

  override _read(): void {
    this.#isWanted = true;
    this.#handOut();
  }

  override _write(bytes: Uint8Array, _encoding: string, done: () => void): void {
    this.#writeAll(bytes).catch(() => this.destroy()).finally(done);
  }

  override _final(done: () => void): void {
    this.#socket.closeWrite().catch(() => {}).finally(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#probing);
    this.#ahead = [];
    this.#full = [];
    this.#count(-this.#aheadBytes);
    for (const exchange of this.#exchanges) exchange.gone();
    this.#exchanges.clear();
    try {
      this.#socket.close();
    } catch {
      // It is closed already.
    }
    done(error);
  }
}
