/**
 * The spelling of bytes in byte-level vocabularies (GPT-2): printable Latin-1 stands for itself, the other
 * 68 bytes for the characters from U+0100 on, so that every token is readable text without spaces.
 *
 * @module
 */

function isPrintable(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

function bytesByCharacter(): Map<string, number> {
  const bytes = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    bytes.set(String.fromCharCode(isPrintable(byte) ? byte : next++), byte);
  }
  return bytes;
}

const BYTES = bytesByCharacter();

/** Bytes that a token of the base vocabulary stands for; a character outside the alphabet counts as UTF-8. */
export function tokenBytes(token: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of token) {
    const byte = BYTES.get(character);
    if (byte === undefined) bytes.push(...new TextEncoder().encode(character));
    else bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}
