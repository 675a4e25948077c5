/**
 * Sounds in which nobody speaks, and sentences between and over them.
 *
 *   deno run -A bench/sounds.ts DIR [--minutes 20] [--seed 1]     music, wind, applause, hum and noise, a file each
 *   deno run -A bench/sounds.ts DIR --mixes 6 [--seed 1]          a minute each of demo sentences among them, with TSV
 *
 * `deno task quality DIR` says what is made of them. Mixes need espeak-ng.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { join } from "@std/path";
import { loadAudio } from "../mod.ts";
import { encodeWav } from "../lib/audio/wav.ts";
import { randomNumbers } from "../tests/support/audio_signals.ts";

const RATE = 16_000;

/** Numbers in [0, 1). */
type Random = () => number;

/** Notes of a scale with harmonics that fade, three voices, and a drum. */
function music(length: number, random: Random): Float32Array {
  const out = new Float32Array(length);
  const root = 110 * 2 ** (random() * 12 / 12);
  const scale = [0, 2, 4, 5, 7, 9, 11, 12];
  const beat = Math.round(RATE * (0.2 + 0.3 * random()));
  for (let voice = 0; voice < 3; voice++) {
    for (let at = 0; at < length;) {
      const steps = 1 + Math.floor(4 * random());
      const hertz = root * 2 ** (voice % 3 + scale[Math.floor(8 * random())]! / 12);
      const end = Math.min(length, at + steps * beat);
      const level = 0.05 + 0.1 * random();
      for (let i = at; i < end; i++) {
        const t = (i - at) / RATE, phase = 2 * Math.PI * hertz * t;
        out[i]! += level * Math.exp(-2 * t) * Math.min(1, 200 * t) *
          (Math.sin(phase) + 0.5 * Math.sin(2 * phase) + 0.3 * Math.sin(3 * phase) +
            0.15 * Math.sin(4 * phase));
      }
      at = end;
    }
  }
  for (let at = 0; at < length; at += beat) {
    for (let i = at; i < Math.min(length, at + 2000); i++) {
      out[i]! += 0.15 * Math.exp(-(i - at) / 300) * (2 * random() - 1);
    }
  }
  return out;
}

/** Noise through a low pass that opens and closes, in gusts. */
function wind(length: number, random: Random): Float32Array {
  let low = 0, lower = 0, gust = 0.5, wanted = 0.5;
  return Float32Array.from({ length }, (_, i) => {
    if (i % 4000 === 0) wanted = random();
    gust += (wanted - gust) / 8000;
    const open = 0.01 + 0.05 * gust;
    low += open * (2 * random() - 1 - low);
    lower += open * (low - lower);
    return 3 * gust * lower;
  });
}

/** Claps of many hands. */
function applause(length: number, random: Random): Float32Array {
  const out = new Float32Array(length);
  for (let at = 0; at < length; at += Math.ceil(-Math.log(1 - random()) * RATE / 80)) {
    const level = 0.05 + 0.2 * random(), decay = 40 + 120 * random();
    for (let i = at; i < Math.min(length, at + 1000); i++) {
      out[i]! += level * Math.exp(-(i - at) / decay) * (2 * random() - 1);
    }
  }
  return out;
}

/** The mains, with harmonics. */
function hum(length: number, random: Random): Float32Array {
  const levels = Array.from({ length: 8 }, (_, k) => 0.1 * random() / (k + 1));
  return Float32Array.from({ length }, (_, i) => {
    const phase = 2 * Math.PI * 50 * i / RATE;
    let sum = 0.002 * (2 * random() - 1);
    for (let k = 0; k < levels.length; k++) sum += levels[k]! * Math.sin((k + 1) * phase);
    return sum;
  });
}

function noise(length: number, random: Random): Float32Array {
  return Float32Array.from({ length }, () => 0.2 * (2 * random() - 1));
}

/** Sounds in which nobody speaks. */
export const SOUNDS = { music, wind, applause, hum, noise };

async function write(path: string, samples: Float32Array): Promise<void> {
  await Deno.writeFile(path, encodeWav(samples, { sampleRate: RATE }));
}

/** Samples of a sentence that espeak-ng says, silence at its ends cut off. */
async function said(text: string, voice: string, random: Random): Promise<Float32Array> {
  const pace = `${Math.round(150 + 30 * random())}`, pitch = `${Math.round(35 + 30 * random())}`;
  const { success, stdout } = await new Deno.Command("espeak-ng", {
    args: ["--stdout", "-v", voice, "-s", pace, "-p", pitch, text],
  }).output();
  if (!success) throw new Error("Cannot make mixes: espeak-ng failed.");
  const samples = (await loadAudio(stdout)).samples.slice();
  const first = samples.findIndex((x) => Math.abs(x) > 0.01);
  return samples.slice(first, samples.findLastIndex((x) => Math.abs(x) > 0.01) + 1);
}

/** Sentences over some sound and between others. */
async function mix(path: string, texts: readonly string[], random: Random): Promise<void> {
  const length = 60 * RATE, out = new Float32Array(length), lines = ["start\tend\ttext"];
  const kinds = Object.values(SOUNDS);
  const pick = () => kinds[Math.floor(random() * kinds.length)]!;
  const bed = pick()(length, random), bedLevel = 0.02 + 0.1 * random();
  for (let i = 0; i < length; i++) out[i] = bedLevel * bed[i]!;
  let at = Math.round((0.5 + random()) * RATE);
  while (at < length) {
    const text = texts[Math.floor(random() * texts.length)]!;
    const speech = await said(text, "en", random);
    if (at + speech.length > length) break;
    for (let i = 0; i < speech.length; i++) out[at + i]! += 0.5 * speech[i]!;
    lines.push([at / RATE, (at + speech.length) / RATE, text].map((x) => `${x}`).join("\t"));
    at += speech.length + Math.round(0.3 * RATE);
    const between = pick()(Math.round((0.5 + 4 * random()) * RATE), random), level = 0.2 + 0.8 * random();
    for (let i = 0; i < between.length && at + i < length; i++) out[at + i]! += level * between[i]!;
    at += between.length + Math.round(0.3 * RATE);
  }
  await write(`${path}.wav`, out);
  await Deno.writeTextFile(`${path}.tsv`, `${lines.join("\n")}\n`);
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["minutes", "mixes", "seed"] });
  const folder = `${args._[0] ?? "."}`, seed = Number(args.seed ?? 1);
  await Deno.mkdir(folder, { recursive: true });
  if (args.mixes === undefined) {
    for (const [name, make] of Object.entries(SOUNDS)) {
      await write(
        join(folder, `${name}.wav`),
        make(Number(args.minutes ?? 20) * 60 * RATE, randomNumbers(seed)),
      );
    }
  } else {
    const lines = (await Deno.readTextFile(new URL("../demo/refs.tsv", import.meta.url))).trim().split("\n");
    const texts = lines.flatMap((line) => /^dev-\S+\tEnglish\t(.+)$/.exec(line)?.[1] ?? []);
    for (let i = 0; i < Number(args.mixes); i++) {
      await mix(join(folder, `own-${i}`), texts, randomNumbers(100 * seed + i));
    }
  }
}
