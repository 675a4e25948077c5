/**
 * The stages of the network on a 30 s clip, for each size.
 *
 * BENCH_SIZES=0.6b,1.7b names the sizes. The default are small ones, because the real ones need gigabytes.
 */
import * as mx from "../ffi/mod.ts";
import { LogMel } from "../lib/audio/mel.ts";
import { Qwen3ASRModel } from "../lib/model/qwen3_asr_model.ts";
import { benchCheckpoints, speechLike } from "./checkpoints.ts";
import { StepBuilder } from "./host_graph.ts";

const PROMPT = 405, AUDIO_START = 9;
const ROUNDS = { n: 3, warmup: 1 };

for (const { size, label, directory } of await benchCheckpoints(["tiny", "small"])) {
  // One model is loaded at a time: its first bench loads it, its last one closes it.
  let model: Qwen3ASRModel, mel: mx.MLXArray, audio: mx.MLXArray;
  let logits: mx.MLXArray, cache: ReturnType<Qwen3ASRModel["newCache"]>;

  // Deno waits only for functions that are called async, whatever they return.
  const prefill = async () => {
    await model.backend.exclusive(() => {
      logits?.dispose();
      cache?.dispose();
      cache = model.newCache();
      cache.reserve(PROMPT + 256);
      const ids = new Array<number>(PROMPT).fill(9);
      logits = model.backend.build(() => model.prefill(model.splice(ids, AUDIO_START, audio), cache));
      mx.evaluate(logits, ...cache.arrays());
    });
  };

  Deno.bench(`load ${label}`, { group: "load", ...ROUNDS }, async () => {
    audio?.dispose();
    mel?.dispose();
    model?.[Symbol.dispose]();
    model = await Qwen3ASRModel.load(directory);
    await model.backend.exclusive(() => {
      mel = model.backend.build(() => new LogMel(model.config.encoder.melBins).apply(speechLike(30)));
      mx.evaluate(mel);
    });
  });

  Deno.bench(`encoder, 30 s, ${label}`, { group: "encoder", ...ROUNDS }, async () => {
    await model.backend.exclusive(() => {
      audio?.dispose();
      audio = model.backend.build(() => model.encoder.apply(mel));
      mx.evaluate(audio);
    });
  });

  Deno.bench(`prefill, ${PROMPT} positions, ${label}`, { group: "prefill", ...ROUNDS }, prefill);

  Deno.bench(
    `decode step, ${label}`,
    { group: "decode step", n: 8, warmup: 2 },
    async () => {
      await model.backend.exclusive(() => {
        const next = model.backend.build(() => model.choose(model.step(model.choose(logits), cache)));
        mx.evaluate(next);
        next.dispose();
      });
    },
  );

  Deno.bench(
    `host time of a step, ${label}`,
    { group: "host time of a step", n: 50, warmup: 10 },
    async (bench) => {
      await model.backend.exclusive(() => {
        using builder = new StepBuilder(model, 16);
        bench.start();
        const token = builder.build();
        bench.end();
        token.dispose();
      });
    },
  );

  if (size !== "tiny") {
    Deno.bench(`close ${label}`, { group: "close", n: 1, warmup: 0 }, () => {
      for (const array of [audio, mel, logits]) array.dispose();
      cache.dispose();
      model[Symbol.dispose]();
    });
  }
}
