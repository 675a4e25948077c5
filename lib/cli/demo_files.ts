/**
 * The recordings that come with this program.
 *
 * @module
 */
import { fromFileUrl } from "@std/path";

/** A recording of 4 s and what is said in it. */
export const SHORT_RECORDING = {
  file: "dev-00-en.wav",
  text: "The train leaves at ten on Thursday.",
} as const;

/** A recording of 102 s. */
export const LONG_RECORDING = "long-en.wav";

/** Path of a recording of the demo, or `undefined` where this program was loaded from the network. */
export function demoRecording(file: string): string | undefined {
  const url = new URL(`../../demo/recordings/${file}`, import.meta.url);
  return url.protocol === "file:" ? fromFileUrl(url) : undefined;
}
