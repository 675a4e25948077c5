/**
 * The encoder as the CPU's policy computes it beside the plain formulation (GELU by erf, full attention, all blocks
 * through the convolutions at once), turn by turn in one run on a 30 s clip.
 *
 *   deno run -A bench/encoder_routes.ts [--size 0.6b] [--rounds 5]
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import * as mx from "../ffi/mod.ts";
import { LogMel } from "../lib/audio/mel.ts";
import type { BackendPolicy } from "../lib/model/backend.ts";
import { Qwen3ASRModel } from "../lib/model/qwen3_asr_model.ts";
import type { Size } from "../scripts/checkpoint_shapes.ts";
import { speechLike, syntheticCheckpoint } from "./checkpoints.ts";
import { median } from "./statistics.ts";

const args = parseArgs(Deno.args, { string: ["size", "rounds"], default: { size: "0.6b", rounds: "5" } });

const PLAIN: Partial<BackendPolicy> = {
  passes: "mlx",
  convBlocks: 32,
};
/** Full attention looks at all pairs of tokens; the mask that would hide those of other windows costs next to nothing. */
const ROUTES: Record<string, { policy: Partial<BackendPolicy>; isWindowed: boolean }> = {
  plain: { policy: PLAIN, isWindowed: false },
  "plain, windows as a batch": { policy: PLAIN, isWindowed: true },
  "plain, one block a convolution": { policy: { ...PLAIN, convBlocks: 1 }, isWindowed: false },
  "plain, both": { policy: { ...PLAIN, convBlocks: 1 }, isWindowed: true },
  ours: { policy: {}, isWindowed: true },
};

/** Encoders of one size, one after the other loaded; what is measured are passes, not loading. */
const models: [string, Qwen3ASRModel][] = [];
for (const [name, { policy, isWindowed }] of Object.entries(ROUTES)) {
  const directory = await syntheticCheckpoint(args.size as Size);
  // The decoder is used by the last only: packed, those of the others take the least memory.
  const denseWeights = name === "ours";
  const model = await Qwen3ASRModel.load(directory, { device: "cpu", policy: { denseWeights, ...policy } });
  if (!isWindowed) model.config.encoder.windowBlocks = 1000; // More than a clip has: one window.
  models.push([name, model]);
}
const times = new Map<string, number[]>(models.map(([name]) => [name, []]));
const peaks = new Map<string, number>();
for (let round = -1; round < Number(args.rounds); round++) {
  for (const [name, model] of models) {
    const { backend } = model;
    await backend.exclusive(async () => {
      using mel = backend.build(() => new LogMel(model.config.encoder.melBins).apply(speechLike(30)));
      mx.evaluate(mel);
      backend.trim();
      mx.resetPeakMemory();
      const before = mx.activeMemory();
      const start = performance.now();
      using audio = backend.build(() => model.encoder.apply(mel));
      await backend.evaluate(audio);
      if (round >= 0) times.get(name)!.push(performance.now() - start);
      peaks.set(name, mx.peakMemory() - before);
    });
  }
}
const plain = times.get("plain")!;
for (const [name, all] of times) {
  const ratio = median(all.map((ms, round) => ms / plain[round]!));
  console.log(
    `${name}: ${Math.min(...all).toFixed(0)} ms at least, ${median(all).toFixed(0)} in the middle, ` +
      `${ratio.toFixed(2)} of the plain time, peak ${
        (peaks.get(name)! / 1e6).toFixed(0)
      } MB above the weights`,
  );
}

const [, model] = models.at(-1)!;
const width = model.config.decoder.width, positions = 405;
using cache = model.newCache();
cache.reserve(positions + 256);
model.backend.trim();
mx.resetPeakMemory();
const before = mx.activeMemory(), start = performance.now();
const pass = await model.backend.exclusive(() =>
  model.backend.runStages(() => model.prefillStages(mx.zeros([1, positions, width]), cache), {
    also: () => cache.arrays(),
  })
);
pass.result.dispose();
console.log(
  `prefill of ${positions} positions: ${(performance.now() - start).toFixed(0)} ms, ` +
    `peak ${((mx.peakMemory() - before) / 1e6).toFixed(0)} MB above the weights, ` +
    `of which cache ${(cache.byteLength / 1e6).toFixed(0)} MB`,
);
for (const [, model] of models) model[Symbol.dispose]();
