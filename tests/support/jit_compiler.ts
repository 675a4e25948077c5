/**
 * MLX compiles for a CPU by calling `g++` on a source that carries the C library's declarations of the machine on which
 * MLX was built. From version 13 on g++ has some of these types itself and takes them for an error, unless told not to.
 *
 * @module
 */
import { join } from "@std/path";

/** Puts such a `g++` in front of the machine's, for this process, until it is disposed. */
export async function lenientCompiler(): Promise<AsyncDisposable> {
  const path = Deno.env.get("PATH") ?? "";
  const folder = await Deno.makeTempDir({ prefix: "qwen3-asr-test-" });
  const script = `#!/bin/sh\nPATH='${path.replaceAll("'", `'\\''`)}' exec g++ -fpermissive -w "$@"\n`;
  await Deno.writeTextFile(join(folder, "g++"), script, { mode: 0o755 });
  Deno.env.set("PATH", `${folder}:${path}`);
  return {
    async [Symbol.asyncDispose]() {
      Deno.env.set("PATH", path);
      await Deno.remove(folder, { recursive: true });
    },
  };
}
