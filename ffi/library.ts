/**
 * Finds, opens and checks libmlxc: once per process, on the first use of a tensor.
 *
 * @module
 */
import { CANARY_SYMBOLS, runCanary } from "./canary.ts";
import { check, installErrorHandler } from "./error.ts";
import { classify, MARKERS } from "./generation.ts";
import { type Candidate, libraryCandidates, LibraryError, notFound, unknownGeneration } from "./search.ts";
import { SYMBOLS } from "./symbols.ts";

/** The foreign functions, typed. */
export type Native = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** What was opened. */
export interface LibraryInfo {
  /** As it was opened: a file, or a bare name left to the system's search. */
  path: string;
  /** Which place of the search it was found in. */
  origin: string;
  /** e.g. "0.32.2". */
  mlxVersion: string;
  /** e.g. "mlx-c for MLX 0.32.2". */
  generation: string;
}

/**
 * The foreign functions. A live binding: undefined until {@linkcode openLibrary} has run, which everything that makes
 * an array or a stream does first.
 */
export let native: Native;

let info: LibraryInfo | undefined;

function readVersion(symbols: Native): string {
  const cell = new BigUint64Array(1);
  cell[0] = symbols.mlx_string_new();
  check(symbols.mlx_version(cell), "mlx_version");
  const text = symbols.mlx_string_data(cell[0]);
  const version = text === null ? "" : Deno.UnsafePointerView.getCString(text);
  symbols.mlx_string_free(cell[0]);
  return version;
}

/** Whether a library exports a symbol: opened once more with the symbols as optional pointers. */
function markerProbe(path: string): (symbol: string) => boolean {
  const table = Object.fromEntries(
    MARKERS.map((name) => [name, { type: "pointer", optional: true } as const]),
  );
  const probe = Deno.dlopen(path, table);
  const found = new Set(MARKERS.filter((name) => probe.symbols[name] !== null));
  probe.close();
  return (symbol) => found.has(symbol as typeof MARKERS[number]);
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^(Could not open library: )+/, "").replace(/\s*\n\s*/g, " ");
}

function openCandidate(candidate: Candidate): LibraryInfo {
  const { path, origin } = candidate;
  const has = markerProbe(path);
  let symbols: Native;
  try {
    symbols = Deno.dlopen(path, SYMBOLS).symbols;
  } catch (error) {
    const { name } = classify(has, "0");
    throw unknownGeneration(
      candidate,
      `it is ${name} (${reasonOf(error)}).`,
      MARKERS.some((mark) => !has(mark)),
    );
  }
  installErrorHandler(symbols.mlx_set_error_handler);
  const mlxVersion = readVersion(symbols);
  const generation = classify(has, mlxVersion);
  if (!generation.supported) {
    throw unknownGeneration(
      candidate,
      `it is ${generation.name} over MLX ${mlxVersion || "of unknown version"}.`,
      generation.isOld,
    );
  }
  const fault = runCanary(symbols, Deno.dlopen(path, CANARY_SYMBOLS).symbols);
  if (fault) throw unknownGeneration(candidate, `it calls itself ${generation.name}, but ${fault}.`);
  native = symbols;
  return { path, origin, mlxVersion, generation: generation.name };
}

function exists(path: string): boolean {
  if (!path.includes("/")) return true; // Left to the system's own search.
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}

/**
 * Opens libmlxc unless it is open.
 *
 * @param options.path Path of libmlxc; default: the search order of search.ts.
 * @throws {LibraryError} When there is none, or none of a known generation.
 */
export function openLibrary(options: { path?: string | undefined } = {}): LibraryInfo {
  if (info) return info;
  const tried: (Candidate & { reason: string })[] = [];
  for (const candidate of libraryCandidates(options.path)) {
    if (!exists(candidate.path)) {
      tried.push({ ...candidate, reason: "no such file" });
      continue;
    }
    try {
      return info = openCandidate(candidate);
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
      // A library that is there but wrong is reported at once, unless it came from a mere guess.
      if (candidate.origin !== "system" && error instanceof LibraryError) {
        throw error;
      }
      tried.push({ ...candidate, reason: reasonOf(error) });
    }
  }
  throw notFound(tried);
}

/** What was opened, undefined before the first use. */
export function libraryInfo(): LibraryInfo | undefined {
  return info;
}

/** What is looked for in the library beyond the functions that every one has: once, as soon as it is open. */
export function onceOpen<T>(find: (libraryPath: string) => T): () => T | undefined {
  let found: { value: T } | undefined;
  return () => {
    if (!found && info) found = { value: find(info.path) };
    return found?.value;
  };
}
