/**
 * Transcripts and seeded random texts for the tests of the writers.
 *
 * @module
 */
import type { Segment, Transcript } from "../../lib/transcript.ts";

/** A transcript around segments, with every field filled in. */
export function transcriptOf(segments: Segment[], more: Partial<Transcript> = {}): Transcript {
  const text = segments.map((segment) => segment.text).join(" ");
  const durationSeconds = segments.at(-1)?.endSeconds ?? 0;
  const coverage = {
    speechSeconds: durationSeconds,
    tokensPerSecond: 3,
    verdict: "complete",
    reasons: [],
  } as const;
  return {
    text,
    language: segments[0]?.language ?? "",
    durationSeconds,
    segments,
    chunks: [{
      index: 0,
      startSeconds: 0,
      endSeconds: durationSeconds,
      text,
      language: "English",
      rawText: `language English<asr_text>${text}`,
      tokens: [11, 22, 33],
      finishReason: "stop",
      coverage: { ...coverage, reasons: [] },
      rescues: [{
        reason: "Too few words.",
        action: "temperature",
        temperature: 0.4,
        rejectedText: "",
        accepted: true,
      }],
    }],
    coverage: { ...coverage, reasons: [] },
    truncated: false,
    partial: false,
    warnings: [],
    stats: {
      audioMs: 1,
      melMs: 2,
      encoderMs: 3,
      prefillMs: 4,
      decodeMs: 5,
      totalMs: 15,
      hostMs: 1,
      audioTokens: 13,
      promptTokens: 20,
      generatedTokens: 3,
      decodeSteps: 4,
      tokensPerSecond: 600,
      realTimeFactor: 0.015,
      peakMemoryBytes: 1000,
      vadMs: 1,
      alignMs: 0,
    },
    skipped: [],
    ...more,
  };
}

/** A segment, `aligned` unless told otherwise. */
export function segmentOf(
  startSeconds: number,
  endSeconds: number,
  text: string,
  more: Partial<Segment> = {},
): Segment {
  return { startSeconds, endSeconds, text, language: "English", timing: "aligned", ...more };
}

/** A generator of pseudorandom numbers in [0, 1) (mulberry32); the same seed gives the same numbers. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const LETTERS = {
  latin: "abcdefghijklmnopqrstuvwxyzäöüßéñ".split(""),
  cjk: "的一是不了人我在有他这中大来上国字幕音声認識テスト语言モデルーっゃ".split(""),
  arabic: "ابتثجحخدذرزسشصضطظعغفقكلمنهوي".split(""),
  emoji: ["😀", "👨‍👩‍👧‍👦", "🇩🇪", "👍🏽", "1️⃣", "é", "क्षि"],
  nasty: [
    "<b>",
    "{\\an8}",
    "-->",
    "&",
    "\\N",
    "}",
    "\t",
    "\n\n",
    "\u0000",
    "\u00a0",
    "1",
    "NOTE",
    "\u200b",
    "،",
  ],
};
const MARKS = [".", ",", "!", "?", ";", ":", "。", "，", "！", "、", "」", ")", "…", "؟"];
export type Script = keyof typeof LETTERS | "long" | "mixed";

/** A text of about `length` characters with punctuation: unlike any speech, but valid Unicode. */
export function randomText(random: () => number, script: Script, length: number): string {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const scripts = Object.keys(LETTERS) as (keyof typeof LETTERS)[];
  let text = "";
  while (text.length < length) {
    const from = script === "mixed" ? pick(scripts) : script === "long" ? "latin" : script;
    const letters = script === "long" ? 20 + random() * 200 : 1 + random() * 9;
    for (let k = 0; k < letters; k++) text += pick(LETTERS[from]);
    if (random() < 0.2) text += pick(MARKS);
    if (from !== "cjk" || random() < 0.1) text += " ";
  }
  return text;
}

/** Consecutive segments at the speed of ordinary speech, with a pause between some of them. */
export function randomSegments(random: () => number, script: Script, timing: Segment["timing"]): Segment[] {
  let clock = random() * 3;
  return Array.from({ length: 1 + Math.floor(random() * 6) }, () => {
    const text = randomText(random, script, 5 + random() * 300);
    const startSeconds = clock;
    const endSeconds = startSeconds + Math.max(1, text.length / (script === "cjk" ? 5 : 14));
    clock = endSeconds + (random() < 0.5 ? 0 : random() * 2);
    return { startSeconds, endSeconds, text, language: "", timing };
  });
}
