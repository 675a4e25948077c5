/**
 * Where things are in a Hugging Face cache: `models--org--name/{blobs,refs,snapshots}`, and links from snapshots to
 * blobs. Source: the hub's documentation, "Hub local cache".
 *
 * @module
 */
import { dirname, join } from "@std/path";
import { DownloadError, ModelError } from "../errors.ts";
import { type Environment, hubCacheDirectory, processEnvironment } from "./environment.ts";

/** Where to look for the cache. */
export interface CacheOptions {
  /**
   * The folder that holds `models--org--name`.
   *
   * @default {what the environment says}
   */
  cacheDirectory?: string | undefined;
  /**
   * Environment variables.
   *
   * @default {those of this process}
   */
  environment?: Environment | undefined;
}

/**
 * The cache folder.
 *
 * @throws {ModelError} When the environment tells neither it nor the home folder.
 */
export function cacheDirectoryOf(options: CacheOptions): string {
  const directory = options.cacheDirectory ?? hubCacheDirectory(options.environment ?? processEnvironment);
  if (directory === undefined) {
    throw new ModelError(
      "Cannot tell where the model cache is: set HF_HOME (or HOME), or allow reading them",
      { code: "model-not-found" },
    );
  }
  return directory;
}

/** Paths of one repository in a cache. */
export class RepositoryLayout {
  /** `org/name`. */
  readonly repository: string;
  /** The repository's own folder. */
  readonly directory: string;
  /** Folder of the locks. */
  readonly lockDirectory: string;

  /** Computes paths; touches nothing. */
  constructor(cacheDirectory: string, repository: string) {
    const folder = `models--${repository.replaceAll("/", "--")}`;
    this.repository = repository;
    this.directory = join(cacheDirectory, folder);
    this.lockDirectory = join(cacheDirectory, ".locks", folder);
  }

  /** The file with the contents whose hash is `etag`. */
  blob(etag: string): string {
    return join(this.directory, "blobs", etag);
  }

  /** The folder with the files of a commit. */
  snapshot(commit: string): string {
    return join(this.directory, "snapshots", commit);
  }

  /** The file with the commit of a branch or tag. */
  ref(revision: string): string {
    return join(this.directory, "refs", ...revision.split("/"));
  }

  /** The lock of a blob. */
  lock(etag: string): string {
    return join(this.lockDirectory, `${etag}.lock`);
  }
}

/** Whether a revision is a full commit. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/** Commit of a branch, tag or commit in the cache, or `undefined` when it was never fetched. */
export async function cachedCommit(layout: RepositoryLayout, revision: string): Promise<string | undefined> {
  if (isCommit(revision)) return revision;
  const text = await Deno.readTextFile(layout.ref(revision)).catch(() => "");
  return text.trim() || undefined;
}

/** Writes a small file so that readers see the old one or the new one. */
async function writeAtomically(path: string, text: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${crypto.randomUUID()}.tmp`;
  await Deno.writeTextFile(draft, text);
  await Deno.rename(draft, path);
}

/** Records which commit a branch or tag means. */
export async function writeRef(layout: RepositoryLayout, revision: string, commit: string): Promise<void> {
  if (!isCommit(revision)) await writeAtomically(layout.ref(revision), commit);
}

/** Whether both paths lead to one file: through a symbolic link, or as two names of it. */
async function sameFile(link: string, blob: string): Promise<boolean> {
  const [there, wanted] = await Promise.all(
    [link, blob].map((path) => Deno.stat(path).catch(() => undefined)),
  );
  return there !== undefined && wanted !== undefined && there.ino !== null && there.ino === wanted.ino &&
    there.dev === wanted.dev;
}

/** Making a symbolic link takes the whole permission, not one for a folder. Nobody is asked for it. */
function maySymlink(): boolean {
  return (["read", "write"] as const).every((name) =>
    Deno.permissions.querySync({ name }).state === "granted"
  );
}

/** The first of three ways that this system allows: symbolic link, hard link, copy. */
async function linkOrCopy(blob: string, relativeBlob: string, target: string): Promise<void> {
  const ways = [
    ...maySymlink() ? [() => Deno.symlink(relativeBlob, target, { type: "file" })] : [],
    () => Deno.link(blob, target),
    () => Deno.copyFile(blob, target),
  ];
  let cause: unknown;
  for (const way of ways) {
    try {
      return await way();
    } catch (error) {
      cause = error;
    }
  }
  throw new DownloadError(`Cannot put ${target} into the cache: ${(cause as Error).message}`, { cause });
}

/** Puts a blob into a snapshot under its file name. */
export async function linkIntoSnapshot(
  layout: RepositoryLayout,
  commit: string,
  { name, etag }: { name: string; etag: string },
): Promise<void> {
  const link = join(layout.snapshot(commit), name);
  if (await sameFile(link, layout.blob(etag))) return;
  await Deno.mkdir(dirname(link), { recursive: true });
  const draft = `${link}.${crypto.randomUUID()}.tmp`;
  await linkOrCopy(layout.blob(etag), `../../blobs/${etag}`, draft);
  await Deno.rename(draft, link);
}
