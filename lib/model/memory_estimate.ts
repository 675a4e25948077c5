/**
 * What a model will need, known from its headers before a number is read. Running out of memory cannot be caught: a
 * GPU's driver ends the process, an operating system kills it. So what does not fit is refused with a sentence.
 *
 * @module
 */
import type { DType, TensorInfo } from "../../ffi/mod.ts";
import { ModelError } from "../errors.ts";
import type { BackendPolicy } from "./backend.ts";
import { blocksAtOnce } from "./conv_stem.ts";
import type { ModelConfig } from "./config.ts";

/** Bytes by what they are for. */
export interface MemoryEstimate {
  weightBytes: number;
  /** Keys and values of the chunks decoded at once. */
  cacheBytes: number;
  /** The largest intermediate results. */
  transientBytes: number;
}

/** Positions of a 30 s chunk: 390 of sound, prompt and text, in steps of 256. */
export const CHUNK_POSITIONS = 768;
/** Part of a Mac's memory that a program may take before the rest suffers. */
const USABLE_PART = 0.9;
const GIB = 2 ** 30;

function bytesOf(dtype: DType): number {
  return dtype === "float32" ? 4 : 2;
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Numbers that share a scale, by a matrix whose width config.json knows. */
function groupSizeOf(tensors: ReadonlyMap<string, TensorInfo>, config: ModelConfig): number {
  const groups = tensors.get("model.embed_tokens.scales")?.shape[1];
  return groups ? config.decoder.width / groups : 64;
}

function weightBytes(
  tensors: ReadonlyMap<string, TensorInfo>,
  config: ModelConfig,
  policy: Pick<BackendPolicy, "dtype" | "denseWeights" | "packedProduct">,
): number {
  const size = bytesOf(policy.dtype), groupSize = groupSizeOf(tensors, config);
  const becomesDense = (matrix: string) => {
    const weight = tensors.get(`${matrix}.weight`)?.shape[1],
      groups = tensors.get(`${matrix}.scales`)?.shape[1];
    if (!policy.denseWeights || !weight || !groups) return false;
    // 16: twice as many numbers share a scale as in the embedding.
    const isSuited = [4, 8, 16].includes(32 * weight / (groups * groupSize)) &&
      tensors.has(`${matrix}.biases`);
    return policy.packedProduct === "mlx" || !isSuited;
  };
  let bytes = 0;
  for (const [name, { dtype, shape }] of tensors) {
    if (config.decoder.tied && name.startsWith("lm_head.")) continue;
    if (!becomesDense(name.replace(/\.(weight|scales|biases)$/, ""))) {
      bytes += elements(shape) * (dtype === "U32" ? 4 : size);
    } else if (name.endsWith(".scales")) bytes += elements(shape) * groupSize * size;
  }
  return bytes;
}

/**
 * @param tensors By canonical name, as the headers give them.
 * @param rows Chunks decoded at once.
 */
export function estimateMemory(
  tensors: ReadonlyMap<string, TensorInfo>,
  config: ModelConfig,
  policy: BackendPolicy,
  rows: number = policy.batchSize,
): MemoryEstimate {
  const { encoder, decoder } = config;
  const size = bytesOf(policy.dtype);
  const blocks = blocksAtOnce(encoder, policy);
  const columns = blocks * (encoder.melBins / 4) * (encoder.blockFrames / 4) * 9 *
    encoder.convChannels;
  const encoding = 4 * 390 * encoder.feedForward + columns +
    4 * blocks * encoder.melBins / 2 * encoder.blockFrames / 2 * encoder.convChannels;
  const scores = policy.passes === "own" ? 0 : decoder.heads * CHUNK_POSITIONS ** 2;
  const reading = CHUNK_POSITIONS * (4 * decoder.feedForward + 4 * decoder.width) + scores;
  const layer = decoder.width *
    (3 * decoder.feedForward + 2 * (decoder.heads + decoder.kvHeads) * decoder.headWidth);
  const loading = policy.loadStreams * layer;
  const dequantized = policy.denseWeights || policy.packedProduct === "own"
    ? 0
    : decoder.vocabulary * decoder.width;
  const choosing = 2 * rows * decoder.vocabulary;
  return {
    weightBytes: weightBytes(tensors, config, policy),
    // Twice: while rows are put together, both the single and the common caches exist.
    cacheBytes: (rows > 1 ? 2 : 1) * rows * CHUNK_POSITIONS * decoder.layers * 2 * decoder.kvHeads *
      decoder.headWidth * size,
    transientBytes: size * (Math.max(loading, encoding, reading, dequantized) + choosing),
  };
}

function total({ weightBytes, cacheBytes, transientBytes }: MemoryEstimate): number {
  return weightBytes + cacheBytes + transientBytes;
}

function gib(bytes: number): string {
  return `${(bytes / GIB).toFixed(1)} GiB`;
}

/** What to do about memory. */
export interface MemoryPlan {
  denseWeights: boolean;
  /** Chunks at once that there is room for. */
  batchSize: number;
  /** What was decided and why, for people. */
  notes: string[];
}

/**
 * Chooses the fastest way that fits: dense weights in full batches, dense ones in smaller batches, packed ones.
 *
 * @param free Bytes that may be used; undefined when nobody knows, then nothing is changed.
 * @throws {ModelError} When not even one chunk with packed weights fits.
 */
export function planMemory(
  directory: string,
  tensors: ReadonlyMap<string, TensorInfo>,
  config: ModelConfig,
  policy: BackendPolicy,
  free: number | undefined,
): MemoryPlan {
  const { denseWeights, batchSize } = policy;
  if (free === undefined) return { denseWeights, batchSize, notes: [] };
  const hasPacked = [...tensors.values()].some(({ dtype }) => dtype === "U32");
  const need = (dense: boolean, rows: number) =>
    total(estimateMemory(tensors, config, { ...policy, denseWeights: dense }, rows));
  for (const dense of denseWeights && hasPacked ? [true, false] : [denseWeights]) {
    for (let rows = batchSize; rows >= 1; rows = Math.floor(rows / 2)) {
      if (need(dense, rows) > free) continue;
      const notes: string[] = [];
      if (dense !== denseWeights) {
        notes.push(
          `The weights stay packed, which is slower on a CPU: dense ones need ${gib(need(true, 1))}, ${
            gib(free)
          } are free.`,
        );
      }
      if (rows < batchSize) {
        notes.push(
          `Chunks are decoded ${rows} at once instead of ${batchSize}: ${gib(free)} of memory are free.`,
        );
      }
      return { denseWeights: dense, batchSize: rows, notes };
    }
  }
  const least = need(denseWeights && !hasPacked, 1);
  throw new ModelError(
    `Cannot load the model in ${directory}: it needs ${gib(least)} of memory and ${
      gib(free)
    } are free. Close other programs, or use a smaller or more strongly packed model.`,
  );
}

/** Largest part of a control group's limit that is left; containers see the host's memory otherwise. */
async function controlGroupFree(): Promise<number> {
  const read = async (name: string) => Number(await Deno.readTextFile(`/sys/fs/cgroup/memory.${name}`));
  try {
    const [limit, current] = [await read("max"), await read("current")];
    return Number.isFinite(limit) && Number.isFinite(current) ? limit - current : Infinity;
  } catch {
    return Infinity; // No limit, or no permission to look.
  }
}

/** Bytes that may be used now; undefined without permission to ask (`--allow-sys=systemMemoryInfo`). */
export async function freeMemory(): Promise<number | undefined> {
  // To ask Deno is to ask for a permission: a program that did not grant it is not interrupted.
  const { state } = await Deno.permissions.query({ name: "sys", kind: "systemMemoryInfo" });
  if (state !== "granted") return undefined;
  const { available, total: all } = Deno.systemMemoryInfo();
  // A Mac counts memory as taken that it gives back on demand.
  if (Deno.build.os === "darwin") return USABLE_PART * all;
  const readable = await Deno.permissions.query({ name: "read", path: "/sys/fs/cgroup" });
  return readable.state === "granted" ? Math.min(available, await controlGroupFree()) : available;
}
