/**
 * Transcribes a recording with a model of real size: real-time factor, time per stage, tokens per second, memory.
 *
 *   deno run -A bench/real_shapes.ts [--size 0.6b] [--seconds 240] [--tokens 100] [--batch 8,1] [--chunk 30]
 *
 * Random weights write nonsense without an end, so every chunk gets a fixed number of tokens. The recording is cut at its
 * pauses.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { Qwen3ASR } from "../mod.ts";
import type { Size } from "../scripts/checkpoint_shapes.ts";
import { speechLike, syntheticCheckpoint } from "./checkpoints.ts";

const args = parseArgs(Deno.args, {
  string: ["size", "seconds", "tokens", "batch", "chunk"],
  default: { size: "0.6b", seconds: "240", tokens: "100", batch: "8", chunk: "30" },
});
const start = performance.now();
await using asr = await Qwen3ASR.load(await syntheticCheckpoint(args.size as Size), { device: "cpu" });
console.log(`${args.size}: loaded in ${((performance.now() - start) / 1000).toFixed(1)} s`);
const tokens = Number(args.tokens);
for (const batch of args.batch!.split(",")) {
  const { stats, chunks, durationSeconds } = await asr.transcribe(speechLike(Number(args.seconds)), {
    rescue: false,
    vad: "off",
    batchSize: Number(batch),
    chunkSeconds: Number(args.chunk),
    sampling: { minTokens: tokens, maxTokens: tokens },
  });
  const made = chunks.reduce((sum, chunk) => sum + chunk.tokens.length, 0);
  console.log(
    `batches of ${batch}: ${durationSeconds.toFixed(0)} s in ${chunks.length} chunks, ${made} tokens: ` +
      JSON.stringify(stats),
  );
}
