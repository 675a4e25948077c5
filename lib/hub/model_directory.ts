/**
 * What a model folder holds and what it lacks (model specification, section 1).
 *
 * @module
 */
import { basename, dirname, join } from "@std/path";
import { readTextFile } from "../text_file.ts";
import { isLfsPointer, LFS_PROBLEM } from "./lfs_pointer.ts";
import { safetensorsProblem } from "./safetensors_size.ts";

/** A file of a model folder. */
export interface ModelFile {
  /** Name inside the folder. */
  name: string;
  /** Size of what it is or points to. */
  sizeBytes: number;
}

/** A model folder, looked at from outside. */
export interface ModelDirectory {
  /** The folder. */
  directory: string;
  /** Its files, by name; links that lead nowhere are left out. */
  files: ModelFile[];
  /** Sum of the sizes. */
  sizeBytes: number;
  /** `model_type` of `config.json`: `qwen3_asr`, or whatever another kind of model says. */
  modelType: string | undefined;
  /** Why it cannot be used, one entry a reason ("config.json is missing"); empty when it can. */
  problems: string[];
}

const INDEX_SUFFIX = ".safetensors.index.json";

async function listFiles(directory: string): Promise<ModelFile[]> {
  const files: ModelFile[] = [];
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    // "._model.safetensors" holds what macOS knows about the file beside it.
    if (isDirectory || name.startsWith("._")) continue;
    const info = await Deno.stat(join(directory, name)).catch(() => undefined);
    if (info?.isFile) files.push({ name, sizeBytes: info.size });
  }
  return files.sort((a, b) => a.name < b.name ? -1 : 1);
}

/** The object in a JSON file, or `undefined` when there is none. */
async function readJson(path: string): Promise<Record<string, unknown> | undefined> {
  try {
    const value: unknown = JSON.parse(await readTextFile(path));
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** Names of the weight files: all that an index lists, else all there are. */
async function weightNames(directory: string, names: string[]): Promise<string[]> {
  const listed = new Set<string>();
  for (const index of names.filter((name) => name.endsWith(INDEX_SUFFIX))) {
    const map = (await readJson(join(directory, index)))?.weight_map;
    for (const shard of Object.values(typeof map === "object" && map !== null ? map : {})) {
      listed.add(String(shard));
    }
  }
  return listed.size > 0 ? [...listed].sort() : names.filter((name) => name.endsWith(".safetensors"));
}

async function weightProblems(directory: string, names: string[]): Promise<string[]> {
  const weights = await weightNames(directory, names);
  if (weights.length === 0) return ["no .safetensors file"];
  const problems: string[] = [];
  for (const name of weights) {
    if (!names.includes(name)) problems.push(`${name} is missing`);
    else {
      const path = join(directory, name);
      const problem = await isLfsPointer(path) ? LFS_PROBLEM : await safetensorsProblem(path);
      if (problem !== undefined) problems.push(`${name} ${problem}`);
    }
  }
  return problems;
}

/** What is wrong with a file that is needed, if it is. */
async function textProblem(directory: string, names: string[], name: string): Promise<string[]> {
  if (!names.includes(name)) return [`${name} is missing`];
  return await isLfsPointer(join(directory, name)) ? [`${name} ${LFS_PROBLEM}`] : [];
}

async function tokenizerProblems(directory: string, names: string[]): Promise<string[]> {
  const needed = names.includes("tokenizer.json") ? ["tokenizer.json"] : ["vocab.json", "merges.txt"];
  return (await Promise.all(needed.map((name) => textProblem(directory, names, name)))).flat();
}

async function configProblems(directory: string, names: string[]): Promise<string[]> {
  const problems = await textProblem(directory, names, "config.json");
  return problems.length > 0 ? problems : ["config.json is no JSON"];
}

/**
 * Looks at a model folder without loading it: names, sizes, headers.
 *
 * @throws {Deno.errors.NotFound} When there is no such folder.
 */
export async function inspectModelDirectory(directory: string): Promise<ModelDirectory> {
  const files = await listFiles(directory);
  const names = files.map((file) => file.name);
  const config = await readJson(join(directory, "config.json"));
  const problems = [
    ...config !== undefined ? [] : await configProblems(directory, names),
    ...await weightProblems(directory, names),
    ...await tokenizerProblems(directory, names),
  ];
  return {
    directory,
    files,
    sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
    modelType: typeof config?.model_type === "string" ? config.model_type : undefined,
    problems,
  };
}

/** What to call the model in a folder: `org/name` in a Hugging Face cache, else the folder's own name. */
export function nameOfDirectory(directory: string): string {
  const repositoryFolder = basename(dirname(dirname(directory)));
  const [kind, ...parts] = repositoryFolder.split("--");
  const isSnapshot = basename(dirname(directory)) === "snapshots" && kind === "models" && parts.length > 0;
  return isSnapshot ? parts.join("/") : basename(directory);
}
