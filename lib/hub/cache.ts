/**
 * Models in the Hugging Face cache: find, list, remove.
 *
 * @module
 */
import { join } from "@std/path";
import { ModelError } from "../errors.ts";
import { cachedCommit, cacheDirectoryOf, type CacheOptions, RepositoryLayout } from "./cache_layout.ts";
import { isLocked } from "./lock.ts";
import { inspectModelDirectory, type ModelDirectory } from "./model_directory.ts";

/** One commit of a model in the cache. */
export interface CachedSnapshot extends ModelDirectory {
  /** `org/name`. */
  repository: string;
  /** Commit, 40 hexadecimal digits. */
  commit: string;
  /** Branches and tags that mean this commit. */
  refs: string[];
  /** Whether it has all that a model needs and nothing is cut short. */
  isComplete: boolean;
}

/** A model in the cache. */
export interface CachedModel {
  /** `org/name`. */
  repository: string;
  /** Its folder in the cache. */
  directory: string;
  /** Its commits, complete ones first. */
  snapshots: CachedSnapshot[];
  /** Disk space of all its commits; a file shared by two is counted once. */
  sizeBytes: number;
  /** Part of it that belongs to downloads which were not finished. */
  incompleteBytes: number;
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(directory), (entry) => entry.name)).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return [];
    throw error;
  }
}

async function refsOf(layout: RepositoryLayout, under = ""): Promise<Map<string, string>> {
  const refs = new Map<string, string>();
  for (const name of await namesIn(join(layout.directory, "refs", under))) {
    const revision = under === "" ? name : `${under}/${name}`;
    const commit = await cachedCommit(layout, revision);
    if (commit !== undefined) refs.set(revision, commit);
    else for (const entry of await refsOf(layout, revision)) refs.set(...entry);
  }
  return refs;
}

async function snapshotOf(layout: RepositoryLayout, commit: string): Promise<CachedSnapshot> {
  const contents = await inspectModelDirectory(layout.snapshot(commit));
  const refs = [...await refsOf(layout)].filter(([, target]) => target === commit).map(([name]) => name);
  const isComplete = contents.problems.length === 0;
  return { ...contents, repository: layout.repository, commit, refs, isComplete };
}

/** A commit in the cache, complete or not. */
async function snapshotIfAny(layout: RepositoryLayout, commit: string): Promise<CachedSnapshot | undefined> {
  try {
    return await snapshotOf(layout, commit);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Looks a model up in the cache.
 *
 * @param repository `org/name`.
 * @param revision Branch, tag or commit. Without one it is `main`, else any commit there is, complete ones first.
 * @returns The snapshot, complete or not (see `isComplete` and `problems`), or `undefined` when there is none.
 */
export async function findCachedModel(
  repository: string,
  revision?: string,
  options: CacheOptions = {},
): Promise<CachedSnapshot | undefined> {
  const layout = new RepositoryLayout(cacheDirectoryOf(options), repository);
  const commit = await cachedCommit(layout, revision ?? "main");
  const snapshot = commit === undefined ? undefined : await snapshotIfAny(layout, commit);
  if (revision !== undefined || snapshot?.isComplete) return snapshot;
  const others = await snapshotsOf(layout);
  return others.find((other) => other.isComplete) ?? snapshot ?? others[0];
}

async function snapshotsOf(layout: RepositoryLayout): Promise<CachedSnapshot[]> {
  const commits = await namesIn(join(layout.directory, "snapshots"));
  const snapshots = await Promise.all(commits.map((commit) => snapshotIfAny(layout, commit)));
  const found = snapshots.filter((snapshot) => snapshot !== undefined);
  return found.sort((a, b) => Number(b.isComplete) - Number(a.isComplete));
}

/** Sizes of what lies in `blobs`, and of real files in snapshots where links are not possible. */
async function diskUse(layout: RepositoryLayout): Promise<{ sizeBytes: number; incompleteBytes: number }> {
  const commits = await namesIn(join(layout.directory, "snapshots"));
  const counted = new Set<string>();
  let sizeBytes = 0;
  let incompleteBytes = 0;
  for (const folder of ["blobs", ...commits.map((commit) => join("snapshots", commit))]) {
    for (const name of await namesIn(join(layout.directory, folder))) {
      const path = join(layout.directory, folder, name);
      const { isFile, size, dev, ino } = await Deno.lstat(path);
      const identity = ino === null ? path : `${dev}:${ino}`;
      if (!isFile || counted.has(identity)) continue;
      counted.add(identity);
      sizeBytes += size;
      if (name.endsWith(".incomplete")) incompleteBytes += size;
    }
  }
  return { sizeBytes, incompleteBytes };
}

async function modelOf(layout: RepositoryLayout): Promise<CachedModel> {
  return {
    repository: layout.repository,
    directory: layout.directory,
    snapshots: await snapshotsOf(layout),
    ...await diskUse(layout),
  };
}

function isSpeechModel({ repository, snapshots }: CachedModel): boolean {
  return /qwen3-(asr|forcedaligner)/i.test(repository) ||
    snapshots.some(({ modelType }) => modelType !== undefined && /^qwen3_(asr|forced)/.test(modelType));
}

/** What to list. */
export interface ListOptions extends CacheOptions {
  /**
   * Whether models that are not Qwen3-ASR are listed too.
   *
   * @default {false}
   */
  everyKind?: boolean;
}

/** All models in the cache, by name, the unfinished ones too. */
export async function listCachedModels(options: ListOptions = {}): Promise<CachedModel[]> {
  const cache = cacheDirectoryOf(options);
  const models: CachedModel[] = [];
  for (const folder of await namesIn(cache)) {
    if (!folder.startsWith("models--")) continue;
    const model = await modelOf(new RepositoryLayout(cache, folder.split("--").slice(1).join("/")));
    if (options.everyKind || isSpeechModel(model)) models.push(model);
  }
  return models;
}

/**
 * Deletes a model from the cache: all its commits, and what unfinished downloads left.
 *
 * @returns Bytes that were freed.
 * @throws {ModelError} When it is not in the cache, or is being downloaded right now.
 */
export async function removeCachedModel(
  repository: string,
  options: CacheOptions = {},
): Promise<{ freedBytes: number }> {
  const cache = cacheDirectoryOf(options);
  const layout = new RepositoryLayout(cache, repository);
  const isThere = await Deno.stat(layout.directory).then((info) => info.isDirectory, () => false);
  if (!isThere) throw new ModelError(`Cannot remove ${repository}: it is not in the cache (${cache})`);
  for (const name of await namesIn(layout.lockDirectory)) {
    if (await isLocked(join(layout.lockDirectory, name))) {
      throw new ModelError(`Cannot remove ${repository}: another process is downloading it`);
    }
  }
  const { sizeBytes } = await diskUse(layout);
  await Deno.remove(layout.directory, { recursive: true });
  await Deno.remove(layout.lockDirectory, { recursive: true }).catch(() => {});
  return { freedBytes: sizeBytes };
}
