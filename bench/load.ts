/**
 * Loading a checkpoint, packed as stored and dense as the CPU's policy wants it, on one stream and on two, compared with
 * reading its file. Each run is a process of its own, as memory that a process has had before costs it less; rounds are
 * interleaved.
 *
 *   deno run -A bench/load.ts [--size 0.6b] [--rounds 3]
 *
 * The first round is cold unless the system still has the file in memory: it is shown apart.
 *
 * @module
 */
import process from "node:process";
import { parseArgs } from "@std/cli/parse-args";
import { join } from "@std/path";
import { openLibrary, peakMemory } from "../ffi/mod.ts";
import type { BackendPolicy } from "../lib/model/backend.ts";
import { Qwen3ASRModel } from "../lib/model/qwen3_asr_model.ts";
import type { Size } from "../scripts/checkpoint_shapes.ts";
import { syntheticCheckpoint } from "./checkpoints.ts";
import { median } from "./statistics.ts";

const args = parseArgs(Deno.args, {
  string: ["size", "rounds", "only"],
  default: { size: "0.6b", rounds: "3" },
});
const directory = await syntheticCheckpoint(args.size as Size);
const file = join(directory, "model.safetensors");
const BLOCK = 16 * 2 ** 20;

/** What a run measured. */
interface Run {
  ms: number;
  /** Processor time. */
  cpuMs: number;
  /** Of the process, at most. */
  residentMB: number;
  /** MLX's peak above the weights. */
  aboveMB: number;
}

/** Reads the file into one block again and again, or into memory that was not touched before. */
async function readFile(fresh: boolean): Promise<number> {
  using from = await Deno.open(file);
  const { size } = await from.stat();
  const all = new Uint8Array(fresh ? size : BLOCK);
  for (let at = 0;;) {
    const count = await from.read(fresh ? all.subarray(at, at + BLOCK) : all);
    if (!count) return 0;
    at += count;
  }
}

async function load(policy: Partial<BackendPolicy>): Promise<number> {
  using model = await Qwen3ASRModel.load(directory, { device: "cpu", policy });
  return peakMemory() - model.weightBytes;
}

const ONE = { fusePacked: true, loadStreams: 1 } as const;
const ways: Record<string, () => Promise<number>> = {
  "reading, one block": () => readFile(false),
  "reading, new memory": () => readFile(true),
  "packed, fused, one stream": () => load({ denseWeights: false, ...ONE }),
  "packed, two streams": () => load({ denseWeights: false }),
  "dense, one stream": () => load({ packedProduct: "mlx", ...ONE }),
  "dense, two streams": () => load({ packedProduct: "mlx" }),
};

if (args.only) {
  openLibrary();
  const before = process.cpuUsage();
  const start = performance.now();
  const above = await ways[args.only]!();
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  const residentMB = process.resourceUsage().maxRSS / 1024;
  const run: Run = { ms, cpuMs: (user + system) / 1000, residentMB, aboveMB: above / 1e6 };
  console.log(JSON.stringify(run));
  Deno.exit();
}

const runs = Object.fromEntries(Object.keys(ways).map((name) => [name, [] as Run[]]));
for (let round = 0; round <= Number(args.rounds); round++) {
  for (const name of Object.keys(ways)) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", import.meta.filename!, "--size", args.size!, "--only", name],
      stderr: "inherit",
    });
    const { stdout } = await child.output();
    runs[name]!.push(JSON.parse(new TextDecoder().decode(stdout)));
  }
}
const { size } = await Deno.stat(file);
console.log(`${args.size}, ${(size / 1e9).toFixed(2)} GB; ratios are medians of rounds`);
const later = (name: string) => runs[name]!.slice(1);
const ratio = (name: string, to: string) =>
  median(later(name).map(({ ms }, round) => ms / later(to)[round]!.ms)).toFixed(2);
for (const name of Object.keys(ways)) {
  const [first] = runs[name]!;
  const most = (of: (run: Run) => number) => Math.max(...later(name).map(of)).toFixed(0);
  console.log(
    `${name}: first ${first!.ms.toFixed(0)} ms, then ${
      later(name).map(({ ms }) => ms.toFixed(0)).join(", ")
    }` +
      ` (processor ${later(name).map(({ cpuMs }) => cpuMs.toFixed(0)).join(", ")});` +
      ` ${ratio(name, "reading, one block")} and ${ratio(name, "reading, new memory")} of reading,` +
      ` ${
        ratio(name, name.startsWith("packed") ? "packed, fused, one stream" : "dense, one stream")
      } of one stream;` +
      ` resident ${most((run) => run.residentMB)} MB, above the weights ${most((run) => run.aboveMB)} MB`,
  );
}
