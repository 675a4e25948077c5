/**
 * Files that come with this package, on the disk. In a copy of it they lie there already; a package that was loaded from
 * the network brings them into the user's cache first, because MLX opens real files only.
 *
 * @module
 */
import { dirname, fromFileUrl, join, resolve } from "@std/path";
import { createHash } from "node:crypto";
import { DownloadError } from "../errors.ts";
import { type Environment, homeDirectory, isOffline, processEnvironment } from "./environment.ts";
import { fetchFile, type FetchFileOptions } from "./fetch_file.ts";
import { PACKAGED_FILES } from "./packaged_files.ts";

const PACKAGE_ROOT = new URL("../../", import.meta.url);

/** Where packaged files come from, and where they go. */
export interface PackagedOptions
  extends Pick<FetchFileOptions, "fetch" | "retries" | "delaySeconds" | "signal"> {
  /**
   * Folder of the package.
   *
   * @default {where this module was loaded from}
   */
  base?: URL;
  /**
   * Environment variables.
   *
   * @default {those of this process}
   */
  environment?: Environment | undefined;
  /**
   * Whether the package lies in a program made by `deno compile`, whose files exist for Deno only.
   *
   * @default {whether this one is such a program}
   */
  isCompiled?: boolean;
}

/**
 * This project's folder in the user's cache: `$QWEN3_ASR_CACHE/qwen3-asr`, else `~/Library/Caches/qwen3-asr` on macOS,
 * else `$XDG_CACHE_HOME/qwen3-asr`, else `~/.cache/qwen3-asr`.
 *
 * @returns The path, or `undefined` when the environment does not tell where the home folder is.
 */
export function userCache(environment: Environment = processEnvironment): string | undefined {
  const explicit = environment("QWEN3_ASR_CACHE");
  if (explicit !== undefined) return resolve(explicit, "qwen3-asr");
  const isMac = Deno.build.os === "darwin";
  const base = isMac ? undefined : environment("XDG_CACHE_HOME");
  if (base !== undefined) return join(base, "qwen3-asr");
  const home = homeDirectory(environment);
  return home && join(home, ...isMac ? ["Library", "Caches"] : [".cache"], "qwen3-asr");
}

/** Named by contents, so that versions of the package with the same files share them. */
function folderKey(names: readonly string[]): string {
  const digest = createHash("sha256");
  for (const name of names) digest.update(`${name} ${PACKAGED_FILES[name]!.sha256}\n`);
  return digest.digest("hex").slice(0, 16);
}

function cacheFolder(folder: string, names: readonly string[], environment?: Environment): string {
  const cache = userCache(environment);
  if (cache === undefined) {
    throw new DownloadError(
      `Cannot tell where to put ${folder}: set QWEN3_ASR_CACHE (or HOME), or allow reading them`,
    );
  }
  return join(cache, "package", folderKey(names), folder);
}

/** Takes a file out of a compiled program. */
async function copyPackaged(name: string, path: string, base: URL): Promise<void> {
  const { sizeBytes } = PACKAGED_FILES[name]!;
  const isThere = await Deno.stat(path).then(({ size }) => size === sizeBytes, () => false);
  if (isThere) return;
  const bytes = await Deno.readFile(new URL(name, base)).catch((cause) => {
    const folder = name.split("/").slice(0, -1).join("/");
    throw new DownloadError(
      `This program was compiled without ${name}: compile it with --include ${folder}, as docs/building.md says`,
      { cause },
    );
  });
  const draft = `${path}.${crypto.randomUUID()}.tmp`;
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeFile(draft, bytes);
  await Deno.rename(draft, path);
}

/**
 * A folder of this package on the disk.
 *
 * @param folder Its path in the package, e.g. `demo/model`.
 * @returns Absolute path. Files that had to be fetched were checked against the sums in this package.
 * @throws {DownloadError} When a file cannot be had, or there is no place to put it.
 */
export async function packagedFolder(folder: string, options: PackagedOptions = {}): Promise<string> {
  const { base = PACKAGE_ROOT, environment, isCompiled = Deno.build.standalone } = options;
  const isFile = base.protocol === "file:";
  if (isFile && !isCompiled) return fromFileUrl(new URL(folder, base));
  const names = Object.keys(PACKAGED_FILES).filter((name) => name.startsWith(`${folder}/`));
  const target = cacheFolder(folder, names, environment);
  for (const name of names) {
    const path = join(target, name.slice(folder.length + 1));
    if (isFile) await copyPackaged(name, path, base);
    else await fetchPackaged(name, path, { ...options, base });
  }
  return target;
}

async function fetchPackaged(
  name: string,
  path: string,
  { base, environment, ...options }: PackagedOptions & { base: URL },
): Promise<void> {
  const facts = PACKAGED_FILES[name]!;
  const isThere = await Deno.stat(path).then(({ size }) => size === facts.sizeBytes, () => false);
  if (isThere) return;
  if (isOffline(undefined, environment)) {
    throw new DownloadError(
      `${name} of this package is not on the disk yet, and HF_HUB_OFFLINE forbids to fetch it`,
      { code: "offline" },
    );
  }
  await fetchFile(new URL(name, base), path, { ...facts, ...options });
}
