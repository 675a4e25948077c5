/**
 * Writing files: whole or not at all, through links, into what is no file, and tried out before the work.
 *
 * @module
 */
import { dirname, join, resolve } from "@std/path";

/** A file cannot be written. */
export class OutputError extends Error {
  override name = "OutputError";
}

/** Where what is written really goes. */
interface Target {
  /** Where links lead. */
  path: string;
  /** `stream`: a device, a FIFO, a socket; what is written goes into it, and it stays what it is. */
  kind: "file" | "stream" | "missing";
  mode: number | null;
}

/** This process's own output: opened by name it would begin at byte 0 of what the shell has opened. */
const OWN: Readonly<Record<string, typeof Deno.stdout>> = {
  "/dev/stdout": Deno.stdout,
  "/dev/fd/1": Deno.stdout,
  "/proc/self/fd/1": Deno.stdout,
  "/dev/stderr": Deno.stderr,
  "/dev/fd/2": Deno.stderr,
  "/proc/self/fd/2": Deno.stderr,
};

const MOST_LINKS = 40;
const DRAFT = /^\.qwen3-asr-[0-9a-f]{8}\.part$/;
/** Between the making of a draft and its lock: far less, but a second costs nothing. */
const LEAST_AGE_MS = 1000;
/** Written when trying: more than a file system keeps beside the name of a file. */
const TRIAL_BYTES = 16 * 1024;

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "your share of the disk is full",
  EROFS: "the disk is read-only",
  EACCES: "you may not write there",
  EPERM: "you may not write there",
  ENAMETOOLONG: "the name is too long for the disk",
  ENOTDIR: "a folder in the path is a file",
  EEXIST: "a folder in the path is a file",
  EISDIR: "it is a folder",
  ELOOP: "links lead in a circle",
  EPIPE: "whoever read it has gone",
  EIO: "the disk does not work",
};

/** An error of the system as one sentence; one of Deno's permissions says itself what to do. */
export function cannotWrite(what: string, error: unknown): unknown {
  if (error instanceof OutputError || error instanceof Deno.errors.NotCapable) return error;
  const { code = "", message } = error as Error & { code?: string };
  return new OutputError(`Cannot write ${what}: ${REASONS[code] ?? message}`, { cause: error });
}

/** Where links lead that lead to nothing yet. */
async function endOfLinks(path: string): Promise<string> {
  for (let links = 0; links < MOST_LINKS; links++) {
    const info = await Deno.lstat(path).catch(() => undefined);
    if (!info?.isSymlink) break;
    path = resolve(dirname(path), await Deno.readLink(path));
  }
  return path;
}

async function targetOf(path: string): Promise<Target> {
  const info = await Deno.stat(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
  if (info === undefined) return { path: await endOfLinks(path), kind: "missing", mode: null };
  if (info.isDirectory) throw new OutputError(`Cannot write ${path}: it is a folder`);
  const isStream = !info.isFile || /^\/(dev|proc)\//.test(path);
  if (isStream) return { path, kind: "stream", mode: null };
  return { path: await Deno.realPath(path), kind: "file", mode: info.mode };
}

/** Writes all bytes, however few a call takes. */
export async function writeAll(to: Pick<Deno.FsFile, "write">, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}

/** A new file in a folder, locked until it is closed, so that others can tell it from one whose process is gone. */
async function openDraft(directory: string): Promise<{ file: Deno.FsFile; path: string }> {
  const path = join(directory, `.qwen3-asr-${crypto.randomUUID().slice(0, 8)}.part`);
  const file = await Deno.open(path, { write: true, createNew: true });
  await file.lock(true).catch(() => {}); // Some network disks have no locks.
  return { file, path };
}

/** Writes a draft, lets `finish` do something with it, and leaves none behind. */
async function withDraft(
  directory: string,
  bytes: Uint8Array,
  finish: (path: string) => Promise<void>,
): Promise<void> {
  const { file, path } = await openDraft(directory);
  try {
    using open = file;
    await writeAll(open, bytes);
    await open.syncData();
    await finish(path);
  } catch (error) {
    await Deno.remove(path).catch(() => {});
    throw error;
  }
}

/** Removes drafts of processes that were killed. */
async function removeAbandoned(directory: string): Promise<void> {
  for await (const { name } of Deno.readDir(directory)) {
    if (!DRAFT.test(name)) continue;
    const path = join(directory, name);
    try {
      const { mtime } = await Deno.stat(path);
      if (!mtime || Date.now() - mtime.getTime() < LEAST_AGE_MS) continue;
      using file = await Deno.open(path, { write: true });
      if (await file.tryLock(true)) await Deno.remove(path);
    } catch {
      // Somebody else's, or gone in between.
    }
  }
}

/**
 * Writes a file so that readers see the old one, or the whole new one. A link stays, and its target is replaced; what is
 * no regular file is written into.
 *
 * @throws {OutputError} Saying why it cannot be written; nothing is left behind.
 */
export async function writeFile(path: string, contents: string | Uint8Array): Promise<void> {
  const bytes = typeof contents === "string" ? new TextEncoder().encode(contents) : contents;
  try {
    const own = OWN[path];
    if (own !== undefined) return await writeAll(own, bytes);
    const target = await targetOf(path);
    if (target.kind === "stream") {
      using stream = await Deno.open(path, { write: true, append: true });
      return await writeAll(stream, bytes);
    }
    const directory = dirname(target.path);
    await Deno.mkdir(directory, { recursive: true });
    await withDraft(directory, bytes, async (draft) => {
      if (target.mode !== null && Deno.build.os !== "windows") {
        await Deno.chmod(draft, target.mode & 0o777).catch(() => {});
      }
      await Deno.rename(draft, target.path);
    });
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/** Tries files out before there is anything to write into them; each folder once. */
export class OutputProbe {
  readonly #folders = new Map<string, Promise<void>>();
  readonly #sources: Set<string>;

  /** @param sources Real paths of files that no link may make us overwrite. */
  constructor(sources: readonly string[] = []) {
    this.#sources = new Set(sources);
  }

  async #folder(directory: string): Promise<void> {
    await Deno.mkdir(directory, { recursive: true });
    await removeAbandoned(directory).catch(() => {}); // A folder may be written but not listed.
    await withDraft(directory, new Uint8Array(TRIAL_BYTES), (draft) => Deno.remove(draft));
  }

  /**
   * Finds out whether a file can be written. A device or a FIFO is taken on trust: opening one has an effect.
   *
   * @throws {OutputError} Saying why it cannot.
   */
  async try(path: string): Promise<void> {
    if (OWN[path] !== undefined) return;
    try {
      const target = await targetOf(path);
      if (target.kind === "stream") return;
      if (this.#sources.has(target.path)) {
        throw new OutputError(`Cannot write ${path}: it leads to the recording ${target.path}`);
      }
      if (target.kind === "file") (await Deno.open(target.path, { write: true })).close();
      const directory = dirname(target.path);
      const tried = this.#folders.get(directory) ?? this.#folder(directory);
      this.#folders.set(directory, tried);
      await tried;
    } catch (error) {
      throw cannotWrite(path, error);
    }
  }
}

/**
 * Puts away what could not be written where it belongs.
 *
 * @returns The path of a temporary file, or `undefined` where there can be none either.
 */
export async function putAside(contents: string, ending: string): Promise<string | undefined> {
  let path: string | undefined;
  try {
    path = await Deno.makeTempFile({ prefix: "qwen3-asr-", suffix: `.${ending}` });
    await Deno.writeTextFile(path, contents);
    return path;
  } catch {
    if (path !== undefined) await Deno.remove(path).catch(() => {});
    return undefined;
  }
}
