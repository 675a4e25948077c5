/**
 * Checks a model's files against the hashes they are named by.
 *
 * @module
 */
import { basename, dirname, join } from "@std/path";
import { digestFile, digestKind, type ReadOptions } from "./digest.ts";
import { knownSha256 } from "./known_models.ts";
import { inspectModelDirectory, type ModelFile, nameOfDirectory } from "./model_directory.ts";
import { readTextFile } from "../text_file.ts";
import { isLfsPointer, LFS_PROBLEM } from "./lfs_pointer.ts";
import { safetensorsProblem } from "./safetensors_size.ts";

/** What was found out about one file. */
export interface VerifiedFile {
  /** Name inside the model folder. */
  name: string;
  /** Size in bytes. */
  sizeBytes: number;
  /** `ok`: a hash agrees. `readable`: no hash is known, its form is right. `damaged`: see `problem`. */
  status: "ok" | "readable" | "damaged";
  /** What agreed or not: SHA-256, git's SHA-1, or only the file's form. */
  checkedBy: "sha256" | "git-sha1" | "form";
  /** What is wrong. */
  problem?: string;
}

/** What was found out about a model. */
export interface VerifyReport {
  /** The folder. */
  directory: string;
  /** Its files, by name. */
  files: VerifiedFile[];
  /** What is missing or cut short. */
  problems: string[];
  /** Whether no file is damaged and nothing is missing. */
  isIntact: boolean;
}

/** How to verify. */
export interface VerifyOptions {
  /** Stops between two reads. */
  signal?: AbortSignal;
  /** Called as files are read. */
  onProgress?: (progress: { name: string; doneBytes: number; totalBytes: number }) => void;
}

async function formProblem(path: string): Promise<string | undefined> {
  if (await isLfsPointer(path)) return LFS_PROBLEM;
  if (path.endsWith(".safetensors")) return await safetensorsProblem(path);
  if (!path.endsWith(".json")) return undefined;
  try {
    JSON.parse(await readTextFile(path));
    return undefined;
  } catch {
    return "is no JSON";
  }
}

/** Names of the blobs beside a snapshot that a file of this size could be another name or a copy of. */
async function blobsOfSize(directory: string, sizeBytes: number): Promise<string[]> {
  if (basename(dirname(directory)) !== "snapshots") return [];
  const blobs = join(directory, "..", "..", "blobs");
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(blobs)) {
      if (digestKind(name) && (await Deno.stat(join(blobs, name))).size === sizeBytes) names.push(name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names;
}

/**
 * The hash a file should have: a known one, the name of the blob its link leads to, or, where the cache has no links, the
 * name of a blob of its size. Several when that leaves a choice, none when there is nothing to go by.
 */
async function expectedDigests(directory: string, { name, sizeBytes }: ModelFile): Promise<string[]> {
  const known = knownSha256(nameOfDirectory(directory), basename(directory), name);
  if (known !== undefined) return [known];
  const target = basename(await Deno.realPath(join(directory, name)));
  return digestKind(target) === undefined ? await blobsOfSize(directory, sizeBytes) : [target];
}

async function verifyForm(directory: string, { name, sizeBytes }: ModelFile): Promise<VerifiedFile> {
  const problem = await formProblem(join(directory, name));
  return problem === undefined
    ? { name, sizeBytes, status: "readable", checkedBy: "form" }
    : { name, sizeBytes, status: "damaged", checkedBy: "form", problem: `${name} ${problem}` };
}

async function verifyFile(directory: string, file: ModelFile, options: ReadOptions): Promise<VerifiedFile> {
  const { name, sizeBytes } = file;
  const expected = await expectedDigests(directory, file);
  const kinds = new Set(expected.map(digestKind).filter((kind) => kind !== undefined));
  if (kinds.size === 0) {
    options.onBytes?.(sizeBytes);
    return await verifyForm(directory, file);
  }
  let problem = "";
  for (const kind of kinds) {
    const actual = await digestFile(join(directory, name), kind, options);
    if (expected.includes(actual)) return { name, sizeBytes, status: "ok", checkedBy: kind };
    problem = `${name} has ${kind} ${actual}, expected ${expected.join(" or ")}`;
  }
  const [checkedBy = "sha256"] = kinds;
  return { name, sizeBytes, status: "damaged", checkedBy, problem };
}

/**
 * Reads every file of a model folder and compares it with its hash: the known one of this commit, or the one its blob
 * in the Hugging Face cache is named by. Files without a hash are checked for their form: safetensors headers against
 * the file's size, JSON for being JSON.
 *
 * @param directory A model folder: a snapshot in the cache or any other.
 * @throws {Deno.errors.NotFound} When there is no such folder.
 */
export async function verifyModelDirectory(
  directory: string,
  { signal, onProgress }: VerifyOptions = {},
): Promise<VerifyReport> {
  const { files, sizeBytes: totalBytes, problems } = await inspectModelDirectory(directory);
  const verified: VerifiedFile[] = [];
  let doneBytes = 0;
  for (const file of files) {
    const onBytes = (bytes: number) => {
      doneBytes += bytes;
      onProgress?.({ name: file.name, doneBytes, totalBytes });
    };
    verified.push(await verifyFile(directory, file, { signal, onBytes }));
  }
  const isIntact = problems.length === 0 && verified.every(({ status }) => status !== "damaged");
  return { directory, files: verified, problems, isIntact };
}
