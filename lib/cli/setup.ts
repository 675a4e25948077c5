/**
 * The command `setup`: the native library, if none works yet.
 *
 * @module
 */
import { LibraryError, type LibraryInfo, openLibrary } from "../../ffi/mod.ts";
import { setupLibrary, type SetupProgress } from "../setup/mod.ts";
import type { Arguments } from "./arguments.ts";
import { size } from "./clock.ts";
import { Interruption } from "./interruption.ts";
import { bar } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

const BACKENDS = ["cpu", "metal", "cuda"] as const;

function reporter(terminal: Terminal): (progress: SetupProgress) => void {
  return ({ name, doneBytes, totalBytes }) => {
    const part = doneBytes / totalBytes;
    terminal.draw([
      `${name} ${terminal.paint("cyan", bar(part, 20))}▏ ${size(doneBytes)}/${size(totalBytes)}`,
    ]);
  };
}

/** The library that works already, if one does. */
function openedLibrary(terminal: Terminal): LibraryInfo | undefined {
  try {
    return openLibrary();
  } catch (error) {
    if (!(error instanceof LibraryError)) throw error;
    terminal.detail(error.message);
    return undefined;
  }
}

function report({ path, origin, mlxVersion }: LibraryInfo, args: Arguments, terminal: Terminal): number {
  terminal.note(`mlx-c for MLX ${mlxVersion} works (${origin})`);
  terminal.write(args.on("json") ? `${JSON.stringify({ path, mlxVersion })}\n` : `${path}\n`);
  return 0;
}

/** Prints the path of the native library, after it was fetched if none works yet or a backend was asked for. */
export async function setup(args: Arguments, terminal: Terminal): Promise<number> {
  const backend = args.choice("backend", BACKENDS);
  const opened = backend === undefined ? openedLibrary(terminal) : undefined;
  if (opened !== undefined) return report(opened, args, terminal);
  using interruption = new Interruption(() => terminal.clear());
  try {
    const offline = args.on("offline");
    const installed = await setupLibrary({
      backend,
      offline,
      signal: interruption.signal,
      onProgress: reporter(terminal),
    });
    terminal.note(`${installed.name} ${installed.wasThere ? "was there already" : "is ready"}`);
    return report(openLibrary({ path: installed.path }), args, terminal);
  } finally {
    terminal.clear();
  }
}
