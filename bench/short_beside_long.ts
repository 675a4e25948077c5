/**
 * How long short recordings wait beside long ones: clients with a clip of some seconds, one after the other, while
 * others keep sending 100 s.
 *
 *   deno run -A bench/short_beside_long.ts [--shorts 1] [--longs 1] [--seconds 20] [--pause 0] [--checkout DIR]
 *
 * The short clip's own work is the median of its time alone, measured before and after. A wait is what a request takes
 * beyond that. With `--pause` a short client rests so many seconds between its requests, so that two servers get about as
 * many of them and the times of long ones can be compared. The goal: at most three times the own work, for one short client beside one long.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { encodeWav } from "../lib/audio/wav.ts";
import { loadAudio } from "../mod.ts";
import { ServerProcess } from "./server_process.ts";

const args = parseArgs(Deno.args, {
  string: ["shorts", "longs", "seconds", "pause", "checkout"],
  default: { shorts: "1", longs: "1", seconds: "20", pause: "0" },
});
const LONG_SECONDS = 100;
const ALONE = 10;

async function wavOf(names: readonly string[], seconds: number): Promise<Uint8Array<ArrayBuffer>> {
  const pieces = [];
  for (const name of names) pieces.push((await loadAudio(`demo/recordings/${name}.wav`)).samples.slice());
  const samples = new Float32Array(seconds * 16_000);
  for (let at = 0, i = 0; at < samples.length; i++) {
    const piece = pieces[i % pieces.length]!;
    samples.set(piece.subarray(0, samples.length - at), at);
    at += piece.length;
  }
  return encodeWav(samples, { sampleRate: 16_000 });
}

/** Seconds that a request takes. */
async function ask(url: string, wav: Uint8Array<ArrayBuffer>, signal?: AbortSignal): Promise<number> {
  const form = new FormData();
  form.append("file", new Blob([wav]), "a.wav");
  const start = performance.now();
  const answer = await fetch(`${url}/v1/audio/transcriptions`, {
    method: "POST",
    body: form,
    ...signal ? { signal } : {},
  });
  await answer.text();
  if (!answer.ok) throw new Error(`answered ${answer.status}`);
  return (performance.now() - start) / 1000;
}

function quantile(values: readonly number[], part: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(part * (values.length - 1))] ?? NaN;
}

const short = await wavOf(["dev-01-en"], 3);
const long = await wavOf(["dev-00-en", "dev-03-en", "dev-04-en", "dev-06-en", "dev-07-en"], LONG_SECONDS);
const threads = args.checkout === undefined ? ["--threads", "1"] : [];
await using server = await ServerProcess.start({ checkout: args.checkout, args: threads });
const alone: number[] = [];
const measureAlone = async () => {
  for (let i = 0; i < ALONE; i++) alone.push(await ask(server.url, short));
};
await measureAlone();
const stop = new AbortController();
const longTimes: number[] = [], shortTimes: number[] = [];
const end = performance.now() + Number(args.seconds) * 1000;
const client = async (
  wav: Uint8Array<ArrayBuffer>,
  times: number[],
  { signal, pause = 0 }: { signal?: AbortSignal; pause?: number },
) => {
  while (performance.now() < end) {
    times.push(await ask(server.url, wav, signal));
    await new Promise((resolve) => setTimeout(resolve, pause * 1000));
  }
};
const longs = Array.from(
  { length: Number(args.longs) },
  () => client(long, longTimes, { signal: stop.signal }).catch(() => {}),
);
await new Promise((resolve) => setTimeout(resolve, 500));
await Promise.all(
  Array.from({ length: Number(args.shorts) }, () => client(short, shortTimes, { pause: Number(args.pause) })),
);
stop.abort();
await Promise.all(longs);
await new Promise((resolve) => setTimeout(resolve, 500));
await measureAlone();
const own = quantile(alone, 0.5);
const wait = (part: number) => ((quantile(shortTimes, part) - own) / own).toFixed(1);
console.log(
  `${args.shorts} short beside ${args.longs} long: own work ${(own * 1000).toFixed(0)} ms ` +
    `(p95 alone ${(quantile(alone, 0.95) * 1000).toFixed(0)}), ` +
    `${shortTimes.length} short requests p50 ${(quantile(shortTimes, 0.5) * 1000).toFixed(0)} ms, ` +
    `p95 ${(quantile(shortTimes, 0.95) * 1000).toFixed(0)} ms: they waited ${wait(0.5)} and ${
      wait(0.95)
    } times it; ` +
    `long ones p50 ${quantile(longTimes, 0.5).toFixed(1)} s`,
);
