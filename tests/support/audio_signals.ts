/**
 * Sounds for the audio tests, the same in every run.
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";
import { decodeWav } from "../../lib/audio/wav.ts";

/** Folder of the demo model and its recordings. */
export const DEMO: string = fromFileUrl(new URL("../../demo/", import.meta.url));

/** Samples of a recording in demo/recordings: 16 kHz mono. */
export async function recording(name: string): Promise<Float32Array> {
  return decodeWav(await Deno.readFile(join(DEMO, "recordings", name))).interleaved;
}

/** True start and end of each sentence of long-en.wav, in seconds. */
export async function sentenceSpans(): Promise<{ start: number; end: number }[]> {
  const lines = (await Deno.readTextFile(join(DEMO, "long-en.tsv"))).trim().split("\n").slice(1);
  return lines.map((line) => {
    const [start, end] = line.split("\t").map(Number);
    return { start: start!, end: end! };
  });
}

/** A generator of pseudorandom numbers in [0, 1); the same seed gives the same numbers. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** White noise with values up to `amplitude`. */
export function whiteNoise(length: number, amplitude: number, seed = 1): Float32Array {
  const random = randomNumbers(seed);
  return Float32Array.from({ length }, () => amplitude * (2 * random() - 1));
}

export function sine(hertz: number, sampleRate: number, length: number, amplitude = 0.5): Float32Array {
  return Float32Array.from({ length }, (_, i) => amplitude * Math.sin(2 * Math.PI * hertz * i / sampleRate));
}

/** Mean square. */
export function powerOf(samples: Float32Array): number {
  return samples.reduce((sum, x) => sum + x * x, 0) / samples.length;
}

/** Runs ffmpeg, quietly. */
export async function ffmpeg(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("ffmpeg", { args: ["-v", "error", "-y", ...args] })
    .output();
  if (!success) throw new Error(`ffmpeg is needed for this test: ${new TextDecoder().decode(stderr)}`);
}

/** Runs a test in an empty folder, which is removed afterwards. */
export async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "qwen3-asr-test-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Largest correlation of two recordings over the shifts that an encoder's padding may cause; stops above 0.99. */
export function correlation(a: Float32Array, b: Float32Array): number {
  let best = 0;
  for (let step = 0; step <= 2400 && best <= 0.99; step++) {
    for (const shift of [step, -step]) {
      let ab = 0, aa = 0, bb = 0;
      for (let i = 4000; i < 36000; i += 3) {
        const x = a[i]!;
        const y = b[i + shift] ?? 0;
        ab += x * y;
        aa += x * x;
        bb += y * y;
      }
      best = Math.max(best, ab / Math.sqrt(aa * bb));
    }
  }
  return best;
}

/** Whether the shorter one equals the beginning of the other. */
export function isSame(a: Float32Array, b: Float32Array): boolean {
  const length = Math.min(a.length, b.length);
  return a.subarray(0, length).every((x, i) => x === b[i]);
}
