/**
 * Locks between processes, the same ones Python's `huggingface_hub` takes: an advisory lock on a file, which the
 * system releases when its owner ends, however it ends. So no lock is ever stale, and lock files may stay.
 *
 * @module
 */
import { dirname } from "@std/path";
import { sleep } from "../abortable.ts";

/** How to wait for a lock. */
export interface LockOptions {
  /** Stops waiting. */
  signal?: AbortSignal | undefined;
  /** Called once when somebody else holds the lock. */
  onWait?: (() => void) | undefined;
  /**
   * Time between two tries.
   *
   * @default {0.2}
   */
  pollSeconds?: number;
}

/** Takes the lock if it is free. File systems without locks (some network ones) count as free. */
async function tryLock(file: Deno.FsFile): Promise<boolean> {
  try {
    return await file.tryLock(true);
  } catch {
    return true;
  }
}

/** Whether somebody holds the lock of `path` right now. */
export async function isLocked(path: string): Promise<boolean> {
  using file = await Deno.open(path, { read: true, write: true });
  return !await tryLock(file);
}

/**
 * Runs `body` while holding the lock of `path`, waiting for it as long as another holds it.
 *
 * @returns What `body` returns.
 * @throws The signal's reason when it is aborted while waiting.
 */
export async function withLock<T>(
  path: string,
  body: () => Promise<T>,
  { signal, onWait, pollSeconds = 0.2 }: LockOptions = {},
): Promise<T> {
  await Deno.mkdir(dirname(path), { recursive: true });
  using file = await Deno.open(path, { read: true, write: true, create: true });
  let waited = false;
  while (!await tryLock(file)) {
    if (!waited) onWait?.();
    waited = true;
    await sleep(pollSeconds, signal);
  }
  return await body();
}
