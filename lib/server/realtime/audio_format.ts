/**
 * The forms in which a client may send sound.
 *
 * @module
 */
import { asObject, asOneOf, refuse, shown } from "./fields.ts";
import { decodeG711 } from "./g711.ts";
import { RealtimeError } from "./realtime_error.ts";

/** 16-bit little-endian mono, or G.711. */
export type AudioFormat = { type: "audio/pcm"; rate: number } | { type: "audio/pcmu" } | {
  type: "audio/pcma";
};

/** What is meant by none. */
export const USUAL_FORMAT: AudioFormat = { type: "audio/pcm", rate: 24_000 };

const TYPES = ["audio/pcm", "audio/pcmu", "audio/pcma"] as const;
/** OpenAI's own is 24 kHz; what microphones and telephones give needs no resampling by the client. */
const RATES: readonly unknown[] = [16_000, 24_000, 48_000];
const G711_RATE = 8_000;

/** @throws {RealtimeError} When it is none of them. */
export function audioFormatOf(param: string, value: unknown): AudioFormat {
  const format = asObject(param, value, ["type", "rate"]);
  const type = asOneOf(`${param}.type`, format["type"], TYPES);
  const rate = format["rate"] ?? undefined;
  if (type !== "audio/pcm") {
    if (rate !== undefined && rate !== G711_RATE) {
      refuse(`${param}.rate`, `${type} is always at ${G711_RATE} Hz.`);
    }
    return { type };
  }
  if (rate === undefined) return USUAL_FORMAT;
  if (typeof rate === "number" && RATES.includes(rate)) return { type, rate };
  return refuse(`${param}.rate`, `${param}.rate is ${shown(rate)}, expected one of ${RATES.join(", ")}.`);
}

/** Samples a second. */
export function rateOf(format: AudioFormat): number {
  return format.type === "audio/pcm" ? format.rate : G711_RATE;
}

/** Sound is counted in these, whatever its rate: they are whole for all of them. */
export const TICKS_PER_SECOND = 48_000;

/** How long samples are. */
export function ticksOf(format: AudioFormat, samples: Int16Array): number {
  return samples.length * (TICKS_PER_SECOND / rateOf(format));
}

/** Turns what a client appends into samples. A sample may be cut in two by the ends of its messages. */
export class AudioDecoder {
  readonly #format: AudioFormat;
  /** The first half of a sample. */
  #half: number | undefined;

  constructor(format: AudioFormat) {
    this.#format = format;
  }

  /**
   * Samples of a message.
   *
   * @throws {RealtimeError} When it is not base64.
   */
  decode(base64: string): Int16Array {
    const bytes = bytesOf(base64);
    if (this.#format.type === "audio/pcmu") return decodeG711("pcmu", bytes);
    if (this.#format.type === "audio/pcma") return decodeG711("pcma", bytes);
    const first = this.#half === undefined ? 0 : 1;
    const length = first + bytes.length;
    const whole = new Uint8Array(length - length % 2);
    if (this.#half !== undefined && whole.length > 0) whole[0] = this.#half;
    whole.set(bytes.subarray(0, Math.max(0, whole.length - first)), whole.length > 0 ? first : 0);
    if (length % 2 === 0) this.#half = undefined;
    else if (bytes.length > 0) this.#half = bytes.at(-1);
    return new Int16Array(whole.buffer);
  }
}

function bytesOf(base64: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(base64);
  } catch (cause) {
    throw new RealtimeError("invalid_audio", "audio is not base64.", { param: "audio", cause });
  }
}
