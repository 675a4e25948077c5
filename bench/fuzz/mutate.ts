/**
 * Seeded damage to valid inputs: the same seed makes the same bytes.
 *
 * @module
 */

/** Random numbers of a seed (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number below `bound`. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 * bound);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}

/** One number for a run's seed, a target and an input, so that any input can be made alone. */
export function seedOf(seed: number, target: string, input: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (const char of `${target}:${input}`) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193);
  return hash >>> 0;
}

/** Largest input: mutations may repeat parts. */
const MAX_BYTES = 256 * 1024;

/** Where parsers break: lengths at their limits, signs, quotes, ends of lines. */
const WORDS: readonly Uint8Array<ArrayBuffer>[] = [
  [0, 0, 0, 0],
  [0xff, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0x7f],
  [0x7f, 0xff, 0xff, 0xff],
  [0, 0, 0, 0x80],
  [1, 0, 0, 0],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
  [0xef, 0xbb, 0xbf],
].map((bytes) => Uint8Array.from(bytes));
const TEXTS: readonly Uint8Array<ArrayBuffer>[] = [
  '"',
  "\\u0000",
  "\r\n",
  "\r\n\r\n",
  "--",
  "null",
  "-1",
  "0",
  "1e999",
  "1e-9",
  "9007199254740993",
  "[]",
  "{}",
  '{"a":',
  "[[[[[[[[",
  "__proto__",
  "constructor",
  "toString",
  "𝄞",
  "\u202e",
  ",",
  ":",
  "a".repeat(300),
].map((text) => new TextEncoder().encode(text));

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Math.min(MAX_BYTES, parts.reduce((sum, part) => sum + part.length, 0)));
  let at = 0;
  for (const part of parts) {
    const fitting = part.subarray(0, bytes.length - at);
    bytes.set(fitting, at);
    at += fitting.length;
  }
  return bytes;
}

type Mutation = (bytes: Uint8Array, random: Random, other: Uint8Array) => Uint8Array<ArrayBuffer>;

function placed(
  bytes: Uint8Array,
  random: Random,
  change: (at: number) => Uint8Array[],
): Uint8Array<ArrayBuffer> {
  // Headers are at the beginning: half of the damage goes there.
  const range = random.below(2) === 0 ? Math.min(bytes.length, 64) : bytes.length;
  return joined(...change(random.below(range + 1)));
}

const overwrite = (bytes: Uint8Array, random: Random, word: Uint8Array) =>
  placed(bytes, random, (at) => [bytes.subarray(0, at), word, bytes.subarray(at + word.length)]);

const insert = (bytes: Uint8Array, random: Random, word: Uint8Array) =>
  placed(bytes, random, (at) => [bytes.subarray(0, at), word, bytes.subarray(at)]);

const MUTATIONS: readonly Mutation[] = [
  // One bit, one byte.
  (bytes, random) =>
    overwrite(bytes, random, Uint8Array.of((bytes[random.below(bytes.length)] ?? 0) ^ 1 << random.below(8))),
  (bytes, random) => overwrite(bytes, random, Uint8Array.of(random.below(256))),
  // A number or text at its limit.
  (bytes, random) => overwrite(bytes, random, random.pick(WORDS)),
  (bytes, random) => insert(bytes, random, random.pick(WORDS)),
  (bytes, random) => overwrite(bytes, random, random.pick(TEXTS)),
  (bytes, random) => insert(bytes, random, random.pick(TEXTS)),
  // Cut off, a hole, a piece twice, a piece many times, noise.
  (bytes, random) => joined(bytes.subarray(0, random.below(bytes.length + 1))),
  (bytes, random) =>
    placed(bytes, random, (at) => [bytes.subarray(0, at), bytes.subarray(at + random.below(64))]),
  (bytes, random) =>
    placed(bytes, random, (at) => [bytes.subarray(0, at + random.below(200)), bytes.subarray(at)]),
  (bytes, random) =>
    placed(bytes, random, (at) => {
      const piece = bytes.subarray(at, at + 1 + random.below(32));
      return [
        bytes.subarray(0, at),
        ...Array.from({ length: random.below(500) }, () => piece),
        bytes.subarray(at),
      ];
    }),
  (bytes, random) =>
    overwrite(bytes, random, Uint8Array.from({ length: random.below(64) }, () => random.below(256))),
  // The beginning of this and the end of another.
  (bytes, random, other) =>
    placed(bytes, random, (at) => [bytes.subarray(0, at), other.subarray(random.below(other.length))]),
];

/** An input: one of the valid ones, damaged once to six times. */
export function mutated(seeds: readonly Uint8Array[], seed: number): Uint8Array<ArrayBuffer> {
  const random = new Random(seed);
  let bytes = joined(random.pick(seeds));
  for (let times = 1 + random.below(6); times > 0; times--) {
    bytes = random.pick(MUTATIONS)(bytes, random, random.pick(seeds));
  }
  return bytes;
}
