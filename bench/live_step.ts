/**
 * What one step of a live utterance costs, and what each thing that is kept between two steps is worth.
 *
 *   deno run -A bench/live_step.ts [--model demo|0.6b] [--seconds 5,10,20,30] [--rounds 5]
 *
 * A step hears one second more. What was committed before it is the prefix; of the twelve tokens behind it the draft has
 * nine right and the tenth wrong. The ways run one after the other in each round; milliseconds are of processor time,
 * which other programs disturb least, and the ratios are of one round. The stages are by the clock, of the fastest
 * round. The demo model hears speech; random weights hear a tone, and write twelve tokens of nonsense each time.
 *
 * @module
 */
import process from "node:process";
import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl } from "@std/path";
import { loadAudio } from "../mod.ts";
import { loadFolder } from "../lib/load_folder.ts";
import type { ClipRequest } from "../lib/recognize/clip.ts";
import { Engine } from "../lib/recognize/engine.ts";
import { GrowingClip, type GrowingClipOptions } from "../lib/recognize/growing_clip.ts";
import { Timing } from "../lib/recognize/timing.ts";
import type { Size } from "../scripts/checkpoint_shapes.ts";
import { speechLike, syntheticCheckpoint } from "./checkpoints.ts";
import { median } from "./statistics.ts";

const args = parseArgs(Deno.args, {
  string: ["model", "seconds", "rounds"],
  default: { model: "demo", seconds: "5,10,20,30", rounds: "5" },
});
const RATE = 16_000;
/** Tokens behind the committed ones: what three seconds hold, and two more. */
const OPEN_TOKENS = 12;
const RIGHT_TOKENS = 9;
/** Of committed text, for weights that write none. */
const TOKENS_PER_SECOND = 3;

interface Way {
  kept?: GrowingClipOptions;
  draft?: true;
}

const WAYS: Record<string, Way> = {
  "nothing kept": {},
  "embeddings": { kept: { keys: false } },
  "keys and values": { kept: { embeddings: false } },
  "draft": { draft: true },
  "embeddings, keys and values": { kept: {} },
  "all": { kept: {}, draft: true },
};

const isDemo = args.model === "demo";
const folder = isDemo
  ? fromFileUrl(new URL("../demo/model", import.meta.url))
  : await syntheticCheckpoint(args.model as Size);
const { model, tokenizer } = await loadFolder(folder, { device: "cpu" });
using engine = new Engine(model, tokenizer);

async function utterance(seconds: number): Promise<Float32Array> {
  if (!isDemo) return speechLike(seconds);
  const path = fromFileUrl(new URL("../demo/recordings/long-en.wav", import.meta.url));
  return (await loadAudio(path)).samples.slice(0, seconds * RATE);
}

interface Decoded {
  tokens: number[];
  timing: Timing;
  /** By the clock. */
  clockMs: number;
  /** Of the processor, all threads together. */
  ms: number;
}

async function decode(request: ClipRequest): Promise<Decoded> {
  const timing = new Timing();
  const start = performance.now(), before = process.cpuUsage();
  const [answer] = await engine.decode([request], { timing });
  if (answer!.error) throw answer!.error;
  const { user, system } = process.cpuUsage(before);
  const clockMs = performance.now() - start;
  return { tokens: answer!.tokens, timing, clockMs, ms: (user + system) / 1000 };
}

/** What a step at the end of these samples is asked, and its answer. */
async function step(samples: Float32Array): Promise<{ request: ClipRequest; tokens: number[] }> {
  const request = { samples, context: "", temperature: 0, seed: 0, maxTokens: 200 };
  if (isDemo) {
    const { tokens } = await decode(request);
    const prefix = tokenizer.decode(tokens.slice(0, -OPEN_TOKENS), { skipSpecialTokens: false });
    return { request: { ...request, prefix }, tokens: (await decode({ ...request, prefix })).tokens };
  }
  const words = " ten yellow windows".repeat(Math.floor(samples.length / RATE * TOKENS_PER_SECOND / 5));
  const fixed = { maxTokens: OPEN_TOKENS, minTokens: OPEN_TOKENS };
  const full = { ...request, ...fixed, prefix: `language English<asr_text>${words}` };
  return { request: full, tokens: (await decode(full)).tokens };
}

interface Measured extends Decoded {
  /** Bytes kept afterwards. */
  kept: number;
}

async function measure(way: Way, request: ClipRequest, tokens: readonly number[]): Promise<Measured> {
  using clip = way.kept && new GrowingClip(model, way.kept);
  if (clip) {
    const before = request.samples.subarray(0, request.samples.length - RATE);
    await decode({ ...request, samples: before, growing: clip, minTokens: 1, maxTokens: 1 });
  }
  const draft = way.draft && [...tokens.slice(0, RIGHT_TOKENS), tokens[RIGHT_TOKENS]! + 1];
  const decoded = await decode({ ...request, growing: clip, draft });
  if (decoded.tokens.join() !== tokens.join()) throw new Error(`${JSON.stringify(way)}: other tokens`);
  return { ...decoded, kept: clip?.byteLength ?? 0 };
}

function stagesOf({ melMs, encoderMs, prefillMs, decodeMs }: Timing): string {
  return [melMs, encoderMs, prefillMs, decodeMs].map((ms) => ms.toFixed(0)).join(" + ");
}

const all = await utterance(30);
const [nothing] = Object.keys(WAYS);
console.log("| seconds | way | ms | mel + encoder + prefill + decode | of nothing kept | MB kept |");
console.log("| --- | --- | --- | --- | --- | --- |");
for (const seconds of args.seconds!.split(",").map(Number)) {
  const { request, tokens } = await step(all.subarray(0, seconds * RATE));
  const rounds: Record<string, Measured>[] = [];
  for (let round = 0; round < Number(args.rounds); round++) {
    const measured: Record<string, Measured> = {};
    for (const [name, way] of Object.entries(WAYS)) measured[name] = await measure(way, request, tokens);
    rounds.push(measured);
  }
  for (const name of Object.keys(WAYS)) {
    const own = rounds.map((round) => round[name]!);
    const ms = median(own.map((one) => one.ms));
    const ratio = median(rounds.map((round) => round[name]!.ms / round[nothing!]!.ms));
    const fastest = own.reduce((a, b) => b.clockMs < a.clockMs ? b : a);
    const stages = stagesOf(fastest.timing);
    const kept = (own[0]!.kept / 1e6).toFixed(1);
    console.log(`| ${seconds} | ${name} | ${ms.toFixed(0)} | ${stages} | ${ratio.toFixed(2)} | ${kept} |`);
  }
}
