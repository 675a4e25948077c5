/**
 * Folders for the few files that decoders must have on disk. They go away with their scope, and those of a process that
 * was killed at the next start of another.
 *
 * @module
 */
import { dirname, join } from "@std/path";

/** A folder that goes away with its scope. */
export interface TemporaryFolder extends AsyncDisposable {
  path: string;
}

const PREFIX = "qwen3-asr-files-";
/** In each folder; the kernel's lock on it ends with the process that holds it. */
const LOCK = "lock";
/** Between the making of a lock file and the lock: far less, but a second costs nothing. */
const LEAST_AGE_MS = 1000;

let swept = false;

/** Opens a lock file and locks it, with nothing in between. */
function openLocked(path: string): Deno.FsFile {
  const file = Deno.openSync(path, { write: true, create: true });
  file.lockSync(true);
  return file;
}

/** Whether the process that made a folder is gone. */
async function isAbandoned(path: string): Promise<boolean> {
  try {
    const { mtime } = await Deno.stat(path);
    if (!mtime || Date.now() - mtime.getTime() < LEAST_AGE_MS) return false;
    using file = await Deno.open(path, { write: true });
    return await file.tryLock(true);
  } catch {
    // Somebody else's, or gone in between.
    return false;
  }
}

async function sweep(parent: string): Promise<void> {
  const { state } = await Deno.permissions.query({ name: "read", path: parent });
  if (swept || state !== "granted") return;
  swept = true;
  try {
    for await (const { name, isDirectory } of Deno.readDir(parent)) {
      if (!isDirectory || !name.startsWith(PREFIX)) continue;
      const path = join(parent, name);
      if (await isAbandoned(join(path, LOCK))) await Deno.remove(path, { recursive: true });
    }
  } catch {
    // The room is not ours to fight for: what cannot be removed stays.
  }
}

/** Makes a folder; needs permission to write where the system has its temporary files. */
export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await Deno.makeTempDir({ prefix: PREFIX });
  const lock = openLocked(join(path, LOCK));
  await sweep(dirname(path));
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await Deno.remove(path, { recursive: true });
      lock.close();
    },
  };
}

/** Removes what killed processes left, once a process and where nobody need be asked for a permission. */
export async function removeAbandonedFolders(): Promise<void> {
  for (const name of ["read", "write"] as const) {
    if (swept || (await Deno.permissions.query({ name })).state !== "granted") return;
  }
  // Only a folder made there tells where the system has its temporary files.
  try {
    await (await temporaryFolder())[Symbol.asyncDispose]();
  } catch {
    // No room, or a system that is read only: then nothing can be removed either.
  }
}
