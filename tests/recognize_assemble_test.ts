import { assertEquals } from "@std/assert";
import { continued, finishedPart, heardSeconds } from "../lib/cli/partial.ts";
import type { ChunkResult, Transcript } from "../lib/transcript.ts";
import { transcriptOf } from "./support/output_samples.ts";

/** Chunks of ten seconds from a place on: a text, a doubted text ("?"), or none because of an abort. */
function transcriptFrom(startSeconds: number, texts: (string | undefined)[]): Transcript {
  const [model] = transcriptOf([]).chunks;
  const chunks = texts.map((text, index): ChunkResult => {
    const start = startSeconds + 10 * index;
    const reasons = text === undefined ? ["It was aborted."] : text.endsWith("?") ? ["It sounds odd."] : [];
    return {
      ...model!,
      index,
      startSeconds: start,
      endSeconds: start + 10,
      text: text ?? "Cut",
      finishReason: text === undefined ? "cancelled" : text.includes("!") ? "length" : "stop",
      coverage: {
        speechSeconds: 8,
        tokensPerSecond: index + 1,
        verdict: reasons.length > 0 ? "suspect" : "complete",
        reasons,
      },
    };
  });
  const segments = chunks.map(({ startSeconds, endSeconds, text }) => ({
    ...{ startSeconds, endSeconds, text, language: "English" },
    timing: "estimated" as const,
  }));
  return { ...transcriptOf(segments), chunks, partial: texts.includes(undefined), durationSeconds: 50 };
}

Deno.test("an interrupted transcript speaks for its finished chunks, and says where it ends", () => {
  const part = finishedPart(transcriptFrom(0, ["One.", "Two!", undefined, undefined]));
  assertEquals([part.text, part.partial, part.truncated], ["One. Two!", true, true]);
  assertEquals(part.segments.map(({ text }) => text), ["One.", "Two!"]);
  assertEquals(part.chunks.map(({ finishReason }) => finishReason), ["stop", "length", "cancelled"]);
  assertEquals(heardSeconds(part), 20);
  assertEquals(part.coverage.reasons, ["Chunk 2: It was aborted."]);
});

Deno.test("a resumed transcript has one verdict over its chunks, under the numbers they have in it", () => {
  const before = finishedPart(transcriptFrom(0, ["One?", "Two.", undefined]));
  const whole = continued(before, transcriptFrom(20, ["Three.", "Four?"]));
  assertEquals([whole.text, whole.partial, whole.durationSeconds], ["One? Two. Three. Four?", false, 50]);
  assertEquals(whole.chunks.map(({ index }) => index), [0, 1, 2, 3]);
  assertEquals(whole.coverage, {
    speechSeconds: 4 * 8,
    tokensPerSecond: (1 + 2 + 1 + 2) / 4,
    verdict: "suspect",
    reasons: ["Chunk 0: It sounds odd.", "Chunk 3: It sounds odd."],
  });
});
