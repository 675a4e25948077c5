import { assert, assertEquals, assertRejects } from "@std/assert";
import { ForcedAligner, OptionError, Qwen3ASR } from "../mod.ts";
import { alignedRecordings, spreadOf } from "./support/aligned_recordings.ts";
import { longRecording, recordingPath } from "./support/demo_files.ts";

Deno.test("the demo aligner times every word as the reference does, or mends what cannot be", async () => {
  using aligner = await ForcedAligner.load("demo");
  const starts: number[] = [], ends: number[] = [];
  let repaired = 0;
  for (const { path, language, text, words, reference } of (await alignedRecordings()).slice(0, 12)) {
    const found = await aligner.align(path, text, { language });
    assertEquals(found.map((word) => word.text).join(" "), text);
    assertEquals(found.length, words.length);
    for (const [index, { startSeconds, endSeconds, timing }] of found.entries()) {
      starts.push(1000 * (startSeconds - words[index]!.startSeconds));
      ends.push(1000 * (endSeconds - words[index]!.endSeconds));
      const { start, end } = reference[index]!;
      if (timing === "aligned") assertEquals([startSeconds, endSeconds], [start, end]);
      else {
        repaired++;
        assertEquals(start, end);
      }
    }
  }
  assertEquals([starts.length, repaired], [172, 2]);
  for (const { median, p95, within80 } of [spreadOf(starts), spreadOf(ends)]) {
    assert(median <= 24.5 && p95 <= 62.5 && within80 >= 0.988, `${median} ms, ${p95} ms, ${within80}`);
  }
});

Deno.test("ForcedAligner.align() takes a caller's own words, and gives them back", async () => {
  using aligner = await ForcedAligner.load("demo");
  const path = recordingPath("dev-01-en.wav");
  const own = await aligner.align(path, ["I see", "ten", "yellow windows."], { language: "en" });
  const all = await aligner.align(path, "I see ten yellow windows.", { language: "en" });
  assertEquals(own.map(({ text }) => text), ["I see", "ten", "yellow windows."]);
  assert(own.every(({ startSeconds, endSeconds }) => endSeconds > startSeconds));
  assertEquals(all.length, 5);
});

Deno.test("ForcedAligner.align() refuses languages it does not know, and what one pass cannot reach", async () => {
  using aligner = await ForcedAligner.load("demo");
  assertEquals(aligner.longestSeconds, 60);
  await assertRejects(
    () => aligner.align(recordingPath("dev-01-en.wav"), "สวัสดี", { language: "Thai" }),
    OptionError,
    "does not know Thai, only Chinese, English",
  );
  await assertRejects(
    () => aligner.align(new Float32Array(61 * 16_000), "Hello.", { language: "en" }),
    OptionError,
    "longer than the aligner's 60 s",
  );
});

Deno.test("ForcedAligner.align() of a long recording finds every sentence, and marks what nobody said", async () => {
  await using recognizer = await Qwen3ASR.load("demo", { aligner: false });
  using aligner = await ForcedAligner.load("demo");
  const { path, sentences } = await longRecording();
  const unsaid = "Colorless green ideas sleep furiously.";
  const texts = sentences.map(({ text }) => text).toSpliced(10, 0, unsaid);
  const words = await aligner.align(path, texts.join(" "), { language: "en", recognizer });
  assertEquals(words.map(({ text }) => text).join(" "), texts.join(" "));
  const errors: number[] = [];
  let at = 0, clock = 0;
  for (const [index, text] of texts.entries()) {
    const own = words.slice(at, at += text.split(" ").length);
    if (text === unsaid) assert(own.every(({ timing }) => timing === "unmatched"));
    else if (own[0]!.timing !== "unmatched") {
      errors.push(own[0]!.startSeconds - sentences[index < 10 ? index : index - 1]!.startSeconds);
    }
    for (const { startSeconds, endSeconds } of own) {
      assert(startSeconds >= clock && endSeconds >= startSeconds);
      clock = endSeconds;
    }
  }
  const { median, within80 } = spreadOf(errors.map((seconds) => 1000 * seconds));
  assert(
    errors.length >= 31 && median <= 40 && within80 >= 0.9,
    `${errors.length}, ${median} ms, ${within80}`,
  );
});
