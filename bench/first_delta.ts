/**
 * How long a long recording takes from the start of the process to its first words and to its last, here and in another
 * checkout, turn by turn: an hour of demo recordings with gaps of 0.2 to 6 s, a new process each time.
 *
 *     deno run -A bench/first_delta.ts [--minutes 60] [--format wav|mp3] [--whole] [--rounds 3] [--other CHECKOUT]
 *         [--model demo] [--tokens N]
 *
 * `--tokens` fixes how many tokens a chunk gets, for models with random weights.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { dirname, fromFileUrl, join, toFileUrl } from "@std/path";
import { decodeWav, encodeWav } from "../lib/audio/wav.ts";
import { randomNumbers } from "../tests/support/audio_signals.ts";
import { median } from "./statistics.ts";

const RATE = 16_000;
const ROOT = dirname(dirname(fromFileUrl(import.meta.url)));
const LEAST_GAP = 0.2, MOST_GAP = 6;

/** Demo recordings one after the other, with gaps of room noise. */
async function recordingOf(minutes: number): Promise<Float32Array> {
  const folder = join(ROOT, "demo", "recordings"), random = randomNumbers(1);
  const names = (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name))
    .filter((name) => /^dev-.*\.wav$/.test(name)).sort();
  const voices = await Promise.all(
    names.map(async (name) => decodeWav(await Deno.readFile(join(folder, name))).interleaved),
  );
  const all = Float32Array.from({ length: minutes * 60 * RATE }, () => (random() - 0.5) / 2000);
  for (let at = 0, place = 0; at < all.length; place++) {
    const voice = voices[place % voices.length]!;
    all.set(voice.subarray(0, all.length - at), at);
    at += voice.length + Math.round((LEAST_GAP + (MOST_GAP - LEAST_GAP) * random() ** 3) * RATE);
  }
  return all;
}

/** Seconds from the start of a process to its lines "delta" and "done". */
async function measure(checkout: string, args: readonly string[]): Promise<Record<string, number>> {
  const start = performance.now(), seconds: Record<string, number> = {};
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", import.meta.filename!, "--child", join(checkout, "mod.ts"), ...args],
    cwd: checkout,
    stdout: "piped",
  }).spawn();
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    for (const line of text.trim().split("\n")) seconds[line] = (performance.now() - start) / 1000;
  }
  if (!(await child.status).success) throw new Error(`The run in ${checkout} failed.`);
  return seconds;
}

/** Transcribes, and says when it has the first words and when all. */
async function runChild(
  module: string,
  path: string,
  options: { model: string; tokens: number; whole: boolean },
) {
  const { Qwen3ASR } = await import(toFileUrl(module).href) as typeof import("../mod.ts");
  await using asr = await Qwen3ASR.load(options.model);
  const { tokens } = options;
  const sampling = tokens > 0 ? { sampling: { minTokens: tokens, maxTokens: tokens } } : {};
  let isFirst = true;
  for await (const event of asr.stream(path, { ...sampling, rescue: tokens === 0 })) {
    if (isFirst && event.type === "delta") {
      isFirst = false;
      console.log("delta");
      if (!options.whole) return;
    }
  }
  console.log("done");
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, {
    string: ["minutes", "format", "rounds", "other", "model", "tokens", "child"],
    boolean: ["whole"],
  });
  const { model = "demo", tokens = "0", minutes = "60", format = "wav", rounds = "3", whole } = args;
  if (args.child) {
    await runChild(args.child, `${args._[0]}`, { model, tokens: Number(tokens), whole });
    Deno.exit(0);
  }
  const folder = await Deno.makeTempDir();
  try {
    let path = join(folder, "hour.wav");
    await Deno.writeFile(path, encodeWav(await recordingOf(Number(minutes)), { sampleRate: RATE }));
    if (format !== "wav") {
      const coded = join(folder, `hour.${format}`);
      await new Deno.Command("ffmpeg", { args: ["-loglevel", "error", "-i", path, coded] }).output();
      path = coded;
    }
    const rest = [path, "--model", model, "--tokens", tokens, ...whole ? ["--whole"] : []];
    const checkouts = args.other ? [args.other, ROOT] : [ROOT];
    const times = new Map(
      checkouts.map((checkout) => [checkout, { delta: [] as number[], done: [] as number[] }]),
    );
    for (let round = 0; round < Number(rounds); round++) {
      for (const checkout of checkouts) {
        const { delta, done } = await measure(checkout, rest);
        times.get(checkout)!.delta.push(delta!);
        if (done !== undefined) times.get(checkout)!.done.push(done);
      }
    }
    for (const [checkout, lists] of times) {
      for (const [what, seconds] of Object.entries(lists)) {
        if (seconds.length === 0) continue;
        const least = Math.min(...seconds).toFixed(2);
        console.log(`${checkout}: ${what} after ${median(seconds).toFixed(2)} s, least ${least}`);
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
