/**
 * From what the user said about the model, or did not say, to a folder with its files.
 *
 * @module
 */
import { join, resolve } from "@std/path";
import { DownloadError, ModelError } from "../errors.ts";
import { type CachedSnapshot, findCachedModel } from "./cache.ts";
import { cacheDirectoryOf, type CacheOptions } from "./cache_layout.ts";
import { type Environment, expandHome, homeDirectory, processEnvironment } from "./environment.ts";
import { DEMO_NAME, PREFERRED_REPOSITORIES, SHORT_NAMES } from "./known_models.ts";
import { inspectModelDirectory, nameOfDirectory } from "./model_directory.ts";
import { type HubReference, parseModelName } from "./names.ts";
import { packagedFolder } from "./packaged.ts";

/** Variable with a model folder or name, used when none is given. */
export const MODEL_PATH_VARIABLE = "QWEN3_ASR_MODEL_PATH";

/** What decided which model it is. */
export type ModelSource = "argument" | "environment" | "default folder" | "cache" | "demo";

/** A model folder that has everything. */
export interface ResolvedModel {
  /** Absolute path of the folder. */
  directory: string;
  /** `org/name`, `demo`, or the folder's name. */
  name: string;
  /** What decided. */
  source: ModelSource;
}

/** Where to look. */
export interface ResolveOptions extends CacheOptions {
  /**
   * Folder of the model that comes with the package.
   *
   * @default {`demo/model` of this package; one that was loaded from the network fetches it into the user's cache}
   */
  demoDirectory?: string | undefined;
}

/** What a search came to. */
export interface ModelSearch {
  /** The model, if there is one. */
  model?: ResolvedModel;
  /** Every place looked at, each with what was wrong there. */
  places: string[];
  /** The repository that was asked for, when it was one: `downloadModel` can get it. */
  wanted?: HubReference;
}

/** Why a folder is no model, or `undefined` when it is one. */
async function folderProblem(directory: string): Promise<string | undefined> {
  try {
    const { problems } = await inspectModelDirectory(directory);
    return problems.length === 0 ? undefined : problems.join(", ");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "not there";
    if (error instanceof Deno.errors.NotADirectory) return "a file, not a folder";
    if (error instanceof Deno.errors.NotCapable) return "may not be read (--allow-read)";
    throw error;
  }
}

/** Whether a name happens to be a folder; nobody is asked for the permission to look. */
async function isDirectory(path: string): Promise<boolean> {
  if ((await Deno.permissions.query({ name: "read", path })).state !== "granted") return false;
  return await Deno.stat(path).then((info) => info.isDirectory, () => false);
}

function fromCache({ directory, repository }: CachedSnapshot): ResolvedModel {
  return { directory, name: repository, source: "cache" };
}

/** Looks in folders and in the cache, and remembers where. */
class Search {
  readonly places: string[] = [];
  readonly #environment: Environment;
  readonly #options: ResolveOptions;

  constructor(options: ResolveOptions) {
    this.#environment = options.environment ?? processEnvironment;
    this.#options = options;
  }

  async folder(path: string, source: ModelSource): Promise<ResolvedModel | undefined> {
    const directory = resolve(expandHome(path, this.#environment));
    const problem = await folderProblem(directory);
    if (problem === undefined) return { directory, name: nameOfDirectory(directory), source };
    this.places.push(`${directory}: ${problem}`);
    return undefined;
  }

  async demo(): Promise<ResolvedModel | undefined> {
    const path = this.#options.demoDirectory ?? await this.#packagedDemo();
    if (path === undefined) return undefined;
    const model = await this.folder(path, "demo");
    return model && { ...model, name: DEMO_NAME };
  }

  async #packagedDemo(): Promise<string | undefined> {
    try {
      return await packagedFolder("demo/model", { environment: this.#environment });
    } catch (error) {
      if (!(error instanceof DownloadError)) throw error;
      this.places.push(`the demo model of this package: ${error.message}`);
      return undefined;
    }
  }

  async cached(repository: string, revision?: string): Promise<ResolvedModel | undefined> {
    const place = revision === undefined ? repository : `${repository}@${revision}`;
    const snapshot = await findCachedModel(repository, revision, this.#options);
    if (snapshot?.isComplete) return fromCache(snapshot);
    const problem = snapshot === undefined ? "not in the cache" : snapshot.problems.join(", ");
    this.places.push(`${place} (${cacheDirectoryOf(this.#options)}): ${problem}`);
    return undefined;
  }

  /** What a user named: an existing folder first, then what the name means. */
  async named(name: string | URL, source: "argument" | "environment"): Promise<ModelSearch> {
    const text = String(name);
    const isPlainFolder = typeof name === "string" && text !== DEMO_NAME &&
      await isDirectory(expandHome(text, this.#environment));
    const reference = isPlainFolder ? { kind: "folder", path: text } as const : parseModelName(name);
    if (reference.kind === "demo") return this.#result(await this.demo());
    if (reference.kind === "folder") return this.#result(await this.folder(reference.path, source));
    const model = await this.cached(reference.repository, reference.revision);
    return { ...this.#result(model), wanted: reference };
  }

  async unnamed(): Promise<ModelSearch> {
    const home = homeDirectory(this.#environment);
    this.places.push(`${MODEL_PATH_VARIABLE}: not set`);
    const model = home === undefined
      ? undefined
      : await this.folder(join(home, ".OminiX", "models", "qwen3-asr-1.7b"), "default folder");
    if (model !== undefined) return this.#result(model);
    return this.#result(await this.#preferred());
  }

  /** The best model the cache has; what it lacks altogether makes one line, what is incomplete a line each. */
  async #preferred(): Promise<ResolvedModel | undefined> {
    const absent: string[] = [];
    for (const repository of PREFERRED_REPOSITORIES) {
      const snapshot = await findCachedModel(repository, undefined, this.#options);
      if (snapshot === undefined) absent.push(repository);
      else if (snapshot.isComplete) return fromCache(snapshot);
      else this.places.push(`${repository}: ${snapshot.problems.join(", ")}`);
    }
    this.places.push(`${cacheDirectoryOf(this.#options)}: none of ${absent.join(", ")}`);
    return undefined;
  }

  #result(model: ResolvedModel | undefined): ModelSearch {
    return { places: this.places, ...model === undefined ? {} : { model } };
  }
}

/**
 * Looks for a model: `name` if given, else `QWEN3_ASR_MODEL_PATH`, else `~/.OminiX/models/qwen3-asr-1.7b`, else what the
 * Hugging Face cache has (1.7B 8-bit, 0.6B 8-bit, the originals, then any other known one).
 *
 * @param name A folder (path or `file:` address), a name (see `parseModelName`), or nothing.
 * @returns The model if there is one, and all places looked at.
 * @throws {OptionError} When the name can be neither a folder nor a model.
 */
export async function findModel(
  name: string | URL | undefined,
  options: ResolveOptions = {},
): Promise<ModelSearch> {
  const search = new Search(options);
  if (name !== undefined) return await search.named(name, "argument");
  const variable = (options.environment ?? processEnvironment)(MODEL_PATH_VARIABLE);
  return variable === undefined ? await search.unnamed() : await search.named(variable, "environment");
}

/** The name to type for a repository: the short one where there is one. */
function typedName({ repository, revision }: HubReference): string {
  const short = Object.keys(SHORT_NAMES).find((key) => SHORT_NAMES[key] === repository) ?? repository;
  return revision === undefined ? short : `${short}@${revision}`;
}

function notFoundMessage(name: string | URL | undefined, { places, wanted }: ModelSearch): string {
  const command = `\`deno run -A jsr:@qwen3/asr models download ${wanted ? typedName(wanted) : "0.6b"}\``;
  const cure = `get one with ${command}, give a folder, or try the small built-in model with --model demo`;
  if (wanted !== undefined) {
    return `Model ${name ?? typedName(wanted)} is not on this machine: ${places[0]}; ${cure}`;
  }
  if (name !== undefined) return `Cannot use model ${name}: ${places.join("; ")}`;
  return ["No model on this machine. Looked at:", ...places.map((place) => `  ${place}`), `To go on, ${cure}`]
    .join("\n");
}

/**
 * Finds the folder of a model; see `findModel` for the order of places.
 *
 * @returns A folder that has configuration, weights and tokenizer, none cut short.
 * @throws {ModelError} When there is none: the message lists every place looked at and says how to get one.
 * @throws {OptionError} When the name can be neither a folder nor a model.
 */
export async function resolveModel(
  name: string | URL | undefined,
  options: ResolveOptions = {},
): Promise<ResolvedModel> {
  const search = await findModel(name, options);
  if (search.model !== undefined) return search.model;
  const variable = name === undefined
    ? (options.environment ?? processEnvironment)(MODEL_PATH_VARIABLE)
    : undefined;
  const message = notFoundMessage(name ?? variable, search);
  const isFolder = search.wanted === undefined && (name ?? variable) !== undefined;
  throw new ModelError(
    variable === undefined ? message : `${MODEL_PATH_VARIABLE}: ${message}`,
    isFolder ? {} : { code: "model-not-found" },
  );
}
