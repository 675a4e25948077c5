/**
 * Voice activity of a long recording: real-time factor, longest block of the event loop, memory; and of a stream.
 *
 *   deno run -A bench/voice_activity.ts [HOURS]
 *
 * @module
 */
import { join } from "@std/path";
import process from "node:process";
import { decodeWav } from "../lib/audio/wav.ts";
import { SAMPLE_RATE, Samples } from "../lib/audio/samples.ts";
import { speechProbabilities } from "../lib/vad/probabilities.ts";
import { VadStream } from "../lib/vad/stream.ts";
import { loadVad } from "../tests/support/vad_network.ts";
import { median } from "./statistics.ts";

const ROOT = join(import.meta.dirname!, "..");
const ROUNDS = 5;
/** What a microphone delivers at once. */
const PUSH = SAMPLE_RATE / 10;

/** A recording over and over, in 16 bits as long ones are kept. */
function repeated(samples: Float32Array, seconds: number): Samples {
  const long = new Samples();
  while (long.durationSeconds < seconds) long.push(samples);
  return long;
}

/** The longest time between two ticks of a 1 ms timer. */
class LoopGaps implements Disposable {
  longestMs = 0;
  #last = performance.now();
  readonly #timer = setInterval(() => {
    const now = performance.now();
    this.longestMs = Math.max(this.longestMs, now - this.#last);
    this.#last = now;
  }, 1);

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;

if (import.meta.main) {
  const hours = Number(Deno.args[0] ?? 1);
  const { interleaved } = decodeWav(await Deno.readFile(join(ROOT, "demo/recordings/long-en.wav")));
  using network = await loadVad();
  for (const seconds of [10, 100, 3600 * hours]) {
    const samples = repeated(interleaved.subarray(0, seconds * SAMPLE_RATE), seconds);
    const factors: number[] = [], cpus: number[] = [];
    using gaps = new LoopGaps();
    const before = Deno.memoryUsage().rss;
    let most = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const cpu = process.cpuUsage(), start = performance.now();
      const watch = setInterval(() => most = Math.max(most, Deno.memoryUsage().rss), 100);
      await speechProbabilities(network, samples);
      clearInterval(watch);
      factors.push((performance.now() - start) / 1000 / samples.durationSeconds);
      const { user, system } = process.cpuUsage(cpu);
      cpus.push((user + system) / 1e6 / samples.durationSeconds);
    }
    console.log(
      `${samples.durationSeconds.toFixed(0)} s: real-time factor ${median(factors).toFixed(5)} (least ` +
        `${Math.min(...factors).toFixed(5)}), of a core ${median(cpus).toFixed(5)}; longest block ` +
        `${gaps.longestMs.toFixed(1)} ms; memory ${megabytes(before)} before, at most ${megabytes(most)}`,
    );
  }
  const stream = new VadStream(network);
  const start = performance.now();
  for (let at = 0; at < interleaved.length; at += PUSH) {
    await stream.push(interleaved.subarray(at, at + PUSH));
  }
  const ms = performance.now() - start;
  console.log(
    `stream, pushes of 0.1 s: ${(ms / (interleaved.length / PUSH)).toFixed(2)} ms each, ` +
      `real-time factor ${(ms / 1000 / (interleaved.length / SAMPLE_RATE)).toFixed(5)}`,
  );
}
