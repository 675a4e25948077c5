/**
 * Loading a checkpoint, packed as stored and dense as the CPU's policy wants it, compared with reading its file; rounds are
 * interleaved.
 *
 *   deno run -A bench/load.ts [--size 0.6b] [--rounds 3]
 *
 * The first round is reported separately: it is cold unless the system still has the file in memory.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { join } from "@std/path";
import { Qwen3ASRModel } from "../lib/model/qwen3_asr_model.ts";
import type { Size } from "../scripts/checkpoint_shapes.ts";
import { syntheticCheckpoint } from "./checkpoints.ts";

const args = parseArgs(Deno.args, { string: ["size", "rounds"], default: { size: "0.6b", rounds: "3" } });
const directory = await syntheticCheckpoint(args.size as Size);

async function readFile(): Promise<void> {
  using file = await Deno.open(join(directory, "model.safetensors"));
  const block = new Uint8Array(16 * 2 ** 20);
  while (await file.read(block) !== null);
}

async function load(denseWeights: boolean): Promise<void> {
  using _model = await Qwen3ASRModel.load(directory, { device: "cpu", policy: { denseWeights } });
}

const ways: Record<string, () => Promise<void>> = {
  "reading the file": readFile,
  "loading packed weights": () => load(false),
  "loading dense weights": () => load(true),
};
const times = Object.fromEntries(Object.keys(ways).map((name) => [name, [] as number[]]));
for (let round = 0; round <= Number(args.rounds); round++) {
  for (const [name, run] of Object.entries(ways)) {
    const start = performance.now();
    await run();
    times[name]!.push(performance.now() - start);
  }
}
const { size } = await Deno.stat(join(directory, "model.safetensors"));
console.log(`${args.size}, ${(size / 1e9).toFixed(2)} GB`);
for (const [name, [first, ...later]] of Object.entries(times)) {
  console.log(
    `${name}: first ${first!.toFixed(0)} ms, then ${later.map((ms) => ms.toFixed(0)).join(", ")} ms; ` +
      `${(Math.min(...later) / Math.min(...times["reading the file"]!.slice(1))).toFixed(2)} of reading`,
  );
}
