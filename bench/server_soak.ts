/**
 * How a server bears a crowd: latency of the first against the last quarter, memory, live handles.
 *
 *   deno run -A bench/server_soak.ts [--rounds 3]
 *
 * Every round is 300 requests of 8 clients, of which some leave, dawdle or send nonsense (tests/server_crowd.ts). The
 * first round warms up and is reported, but not compared.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { cpuUsage } from "node:process";
import { liveHandles } from "../ffi/mod.ts";
import { crowd, type Visit } from "../tests/server_crowd.ts";
import { demoModel, start } from "../tests/server_start.ts";

const { rounds = "3" } = parseArgs(Deno.args, { string: ["rounds"] });
const FILES = ["dev-00-en.wav", "dev-01-en.wav", "dev-03-en.wav", "dev-04-en.wav", "dev-06-en.wav"];

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function quantile(values: readonly number[], part: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(part * (values.length - 1))] ?? NaN;
}

function milliseconds(seconds: number): string {
  return `${(seconds * 1000).toFixed(0)} ms`;
}

/** Waiting visits only: the others say nothing of the server's speed. */
function secondsOf(visits: readonly Visit[]): number[] {
  return visits.filter(({ behaviour }) => behaviour === "plain" || behaviour === "verbose")
    .map(({ seconds }) => seconds);
}

const asr = await demoModel();
await using server = await start();
const handles = liveHandles();
for (let round = 0; round < Number(rounds); round++) {
  const begin = performance.now();
  const cpuBefore = cpuUsage();
  const visits = await crowd(server, { clients: 8, requests: 300, files: FILES });
  const seconds = secondsOf(visits);
  const quarter = Math.floor(seconds.length / 4);
  const [first, last] = [mean(seconds.slice(0, quarter)), mean(seconds.slice(-quarter))];
  while (asr.pending > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const { user, system } = cpuUsage(cpuBefore);
  console.log(
    `round ${round}: ${((performance.now() - begin) / 1000).toFixed(1)} s, ` +
      `${((user + system) / 1e6).toFixed(1)} s of CPU, ` +
      `median ${milliseconds(quantile(seconds, 0.5))}, 95 % ${milliseconds(quantile(seconds, 0.95))}, ` +
      `first quarter ${milliseconds(first)}, last ${milliseconds(last)} (${
        ((last / first - 1) * 100).toFixed(0)
      } %), resident ${(Deno.memoryUsage().rss / 1e6).toFixed(0)} MB, handles ${liveHandles() - handles}`,
  );
}
