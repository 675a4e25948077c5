/**
 * Context and hot words have a budget in tokens, checked before anything is computed; a long prompt takes its room from
 * the batch.
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { peakMemory, resetPeakMemory } from "../ffi/mod.ts";
import { OptionError } from "../lib/errors.ts";
import { loadFolder } from "../lib/load_folder.ts";
import { Qwen3ASR } from "../lib/qwen3_asr.ts";
import { Engine } from "../lib/recognize/engine.ts";
import { chunksBesidePrompt } from "../lib/recognize/prompt_budget.ts";
import { systemContext } from "../lib/text/prompt.ts";
import { DEMO_MODEL } from "./support/checkpoints.ts";

const RECORDING = "demo/recordings/dev-01-en.wav";

Deno.test("transcribe() refuses a prompt above the budget: number, limit, option", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const refused = async (options: Parameters<Qwen3ASR["transcribe"]>[1], option: string, reason: RegExp) => {
    resetPeakMemory();
    const before = peakMemory();
    const error = await assertRejects(() => asr.transcribe(RECORDING, options), OptionError);
    assert(reason.test(error.message), error.message);
    assertEquals(error.option, option);
    assertEquals(peakMemory(), before, "nothing was computed");
  };
  const words = Array.from({ length: 3_000 }, (_, index) => `word${index}`);
  await refused(
    { context: "q ".repeat(5_000) },
    "context",
    /^Cannot use 10000 tokens of context: at most 4096 /,
  );
  await refused({ hotwords: words }, "hotwords", /^Cannot use \d{5} tokens of hot words: at most 4096 /);
  await refused(
    { context: "a talk", hotwords: words },
    "hotwords",
    /of context and hot words: at most 4096 /,
  );
  await refused(
    { context: "x".repeat(4_000_000) },
    "context",
    /^Cannot use 4000000 bytes \(some 1000000 tokens\)/,
  );
  await refused(
    { context: "ten yellow windows", maxPromptTokens: 2 },
    "context",
    /^Cannot use 5 tokens .* 2 /,
  );
  await refused({ maxPromptTokens: NaN }, "maxPromptTokens", /maxPromptTokens NaN/);
  assertThrows(() => asr.live({ context: "q ".repeat(5_000) }), OptionError, "10000 tokens of context");
  await assertRejects(() => asr.inspect(RECORDING, { hotwords: words }), OptionError, "of hot words");
  const { text } = await asr.transcribe(RECORDING, { context: "ten yellow windows", maxPromptTokens: 5 });
  assertEquals(text, "I see ten yellow windows.");
});

Deno.test("a long prompt takes its room from the batch, and less is allowed where memory is short", async () => {
  const open = async (batchSize?: number) => {
    const policy = batchSize === undefined ? {} : { batchSize };
    const { model, tokenizer } = await loadFolder(DEMO_MODEL, { device: "cpu", policy });
    return new Engine(model, tokenizer);
  };
  using engine = await open();
  const chunks = (tokens: number, of = engine) =>
    chunksBesidePrompt(of, { context: "q".repeat(tokens % 2) + "q ".repeat(tokens / 2) });
  const exact = engine.tokenizer.encode(systemContext({ context: "q ".repeat(500) })).length;
  assertEquals(exact, 1000);
  assertEquals([0, 256, 300, 1_000, 2_000, 4_096].map((tokens) => chunks(tokens)), [8, 8, 7, 4, 2, 1]);
  using small = await open(1);
  assertEquals(chunks(768, small), 1);
  assertThrows(() => chunks(770, small), OptionError, "at most 768");
});
