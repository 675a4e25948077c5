/**
 * Time and memory of 20 minutes compared with 2 minutes, interleaved in one run: the short recording five times before and
 * five times after the long one, so that both meet the same load of the machine.
 *
 *   deno run -A bench/long_recording.ts [MODEL]
 *
 * @module
 */
import { join } from "@std/path";
import { decodeWav } from "../lib/audio/wav.ts";
import { Qwen3ASR } from "../mod.ts";
import { median } from "./statistics.ts";

const ROUNDS = 5;
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
  const transcribe = async (samples: Float32Array) => {
    const { stats } = await asr.transcribeSamples(samples, { chunkSeconds: 12, rescue: false });
    return stats;
  };
  const [short, long] = recordings as [Float32Array, Float32Array];
  await transcribe(short);
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const times: number[] = [];
    const fiveShort = async () => {
      let peakBytes = 0;
      for (let i = 0; i < 5; i++) {
        const { totalMs, peakMemoryBytes } = await transcribe(short);
        times.push(totalMs);
        peakBytes = Math.max(peakBytes, peakMemoryBytes);
      }
      return peakBytes;
    };
    await fiveShort();
    const { totalMs, peakMemoryBytes } = await transcribe(long);
    const shortPeak = await fiveShort();
    const mean = times.reduce((sum, ms) => sum + ms, 0) / times.length;
    ratios.push(totalMs / mean);
    console.log(
      `2 minutes: ${mean.toFixed(0)} ms, peak ${(shortPeak / 1e6).toFixed(1)} MB; ` +
        `20 minutes: ${totalMs.toFixed(0)} ms, peak ${(peakMemoryBytes / 1e6).toFixed(1)} MB: ` +
        `${(totalMs / mean).toFixed(2)}; resident ${(Deno.memoryUsage().rss / 1e6).toFixed(0)} MB`,
    );
  }
  console.log(`20 minutes / 2 minutes, median of ${ROUNDS}: ${median(ratios).toFixed(2)}`);
}
