/**
 * Builds stand-ins for libmlxc with the C compiler, to test other generations of it without having them.
 *
 * @module
 */
import { dirname, fromFileUrl, join } from "@std/path";
import { openLibrary } from "../../ffi/mod.ts";

const CACHE = fromFileUrl(new URL("../../.cache/standins/", import.meta.url));
const EXTENSION = Deno.build.os === "darwin" ? "dylib" : "so";

/** Compiles C to a shared library, once for each source, and returns its path. */
async function compile(name: string, source: string, flags: string[]): Promise<string> {
  const text = new TextEncoder().encode([source, ...flags].join("\0"));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", text)).slice(0, 8).toHex();
  const path = join(CACHE, `${name}-${digest}.${EXTENSION}`);
  if (await Deno.stat(path).then(() => true, () => false)) return path;
  await Deno.mkdir(CACHE, { recursive: true });
  const work = await Deno.makeTempDir({ dir: CACHE });
  const file = join(work, "standin.c"), made = join(work, `standin.${EXTENSION}`);
  await Deno.writeTextFile(file, source);
  const { success, stderr } = await new Deno.Command(Deno.env.get("CC") ?? "cc", {
    args: ["-O1", "-shared", "-fPIC", file, "-o", made, ...flags],
  }).output();
  if (!success) throw new Error(`Cannot compile ${name}: ${new TextDecoder().decode(stderr)}`);
  await Deno.rename(made, path);
  await Deno.remove(work, { recursive: true });
  return path;
}

/**
 * A library whose functions do nothing: enough for all that happens before the first real call.
 *
 * @param functions Names that it exports beside those that give its version.
 */
export async function hollowLibrary(
  name: string,
  mlxVersion: string,
  functions: Iterable<string>,
): Promise<string> {
  const own = new Set(["mlx_string_data"]);
  const hollow = [...new Set(functions)].filter((symbol) => !own.has(symbol));
  return await compile(
    name,
    `const char* mlx_string_data(void* text) { return "${mlxVersion}"; }\n` +
      hollow.map((symbol) => `long ${symbol}(void) { return 0; }\n`).join(""),
    [],
  );
}

const PROLOGUE = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct { void* ctx; } handle;
typedef struct { int value; bool has_value; } optional_int;
typedef struct { float value; bool has_value; } optional_float;

/* Makes the real library a dependency: what is not defined here is found there. */
extern int mlx_version(handle* text);
void* standin_keeps = (void*)&mlx_version;

#define REAL(name) ((__typeof__(real_##name)*)dlsym(RTLD_NEXT, #name))
`;

/** The real library with some functions replaced by `source`, which calls the real ones by `REAL(name)`. */
export async function alteredLibrary(name: string, source: string): Promise<string> {
  const real = await Deno.realPath(openLibrary().path);
  return await compile(name, PROLOGUE + source, [real, `-Wl,-rpath,${dirname(real)}`]);
}
