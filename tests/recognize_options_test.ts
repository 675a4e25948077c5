import { assert, assertEquals, assertRejects } from "@std/assert";
import { liveHandles } from "../ffi/mod.ts";
import { AudioError, OptionError, Qwen3ASR, type TranscribeOptions } from "../mod.ts";
import { recordingPath, samplesOf } from "./support/demo_files.ts";

Deno.test("options that cannot be used are refused in one sentence that names them", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const samples = new Float32Array(16_000);
  const wrong: Record<string, TranscribeOptions> = {
    "sampling.temperature": { sampling: { temperature: NaN } },
    "sampling.temperature -1": { sampling: { temperature: -1 } },
    "sampling.seed 0.5": { sampling: { seed: 0.5 } },
    "sampling.seed -1": { sampling: { seed: -1 } },
    "sampling.seed 4294967296": { sampling: { seed: 2 ** 32 } },
    "sampling.maxTokens 0": { sampling: { maxTokens: 0 } },
    "batchSize Infinity": { batchSize: Infinity },
    "chunkSeconds 0.5": { chunkSeconds: 0.5 },
    'chunking "pause"': { chunking: "pause" as "pauses" },
    'onAbort "return"': { onAbort: "return" as "partial" },
    "range.startSeconds": { range: { startSeconds: -1 } },
  };
  for (const [name, options] of Object.entries(wrong)) {
    const error = await assertRejects(() => asr.transcribeSamples(samples, options), OptionError, name);
    assert(/^[A-Z"].*\.$/.test(error.message) && !error.message.includes("\n"), error.message);
  }
});

const LARGEST_SEED = 2 ** 32 - 1;

Deno.test("the largest options that can be used are used", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const path = recordingPath("dev-01-en.wav");
  const options: TranscribeOptions[] = [
    { batchSize: 1e9 },
    { chunkSeconds: 1e9 },
    { hotwords: [] },
    { language: "auto" },
    { language: " " },
    { chunking: "official" },
    { sampling: { temperature: 1e-300 } },
    { sampling: { temperature: 1e-6, seed: LARGEST_SEED } },
  ];
  for (const option of options) {
    const { text, language } = await asr.transcribe(path, option);
    assertEquals([text, language], ["I see ten yellow windows.", "English"], JSON.stringify(option));
  }
  const draw = async (seed: number) =>
    (await asr.transcribe(path, { rescue: false, sampling: { temperature: 3, seed } })).text;
  assertEquals(await draw(LARGEST_SEED), await draw(LARGEST_SEED));
  assert(await draw(LARGEST_SEED) !== await draw(LARGEST_SEED - 1));
});

Deno.test("clips of any length down to nothing get an answer", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const handles = liveHandles();
  const speech = await samplesOf(recordingPath("dev-01-en.wav"));
  for (const length of [1, 100, 160, 199, 200, 201, 320, 400, 16_000, 16_159, 16_160, 32_000]) {
    for (const chunking of ["pauses", "official"] as const) {
      const transcript = await asr.transcribeSamples(speech.slice(8_000, 8_000 + length), { chunking });
      assertEquals(transcript.durationSeconds, length / 16_000);
      assert(transcript.chunks.every(({ finishReason }) => finishReason !== "error"), `${length} samples`);
      if (length < 1000) {
        assert(transcript.text === "" || transcript.coverage.verdict === "suspect", `${length}`);
      }
    }
  }
  assertEquals(liveHandles(), handles);
  await assertRejects(() => asr.transcribeSamples(new Float32Array(1000).fill(NaN)), AudioError, "NaN");
  await assertRejects(() => asr.transcribeSamples(new Float32Array(0)), AudioError, "no samples");
});
