/**
 * Makes model folders for tests from others: with renamed, split, damaged or changed tensors.
 *
 * @module
 */
import { join } from "@std/path";
import * as mx from "../../ffi/mod.ts";

/** Folder of the demo model. */
export const DEMO_MODEL: string = join(import.meta.dirname!, "..", "..", "demo", "model");

/** Copies every file of a folder except the tensors into a new temporary folder. */
export async function copyWithoutTensors(source: string): Promise<string> {
  const target = await Deno.makeTempDir({ prefix: "qwen3-asr-test-" });
  for await (const { name, isFile } of Deno.readDir(source)) {
    if (isFile && !name.includes("safetensors")) await Deno.copyFile(join(source, name), join(target, name));
  }
  return target;
}

/**
 * A copy of a model folder with its tensors changed.
 *
 * @param change Gets the tensors by stored name, and may add, replace or delete entries.
 * @param shards Number of files to write; several files get an index.
 */
export async function alteredModel(
  source: string,
  change: (tensors: Map<string, mx.MLXArray>) => void,
  shards = 1,
): Promise<string> {
  const target = await copyWithoutTensors(source);
  const path = join(source, "model.safetensors");
  const header = await mx.readSafetensorsHeader(path);
  using stream = new mx.Stream("cpu");
  mx.onStream(stream, () =>
    mx.scope(() => {
      const tensors = mx.loadSafetensors(path, header.keys());
      change(tensors);
      const names = [...tensors.keys()].sort();
      const map: Record<string, string> = {};
      for (let shard = 0; shard < shards; shard++) {
        const file = shards === 1
          ? "model.safetensors"
          : `model-${String(shard + 1).padStart(5, "0")}-of-${String(shards).padStart(5, "0")}.safetensors`;
        const own = names.filter((_, index) => index % shards === shard);
        for (const name of own) map[name] = file;
        mx.saveSafetensors(join(target, file), new Map(own.map((name) => [name, tensors.get(name)!])), {
          format: "mlx",
        });
      }
      if (shards > 1) {
        const index = JSON.stringify({ metadata: {}, weight_map: map });
        Deno.writeTextFileSync(join(target, "model.safetensors.index.json"), index);
      }
    }));
  return target;
}

/** The demo model with the embedding rows of some tokens multiplied by a factor; with 0 the decoder never writes them. */
export async function demoWithScaledTokens(tokens: readonly number[], factor: number): Promise<string> {
  return await alteredModel(DEMO_MODEL, (tensors) => {
    const path = "model.embed_tokens";
    const packed: mx.PackedWeight = {
      weight: tensors.get(`${path}.weight`)!,
      scales: tensors.get(`${path}.scales`)!,
      biases: tensors.get(`${path}.biases`)!,
      bits: 8,
      groupSize: 64,
      mode: "affine",
    };
    const rows = mx.astype(mx.dequantize(packed), "float32");
    const factors = new Float32Array(rows.dim(0)).fill(1);
    for (const token of tokens) factors[token] = factor;
    const scaled = mx.multiply(rows, mx.fromData(factors, [factors.length, 1]));
    const repacked = mx.quantize(mx.astype(scaled, "bfloat16"), packed);
    tensors.set(`${path}.weight`, repacked.weight);
    tensors.set(`${path}.scales`, repacked.scales);
    tensors.set(`${path}.biases`, repacked.biases!);
  });
}

/** Renames the tensors of an original checkpoint as transformers 5 does (spec 3.4). */
export function renameToHf(tensors: Map<string, mx.MLXArray>): void {
  for (const [name, array] of [...tensors]) {
    tensors.delete(name);
    const renamed = name
      .replace(/^thinker\.model\./, "model.language_model.")
      .replace(/^thinker\.lm_head\./, "lm_head.")
      .replace(/^thinker\.audio_tower\.proj([12])\./, "model.multi_modal_projector.linear_$1.")
      .replace(/^thinker\.audio_tower\./, "model.audio_tower.");
    tensors.set(renamed, array);
  }
}
