/**
 * The parts put together: a model folder on a device.
 *
 * @module
 */
import { join } from "@std/path";
import {
  argmax,
  astype,
  categorical,
  concatenate,
  disposeAll,
  fromData,
  hasOwnPasses,
  keep,
  type MLXArray,
  MLXError,
  multiply,
  reshape,
  scalar,
  slice,
} from "../../ffi/mod.ts";
import { ModelError } from "../errors.ts";
import { readTextFile } from "../text_file.ts";
import {
  type ActivationType,
  Backend,
  type BackendPolicy,
  type Device,
  type Stages,
  wholeGraph,
} from "./backend.ts";
import { Checkpoint, type Layout } from "./checkpoint.ts";
import { type ModelConfig, parseConfig } from "./config.ts";
import { Decoder } from "./decoder.ts";
import { AudioEncoder } from "./encoder.ts";
import { alone } from "./exclusive.ts";
import { KVCache } from "./kv_cache.ts";
import { freeMemory, planMemory } from "./memory_estimate.ts";
import type { DecoderProbe } from "./tap.ts";

/** Logits divided by a lower temperature would overflow. */
const LEAST_TEMPERATURE = 1e-6;
/** Numbers of a layer's largest matrix from which on more threads than one multiply it faster. */
const WORTH_THREADS = 2 ** 20;

/** How to load. */
export interface LoadModelOptions {
  device?: Device;
  dtype?: ActivationType;
  /** Threads of matrix products on a CPU. @default {by the sizes of the model} */
  threads?: number | undefined;
  /** Overrides of single routes, for tests and measurements. */
  policy?: Partial<BackendPolicy>;
  /** Bytes that may be used. @default {what the system says is free} */
  freeBytes?: number;
  /** On a CPU it may compute while other models do. */
  beside?: boolean;
}

/** Reads and checks a folder's config.json. */
export async function readConfig(directory: string): Promise<ModelConfig> {
  const place = join(directory, "config.json");
  let text: string;
  try {
    text = await readTextFile(place);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) throw error;
    throw new ModelError(`Cannot load a model from ${directory}: it has no config.json.`);
  }
  return parseConfig(text, place);
}

/**
 * Whether products are done before a second thread has its part (and on a busy machine all threads wait for the one that
 * does not run), and operations before the next one is prepared.
 */
export function isSmall({ encoder, decoder }: ModelConfig): boolean {
  const largest = Math.max(encoder.width * encoder.feedForward, decoder.width * decoder.feedForward);
  return largest < WORTH_THREADS;
}

/** A backend whose routes fit into the memory that is free. */
async function openBackend(
  source: Checkpoint,
  config: ModelConfig,
  options: LoadModelOptions,
): Promise<{ backend: Backend; notes: string[] }> {
  const small = isSmall(config);
  const one = small && !hasOwnPasses() ? 1 : undefined; // Threads of OpenBLAS would wait for each other.
  const { freeBytes = await freeMemory(), threads = one, ...rest } = options;
  const backendOptions = { ...rest, threads, isSmall: small };
  const backend = Backend.open({ ...backendOptions, checkpointType: source.storedType });
  try {
    const { denseWeights, batchSize, notes } = planMemory(
      source.directory,
      source.tensors,
      config,
      backend.policy,
      freeBytes,
    );
    if (notes.length === 0) return { backend, notes };
    backend[Symbol.dispose]();
    const policy = { denseWeights, batchSize, ...options.policy };
    return { backend: Backend.open({ ...backendOptions, policy, checkpointType: source.storedType }), notes };
  } catch (error) {
    backend[Symbol.dispose]();
    throw error;
  }
}

/** Encoder and decoder of one checkpoint on one device. */
export class Qwen3ASRModel implements Disposable {
  readonly config: ModelConfig;
  readonly backend: Backend;
  readonly encoder: AudioEncoder;
  readonly decoder: Decoder;
  readonly layout: Layout;
  /** Bytes of the tensors as stored in the folder. */
  readonly storedBytes: number;
  /** What was decided while loading and why, for people. */
  readonly notes: readonly string[];
  readonly #parameters: MLXArray[];

  private constructor(config: ModelConfig, backend: Backend, source: Checkpoint, notes: readonly string[]) {
    this.notes = notes;
    this.config = config;
    this.backend = backend;
    this.layout = source.layout;
    this.storedBytes = source.storedBytes;
    const { policy } = backend;
    const isAligner = config.kind === "aligner";
    this.encoder = new AudioEncoder(source, config.encoder, policy);
    this.decoder = new Decoder(
      source,
      config.decoder,
      policy,
      isAligner ? config.timeClasses : config.decoder.vocabulary,
    );
    source.finish();
    this.#parameters = [];
  }

  /**
   * Loads a folder. Weights are read, cast and fused one layer at a time while the event loop stays free.
   *
   * @throws {ModelError} When config or tensors are missing, surplus, of a wrong shape or type, or memory is short.
   */
  static async load(directory: string, options: LoadModelOptions = {}): Promise<Qwen3ASRModel> {
    const config = await readConfig(directory);
    const source = await alone(() => Checkpoint.open(directory, config));
    const { backend, notes } = await openBackend(source, config, options).catch((error) => {
      source.dispose();
      throw error;
    });
    let groups: MLXArray[][] = [];
    try {
      const build = () => {
        const made = new Qwen3ASRModel(config, backend, source, notes);
        groups = [...made.encoder.parameterGroups(), ...made.decoder.parameterGroups()];
        for (const array of groups.flat()) keep(array);
        return made;
      };
      const model = await alone(() => backend.build(build));
      source.dispose();
      for (const group of groups) await alone(() => backend.evaluate(...group));
      model.#parameters.push(...groups.flat());
      return model;
    } catch (error) {
      disposeAll(groups.flat());
      source.dispose();
      backend[Symbol.dispose]();
      if (!(error instanceof MLXError)) throw error;
      throw new ModelError(`Cannot load the model in ${directory}: MLX says "${error.message}".`, {
        cause: error,
      });
    }
  }

  /** Bytes of the weights as computed with. */
  get weightBytes(): number {
    return this.#parameters.reduce((sum, array) => sum + array.byteLength, 0) - this.decoder.sharedBytes;
  }

  /** An empty cache. */
  newCache(): KVCache {
    return new KVCache(this.config.decoder.layers);
  }

  /**
   * Prompt ids with the audio embeddings in the places of the pads.
   *
   * @param from Position to begin at: those before it are in a cache already.
   * @returns `[1, L - from, H]`
   */
  splice(ids: readonly number[], audioStart: number, audio: MLXArray, from = 0): MLXArray {
    const width = this.config.decoder.width;
    const count = audio.dim(0), audioEnd = audioStart + count;
    const table = this.decoder.embed(fromData(Int32Array.from(ids), [1, ids.length]));
    const middle = reshape(audio.dtype === table.dtype ? audio : astype(audio, table.dtype), [
      1,
      count,
      width,
    ]);
    const parts = [
      slice(table, [0, Math.min(from, audioStart), 0], [1, audioStart, width]),
      slice(middle, [0, Math.min(Math.max(0, from - audioStart), count), 0], [1, count, width]),
      slice(table, [0, Math.max(from, audioEnd), 0], [1, ids.length, width]),
    ];
    return concatenate(parts.filter((part) => part.dim(1) > 0), 1);
  }

  /**
   * First pass over a prompt: fills the cache, returns the logits `[1, V]` after its last position.
   *
   * @param embeddings `[1, L, H]`
   */
  prefill(embeddings: MLXArray, cache: KVCache, probe?: DecoderProbe): MLXArray {
    return wholeGraph(this.prefillStages(embeddings, cache, probe));
  }

  /**
   * The same in stages.
   *
   * @param rows Last positions to give the logits of, `[rows, V]` of a single prompt.
   */
  *prefillStages(embeddings: MLXArray, cache: KVCache, probe?: DecoderProbe, rows = 1): Stages {
    const last = embeddings.dim(0) === 1 && !probe ? rows : undefined; // A probe sees all of all layers.
    const hidden = yield* this.decoder.stages(embeddings, cache, { probe, last });
    const [batch, length, width] = hidden.shape as [number, number, number];
    return this.decoder.logits(
      reshape(slice(hidden, [0, length - rows, 0], [batch, length, width]), [batch * rows, width]),
    );
  }

  /**
   * One decode step of a batch.
   *
   * @param tokens int32 `[B]`, the tokens chosen last.
   * @returns logits `[B, V]`
   */
  step(tokens: MLXArray, cache: KVCache, probe?: DecoderProbe): MLXArray {
    const batch = cache.batch, width = this.config.decoder.width;
    const rows = this.decoder.embed(reshape(tokens, [batch, 1]));
    const hidden = this.decoder.apply(rows, cache, { probe });
    return this.decoder.logits(reshape(hidden, [batch, width]));
  }

  /** The next token of each row: the most likely one, or drawn at a temperature. int32 `[B]`. */
  choose(logits: MLXArray, sampling?: { temperature: number; key: MLXArray }): MLXArray {
    const drawn = sampling && sampling.temperature > 0
      ? categorical(
        multiply(astype(logits, "float32"), scalar(1 / Math.max(sampling.temperature, LEAST_TEMPERATURE))),
        sampling.key,
      )
      : argmax(logits, -1);
    return astype(drawn, "int32"); // Another implementation looked up packed embeddings by uint32 and diverged.
  }

  [Symbol.dispose](): void {
    disposeAll(this.#parameters);
    this.#parameters.length = 0;
    this.decoder[Symbol.dispose]();
    this.backend[Symbol.dispose]();
  }
}
