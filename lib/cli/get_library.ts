/**
 * The native library before anything large is fetched: whoever lacks it is asked whether it shall be got.
 *
 * @module
 */
import { LibraryError, type LibraryInfo, openLibrary } from "../../ffi/mod.ts";
import { processEnvironment } from "../hub/environment.ts";
import { type InstalledLibrary, setupLibrary, type SetupOptions, type SetupProgress } from "../setup/mod.ts";
import { size } from "./clock.ts";
import { bar } from "./progress.ts";
import { canAsk, confirm } from "./question.ts";
import type { ModelSettings } from "./settings.ts";
import type { Terminal } from "./terminal.ts";

function reporter(terminal: Terminal): (progress: SetupProgress) => void {
  return ({ name, doneBytes, totalBytes }) => {
    const part = doneBytes / totalBytes;
    terminal.draw([
      `${name} ${terminal.paint("cyan", bar(part, 20))}▏ ${size(doneBytes)}/${size(totalBytes)}`,
    ]);
  };
}

/** Fetches or builds the library and says so. */
export async function getLibrary(
  terminal: Terminal,
  options: Pick<SetupOptions, "backend" | "offline" | "signal">,
): Promise<InstalledLibrary> {
  try {
    const installed = await setupLibrary({
      ...options,
      onProgress: reporter(terminal),
      onMessage: (message) => terminal.note(message),
    });
    terminal.note(`${installed.name} ${installed.wasThere ? "was there already" : "is ready"}`);
    return installed;
  } finally {
    terminal.clear();
  }
}

/**
 * Opens the library. Where there is none, a user at a terminal is asked once whether to get it, and `--yes` gets it;
 * nobody else is surprised by a compiler at work.
 *
 * @throws {LibraryError} When there is none, and it was not wanted.
 */
export async function ensureLibrary(
  { libraryPath, offline, yes }: Pick<ModelSettings, "libraryPath" | "offline" | "yes">,
  terminal: Terminal,
  signal?: AbortSignal,
): Promise<LibraryInfo> {
  try {
    return openLibrary({ path: libraryPath });
  } catch (error) {
    const isNamed = libraryPath !== undefined || processEnvironment("QWEN3_ASR_MLX_C") !== undefined;
    if (!(error instanceof LibraryError) || isNamed || offline) throw error;
    if (!yes) {
      if (!canAsk(terminal)) throw error;
      terminal.detail(error.message);
      const question = "mlx-c, which computes, is not on this machine. Get it now (about a minute)?";
      if (!await confirm(terminal, question, signal)) {
        signal?.throwIfAborted();
        throw error;
      }
    }
  }
  await getLibrary(terminal, { signal });
  return openLibrary();
}
