/**
 * A server under a crowd of clients: latency of the last quarter of the requests compared with the first, memory, live
 * handles.
 *
 *   deno run -A bench/server_soak.ts [--rounds 3]
 *
 * A round is 300 requests of 8 clients, some of which hang up, send slowly or send nonsense
 * (tests/support/server_crowd.ts). The first round is a warm-up: it is reported, but not compared. A latency is divided by
 * the mean of its recording, because the quarters do not hold the same recordings.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { cpuUsage } from "node:process";
import { liveHandles } from "../ffi/mod.ts";
import { crowd, type Visit } from "../tests/support/server_crowd.ts";
import { demoModel, start } from "../tests/support/server_start.ts";

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

/** Only the visits that wait for a whole answer: the others do not show the server's speed. */
function waiting(visits: readonly Visit[]): Visit[] {
  return visits.filter(({ behaviour }) => behaviour === "plain" || behaviour === "verbose");
}

/** Latencies as multiples of the mean of their recording. */
function relative(visits: readonly Visit[]): number[] {
  const means = new Map(
    [...Map.groupBy(visits, ({ file }) => file)].map((
      [file, all],
    ) => [file, mean(all.map(({ seconds }) => seconds))]),
  );
  return visits.map(({ file, seconds }) => seconds / means.get(file)!);
}

/** How much longer the last quarter took than the first, in percent. */
function drift(visits: readonly Visit[]): number {
  const values = relative(visits), quarter = Math.floor(values.length / 4);
  return (mean(values.slice(-quarter)) / mean(values.slice(0, quarter)) - 1) * 100;
}

const asr = await demoModel();
await using server = await start();
const handles = liveHandles();
const compared: Visit[] = [], drifts: number[] = [];
for (let round = 0; round < Number(rounds); round++) {
  const begin = performance.now();
  const cpuBefore = cpuUsage();
  const visits = await crowd(server, { clients: 8, requests: 300, files: FILES });
  const waited = waiting(visits), seconds = waited.map(({ seconds }) => seconds);
  if (round > 0) {
    compared.push(...waited);
    drifts.push(drift(waited));
  }
  while (asr.pending > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const { user, system } = cpuUsage(cpuBefore);
  console.log(
    `round ${round}: ${((performance.now() - begin) / 1000).toFixed(1)} s, ` +
      `${((user + system) / 1e6).toFixed(1)} s of CPU, ` +
      `median ${milliseconds(quantile(seconds, 0.5))}, 95 % ${milliseconds(quantile(seconds, 0.95))}, ` +
      `last quarter ${drift(waited).toFixed(0)} % above the first, resident ${
        (Deno.memoryUsage().rss / 1e6).toFixed(0)
      } MB, handles ${liveHandles() - handles}`,
  );
}
if (compared.length > 0) {
  console.log(
    `all rounds but the first as one: last quarter ${drift(compared).toFixed(0)} % above the first; ` +
      `median of the rounds ${quantile(drifts, 0.5).toFixed(0)} %`,
  );
}
