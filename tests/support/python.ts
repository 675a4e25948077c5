/**
 * Clients in Python, installed once into a folder of their own.
 *
 * @module
 */
import { join } from "@std/path";

const HOME = new URL("../../.cache/python", import.meta.url).pathname;
const CLIENTS = ["openai==3.57.0", "websockets==15.0.1", "wyoming==1.10.2"];

async function python(
  args: string[],
  env: Record<string, string> = {},
): Promise<{ code: number; output: string }> {
  const { code, stdout, stderr } = await new Deno.Command("python3", { args, env }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, output: code === 0 ? out! : `${out}${err}` };
}

let packages: Promise<string> | undefined;

async function install(): Promise<string> {
  const { output } = await python(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
  const folder = join(HOME, `${CLIENTS.join("-").replaceAll("==", "-")}-python${output.trim()}`);
  if (await Deno.stat(folder).then(() => true, () => false)) return folder;
  const staging = `${folder}.${crypto.randomUUID()}`;
  const quiet = ["--quiet", "--disable-pip-version-check", "--no-input"];
  const { code, output: said } = await python([
    "-m",
    "pip",
    "install",
    ...quiet,
    "--target",
    staging,
    ...CLIENTS,
  ]);
  if (code !== 0) {
    await Deno.remove(staging, { recursive: true }).catch(() => {});
    throw new Error(`Cannot install ${CLIENTS.join(", ")}: pip says\n${said.trim()}`);
  }
  // Another run may have put it there first.
  await Deno.rename(staging, folder).catch(() => Deno.remove(staging, { recursive: true }));
  return folder;
}

/** Runs a script with the clients; its output, which is JSON. */
export async function runPython(script: string, ...args: string[]): Promise<ReturnType<typeof JSON.parse>> {
  packages ??= install();
  const { code, output } = await python(["-c", script, ...args], { PYTHONPATH: await packages });
  if (code !== 0) throw new Error(`python3 says\n${output}`);
  return JSON.parse(output);
}
