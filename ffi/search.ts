/**
 * Where libmlxc may be, in order: explicit path, `QWEN3_ASR_MLX_C`, the cache of scripts/build_mlx_c.sh, Homebrew, system.
 *
 * @module
 */
import { join, resolve } from "@std/path";

/** No usable libmlxc: the message lists every place tried and how to get one. */
export class LibraryError extends Error {
  /** "LibraryError". */
  override name = "LibraryError";
}

/** One place to look at. */
export interface Candidate {
  path: string;
  /** Why this place: "argument", "QWEN3_ASR_MLX_C", "build cache", "Homebrew", "system". */
  origin: string;
}

/** An environment variable; undefined when unset, empty or not permitted. */
export function environment(name: string): string | undefined {
  try {
    return Deno.env.get(name) || undefined;
  } catch {
    return undefined;
  }
}

const EXTENSION: Partial<Record<typeof Deno.build.os, string>> = { darwin: "dylib", windows: "dll" };

/** File name of the library on this system. */
export function libraryFileName(): string {
  return `libmlxc.${EXTENSION[Deno.build.os] ?? "so"}`;
}

/** The per-user cache folder that scripts/build_mlx_c.sh fills: the same rule as in scripts/lib.sh. */
export function buildCache(): string | undefined {
  const explicit = environment("QWEN3_ASR_CACHE");
  if (explicit) return resolve(explicit, "qwen3-asr", "mlx-c");
  const isMac = Deno.build.os === "darwin";
  const base = isMac ? undefined : environment("XDG_CACHE_HOME");
  if (base) return join(base, "qwen3-asr", "mlx-c");
  const home = environment("HOME");
  if (!home) return undefined;
  return join(home, ...(isMac ? ["Library", "Caches"] : [".cache"]), "qwen3-asr", "mlx-c");
}

/** Every place to try, best first. An explicit path or `QWEN3_ASR_MLX_C` is the only candidate when given. */
export function libraryCandidates(explicitPath?: string): Candidate[] {
  const file = libraryFileName();
  if (explicitPath) return [{ path: explicitPath, origin: "argument" }];
  const fromEnvironment = environment("QWEN3_ASR_MLX_C");
  if (fromEnvironment) return [{ path: fromEnvironment, origin: "QWEN3_ASR_MLX_C" }];
  const candidates: Candidate[] = [];
  const cache = buildCache();
  if (cache) {
    const backends = Deno.build.os === "darwin" ? ["metal", "cpu"] : ["cuda", "cpu"];
    for (const backend of backends) {
      candidates.push({ path: join(cache, `current-${backend}`, "lib", file), origin: "build cache" });
    }
  }
  if (Deno.build.os === "darwin") {
    candidates.push({ path: `/opt/homebrew/lib/${file}`, origin: "Homebrew" });
    candidates.push({ path: `/usr/local/lib/${file}`, origin: "Homebrew" });
  }
  candidates.push({ path: file, origin: "system" });
  return candidates;
}

const CURE = "Get it with `deno run -A jsr:@qwen3/asr setup`" +
  (Deno.build.os === "darwin" ? " or `brew install mlx-c`" : "") +
  " (in a checkout: `bash scripts/build_mlx_c.sh`).";

/** The error for a search that found nothing usable. */
export function notFound(tried: readonly (Candidate & { reason: string })[]): LibraryError {
  const list = tried.map(({ path, origin, reason }) => `  ${path} (${origin}): ${reason}`).join("\n");
  return new LibraryError(
    `Cannot find mlx-c. ${CURE} If it is elsewhere, set QWEN3_ASR_MLX_C to the path of ${libraryFileName()}. Tried:\n${list}`,
  );
}

/** Whether Homebrew put it there, perhaps behind a link. */
function isHomebrew({ path, origin }: Candidate): boolean {
  if (origin === "Homebrew") return true;
  try {
    return /\/(homebrew|Cellar)\//.test(Deno.realPathSync(path));
  } catch {
    return false;
  }
}

/**
 * The error for a library whose generation we do not know.
 *
 * @param isOld Whether it is one from before those that we know.
 */
export function unknownGeneration(candidate: Candidate, what: string, isOld = false): LibraryError {
  const { path, origin } = candidate;
  const upgrade = isOld && isHomebrew(candidate)
    ? "Get a newer one with `brew upgrade mlx-c`. Or else: "
    : "";
  const unset = origin === "QWEN3_ASR_MLX_C" ? " Then unset QWEN3_ASR_MLX_C." : "";
  return new LibraryError(
    `Cannot use the mlx-c at ${path}: ${what} Its functions would be called with wrong arguments. ${upgrade}${CURE}${unset}`,
  );
}
