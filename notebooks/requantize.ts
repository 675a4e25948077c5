/**
 * Copies a model folder with its packed matrices repacked to fewer bits, to see what fewer bits cost.
 *
 * @module
 */
import * as mx from "@qwen3/asr/mlx";

const GROUP = 64;
const COPIED = [
  "vocab.json",
  "merges.txt",
  "tokenizer.json",
  "tokenizer_config.json",
  "preprocessor_config.json",
  "generation_config.json",
  "chat_template.json",
];

/** Unpacks every packed matrix of a folder, `[out, in]`, and disposes it after use. */
function withMatrices<T>(directory: string, names: readonly string[], use: (matrix: mx.MLXArray) => T): T[] {
  const parts = ["weight", "scales", "biases"] as const;
  return names.map((name) =>
    mx.scope(() => {
      const file = `${directory}/model.safetensors`;
      const tensors = mx.loadSafetensors(file, parts.map((part) => `${name}.${part}`));
      const [weight, scales, biases] = parts.map((part) => tensors.get(`${name}.${part}`)!);
      // A row of `in` numbers has in / GROUP scales and in * bits / 32 words.
      const bits = 32 * weight!.dim(1) / (scales!.dim(1) * GROUP);
      const packed = { weight: weight!, scales: scales!, biases, bits, groupSize: GROUP, mode: "affine" };
      return use(mx.dequantize(packed, "float32"));
    })
  );
}

/** Names of the packed matrices of an MLX folder with one file. */
export async function packedNames(directory: string): Promise<string[]> {
  const header = await mx.readSafetensorsHeader(`${directory}/model.safetensors`);
  return [...header.keys()].filter((name) => name.endsWith(".scales")).map((name) => name.slice(0, -7));
}

/** The numbers of one packed matrix, row by row. */
export function matrixOf(directory: string, name: string): Float32Array {
  return withMatrices(directory, [name], (matrix) => mx.toFloat32(matrix))[0]!;
}

/**
 * Repacks every packed matrix of a folder. Norms and the encoder are not packed and stay as they are.
 *
 * @param bits 2, 3, 4, 5, 6 or 8.
 * @returns The new folder, below the system's folder for temporary files.
 */
export async function requantize(directory: string, bits: number): Promise<string> {
  const target = await Deno.makeTempDir({ prefix: `qwen3-asr-${bits}bit-` });
  const names = await packedNames(directory);
  const header = await mx.readSafetensorsHeader(`${directory}/model.safetensors`);
  const packed = new Set(names.flatMap((name) => ["weight", "scales", "biases"].map((part) => `${name}.${part}`)));
  const tensors = mx.loadSafetensors(
    `${directory}/model.safetensors`,
    [...header.keys()].filter((name) => !packed.has(name)),
  );
  const matrices = withMatrices(directory, names, (matrix) => mx.quantize(matrix, { bits, groupSize: GROUP, mode: "affine" }));
  matrices.forEach(({ weight, scales, biases }, index) => {
    tensors.set(`${names[index]}.weight`, weight);
    tensors.set(`${names[index]}.scales`, mx.astype(scales, "bfloat16"));
    tensors.set(`${names[index]}.biases`, mx.astype(biases!, "bfloat16"));
  });
  mx.saveSafetensors(`${target}/model.safetensors`, tensors, { format: "mlx" });
  mx.disposeAll(tensors.values());
  mx.disposeAll(matrices.flatMap(({ scales, biases }) => [scales, biases]));
  const config = JSON.parse(await Deno.readTextFile(`${directory}/config.json`));
  config.quantization = config.quantization_config = { group_size: GROUP, bits, mode: "affine" };
  await Deno.writeTextFile(`${target}/config.json`, JSON.stringify(config, null, 2));
  for (const name of COPIED) await Deno.copyFile(`${directory}/${name}`, `${target}/${name}`).catch(() => {});
  return target;
}
