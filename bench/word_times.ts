/**
 * What times of words cost: the demo's 102 s recording over and over, with gaps of 0.3 to 5.3 s, transcribed with and
 * without words turn by turn.
 *
 *   deno run -A bench/word_times.ts [--minutes 40] [--rounds 3] [--profile]
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { join } from "@std/path";
import process from "node:process";
import { decodeWav } from "../lib/audio/wav.ts";
import { Qwen3ASR } from "../mod.ts";
import { median } from "./statistics.ts";

const SAMPLE_RATE = 16_000;
const SHORTEST_GAP = 0.3, LONGEST_GAP = 5.3;
/** Keeps the gaps apart from any rhythm of the recording. */
const GAP_STRIDE = 0.618;

/** The recording again and again, the gap between two copies ever another. */
function withGaps(samples: Float32Array, seconds: number): Float32Array {
  const long = new Float32Array(seconds * SAMPLE_RATE);
  for (let at = 0, copy = 0; at < long.length; copy++) {
    long.set(samples.subarray(0, long.length - at), at);
    const gap = SHORTEST_GAP + (copy * GAP_STRIDE % 1) * (LONGEST_GAP - SHORTEST_GAP);
    at += samples.length + Math.round(gap * SAMPLE_RATE);
  }
  return long;
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, {
    string: ["minutes", "rounds"],
    boolean: ["profile"],
    default: { minutes: "40", rounds: "3" },
  });
  await using asr = await Qwen3ASR.load("demo");
  const path = join(import.meta.dirname!, "..", "demo", "recordings", "long-en.wav");
  const samples = withGaps(decodeWav(await Deno.readFile(path)).interleaved, 60 * Number(args.minutes));
  const transcribe = async (timestamps: "segment" | "word") => {
    const cpu = Deno.build.os === "linux" ? process.cpuUsage() : undefined;
    const { stats } = await asr.transcribeSamples(samples, { timestamps });
    if (args.profile) console.log(timestamps, JSON.stringify(stats), process.cpuUsage(cpu).user / 1000);
    return stats.totalMs;
  };
  await transcribe("word");
  const ratios: number[] = [];
  for (let round = 0; round < Number(args.rounds); round++) {
    const before = await transcribe("segment");
    const words = await transcribe("word");
    const after = await transcribe("segment");
    ratios.push(2 * words / (before + after));
    console.log(
      `without words ${before.toFixed(0)} and ${after.toFixed(0)} ms, with words ${words.toFixed(0)} ms: ` +
        ratios.at(-1)!.toFixed(2),
    );
  }
  console.log(`with / without words, median of ${args.rounds}: ${median(ratios).toFixed(2)}`);
}
