/**
 * Builds the native library by the one recipe that there is, scripts/build_mlx_c.sh: MLX's wheel by pip, mlx-c's source
 * from this package, a C++ compiler. The published package carries it.
 *
 * @module
 */
import { basename, dirname, join } from "@std/path";
import { sleep } from "../abortable.ts";
import { DownloadError } from "../errors.ts";
import type { Environment } from "../hub/environment.ts";
import { packagedFolder } from "../hub/packaged.ts";
import type { BundleBackend } from "./bundle.ts";

/** How to build. */
export interface BuildOptions {
  backend: BundleBackend;
  /** Stops the build, which leaves nothing behind. */
  signal?: AbortSignal | undefined;
  /** Called with each line that the build says. */
  onMessage?: ((message: string) => void) | undefined;
  /** What the recipe sees besides this process's environment; tests move the cache and PATH with it. */
  variables?: Readonly<Record<string, string>> | undefined;
  environment?: Environment | undefined;
}

/** What was built. */
export interface BuiltLibrary {
  /** Path of libmlxc. */
  path: string;
  /** Name of its folder, e.g. `0.32.2-r1-cpu-linux-x86_64`. */
  name: string;
}

/** A stream of text by lines, each handed on as it comes. */
async function eachLine(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  take: (line: string) => void,
): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    lines.forEach(take);
  }
  if (rest !== "") take(rest);
}

const ERROR = /^error: /;

function spawn(script: string, { backend, variables }: BuildOptions): Deno.ChildProcess {
  try {
    return new Deno.Command("bash", {
      args: [script, "--backend", backend],
      env: { ...variables },
      stdin: "null",
      detached: true,
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new DownloadError("Cannot build mlx-c: there is no bash on this machine; install it", { cause });
  }
}

/** Between two orders to stop. */
const AGAIN_MS = 200;

/**
 * Ends the script with all that it started: it is the first of its own group. Again until it has ended, since what it
 * starts in the very moment of the order has not heard it, and is waited for.
 */
async function stopGroup(child: Deno.ChildProcess): Promise<void> {
  let hasEnded = false;
  child.status.finally(() => hasEnded = true);
  while (!hasEnded) {
    try {
      Deno.kill(-child.pid, "SIGTERM");
    } catch {
      return; // It has ended.
    }
    await Promise.race([child.status, sleep(AGAIN_MS / 1000)]);
  }
}

/**
 * Builds the library into the user's cache, where it is looked for; nothing when it is there.
 *
 * @throws {DownloadError} When it can't be built; the message names all that is missing and how to get it.
 * @throws The signal's reason when it is aborted.
 */
export async function buildLibrary(options: BuildOptions): Promise<BuiltLibrary> {
  const { signal, onMessage } = options;
  signal?.throwIfAborted();
  const folder = await packagedFolder("scripts", {
    environment: options.environment,
    ...signal && { signal },
  });
  const child = spawn(join(folder, "build_mlx_c.sh"), options);
  const stop = () => void stopGroup(child);
  signal?.addEventListener("abort", stop, { once: true });
  const said: string[] = [];
  let path = "";
  try {
    await Promise.all([
      eachLine(child.stdout, (line) => path = line),
      eachLine(child.stderr, (line) => {
        said.push(line);
        if (!ERROR.test(line)) onMessage?.(line);
      }),
    ]);
    const { code } = await child.status;
    signal?.throwIfAborted();
    if (code === 0 && path !== "") {
      return { path, name: basename(dirname(dirname(path))) };
    }
  } finally {
    signal?.removeEventListener("abort", stop);
  }
  const reason = said.findLast((line) => ERROR.test(line))?.replace(ERROR, "") ?? said.at(-1) ??
    "no reason given";
  throw new DownloadError(`Cannot build mlx-c: ${reason}`);
}
