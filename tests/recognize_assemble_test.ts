import { assert, assertEquals } from "@std/assert";
import {
  type Finished,
  finishedChunks,
  finishedPart,
  heardSeconds,
} from "../lib/recognize/long_form/resume.ts";
import type { ChunkResult, Transcript } from "../lib/transcript.ts";
import { Qwen3ASR } from "../mod.ts";
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

Deno.test("of an interrupted transcript stands what the plan cuts alike, up to the first difference", () => {
  const before = finishedPart(transcriptFrom(5, ["One.", "Two.", undefined]));
  const plan = [0, 10, 20, 30].map((start, index) => ({
    index,
    startSample: start * 16_000,
    endSample: (start + 10) * 16_000,
    kind: "audio" as const,
  }));
  const texts = ({ chunks, segments }: Finished) =>
    [chunks, segments].map((of) => of.map(({ text }) => text));
  assertEquals(texts(finishedChunks(before, plan, 5)), [["One.", "Two."], ["One.", "Two."]]);
  assertEquals(texts(finishedChunks(before, plan, 0)), [[], []]);
  plan[1]!.endSample--;
  assertEquals(texts(finishedChunks(before, plan, 5)), [["One."], ["One."]]);
});

Deno.test("transcribe() goes on with an interrupted transcript as if nothing had been", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const path = "demo/recordings/long-en.wav";
  // Cut from 18 s on, the recording would be cut 30 ms elsewhere, and one word would be another.
  const options = { chunkSeconds: 12, batchSize: 1, timestamps: "word" as const };
  const whole = await asr.transcribe(path, options);
  for (const chunks of [3, 20]) {
    const abort = new AbortController();
    let [told, left] = [0, 0];
    const part = await asr.transcribe(path, {
      ...options,
      signal: abort.signal,
      onAbort: "partial",
      onProgress: ({ type }) => void (type === "chunk" && ++told === chunks && abort.abort()),
    });
    assertEquals(part.partial, true);
    let rest = "";
    // As it comes out of a journal.
    const resumed = await asr.transcribe(path, {
      ...options,
      resume: JSON.parse(JSON.stringify(part)),
      onProgress: (event) => {
        if (event.type === "start") left = event.chunks;
        if (event.type === "delta") rest += event.text;
      },
    });
    const { stats: _, ...rest1 } = resumed, { stats: __, ...rest2 } = whole;
    assertEquals(rest1, rest2);
    assert(left > 0 && left <= whole.chunks.length - chunks, `${left}`);
    assert(whole.text.endsWith(rest) && rest.length < whole.text.length, rest);
  }
});
