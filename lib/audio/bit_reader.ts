/**
 * Bits of a byte stream, the high one of each byte first.
 *
 * @module
 */

/** More bits were asked for than there are. */
export class OutOfBits extends Error {
  override name = "OutOfBits";
}

/** Reads numbers of some bits. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #position: number;

  constructor(bytes: Uint8Array, firstByte = 0) {
    this.#bytes = bytes;
    this.#position = firstByte * 8;
  }

  /** Bytes passed, the one that was begun included. */
  get bytePosition(): number {
    return Math.ceil(this.#position / 8);
  }

  /** 32 bits from the byte of the current position on; zeros behind the end. */
  #word(): number {
    const at = this.#position >>> 3;
    const bytes = this.#bytes;
    return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }

  #advance(bits: number): void {
    this.#position += bits;
    if (this.#position > this.#bytes.length * 8) throw new OutOfBits();
  }

  /** An unsigned number of up to 32 bits. */
  unsigned(bits: number): number {
    if (bits > 25) return this.unsigned(bits - 16) * 65536 + this.unsigned(16);
    if (bits === 0) return 0;
    const value = (this.#word() << (this.#position & 7)) >>> (32 - bits);
    this.#advance(bits);
    return value;
  }

  /** A number in two's complement of 1 to 33 bits. */
  signed(bits: number): number {
    const isNegative = this.unsigned(1) === 1;
    const rest = this.unsigned(bits - 1);
    return isNegative ? rest - 2 ** (bits - 1) : rest;
  }

  /** The number of zeros before the next one; the one is passed too. */
  unary(): number {
    for (let zeros = 0;;) {
      const used = this.#position & 7;
      const word = this.#word() << used;
      if (word !== 0) {
        const run = Math.clz32(word);
        this.#advance(run + 1);
        return zeros + run;
      }
      zeros += 32 - used;
      this.#advance(32 - used);
    }
  }

  /** Goes to the next whole byte. */
  align(): void {
    this.#position = this.bytePosition * 8;
  }
}
