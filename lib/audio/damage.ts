/**
 * What decoders have to say about damage.
 *
 * @module
 */
import type { Warning } from "../transcript.ts";

/** A warning about damage; with its place, where that is known. */
export function damage(message: string, place: { startSeconds?: number; endSeconds?: number } = {}): Warning {
  return { code: "audio-damaged", ...place, message };
}
