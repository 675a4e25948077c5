/**
 * Recordings with the true time of every word, and how far times are from it.
 *
 * @module
 */
import { join } from "@std/path";
import { fixtures } from "./fixtures.ts";

/** A recording of tests/fixtures/aligned. */
export interface AlignedRecording {
  path: string;
  language: string;
  text: string;
  /** As the official rule splits them, with their true times. */
  words: { word: string; startSeconds: number; endSeconds: number }[];
  /** What the reference says with the 8-bit weights, after its repair. */
  reference: { text: string; start: number; end: number }[];
}

async function rowsOf(path: string): Promise<string[][]> {
  const text = await Deno.readTextFile(path);
  return text.trimEnd().split("\n").slice(1).map((line) => line.split("\t"));
}

/** The twelve recordings of 2 to 11 s, and the one of 59 s last. */
export async function alignedRecordings(): Promise<AlignedRecording[]> {
  const folder = join(await fixtures(), "aligned");
  const times = await rowsOf(join(folder, "words.tsv"));
  const reference = JSON.parse(await Deno.readTextFile(join(folder, "reference.json")));
  return (await rowsOf(join(folder, "texts.tsv"))).map(([file = "", language = "", text = ""]) => ({
    path: join(folder, file),
    language,
    text,
    words: times.filter(([of]) => of === file).map(([, , word = "", start, end]) => ({
      word,
      startSeconds: Number(start),
      endSeconds: Number(end),
    })),
    reference: reference.files[file]["8bit"].items,
  }));
}

/** Errors in milliseconds: middle, the one that 95 % stay below, and the part within a step of 80 ms. */
export function spreadOf(errorsMs: readonly number[]): { median: number; p95: number; within80: number } {
  const sorted = errorsMs.map(Math.abs).sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!;
  return {
    median: at(0.5),
    p95: at(0.95),
    within80: sorted.filter((error) => error <= 80).length / sorted.length,
  };
}
