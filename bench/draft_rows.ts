/**
 * What a guessed token costs on a CPU: a pass over the next k positions of a prompt that is read, with the choice behind
 * each of them, beside one decode step. In each round every k once.
 *
 *   deno run -A bench/draft_rows.ts [--size 0.6b] [--rounds 7] [--tokens 2,4,8,16]
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import * as mx from "../ffi/mod.ts";
import { wholeGraph } from "../lib/model/backend.ts";
import { Qwen3ASRModel } from "../lib/model/qwen3_asr_model.ts";
import type { Size } from "../scripts/checkpoint_shapes.ts";
import { syntheticCheckpoint } from "./checkpoints.ts";
import { median } from "./statistics.ts";

const args = parseArgs(Deno.args, {
  string: ["size", "rounds", "tokens"],
  default: { size: "0.6b", rounds: "7", tokens: "2,4,8,16" },
});
/** A clip of 11 s with its prompt. */
const PROMPT = 161;
const counts = [1, ...args.tokens!.split(",").map(Number)];
using model = await Qwen3ASRModel.load(await syntheticCheckpoint(args.size as Size), { device: "cpu" });
const { backend } = model;
using cache = model.newCache();

/** Embeddings of as many tokens. */
function embedded(count: number): mx.MLXArray {
  return model.decoder.embed(mx.fromData(new Int32Array(count).fill(9), [1, count]));
}

/** One step, or a pass over more positions, with the choice behind each. */
function pass(count: number): mx.MLXArray {
  if (count === 1) return model.choose(model.step(mx.fromData(Int32Array.of(9)), cache));
  return model.choose(wholeGraph(model.prefillStages(embedded(count), cache, undefined, count)));
}

const times = new Map(counts.map((count) => [count, [] as number[]]));
await backend.exclusive(async () => {
  cache.reserve(PROMPT + (Number(args.rounds) + 1) * counts.reduce((sum, count) => sum + count, 0));
  using read = backend.build(() => model.prefill(embedded(PROMPT), cache));
  await backend.evaluate(read, ...cache.arrays());
  for (let round = 0; round <= Number(args.rounds); round++) {
    for (const count of counts) {
      const start = performance.now();
      using tokens = backend.build(() => pass(count));
      await backend.evaluate(tokens, ...cache.arrays());
      if (round > 0) times.get(count)!.push(performance.now() - start);
    }
  }
});
const steps = times.get(1)!;
for (const [count, ms] of times) {
  const ratio = median(ms.map((value, round) => value / steps[round]!));
  console.log(
    `${count} positions: least ${Math.min(...ms).toFixed(0)} ms, median ${median(ms).toFixed(0)}; ` +
      `${ratio.toFixed(2)} of one step, ${(ratio / count).toFixed(2)} a token`,
  );
}
