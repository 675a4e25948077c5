/**
 * One BLAS thread against several, alone and beside programs that keep a core busy: the demo model on a recording, and
 * products of the sizes of the real models. Rounds are interleaved. 0 threads: as many as there are free cores.
 *
 *   deno run -A bench/threads.ts [--threads 1,2,0] [--neighbours 0,1,2] [--seconds 30] [--rounds 5]
 *
 * Of each the least and the median wall time are shown, and the median of the processor time. On a shared machine
 * `nice -n -20` in front (as root) comes near a quiet one: the neighbours inherit it.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { cpuUsage } from "node:process";
import * as mx from "../ffi/mod.ts";
import { freeCores } from "../lib/model/free_cores.ts";
import { loadAudio, Qwen3ASR } from "../mod.ts";

const args = parseArgs(Deno.args, {
  string: ["threads", "neighbours", "seconds", "rounds"],
  default: { threads: "1,2,0", neighbours: "0,1,2", seconds: "30", rounds: "5" },
});
const numbers = (list = "") => list.split(",").map(Number);

interface Work {
  name: string;
  run(threads: number): Promise<void> | void;
}

interface Time {
  wall: number;
  cpu: number;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function timed(run: () => Promise<void> | void): Promise<Time> {
  const cpu = cpuUsage(), start = performance.now();
  await run();
  const wall = performance.now() - start;
  const { user, system } = cpuUsage(cpu);
  return { wall, cpu: (user + system) / 1000 };
}

/** Speech of a length: the recording over and over. */
async function speech(seconds: number): Promise<Float32Array> {
  const one = (await loadAudio("demo/recordings/dev-00-en.wav")).samples.slice();
  return Float32Array.from({ length: seconds * 16_000 }, (_, i) => one[i % one.length]!);
}

/** A product `[rows, inner] x [inner, columns]`, some times. */
function product(what: string, rows: number, inner: number, columns: number, times: number): Work {
  const on = new mx.Stream("cpu");
  const matrix = (...shape: [number, number]) =>
    mx.fromData(new Float32Array(shape[0] * shape[1]).fill(0.5), shape);
  const [a, b] = [matrix(rows, inner), matrix(inner, columns)];
  return {
    name: `${what}: ${times} products ${rows} x ${inner} x ${columns}`,
    run: (threads) => {
      for (let i = 0; i < times; i++) {
        mx.useBlasThreads(threads || Math.min(freeCores(), mx.blasThreads()?.natural ?? 1));
        mx.onStream(on, () => mx.scope(() => mx.evaluate(mx.matmul(a, b))));
      }
    },
  };
}

/** A program that keeps a core busy. */
function neighbour(): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), { args: ["eval", "for (;;);"], stderr: "null" }).spawn();
}

const threads = numbers(args.threads);
const models = new Map<number, Qwen3ASR>();
for (const count of threads) {
  models.set(count, await Qwen3ASR.load("demo", { device: "cpu", threads: count || undefined }));
}
const samples = await speech(Number(args.seconds));
const works: Work[] = [
  {
    name: `demo model, ${args.seconds} s`,
    run: async (count) => void await models.get(count)!.transcribe(samples, { rescue: false }),
  },
  product("step of 0.6B", 8, 1024, 3072, 100),
  product("step of 1.7B", 8, 2048, 6144, 25),
  product("encoder of 0.6B", 390, 896, 3584, 6),
];
console.log(`${navigator.hardwareConcurrency} cores, OpenBLAS chose ${mx.blasThreads()?.natural} threads\n`);
console.log("| work | neighbours | threads | least, ms | median, ms | processor, ms |");
console.log("| --- | --- | --- | --- | --- | --- |");
for (const count of numbers(args.neighbours)) {
  const busy = Array.from({ length: count }, neighbour);
  await new Promise((resolve) => setTimeout(resolve, 500));
  try {
    for (const { name, run } of works) {
      const times = new Map(threads.map((each): [number, Time[]] => [each, []]));
      for (let round = 0; round <= Number(args.rounds); round++) {
        for (const each of threads) {
          const time = await timed(() => run(each));
          if (round > 0) times.get(each)!.push(time); // the first warms up
        }
      }
      for (const [each, all] of times) {
        const walls = all.map(({ wall }) => wall);
        const figures = [Math.min(...walls), median(walls), median(all.map(({ cpu }) => cpu))];
        console.log(
          `| ${name} | ${count} | ${each || "auto"} | ${figures.map((ms) => ms.toFixed(0)).join(" | ")} |`,
        );
      }
    }
  } finally {
    for (const process of busy) process.kill("SIGKILL");
    await Promise.all(busy.map(({ status }) => status));
  }
}
for (const asr of models.values()) asr.dispose();
