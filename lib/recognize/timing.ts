/**
 * Where the time of a call goes.
 *
 * @module
 */
import type { TranscriptStats } from "../transcript.ts";

/** A finished stage, for profiles: times are milliseconds since the process started (`performance.now()`). */
export interface StageSpan {
  /** Its stage. */
  name: "audio" | "vad" | "mel" | "encoder" | "prefill" | "decode" | "align";
  /** When it began. */
  startMs: number;
  /** How long it took. */
  durationMs: number;
  /** e.g. which chunk. */
  detail: Readonly<Record<string, number>>;
}

const SUMS = [
  "audioMs",
  "vadMs",
  "melMs",
  "encoderMs",
  "prefillMs",
  "decodeMs",
  "alignMs",
  "hostMs",
  "audioTokens",
  "promptTokens",
  "generatedTokens",
  "decodeSteps",
] as const;

/** Sums per stage while a call runs. */
export class Timing {
  audioMs = 0;
  vadMs = 0;
  melMs = 0;
  encoderMs = 0;
  prefillMs = 0;
  decodeMs = 0;
  alignMs = 0;
  hostMs = 0;
  audioTokens = 0;
  promptTokens = 0;
  generatedTokens = 0;
  decodeSteps = 0;
  readonly startedMs: number = performance.now();
  /** Every stage by itself; only kept on request. */
  readonly spans: StageSpan[] | undefined;

  constructor(options: { keepSpans?: boolean } = {}) {
    this.spans = options.keepSpans ? [] : undefined;
  }

  /** Books a stage that began at `startMs` (`performance.now()`). */
  book(name: StageSpan["name"], startMs: number, detail: StageSpan["detail"] = {}): void {
    const durationMs = performance.now() - startMs;
    this[`${name}Ms`] += durationMs;
    this.spans?.push({ name, startMs, durationMs, detail });
  }

  /** Adds the sums of a part of the call that was timed by itself. */
  add(part: Timing): void {
    for (const name of SUMS) this[name] += part[name];
  }

  /** The figures of a finished call. */
  stats(durationSeconds: number, peakMemoryBytes: number): TranscriptStats {
    const totalMs = performance.now() - this.startedMs;
    return {
      audioMs: this.audioMs,
      melMs: this.melMs,
      encoderMs: this.encoderMs,
      prefillMs: this.prefillMs,
      decodeMs: this.decodeMs,
      totalMs,
      hostMs: this.hostMs,
      audioTokens: this.audioTokens,
      promptTokens: this.promptTokens,
      generatedTokens: this.generatedTokens,
      decodeSteps: this.decodeSteps,
      tokensPerSecond: this.decodeMs > 0 ? this.generatedTokens / this.decodeMs * 1000 : 0,
      realTimeFactor: durationSeconds > 0 ? totalMs / 1000 / durationSeconds : 0,
      peakMemoryBytes,
      vadMs: this.vadMs,
      alignMs: this.alignMs,
    };
  }
}
