/**
 * Tensors of a model folder under one set of names, whatever the layout (spec section 3).
 *
 * Canonical are mlx-community's names: `audio_tower.…`, `model.…`, `lm_head.weight`; convolutions OHWI.
 *
 * @module
 */
import { join } from "@std/path";
import {
  astype,
  contiguous,
  type DType,
  loadSafetensors,
  type MLXArray,
  MLXError,
  type PackedWeight,
  readSafetensorsHeader,
  SafetensorsError,
  type TensorInfo,
  transpose,
} from "../../ffi/mod.ts";
import { ModelError } from "../errors.ts";
import { readTextFile } from "../text_file.ts";
import type { ModelConfig } from "./config.ts";

/** A matrix of the checkpoint, dense `[out, in]` or packed. */
export type Matrix = MLXArray | PackedWeight;

/** How a folder names its tensors. */
export type Layout = "mlx" | "original" | "hf";

const INDEX = "model.safetensors.index.json";
const FLOATS: Readonly<Record<string, DType>> = { F16: "float16", BF16: "bfloat16", F32: "float32" };
const PACKED_BITS = [2, 3, 4, 5, 6, 8];
const GROUP_SIZES = [16, 32, 64, 128];

/** Tells the layout by the tensors' names (spec 3.3). */
export function detectLayout(names: Iterable<string>): Layout {
  for (const name of names) {
    if (name.startsWith("thinker.")) return "original";
    if (name.startsWith("model.language_model.")) return "hf";
  }
  return "mlx";
}

/** Canonical name of a tensor. */
export function canonicalName(name: string, layout: Layout): string {
  if (layout === "original") return name.replace(/^thinker\./, "");
  if (layout === "mlx") return name;
  return name
    .replace(/^model\.language_model\./, "model.")
    .replace(/^model\.multi_modal_projector\.linear_([12])\./, "audio_tower.proj$1.")
    .replace(/^model\.audio_tower\./, "audio_tower.")
    .replace(/^score\./, "lm_head.");
}

async function listTensorFiles(directory: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(directory)) {
      // macOS leaves "._model.safetensors" beside a file on foreign disks.
      if (name.endsWith(".safetensors") && !name.startsWith(".")) names.push(name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new ModelError(`Cannot load a model from ${directory}: there is no such folder.`);
  }
  return names.sort();
}

async function filesOfIndex(directory: string, present: readonly string[]): Promise<string[]> {
  const text = await readTextFile(join(directory, INDEX)).catch(() => undefined);
  if (text === undefined) return [];
  let map: Record<string, string>;
  try {
    map = (JSON.parse(text) as { weight_map?: Record<string, string> }).weight_map ?? {};
  } catch {
    throw new ModelError(
      `Cannot load a model from ${directory}: ${INDEX} is not JSON. Download the model again.`,
    );
  }
  const wanted = [...new Set(Object.values(map))].sort();
  const missing = wanted.filter((name) => !present.includes(name));
  if (missing.length === 0) return wanted;
  throw new ModelError(
    `Cannot load a model from ${directory}: ${
      missing.join(", ")
    } named by ${INDEX} is missing. Download the model again.`,
  );
}

async function shardFiles(directory: string): Promise<string[]> {
  const present = await listTensorFiles(directory);
  const indexed = await filesOfIndex(directory, present);
  if (indexed.length > 0) return indexed;
  if (present.length === 0) {
    throw new ModelError(`Cannot load a model from ${directory}: it has no *.safetensors file.`);
  }
  return present.includes("model.safetensors") ? ["model.safetensors"] : present;
}

/** What MLX says about a file, with the file's name. */
function loadTensors(path: string, names: Iterable<string>): Map<string, MLXArray> {
  try {
    return loadSafetensors(path, names);
  } catch (cause) {
    if (!(cause instanceof MLXError)) throw cause;
    throw new ModelError(`Cannot load ${path}: MLX says "${cause.message}". Download the model again.`, {
      cause,
    });
  }
}

/** Constants that old checkpoints store with the weights: they follow from config.json. */
const DERIVED = /(^|\.)rotary_emb\.inv_freq$/;

interface Found extends TensorInfo {
  /** Name in the file. */
  source: string;
}

/** The tensors of a folder; each is asked for once, what is left at the end is an error. */
export class Checkpoint {
  readonly directory: string;
  readonly layout: Layout;
  /** Float type that most of it is stored in. */
  readonly storedType: DType;
  readonly #config: ModelConfig;
  readonly #found: ReadonlyMap<string, Found>;
  readonly #arrays: ReadonlyMap<string, MLXArray>;
  readonly #asked = new Set<string>();

  private constructor(
    directory: string,
    config: ModelConfig,
    layout: Layout,
    found: ReadonlyMap<string, Found>,
    arrays: ReadonlyMap<string, MLXArray>,
  ) {
    this.directory = directory;
    this.layout = layout;
    this.#config = config;
    this.#found = found;
    this.#arrays = arrays;
    const stored = [...found.values()].map(({ dtype }) => FLOATS[dtype]);
    const count = (dtype: DType) => stored.filter((kind) => kind === dtype).length;
    this.storedType = (["bfloat16", "float16", "float32"] as const).toSorted((a, b) =>
      count(b) - count(a)
    )[0]!;
  }

  /**
   * Reads the headers; the numbers are read when arrays are evaluated.
   *
   * @throws {ModelError} When the folder or a shard is missing, cut off or not safetensors.
   */
  static async open(directory: string, config: ModelConfig): Promise<Checkpoint> {
    const headers = new Map<string, Map<string, TensorInfo>>();
    try {
      for (const file of await shardFiles(directory)) {
        headers.set(file, await readSafetensorsHeader(join(directory, file)));
      }
    } catch (error) {
      if (error instanceof SafetensorsError) throw new ModelError(error.message, { cause: error });
      throw error;
    }
    const layout = detectLayout([...headers.values()].flatMap((header) => [...header.keys()]));
    const found = new Map<string, Found>();
    const arrays = new Map<string, MLXArray>();
    for (const [file, header] of headers) {
      const loaded = loadTensors(join(directory, file), header.keys());
      for (const [source, info] of header) {
        const name = canonicalName(source, layout);
        found.set(name, { ...info, source });
        arrays.set(name, loaded.get(source)!);
      }
    }
    return new Checkpoint(directory, config, layout, found, arrays);
  }

  /** What the headers say, by canonical name. */
  get tensors(): ReadonlyMap<string, TensorInfo> {
    return this.#found;
  }

  /** Bytes of all tensors as stored. */
  get storedBytes(): number {
    return [...this.#arrays.values()].reduce((sum, array) => sum + array.byteLength, 0);
  }

  /** Whether there is such a tensor. */
  has(name: string): boolean {
    return this.#found.has(name);
  }

  #fail(name: string, what: string): ModelError {
    const source = this.#found.get(name)?.source ?? name;
    return new ModelError(`Cannot load the model in ${this.directory}: tensor ${source} ${what}.`);
  }

  #take(name: string): { array: MLXArray; info: Found } {
    const info = this.#found.get(name);
    if (!info) throw this.#fail(name, "is missing");
    this.#asked.add(name);
    return { array: this.#arrays.get(name)!, info };
  }

  /** A float tensor of the given shape, cast to `dtype`. */
  float(name: string, shape: readonly number[], dtype: DType): MLXArray {
    return astype(this.#stored(name, shape), dtype);
  }

  #stored(name: string, shape: readonly number[]): MLXArray {
    const { array, info } = this.#take(name);
    if (FLOATS[info.dtype] === undefined) {
      throw this.#fail(name, `has type ${info.dtype}, expected BF16, F16 or F32`);
    }
    if (info.shape.join() !== shape.join()) {
      throw this.#fail(name, `has shape [${info.shape.join(", ")}], expected [${shape.join(", ")}]`);
    }
    return array;
  }

  /** A 3 x 3 convolution as OHWI `[out, 3, 3, in]`; OIHW is told by the shape (spec 3.3). */
  convolution(name: string, out: number, input: number, dtype: DType): MLXArray {
    const [, second, , last] = this.#found.get(name)?.shape ?? [];
    const isOihw = second === input && last === 3 && input !== 3;
    // In order in memory: MLX on a CPU would put a mere view in order again for each block that it convolves.
    return isOihw
      ? contiguous(transpose(this.float(name, [out, input, 3, 3], dtype), [0, 2, 3, 1]))
      : this.float(name, [out, 3, 3, input], dtype);
  }

  /**
   * A matrix `[out, in]`: packed exactly when `<path>.scales` exists (spec section 2), else of the type it is stored in.
   *
   * @param dtype Of scales and offsets.
   */
  matrix(path: string, out: number, input: number, dtype: DType): Matrix {
    const weightName = `${path}.weight`, scalesName = `${path}.scales`;
    if (!this.has(scalesName)) return this.#stored(weightName, [out, input]);
    const { array, info } = this.#take(weightName);
    if (info.dtype !== "U32") {
      throw this.#fail(weightName, `has type ${info.dtype}, expected U32 beside its scales`);
    }
    const bits = 32 * (info.shape[1] ?? 0) / input;
    const groups = this.#found.get(scalesName)!.shape[1] ?? 0;
    const groupSize = input / groups;
    if (info.shape[0] !== out || info.shape.length !== 2 || !PACKED_BITS.includes(bits)) {
      throw this.#fail(
        weightName,
        `has shape [${info.shape.join(", ")}], expected [${out}, ${input} * bits / 32] with ${
          PACKED_BITS.join(", ")
        } bits`,
      );
    }
    if (!GROUP_SIZES.includes(groupSize)) {
      throw this.#fail(
        scalesName,
        `has ${groups} groups for ${input} inputs, expected groups of ${GROUP_SIZES.join(", ")}`,
      );
    }
    const mode = this.#config.quantization.modeOf[path] ?? this.#config.quantization.mode;
    if (mode !== "affine") {
      throw this.#fail(
        weightName,
        `is packed in mode "${mode}"; use a model packed in mode "affine", or an unpacked one`,
      );
    }
    return {
      weight: array,
      scales: this.float(scalesName, [out, groups], dtype),
      biases: this.float(`${path}.biases`, [out, groups], dtype),
      bits,
      groupSize,
      mode,
    };
  }

  /** Accepts tensors that the network does not use. */
  ignore(pattern: RegExp): void {
    for (const name of this.#found.keys()) if (pattern.test(name)) this.#asked.add(name);
  }

  /** @throws {ModelError} When the folder has tensors that nothing asked for. */
  finish(): void {
    const surplus = [...this.#found.keys()].filter((name) => !this.#asked.has(name) && !DERIVED.test(name));
    if (surplus.length === 0) return;
    const more = surplus.length > 1 ? ` (and ${surplus.length - 1} more)` : "";
    throw this.#fail(surplus[0]!, `is not part of the network that config.json describes${more}`);
  }

  /** Frees the handles; what was built from them keeps the data, packed weights that the network holds stay. */
  dispose(): void {
    for (const array of this.#arrays.values()) if (!array.held) array.dispose();
  }
}
