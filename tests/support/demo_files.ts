/**
 * The demo's recordings with their texts.
 *
 * @module
 */
import { join } from "@std/path";
import { decodeWav } from "../../lib/audio/wav.ts";

const DEMO = join(import.meta.dirname!, "..", "..", "demo");

/** A recording of demo/refs.tsv. */
export interface Recording {
  path: string;
  language: string;
  text: string;
}

/** Path of a recording by file name. */
export function recordingPath(name: string): string {
  return join(DEMO, "recordings", name);
}

/** All recordings with their texts. */
export async function recordings(): Promise<Recording[]> {
  const lines = (await Deno.readTextFile(join(DEMO, "refs.tsv"))).trim().split("\n").slice(1);
  return lines.map((line) => {
    const [file, language, text] = line.split("\t") as [string, string, string];
    return { path: recordingPath(file), language, text };
  });
}

/** The long recording: its text, and the true start and end of each sentence. */
export async function longRecording(): Promise<{
  path: string;
  text: string;
  sentences: { startSeconds: number; endSeconds: number; text: string }[];
}> {
  const { path, text } = (await recordings()).find((one) => one.path.endsWith("long-en.wav"))!;
  const lines = (await Deno.readTextFile(join(DEMO, "long-en.tsv"))).trim().split("\n").slice(1);
  const sentences = lines.map((line) => {
    const [start, end, sentence] = line.split("\t") as [string, string, string];
    return { startSeconds: Number(start), endSeconds: Number(end), text: sentence };
  });
  return { path, text, sentences };
}

/** 16 kHz mono samples of a recording. */
export async function samplesOf(path: string): Promise<Float32Array> {
  return decodeWav(await Deno.readFile(path)).interleaved;
}
