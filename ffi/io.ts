/**
 * safetensors files: the header checked here, the numbers read lazily by MLX.
 *
 * @module
 */
import { cell, disposeAll, type MLXArray, take } from "./array.ts";
import { loadStream } from "./device.ts";
import { check, cString } from "./error.ts";
import { native, openLibrary } from "./library.ts";

/** A file that is not safetensors, or not all of it. */
export class SafetensorsError extends Error {
  /** "SafetensorsError". */
  override name = "SafetensorsError";
}

/** One tensor as the header announces it. */
export interface TensorInfo {
  /** safetensors' own name, e.g. "BF16", "U32". */
  dtype: string;
  /** Sizes of the dimensions, outermost first. */
  shape: number[];
}

const MAX_HEADER = 100_000_000;
const BITS: Record<string, number> = {
  BOOL: 8,
  U8: 8,
  I8: 8,
  U16: 16,
  I16: 16,
  F16: 16,
  BF16: 16,
  U32: 32,
  I32: 32,
  F32: 32,
  U64: 64,
  I64: 64,
  F64: 64,
};

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

interface Entry extends TensorInfo {
  data_offsets: [number, number];
}

function isEntry(value: unknown): value is Entry {
  const { dtype, shape, data_offsets } = (value ?? {}) as Partial<Record<keyof Entry, unknown>>;
  return typeof dtype === "string" && Array.isArray(shape) && shape.every(isCount) &&
    Array.isArray(data_offsets) && data_offsets.length === 2 && data_offsets.every(isCount);
}

/** What is wrong with an entry of the header, in words. */
function faultOf(entry: unknown, dataBytes: number): string | undefined {
  if (!isEntry(entry)) return "has no usable type, shape and offsets";
  const bits = BITS[entry.dtype];
  if (bits === undefined) return `has type ${entry.dtype}, which MLX does not have`;
  const bytes = entry.shape.reduce((product, dimension) => product * dimension, bits / 8);
  const [start, end] = entry.data_offsets;
  if (end - start !== bytes) return `needs ${bytes} bytes but has ${end - start}`;
  if (end > dataBytes) {
    return `ends ${end - dataBytes} bytes after the end of the file, which is cut off: download it again`;
  }
  return undefined;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return json && typeof json === "object" && !Array.isArray(json) ? { ...json } : undefined;
  } catch {
    return undefined;
  }
}

function parseHeader(text: string, dataBytes: number, path: string): Map<string, TensorInfo> {
  const header = parseObject(text);
  if (!header) {
    throw new SafetensorsError(
      `Cannot read ${path}: its header is not a JSON object, so it is not a safetensors file.`,
    );
  }
  const tensors = new Map<string, TensorInfo>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const fault = faultOf(entry, dataBytes);
    if (fault) throw new SafetensorsError(`Cannot read ${path}: tensor ${name} ${fault}.`);
    const { dtype, shape } = entry as Entry;
    tensors.set(name, { dtype, shape });
  }
  return tensors;
}

/** As many of the next bytes as there are, at most `length`. */
async function readBytes(file: Deno.FsFile, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let at = 0;
  while (at < length) {
    const count = await file.read(bytes.subarray(at));
    if (count === null) break;
    at += count;
  }
  return bytes.subarray(0, at);
}

/**
 * The tensors a safetensors file holds, without reading them.
 *
 * @throws {SafetensorsError} When it is not one, or is cut off.
 */
export async function readSafetensorsHeader(path: string): Promise<Map<string, TensorInfo>> {
  using file = await Deno.open(path);
  const { size } = await file.stat();
  const prefix = await readBytes(file, 8);
  const length = prefix.length === 8 ? Number(new DataView(prefix.buffer).getBigUint64(0, true)) : 0;
  if (length < 2 || length > MAX_HEADER || length + 8 > size) {
    throw new SafetensorsError(
      `Cannot read ${path}: it is not a safetensors file, or its header is cut off.`,
    );
  }
  const header = await readBytes(file, length);
  return parseHeader(new TextDecoder().decode(header), size - 8 - length, path);
}

/**
 * The tensors of a file by name, unread until evaluated: do not replace the file before that.
 *
 * @param names As the header gives them.
 * @throws {SafetensorsError} When one of the names is not in the file.
 */
export function loadSafetensors(path: string, names: Iterable<string>): Map<string, MLXArray> {
  openLibrary();
  const tensors = BigUint64Array.of(native.mlx_map_string_to_array_new());
  const metadata = BigUint64Array.of(native.mlx_map_string_to_string_new());
  const loaded = new Map<string, MLXArray>();
  try {
    check(
      native.mlx_load_safetensors(tensors, metadata, cString(path), loadStream().handle),
      "mlx_load_safetensors",
    );
    for (const name of names) {
      if (native.mlx_map_string_to_array_get(cell(), tensors[0]!, cString(name)) !== 0) {
        throw new SafetensorsError(`Cannot read ${path}: it has no tensor ${name}.`);
      }
      loaded.set(name, take(0, "mlx_map_string_to_array_get"));
    }
    return loaded;
  } catch (error) {
    disposeAll(loaded.values());
    throw error;
  } finally {
    native.mlx_map_string_to_array_free(tensors[0]!);
    native.mlx_map_string_to_string_free(metadata[0]!);
  }
}

/**
 * Writes arrays by name; evaluates them.
 *
 * @param path MLX appends ".safetensors" when it does not end so.
 * @param metadata e.g. `{ format: "mlx" }`
 */
export function saveSafetensors(
  path: string,
  arrays: ReadonlyMap<string, MLXArray>,
  metadata: Readonly<Record<string, string>> = {},
): void {
  openLibrary();
  const tensors = native.mlx_map_string_to_array_new();
  const texts = native.mlx_map_string_to_string_new();
  try {
    for (const [name, array] of arrays) {
      check(
        native.mlx_map_string_to_array_insert(tensors, cString(name), array.handle),
        "mlx_map_string_to_array_insert",
      );
    }
    for (const [key, value] of Object.entries(metadata)) {
      check(
        native.mlx_map_string_to_string_insert(texts, cString(key), cString(value)),
        "mlx_map_string_to_string_insert",
      );
    }
    check(native.mlx_save_safetensors(cString(path), tensors, texts), "mlx_save_safetensors");
  } finally {
    native.mlx_map_string_to_array_free(tensors);
    native.mlx_map_string_to_string_free(texts);
  }
}
