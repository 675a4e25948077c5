/**
 * What a server bears: each case of abuse against a server of its own, in a process of its own, with the demo model.
 *
 *   deno run -A bench/server_abuse.ts [--checkout DIR] [--only WORDS] [--seconds 20]
 *
 * Prints rows of a Markdown table: the longest answer of /health, peak resident memory above that of a server which has
 * decoded eight chunks at once, seconds until all places are free once the clients have gone, seconds from SIGTERM to
 * the end. What misses its goal is bold. `--seconds` bounds each case; `--checkout` takes the server of another folder.
 * Linux, with ffmpeg.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { type AbuseCase, CASES, type Finding } from "./abuse/cases.ts";
import { pause, upload } from "./abuse/clients.ts";
import { HealthWatch } from "./abuse/health.ts";
import { Recordings, speechWav } from "./abuse/recordings.ts";
import { ServerProcess, within } from "./server_process.ts";

const args = parseArgs(Deno.args, { string: ["checkout", "only", "seconds"] });
const caseMs = Number(args.seconds ?? 20) * 1_000;

const GRACE_SECONDS = 2;
/** Two hours of samples may be held, of recordings of at most one. */
const LONGEST_RECORDING = 3_600;
const HELD_MB = 2 * 115;
/** What connections may read ahead of the decoders. */
const AHEAD_MB = 128;
/** What decoding itself may take beside the samples, and the transcription of one batch. */
const WORK_MB = 100;
const GOALS = { health: 0.3, memory: HELD_MB + AHEAD_MB + WORK_MB, places: 1, end: GRACE_SECONDS + 1 };
/** Patience beyond the goals. */
const PLACES_LIMIT = 15, END_LIMIT = 12, AFTERWARDS_MS = 6_000;
/** A server that takes more is ended. */
const MEMORY_LIMIT = 4 * 2 ** 30;

/** A figure with its goal; bold when it is missed, with `>` when patience ended. */
function cell(value: number | undefined, goal: number, digits: number, limit = 0): string {
  const text = value === undefined ? `> ${limit}` : value.toFixed(digits);
  return value !== undefined && value <= goal ? text : `**${text}**`;
}

/** Watches the memory of a server, and ends it when it takes too much. */
class MemoryWatch implements Disposable {
  peak = 0;
  readonly #server: ServerProcess;
  readonly #timer = setInterval(() => void this.look(), 200);

  constructor(server: ServerProcess) {
    this.#server = server;
  }

  async look(): Promise<void> {
    const memory = await this.#server.memory().catch(() => undefined);
    if (!memory || Number.isNaN(memory.peak)) return;
    this.peak = Math.max(this.peak, memory.peak);
    if (memory.now > MEMORY_LIMIT) await this.#server.kill();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

async function busyPlaces(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(2_000) })).text();
  const gauge = (name: string) => Number(new RegExp(`^qwen3_asr_queue_${name} (\\d+)$`, "m").exec(text)?.[1]);
  return gauge("running") + gauge("waiting");
}

/** Seconds until no place is taken. */
async function placesFree(server: ServerProcess): Promise<number | undefined> {
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1_000;
  while (seconds() < PLACES_LIMIT && !server.ended) {
    if (await busyPlaces(server.url).catch(() => NaN) === 0) return seconds();
    await pause(20);
  }
  return undefined;
}

/** The row of a case. */
async function measure(abuse: AbuseCase, recordings: Recordings): Promise<string> {
  await using server = await ServerProcess.start({
    checkout: args.checkout,
    args: [
      "--grace",
      String(GRACE_SECONDS),
      "--max-duration",
      String(LONGEST_RECORDING),
      ...abuse.args ?? [],
    ],
    descriptors: abuse.descriptors,
  });
  await upload(server.url, await speechWav(3), AbortSignal.timeout(60_000));
  const base = (await server.memory()).now;
  await server.forgetPeak();
  using memory = new MemoryWatch(server);
  using early = abuse.healthAfterwards ? undefined : new HealthWatch(server.port);
  const signal = AbortSignal.timeout(caseMs);
  const work = abuse.run({ server, recordings, signal })
    .catch((error): Finding => ({ note: `not run: ${error instanceof Error ? error.message : error}` }));
  const { note, staying = [] } = await within(work, caseMs + 1_000 * (abuse.seconds ?? 0) + 30_000) ??
    { note: "its clients did not end" };
  using late = abuse.healthAfterwards ? new HealthWatch(server.port) : undefined;
  if (late) await pause(AFTERWARDS_MS);
  const places = await placesFree(server);
  const health = await (late ?? early!).worstSeconds();
  await memory.look();
  const died = server.ended;
  const end = died ? undefined : await server.terminate(END_LIMIT);
  for (const client of staying) await client[Symbol.asyncDispose]();
  const cells = [
    abuse.name,
    cell(health, GOALS.health, 2),
    cell((memory.peak - base) / 1e6, GOALS.memory, 0),
    cell(places, GOALS.places, 1, PLACES_LIMIT),
    died ? "**died**" : cell(end, GOALS.end, 1, END_LIMIT),
    note,
  ];
  return `| ${cells.join(" | ")} |`;
}

console.log(
  "| case | /health at its worst, s | memory above base, MB | places free, s | end, s | what came |",
);
console.log("| --- | --- | --- | --- | --- | --- |");
await using recordings = await Recordings.create();
for (const abuse of CASES) {
  if (args.only === undefined || abuse.name.includes(args.only)) {
    console.log(await measure(abuse, recordings));
  }
}
