/**
 * A fleet on this machine: does anything get lost or doubled, does it grow with the machines, does it stay small?
 *
 *   deno run -A bench/fleet.ts kills [--recordings 200] [--workers 4] [--seed 1]
 *   deno run -A bench/fleet.ts linear [--jobs 96] [--seconds 0.5]
 *   deno run -A bench/fleet.ts many [--jobs 10000]
 *
 * `kills`: processes with the demo model are killed (SIGKILL) at random moments and replaced, and the server is killed
 * and started on its store, until all is done; every text must be that of this process alone. `linear`: 1, 2 and 4
 * workers sleep as long as a recording takes that was measured. `many`: small jobs, and the memory of all beside them.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { join } from "@std/path";
import { sleep } from "../lib/abortable.ts";
import { decodeWav, encodeWav } from "../lib/audio/wav.ts";
import { Fleet } from "../lib/fleet/fleet.ts";
import { overviewOf } from "../lib/fleet/overview.ts";
import { Qwen3ASR } from "../mod.ts";
import { cli, startCli } from "../tests/support/cli_process.ts";
import { recordings } from "../tests/support/demo_files.ts";
import { Crew, Sleeper, submitAll } from "../tests/support/fleet_sleeper.ts";
import { NatsServer } from "../tests/support/nats_server.ts";
import { randomOf } from "../tests/support/output_samples.ts";

const flags = parseArgs(Deno.args, {
  string: ["recordings", "workers", "seed", "jobs", "seconds"],
  default: { recordings: "200", workers: "4", seed: "1" },
});
const RATE = 16000;

/** A folder of its own for each run, gone with it. */
async function scratch(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "qwen3-asr-fleet-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Different recordings: the short ones of the demo, each with some more silence behind it than the time before. */
async function makeRecordings(folder: string, count: number): Promise<string[]> {
  const short = (await recordings()).filter(({ path }) => !path.endsWith("long-en.wav"));
  const paths: string[] = [];
  for (let index = 0; index < count; index++) {
    const { path } = short[index % short.length]!;
    const { interleaved: samples } = await decodeWav(await Deno.readFile(path));
    const silence = Math.floor(index / short.length) * RATE / 10;
    const longer = new Float32Array(samples.length + silence);
    longer.set(samples);
    paths.push(join(folder, `r${String(index).padStart(3, "0")}.wav`));
    await Deno.writeFile(paths.at(-1)!, encodeWav(longer, { sampleRate: RATE, channels: 1 }));
  }
  return paths;
}

/** One that could not reach the queue when it started has ended by itself. */
function end(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // As it shall.
  }
}

async function kills(): Promise<void> {
  const random = randomOf(Number(flags.seed));
  await using folder = await scratch();
  await using server = await NatsServer.start();
  const paths = await makeRecordings(folder.path, Number(flags.recordings));
  const env = { QWEN3_ASR_QUEUE: server.url, QWEN3_ASR_MODEL: "demo" };
  const submitted = await cli(["fleet", "submit", ...paths], { env });
  console.log(submitted.stderr.trim());
  const start = () => startCli(["fleet", "work", "-q", "--lease", "3", "--tries", "20"], { env });
  const workers = Array.from({ length: Number(flags.workers) }, start);
  const ended: Promise<unknown>[] = workers.map((child) => child.output());
  const begun = performance.now();
  let workerKills = 0, serverKills = 0, done = 0;
  await using fleet = await Fleet.open({ url: server.url });
  while (done < paths.length) {
    await sleep(2 + 4 * random());
    if (random() < 0.2) {
      await server.down();
      serverKills++;
      await sleep(2 * random());
      await server.up();
    } else {
      const which = Math.floor(random() * workers.length);
      end(workers[which]!, "SIGKILL");
      workerKills++;
      workers[which] = start();
      ended.push(workers[which]!.output());
    }
    ({ done } = (await overviewOf(fleet)).recordings);
    console.log(
      `${
        Math.round((performance.now() - begun) / 1000)
      } s: ${done} done, ${workerKills} + ${serverKills} kills`,
    );
  }
  const { recordings: states } = await overviewOf(fleet);
  for (const child of workers) end(child, "SIGTERM");
  await Promise.all(ended);
  const keys = await Array.fromAsync(fleet.shelves.results.keys());
  const texts = new Map<string, string>();
  for await (const [, { job }] of fleet.shelves.asked.entries()) {
    texts.set(job.source, (await fleet.transcript(job.id))!.text);
  }
  await using asr = await Qwen3ASR.load("demo");
  let wrong = 0;
  for (const path of paths) if (texts.get(path) !== (await asr.transcribe(path)).text) wrong++;
  console.log(
    `${paths.length} recordings, ${workerKills} workers and ${serverKills} servers killed: ` +
      `${keys.length} results, ${wrong} other than one machine's, ${JSON.stringify(states)}`,
  );
  if (wrong > 0 || keys.length !== paths.length || states.done !== paths.length) Deno.exit(1);
}

async function makeTexts(folder: string, count: number): Promise<string[]> {
  const paths = Array.from({ length: count }, (_, index) => join(folder, `t${index}`));
  for (const [index, path] of paths.entries()) await Deno.writeTextFile(path, `text ${index}`);
  return paths;
}

async function linear(): Promise<void> {
  const jobs = Number(flags.jobs ?? 96), seconds = Number(flags.seconds ?? 0.5);
  await using folder = await scratch();
  const paths = await makeTexts(folder.path, jobs);
  let alone = 0;
  for (const count of [1, 2, 4]) {
    await using server = await NatsServer.start();
    await using fleet = await Fleet.open({ url: server.url });
    await submitAll(fleet, paths);
    await using crew = new Crew(server.url);
    const start = performance.now();
    const hire = () => crew.hire(new Sleeper({ secondsPerChunk: seconds }), { once: true });
    await Promise.all(Array.from({ length: count }, hire));
    // Who finds nothing any more looks again while others work: the end is when the last result is there.
    const took = (performance.now() - start) / 1000;
    alone ||= took;
    const perJob = (took * count / jobs - seconds) * 1000;
    console.log(
      `${count} workers: ${took.toFixed(1)} s, ${(jobs * seconds / took).toFixed(2)} at once, ` +
        `${(100 * alone / took / count).toFixed(1)} % of linear, ${
          perJob.toFixed(0)
        } ms a job beside the work`,
    );
  }
}

async function residentMegabytes(pid: number | undefined): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? NaN) / 1024);
}

async function many(): Promise<void> {
  const jobs = Number(flags.jobs ?? 10000);
  await using folder = await scratch();
  await using server = await NatsServer.start();
  const paths = await makeTexts(folder.path, jobs);
  const memory = async (what: string, start: number) =>
    console.log(
      `${what}: ${((performance.now() - start) / 1000).toFixed(1)} s, this process ${await residentMegabytes(
        Deno.pid,
      )} MB, server ${await residentMegabytes(server.pid)} MB`,
    );
  await using fleet = await Fleet.open({ url: server.url });
  let start = performance.now();
  await memory("begun", start);
  for (let at = 0; at < jobs; at += jobs / 5) {
    await submitAll(fleet, paths.slice(at, at + jobs / 5));
    await memory(`${at + jobs / 5} submitted`, start);
  }
  start = performance.now();
  await using crew = new Crew(server.url);
  const sleepers = Array.from({ length: 4 }, () => new Sleeper());
  const drained = Promise.all(sleepers.map((sleeper) => crew.hire(sleeper, { once: true })));
  let isOver = false;
  const over = drained.then(() => isOver = true);
  for (let told = 0; !isOver;) {
    await Promise.race([over, sleep(0.2)]);
    const done = sleepers.reduce((sum, { heard }) => sum + heard.length, 0);
    if (done - told >= jobs / 5 || isOver) await memory(`${told = done} done`, start);
    crew.lines.length = 0;
  }
  start = performance.now();
  const { recordings: states } = await overviewOf(fleet);
  await memory(`status ${JSON.stringify(states)}`, start);
  start = performance.now();
  const again = [...(await submitAll(fleet, paths)).values()].filter((outcome) => outcome === "done before");
  await memory(`${again.length} submitted again, done before`, start);
}

const modes: Record<string, () => Promise<void>> = { kills, linear, many };
const mode = modes[String(flags._[0])];
if (mode === undefined) {
  console.error(`bench/fleet.ts ${Object.keys(modes).join("|")}`);
  Deno.exit(2);
}
await mode();
