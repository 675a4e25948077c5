/** Audio before the network: resampling and log-mel. */
import * as mx from "../ffi/mod.ts";
import { LogMel } from "../lib/audio/mel.ts";
import { resample } from "../lib/audio/resample.ts";
import { Backend } from "../lib/model/backend.ts";
import { speechLike } from "./checkpoints.ts";

const backend = Backend.open({ device: "cpu" });
const mel = await backend.exclusive(() => backend.build(() => new LogMel()));
const clip = speechLike(30);

// Deno waits only for functions that are called async, whatever they return.
Deno.bench("log-mel of 30 s", { group: "audio", n: 10, warmup: 2 }, async () => {
  await backend.exclusive(() => {
    const result = backend.build(() => mel.apply(clip));
    mx.evaluate(result);
    result.dispose();
  });
});

Deno.bench("48 kHz to 16 kHz, 30 s", { group: "audio", n: 5, warmup: 1 }, () => {
  resample(clip, 48_000, 16_000);
});
