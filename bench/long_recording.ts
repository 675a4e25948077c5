/**
 * Time and memory of 20 minutes against 2 minutes, interleaved in one run.
 *
 *   deno run -A bench/long_recording.ts [MODEL]
 *
 * @module
 */
import { join } from "@std/path";
import { decodeWav } from "../lib/audio/wav.ts";
import { Qwen3ASR } from "../mod.ts";

const ROUNDS = 3;
const SAMPLE_RATE = 16_000;

function repeated(samples: Float32Array, seconds: number): Float32Array {
  const long = new Float32Array(seconds * SAMPLE_RATE);
  for (let at = 0; at < long.length; at += samples.length) {
    long.set(samples.subarray(0, long.length - at), at);
  }
  return long;
}

if (import.meta.main) {
  await using asr = await Qwen3ASR.load(Deno.args[0] ?? "demo");
  const path = join(import.meta.dirname!, "..", "demo", "recordings", "long-en.wav");
  const { interleaved } = decodeWav(await Deno.readFile(path));
  const recordings = [120, 1200].map((seconds) => repeated(interleaved, seconds));
  const totals: number[][] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, samples] of recordings.entries()) {
      const { stats } = await asr.transcribeSamples(samples, { chunkSeconds: 12, rescue: false });
      totals[index]!.push(stats.totalMs);
      console.log(
        `${samples.length / SAMPLE_RATE} s: ${stats.totalMs.toFixed(0)} ms, peak ${
          (stats.peakMemoryBytes / 1e6).toFixed(1)
        } MB, resident ${(Deno.memoryUsage().rss / 1e6).toFixed(0)} MB`,
      );
    }
  }
  const least = totals.map((times) => Math.min(...times));
  console.log(`20 minutes / 2 minutes, least of ${ROUNDS}: ${(least[1]! / least[0]!).toFixed(2)}`);
}
