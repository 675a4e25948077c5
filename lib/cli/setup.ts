/**
 * The command `setup`: the native library, if none works yet.
 *
 * @module
 */
import { LibraryError, type LibraryInfo, openLibrary } from "../../ffi/mod.ts";
import type { Arguments } from "./arguments.ts";
import { getLibrary } from "./get_library.ts";
import { Interruption } from "./interruption.ts";
import type { Terminal } from "./terminal.ts";

const BACKENDS = ["cpu", "metal", "cuda"] as const;

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

/**
 * Prints the path of the native library, after it was fetched, or built, if none works yet or a backend was asked for.
 */
export async function setup(args: Arguments, terminal: Terminal): Promise<number> {
  const backend = args.choice("backend", BACKENDS);
  const opened = backend === undefined ? openedLibrary(terminal) : undefined;
  if (opened !== undefined) return report(opened, args, terminal);
  using interruption = new Interruption(() => terminal.clear());
  const { signal } = interruption;
  const { path } = await getLibrary(terminal, { backend, offline: args.on("offline"), signal });
  return report(openLibrary({ path }), args, terminal);
}
