/**
 * From the name of a model to an engine that is ready to decode.
 *
 * @module
 */
import { join } from "@std/path";
import { libraryInfo, openLibrary } from "../ffi/mod.ts";
import { flag, oneOf, type Rule, type Rules, text } from "./check_options.ts";
import { ModelError } from "./errors.ts";
import { downloadModel, type ResolvedModel, resolveModel } from "./hub/mod.ts";
import { packagedFolder } from "./hub/packaged.ts";
import { loadFolder } from "./load_folder.ts";
import { type Backend, type BackendPolicy, THREADS_RULE } from "./model/backend.ts";
import type { Qwen3ASRModel } from "./model/qwen3_asr_model.ts";
import { Engine } from "./recognize/engine.ts";
import type { Tokenizer } from "./text/tokenizer.ts";
import { VadNetwork, WEIGHTS_FILE } from "./vad/network.ts";

/** How to load a model. */
export interface LoadOptions {
  /** Where to compute: `auto` is MLX's GPU where there is one, else the CPU. @default {"auto"} */
  device?: "auto" | "cpu" | "gpu" | undefined;
  /** Type of activations: `auto` is float32 on a CPU, the checkpoint's own on a GPU. @default {"auto"} */
  dtype?: "auto" | "float32" | "float16" | "bfloat16" | undefined;
  /**
   * Threads of matrix products on a CPU over OpenBLAS, 1 to 256; elsewhere without effect.
   * @default {1 for a small model, else a thread for each core that other programs leave free}
   */
  threads?: number | undefined;
  /** Path of libmlxc; default: see the README on where it is looked for. */
  libraryPath?: string | undefined;
  /**
   * The forced aligner that times words: a name (`demo`, `aligner`, `org/name`), a folder, or `false` for none. One that is
   * named is loaded with the model; else the one that goes with the model is when words are first asked for, if it is on
   * this machine.
   */
  aligner?: string | URL | false | undefined;
  /** Downloads a named model that is not on this machine; `downloadModel()` can say how far it is. @default {false} */
  download?: boolean | undefined;
}

/** What names an aligner to load. */
const ALIGNER_RULE: Rule = {
  must: "a name, a folder, or false",
  fits: (value) => typeof value === "string" || value instanceof URL || value === false,
};

/** What the options of loading must be. */
export const LOAD_RULES: Rules<RouteOptions> = {
  device: oneOf("auto", "cpu", "gpu"),
  dtype: oneOf("auto", "float32", "float16", "bfloat16"),
  threads: THREADS_RULE,
  libraryPath: text,
  aligner: ALIGNER_RULE,
  download: flag,
  policy: { must: "an object of routes", fits: (value) => typeof value === "object" && value !== null },
};

/** What `--aligner` means: `none` is none. */
export function alignerOf(name: string | undefined): LoadOptions["aligner"] {
  return name === "none" ? false : name;
}

/** What tests and measurements may choose besides: single routes of the backend. */
export interface RouteOptions extends LoadOptions {
  policy?: Partial<BackendPolicy> | undefined;
}

/** What was loaded. */
export interface ModelInfo {
  /** `org/name`, `demo`, or the folder's name. */
  name: string;
  /** Absolute path of its folder. */
  directory: string;
  /** How it was found: "argument", "environment", "default folder", "cache" or "demo". */
  source: string;
  /** Where it computes. */
  device: "cpu" | "gpu";
  /** Type of the activations, e.g. `float32`. */
  dtype: string;
  /** Threads of matrix products, at most; undefined on a GPU, and where the BLAS does not tell. */
  threads: number | undefined;
  /** Layout of the checkpoint. */
  layout: "mlx" | "original" | "hf";
  /** Bytes of the tensors as stored. */
  storedBytes: number;
  /** Bytes of the tensors as held in memory. */
  weightBytes: number;
  /** Languages that the folder lists. */
  languages: string[];
  /** MLX's version. */
  mlxVersion: string;
  /** Path of the native library. */
  libraryPath: string;
  /** What was decided about memory, one sentence each: smaller batches, packed weights. */
  notes: string[];
  /** Milliseconds that loading took. */
  loadMs: number;
}

/** The folder that `resolve` finds for a name, downloaded where there is none and that is asked for. */
export async function locate<Name extends string | URL | undefined>(
  model: Name,
  resolve: (model: Name) => Promise<ResolvedModel>,
  download = false,
): Promise<ResolvedModel> {
  try {
    return await resolve(model);
  } catch (error) {
    const isMissing = error instanceof ModelError && error.code === "model-not-found";
    if (!isMissing || !download || typeof model !== "string") throw error;
    return await downloadModel(model);
  }
}

/** An engine for what was loaded, which is freed when there can be none. */
function engineOf(model: Qwen3ASRModel, tokenizer: Tokenizer, directory: string): Engine {
  try {
    if (model.config.kind === "asr") return new Engine(model, tokenizer);
    throw new ModelError(
      `Cannot transcribe with ${directory}: it is a forced aligner. Load a Qwen3-ASR model.`,
    );
  } catch (error) {
    model[Symbol.dispose]();
    throw error;
  }
}

/** The voice activity network that comes with this package, beside a model. What was loaded is freed without it. */
export async function openVad(loaded: Disposable, backend: Backend): Promise<VadNetwork> {
  try {
    const path = join(await packagedFolder("lib/vad/weights"), WEIGHTS_FILE);
    return await VadNetwork.load(path, backend);
  } catch (error) {
    loaded[Symbol.dispose]();
    throw error;
  }
}

/** Finds, loads and describes a model; see `Qwen3ASR.load`. */
export async function openModel(
  model: string | URL | undefined,
  options: RouteOptions,
): Promise<{ engine: Engine; vad: VadNetwork; info: ModelInfo }> {
  const start = performance.now();
  openLibrary({ path: options.libraryPath }); // Before anything large is fetched for it.
  const found = await locate(model, resolveModel, options.download);
  const { model: loaded, tokenizer } = await loadFolder(found.directory, {
    device: options.device ?? "auto",
    dtype: options.dtype ?? "auto",
    threads: options.threads,
    policy: options.policy ?? {},
  });
  const engine = engineOf(loaded, tokenizer, found.directory);
  const vad = await openVad(engine, engine.model.backend);
  const library = libraryInfo();
  const info: ModelInfo = {
    ...found,
    device: loaded.backend.device,
    dtype: loaded.backend.policy.dtype,
    threads: loaded.backend.productThreads,
    layout: loaded.layout,
    storedBytes: loaded.storedBytes,
    weightBytes: loaded.weightBytes,
    languages: loaded.config.languages,
    mlxVersion: library?.mlxVersion ?? "",
    libraryPath: library?.path ?? "",
    notes: [...loaded.notes],
    loadMs: performance.now() - start,
  };
  return { engine, vad, info };
}
