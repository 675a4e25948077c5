/**
 * The native library into the folder where ffi/search.ts looks: a prebuilt one where a release has it for this machine,
 * else built here. The layout is the same.
 *
 *     <cache>/mlx-c/NAME/lib/libmlxc.so, ...     unpacked beside its place and renamed into it: whole, or not there
 *     <cache>/mlx-c/current-cpu -> NAME          what the next program opens
 *
 * @module
 */
import { basename, join } from "@std/path";
import { DownloadError } from "../errors.ts";
import { isOffline, processEnvironment } from "../hub/environment.ts";
import { fetchFile, type FetchFileOptions } from "../hub/fetch_file.ts";
import type { Environment } from "../hub/mod.ts";
import { userCache } from "../hub/packaged.ts";
import {
  type Bundle,
  type BundleBackend,
  canBuild,
  defaultBackend,
  findBundle,
  otherWays,
  type Platform,
} from "./bundle.ts";
import { BUNDLES, RELEASE_URL } from "./bundles.ts";
import { buildLibrary, type BuildOptions, type BuiltLibrary } from "./build.ts";
import { unpackTar } from "./untar.ts";

/** How to get the native library. */
export interface SetupOptions {
  /** What it computes with. @default {"metal" on macOS, "cpu" elsewhere} */
  backend?: "cpu" | "metal" | "cuda" | undefined;
  /** Whether no network may be used. @default {what `HF_HUB_OFFLINE` says} */
  offline?: boolean | undefined;
  /** Where the release's files are. @default {`QWEN3_ASR_RELEASE_URL`, else where this version was released} */
  releaseUrl?: string | undefined;
  /** Stops; what came stays, and the next call goes on from there. */
  signal?: AbortSignal | undefined;
  /** Called as bytes come. */
  onProgress?: ((progress: SetupProgress) => void) | undefined;
  /** Called with what a build says, a line at a time. */
  onMessage?: ((message: string) => void) | undefined;
}

/** What tests put in the place of this version's table, of this machine and of its network. */
export interface InstallOptions
  extends SetupOptions, Pick<FetchFileOptions, "fetch" | "retries" | "delaySeconds"> {
  bundles?: readonly Bundle[] | undefined;
  platform?: Platform | undefined;
  environment?: Environment | undefined;
  build?: ((options: BuildOptions) => Promise<BuiltLibrary>) | undefined;
}

/** How far it is. */
export interface SetupProgress {
  /** The bundle's name. */
  name: string;
  /** Bytes that are there, those of an earlier try too. */
  doneBytes: number;
  /** Bytes of the whole download. */
  totalBytes: number;
}

/** A native library that is ready. */
export interface InstalledLibrary {
  /** Path of libmlxc. */
  path: string;
  /** Its folder's name, e.g. `0.32.2-r1-cpu-linux-x86_64`. */
  name: string;
  /** What it computes with. */
  backend: "cpu" | "metal" | "cuda";
  /** Whether it was there before. */
  wasThere: boolean;
}

function libraryFile({ os }: Platform): string {
  return join("lib", os === "darwin" ? "libmlxc.dylib" : "libmlxc.so");
}

/** Whether a folder is that bundle: the first line of `complete` says so, and the library lies there. */
async function isComplete(directory: string, name: string, platform: Platform): Promise<boolean> {
  const stamp = await Deno.readTextFile(join(directory, "complete")).catch(() => "");
  const hasLibrary = await Deno.stat(join(directory, libraryFile(platform))).then(
    (info) => info.isFile,
    () => false,
  );
  return hasLibrary && stamp.split("\n")[0] === name;
}

/** Parts one after the other, decompressed. */
function archiveOf(paths: readonly string[]): ReadableStream<Uint8Array> {
  const source = async function* (): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for (const path of paths) yield* (await Deno.open(path, { read: true })).readable;
  };
  return ReadableStream.from(source()).pipeThrough(new DecompressionStream("gzip"));
}

async function fetchParts(
  { name, parts }: Bundle,
  { directory, releaseUrl, onProgress, ...options }: InstallOptions & {
    directory: string;
    releaseUrl: string;
  },
): Promise<string[]> {
  const totalBytes = parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let doneBytes = 0;
  const paths: string[] = [];
  for (const { file, sizeBytes, sha256 } of parts) {
    const path = join(directory, basename(file));
    await fetchFile(new URL(file, `${releaseUrl.replace(/\/+$/, "")}/`), path, {
      sizeBytes,
      sha256,
      fetch: options.fetch,
      retries: options.retries,
      delaySeconds: options.delaySeconds,
      signal: options.signal,
      onBytes: (bytes) => onProgress?.({ name, doneBytes: doneBytes += bytes, totalBytes }),
    });
    paths.push(path);
  }
  return paths;
}

/** Unpacks beside the final place and renames; whoever comes second takes what the first one made. */
async function unpackInto(
  final: string,
  paths: readonly string[],
  { name, platform, signal }: { name: string; platform: Platform; signal?: AbortSignal | undefined },
): Promise<void> {
  const draft = `${final}.${crypto.randomUUID()}.tmp`;
  try {
    await unpackTar(archiveOf(paths), draft, { signal });
    if (!await isComplete(draft, name, platform)) {
      throw new DownloadError(
        `Cannot use the bundle ${name}: it holds something else; report this to the project`,
      );
    }
    await Deno.remove(final, { recursive: true }).catch(() => {});
    await Deno.rename(draft, final);
  } catch (error) {
    await Deno.remove(draft, { recursive: true }).catch(() => {});
    if (!await isComplete(final, name, platform)) throw error;
  }
}

/** Makes `current-<backend>` lead to a bundle, in one step. */
async function point(store: string, backend: BundleBackend, name: string): Promise<void> {
  const link = join(store, `current-${backend}`);
  if (await Deno.readLink(link).catch(() => "") === name) return;
  const draft = join(store, `.link.${crypto.randomUUID()}`);
  await Deno.symlink(name, draft, { type: "dir" });
  await Deno.rename(draft, link);
}

/** Builds where there is no bundle. */
async function build(
  backend: BundleBackend,
  platform: Platform,
  { offline, environment, signal, onMessage, build = buildLibrary }: InstallOptions,
): Promise<InstalledLibrary> {
  const what = `mlx-c for ${platform.os} on ${platform.arch}, ${backend}`;
  if (!canBuild(platform)) {
    throw new DownloadError(`There is no ${what}: MLX runs on Linux and Apple silicon`);
  }
  if (isOffline(offline || undefined, environment)) {
    throw new DownloadError(
      `Cannot build ${what}: MLX has to be fetched, and no network may be used (HF_HUB_OFFLINE, --offline)`,
      { code: "offline" },
    );
  }
  return { ...await build({ backend, environment, signal, onMessage }), backend, wasThere: false };
}

/**
 * Gets the native library for this machine: nothing when it is there; else the release's bundle, checked against the sums
 * in this package; where there is no bundle, a build, for which MLX's wheel is fetched by pip and a C++ compiler needed.
 * An interrupted download goes on where it stopped.
 *
 * @throws {DownloadError} When it cannot be had; the message says what is missing and how to come by it.
 * @throws The signal's reason when it is aborted.
 */
export async function setupLibrary(options: SetupOptions = {}): Promise<InstalledLibrary> {
  return await installLibrary(options);
}

/** As {@linkcode setupLibrary}, from any table for any machine. */
export async function installLibrary(options: InstallOptions): Promise<InstalledLibrary> {
  const { environment = processEnvironment, platform = Deno.build, signal } = options;
  const backend = options.backend ?? defaultBackend(platform.os);
  const bundle = findBundle(options.bundles ?? BUNDLES, platform, backend);
  if (bundle === undefined) return await build(backend, platform, options);
  const cache = userCache(environment);
  if (cache === undefined) {
    throw new DownloadError("Cannot tell where the cache is: set QWEN3_ASR_CACHE (or HOME)");
  }
  const { name } = bundle;
  const store = join(cache, "mlx-c");
  const final = join(store, name);
  const wasThere = await isComplete(final, name, platform);
  if (!wasThere) await download(bundle, final, { ...options, environment, platform, signal });
  await point(store, backend, name);
  return { path: join(store, `current-${backend}`, libraryFile(platform)), name, backend, wasThere };
}

async function download(
  bundle: Bundle,
  final: string,
  options: InstallOptions & { environment: Environment; platform: Platform },
): Promise<void> {
  const { environment, platform, signal } = options;
  const cure = otherWays(platform.os);
  if (isOffline(options.offline || undefined, environment)) {
    throw new DownloadError(
      `Cannot get ${bundle.name}: no network may be used (HF_HUB_OFFLINE, --offline); ${cure}`,
      { code: "offline" },
    );
  }
  const releaseUrl = options.releaseUrl ?? environment("QWEN3_ASR_RELEASE_URL") ?? RELEASE_URL;
  const directory = join(final, "..", `.download-${bundle.name}`);
  try {
    const paths = await fetchParts(bundle, { ...options, directory, releaseUrl });
    await unpackInto(final, paths, { name: bundle.name, platform, signal });
  } catch (error) {
    if (!(error instanceof DownloadError) || error.code !== "download-failed") throw error;
    throw new DownloadError(`${error.message}; if it stays so, ${cure}`, { cause: error });
  }
  await Deno.remove(directory, { recursive: true });
}
