/**
 * The checkpoints to measure: real ones if this machine has them, otherwise synthetic ones of the same shape.
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";
import { resolveModel } from "../lib/hub/mod.ts";
import type { Size } from "../scripts/checkpoint_shapes.ts";
import { makeCheckpoint } from "../scripts/make_checkpoint.ts";

const FOLDER = fromFileUrl(new URL("../.cache/bench/", import.meta.url));
/** Sizes with a published checkpoint. */
const PUBLISHED: readonly Size[] = ["0.6b", "1.7b"];

/** A folder and what to call it. */
export interface BenchCheckpoint {
  size: Size;
  label: string;
  directory: string;
}

/** A synthetic 8-bit checkpoint of a size, written on first use. */
export async function syntheticCheckpoint(size: Size): Promise<string> {
  const directory = join(FOLDER, `${size}-8bit`);
  const isThere = await Deno.stat(join(directory, "done")).then(() => true, () => false);
  if (!isThere) {
    await makeCheckpoint({ size, bits: 8, out: directory });
    await Deno.writeTextFile(join(directory, "done"), "");
  }
  return directory;
}

async function real(size: Size): Promise<string | undefined> {
  if (!PUBLISHED.includes(size)) return undefined;
  return await resolveModel(size).then(({ directory }) => directory, () => undefined);
}

/**
 * Sizes named by `BENCH_SIZES`.
 *
 * @param fallback Sizes when it is not set.
 */
export async function benchCheckpoints(fallback: readonly Size[]): Promise<BenchCheckpoint[]> {
  const sizes = Deno.env.get("BENCH_SIZES")?.split(",").map((name) => name.trim() as Size) ?? fallback;
  const found: BenchCheckpoint[] = [];
  for (const size of sizes) {
    const directory = await real(size);
    found.push({
      size,
      label: `${size.toUpperCase()} 8-bit${directory ? "" : ", synthetic"}`,
      directory: directory ?? await syntheticCheckpoint(size),
    });
  }
  return found;
}

/** A signal with the energy and pauses of speech: a swept tone, noise, a pause every four seconds; 16 kHz. */
export function speechLike(seconds: number): Float32Array {
  const samples = new Float32Array(seconds * 16_000);
  let state = 1;
  for (let i = 0; i < samples.length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    const loudness = i % 64_000 > 58_000 ? 0.002 : 0.6 + 0.4 * Math.sin(i / 2500);
    const voice = Math.sin(i * 0.05 * (1 + 0.3 * Math.sin(i / 9000)));
    samples[i] = loudness * (0.25 * voice + 0.05 * (state / 0x3fffffff - 1));
  }
  return samples;
}
