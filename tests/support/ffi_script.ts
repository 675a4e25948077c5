/**
 * Runs short scripts in a separate process, for what must not happen in the process of the tests.
 *
 * @module
 */

/** How a script ended. */
export interface Outcome {
  code: number;
  /** Name of the signal that ended it, null when none did. */
  signal: string | null;
  stdout: string;
  stderr: string;
}

/**
 * Runs TypeScript in the project's folder, so that it imports "./ffi/mod.ts".
 *
 * @param options.permissions @default {["-A"]}
 * @param options.flags More flags of `deno run`. @default {[]}
 * @param options.env Added to this process's environment, from which `QWEN3_ASR_MLX_C` is taken.
 */
export async function runScript(
  code: string,
  { permissions = ["-A"], flags = [], env = {} }: {
    permissions?: string[];
    flags?: string[];
    env?: Record<string, string>;
  } = {},
): Promise<Outcome> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--no-prompt", ...permissions, ...flags, "-"],
    cwd: new URL("../..", import.meta.url),
    env: { NO_COLOR: "1", QWEN3_ASR_MLX_C: "", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(code));
  await writer.close();
  const { code: exitCode, signal, stdout, stderr } = await process.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  return { code: exitCode, signal, stdout: text(stdout), stderr: text(stderr) };
}

/** The result of opening the library in a separate process. */
export interface Opening {
  /** Path of the library; undefined when it was refused. */
  opened?: string;
  error?: { name: string; message: string };
}

/** Opens the library in a separate process. A process that crashes is an error. */
export async function openInProcess(
  env: Record<string, string>,
  argument = "",
): Promise<Opening> {
  const { code, signal, stdout, stderr } = await runScript(
    `
    import { openLibrary } from "./ffi/library.ts";
    try {
      console.log(JSON.stringify({ opened: openLibrary(${argument}).path }));
    } catch ({ name, message }) {
      console.log(JSON.stringify({ error: { name, message } }));
    }`,
    { env },
  );
  if (code !== 0) throw new Error(`The process ended with ${signal ?? code}: ${stderr}`);
  return JSON.parse(stdout);
}
