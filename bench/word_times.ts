/**
 * What times of words cost: a recording transcribed with and without words, turn by turn.
 *
 *   deno run -A bench/word_times.ts [--minutes 40] [--rounds 3]
 *   deno run -A bench/word_times.ts --size 0.6b [--minutes 1] [--rounds 1]
 *
 * The demo model hears the demo's 102 s recording over and over, with gaps of 0.3 to 5.3 s. With `--size` recogniser and
 * aligner have the real shapes and random weights: both are given as much to do as English makes.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { join } from "@std/path";
import process from "node:process";
import { decodeWav } from "../lib/audio/wav.ts";
import { ForcedAligner, Qwen3ASR, type TranscribeOptions } from "../mod.ts";
import type { Size } from "../scripts/checkpoint_shapes.ts";
import { speechLike, syntheticCheckpoint } from "./checkpoints.ts";
import { median } from "./statistics.ts";

const SAMPLE_RATE = 16_000;
const SHORTEST_GAP = 0.3, LONGEST_GAP = 5.3;
/** Keeps the gaps apart from any rhythm of the recording. */
const GAP_STRIDE = 0.618;
/** English as it is read aloud. */
const WORDS_PER_SECOND = 2.8, TOKENS_PER_SECOND = 3.7;
/** Some chunks in a minute, for a batch. */
const CHUNK_SECONDS = 15;
const WORDS = ["the", "quick", "brown", "fox", "considered", "every", "yellow", "window", "afterwards"];

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

/** An aligner that hears as many words as English has, whatever nonsense was written. */
function ofEnglish(aligner: ForcedAligner): NonNullable<TranscribeOptions["aligner"]> {
  return {
    longestSeconds: aligner.longestSeconds,
    rawTimes: async (samples, words, signal) => {
      const count = Math.round(samples.length / SAMPLE_RATE * WORDS_PER_SECOND);
      const english = Array.from({ length: count }, (_, index) => WORDS[index % WORDS.length]!);
      const times = await aligner.rawTimes(samples, english, signal);
      return Array.from({ length: 2 * words.length }, (_, index) => times[index] ?? 0);
    },
  };
}

/** What is transcribed, by what and how. */
interface Work extends AsyncDisposable {
  asr: Qwen3ASR;
  samples: Float32Array;
  options: TranscribeOptions;
}

async function demoWork(minutes: number): Promise<Work> {
  const path = join(import.meta.dirname!, "..", "demo", "recordings", "long-en.wav");
  const asr = await Qwen3ASR.load("demo");
  return {
    asr,
    samples: withGaps(decodeWav(await Deno.readFile(path)).interleaved, 60 * minutes),
    options: {},
    [Symbol.asyncDispose]: () => asr[Symbol.asyncDispose](),
  };
}

async function realWork(size: Size, minutes: number): Promise<Work> {
  const asr = await Qwen3ASR.load(await syntheticCheckpoint(size), { device: "cpu", aligner: false });
  const aligner = await ForcedAligner.load(await syntheticCheckpoint("aligner"), { device: "cpu" });
  const tokens = Math.round(CHUNK_SECONDS * TOKENS_PER_SECOND);
  return {
    asr,
    samples: speechLike(60 * minutes),
    options: {
      ...{ language: "English", rescue: false, vad: "off", chunkSeconds: CHUNK_SECONDS },
      aligner: ofEnglish(aligner),
      sampling: { minTokens: tokens, maxTokens: tokens },
    },
    async [Symbol.asyncDispose]() {
      await asr[Symbol.asyncDispose]();
      aligner.dispose();
    },
  };
}

if (import.meta.main) {
  const { size, rounds = "3", ...args } = parseArgs(Deno.args, { string: ["minutes", "rounds", "size"] });
  const minutes = Number(args.minutes ?? (size ? 1 : 40));
  await using work = size ? await realWork(size as Size, minutes) : await demoWork(minutes);
  const { asr, samples, options } = work;
  const transcribe = async (timestamps: "segment" | "word") => {
    const cpu = process.cpuUsage();
    const { stats, warnings } = await asr.transcribeSamples(samples, { ...options, timestamps });
    const { user, system } = process.cpuUsage(cpu);
    const { vadMs, melMs, encoderMs, prefillMs, decodeMs, alignMs } = stats;
    const parts = Object.entries({ vadMs, melMs, encoderMs, prefillMs, decodeMs, alignMs });
    const places = parts.map(([name, ms]) => `${name} ${ms.toFixed(0)}`).join(", ");
    const said = warnings.map(({ message }) => message).join(" ");
    console.log(`${timestamps}: ${stats.totalMs.toFixed(0)} ms (${places}) ${said}`);
    return { wall: stats.totalMs, cpu: (user + system) / 1000 };
  };
  if (!size) await transcribe("word");
  const walls: number[] = [], cpus: number[] = [];
  for (let round = 0; round < Number(rounds); round++) {
    const before = await transcribe("segment");
    const words = await transcribe("word");
    const after = await transcribe("segment");
    walls.push(2 * words.wall / (before.wall + after.wall));
    cpus.push(2 * words.cpu / (before.cpu + after.cpu));
  }
  console.log(
    `with / without words, median of ${rounds}: ${median(walls).toFixed(2)} of the time, ` +
      `${median(cpus).toFixed(2)} of the processor time`,
  );
}
