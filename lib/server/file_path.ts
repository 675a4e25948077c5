/**
 * Recordings that are on the server already, below folders that were allowed.
 *
 * @module
 */
import { relative } from "@std/path";
import type { LoadedAudio } from "../audio/load.ts";
import { AudioError } from "../errors.ts";
import { HttpError } from "./http_error.ts";

function isBelow(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== "" && way !== ".." && !/^\.\.[/\\]/.test(way) && !/^([a-z]:)?[/\\]/i.test(way);
}

/**
 * The real path of a recording.
 *
 * @param roots Folders below which it must lie after all links are followed.
 * @throws {HttpError} 400, with the same words whether a file is not there or not allowed.
 */
export async function resolveFilePath(path: string, roots: readonly string[]): Promise<string> {
  const details = { param: "file_path", code: "file_path_refused" };
  if (roots.length === 0) {
    throw new HttpError(
      400,
      "file_path is switched off: start the server with --allow-path FOLDER.",
      details,
    );
  }
  const refused = new HttpError(
    400,
    "file_path names no file below the folders that this server allows.",
    details,
  );
  if (path.includes("\0")) throw refused;
  try {
    const real = await Deno.realPath(path);
    const { isFile } = await Deno.stat(real);
    for (const root of roots) if (isFile && isBelow(await Deno.realPath(root), real)) return real;
  } catch {
    // Not there, or not readable: both are nobody's business.
  }
  throw refused;
}

/**
 * Reads a recording under the name that the client gave it: where a link leads is not for its eyes.
 *
 * @param load Reads the real path.
 */
export async function loadUnderItsName(
  { path, real }: { path: string; real: string },
  load: (real: string) => Promise<LoadedAudio>,
): Promise<LoadedAudio> {
  try {
    const audio = await load(real);
    const warnings = audio.warnings.map((warning) => ({
      ...warning,
      message: warning.message.replaceAll(real, path),
    }));
    return { ...audio, warnings };
  } catch (error) {
    if (!(error instanceof AudioError)) throw error;
    throw new AudioError(error.message.replaceAll(real, path), { code: error.code, cause: error });
  }
}
