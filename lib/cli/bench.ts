/**
 * The command `bench`: how fast this machine is, 0.6b against 1.7b.
 *
 * @module
 */
import { ModelError } from "../errors.ts";
import { findModel } from "../hub/mod.ts";
import { Qwen3ASR } from "../qwen3_asr.ts";
import type { Arguments } from "./arguments.ts";
import { length, size, speed } from "./clock.ts";
import { demoRecording, LONG_RECORDING } from "./inputs.ts";
import { Interruption } from "./interruption.ts";
import { type ModelSettings, modelSettings } from "./settings.ts";
import { table, type Terminal } from "./terminal.ts";

const RUNS = 3;

/** What was measured for one model: the run in the middle of three, after one that does not count. */
interface Measurement {
  model: string;
  device: string;
  dtype: string;
  loadMs: number;
  durationSeconds: number;
  /** Below 1 is faster than real time. */
  realTimeFactor: number;
  encoderMs: number;
  decodeMs: number;
  tokensPerSecond: number;
  peakMemoryBytes: number;
}

async function modelNames(given: string | undefined): Promise<string[]> {
  if (given !== undefined) return [given];
  const names: string[] = [];
  for (const name of ["0.6b", "1.7b"]) {
    if ((await findModel(name)).model !== undefined) names.push(name);
  }
  return names.length > 0 ? names : ["demo"];
}

async function measure(
  name: string,
  recording: string,
  settings: ModelSettings,
  signal: AbortSignal,
  onRun: (run: number) => void,
): Promise<Measurement> {
  const { device, dtype, threads, libraryPath } = settings;
  await using asr = await Qwen3ASR.load(name, { device, dtype, threads, libraryPath });
  const runs = [];
  for (let run = 0; run <= RUNS; run++) {
    onRun(run);
    runs.push(await asr.transcribe(recording, { signal }));
  }
  const [, ...counted] = runs;
  counted.sort((a, b) => a.stats.totalMs - b.stats.totalMs);
  const { stats, durationSeconds } = counted[Math.floor(RUNS / 2)]!;
  return {
    model: asr.info.name,
    device: asr.info.device,
    dtype: asr.info.dtype,
    loadMs: asr.info.loadMs,
    durationSeconds,
    realTimeFactor: stats.realTimeFactor,
    encoderMs: stats.encoderMs,
    decodeMs: stats.decodeMs + stats.prefillMs,
    tokensPerSecond: stats.tokensPerSecond,
    peakMemoryBytes: stats.peakMemoryBytes,
  };
}

function print(measurements: readonly Measurement[]): string {
  const header = [
    "model",
    "device",
    "type",
    "load",
    "RTF",
    "speed",
    "encoder",
    "decoder",
    "tokens/s",
    "peak",
  ];
  return table([
    header,
    ...measurements.map((m) => [
      m.model,
      m.device,
      m.dtype,
      `${Math.round(m.loadMs)} ms`,
      m.realTimeFactor.toFixed(4),
      speed(1 / m.realTimeFactor),
      `${Math.round(m.encoderMs)} ms`,
      `${Math.round(m.decodeMs)} ms`,
      String(Math.round(m.tokensPerSecond)),
      size(m.peakMemoryBytes),
    ]),
  ]);
}

/** Runs the command. */
export async function bench(args: Arguments, terminal: Terminal): Promise<number> {
  const [given] = args.operands;
  const recording = given ?? demoRecording(LONG_RECORDING);
  if (recording === undefined) {
    throw new ModelError("Cannot measure without a recording here: name one, a minute or longer");
  }
  const settings = modelSettings(args);
  const names = await modelNames(settings.model);
  if (settings.model === undefined && names[0] === "demo") {
    terminal.warn(
      "Neither 0.6b nor 1.7b is on this machine: this is the demo model, 130 times smaller than 0.6b",
    );
  }
  using interruption = new Interruption(() => terminal.note("Interrupted"));
  const measurements: Measurement[] = [];
  try {
    for (const name of names) {
      const onRun = (run: number) =>
        terminal.draw([`${name}: ${run === 0 ? "warming up" : `run ${run} of ${RUNS}`}`]);
      measurements.push(await measure(name, recording, settings, interruption.signal, onRun));
      terminal.clear();
    }
  } catch (error) {
    if (interruption.isOver) return interruption.code;
    throw error;
  }
  if (args.on("json")) terminal.write(`${JSON.stringify({ recording, measurements }, null, 2)}\n`);
  else {
    terminal.note(`${recording}, ${length(measurements[0]!.durationSeconds)}, median of ${RUNS} runs`);
    terminal.write(print(measurements));
  }
  return 0;
}
