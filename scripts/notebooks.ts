/**
 * Runs the notebooks headless on the Deno kernel and checks what they show.
 *
 *   deno task notebooks [--write] [--gallery] [NAME...]
 *
 * Fails on an error in a cell, on an output that is missing or of another kind than the committed one, on broken pictures,
 * and on outputs that are too large. `--write` stores the outputs in the notebooks, `--gallery` makes the
 * pictures of docs/images from the stored outputs. Jupyter's packages go into .cache/jupyter; the user's own Jupyter is
 * neither used nor changed.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { fromFileUrl, join } from "@std/path";
import { checkNotebook, type Notebook, readNotebook, withOutputsOf, writeNotebook } from "./notebook_file.ts";
import { makeGallery } from "./notebook_gallery.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));
const FOLDER = join(ROOT, "notebooks");
const HOME = join(ROOT, ".cache", "jupyter");
/** Runs notebooks on any kernel; 21 MB with all it needs. */
const CLIENT = "nbclient==0.11.0";
/** Any machine has room for two kernels with a small model each. */
const AT_ONCE = 2;
const NOTEBOOK_SECONDS = 600;

interface Finished {
  code: number;
  output: string;
}

async function run(command: string, args: string[], env: Record<string, string> = {}): Promise<Finished> {
  const signal = AbortSignal.timeout(NOTEBOOK_SECONDS * 1000);
  try {
    const child = new Deno.Command(command, { args, env, stdout: "piped", stderr: "piped", signal });
    const { code, stdout, stderr } = await child.output();
    return { code, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(
      `Cannot run the notebooks: there is no ${command}. Install Python 3.9 or newer with pip.`,
    );
  }
}

/** Installs nbclient into a folder of its own, and describes this Deno's kernel there. */
async function setUp(): Promise<Record<string, string>> {
  const { output } = await run("python3", ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
  const packages = join(HOME, `${CLIENT.replace("==", "-")}-python${output.trim()}`);
  if (!await Deno.stat(packages).then(() => true, () => false)) {
    const staging = `${packages}.${crypto.randomUUID()}`;
    const pip = [
      "-m",
      "pip",
      "install",
      "--quiet",
      "--disable-pip-version-check",
      "--target",
      staging,
      CLIENT,
    ];
    const { code, output } = await run("python3", pip);
    if (code !== 0) {
      await Deno.remove(staging, { recursive: true }).catch(() => {});
      throw new Error(`Cannot install ${CLIENT}: pip says\n${output.trim()}`);
    }
    // Another run may have put it there first.
    await Deno.rename(staging, packages).catch(() => Deno.remove(staging, { recursive: true }));
  }
  const share = join(HOME, "share");
  await Deno.mkdir(join(share, "kernels", "deno"), { recursive: true });
  const kernel = {
    argv: [Deno.execPath(), "jupyter", "--kernel", "--conn", "{connection_file}"],
    display_name: "Deno",
    language: "typescript",
  };
  await Deno.writeTextFile(join(share, "kernels", "deno", "kernel.json"), JSON.stringify(kernel, null, 2));
  return {
    PYTHONPATH: packages,
    JUPYTER_PATH: share,
    JUPYTER_DATA_DIR: share,
    JUPYTER_CONFIG_DIR: join(HOME, "config"),
    JUPYTER_RUNTIME_DIR: join(HOME, "runtime"),
    JUPYTER_PLATFORM_DIRS: "1",
    // The committed outputs are those of the demo model, because everybody has it.
    QWEN3_ASR_NOTEBOOK_MODEL: Deno.env.get("QWEN3_ASR_NOTEBOOK_MODEL") ?? "demo",
    // Two notebooks share few cores, where BLAS threads that spin while they wait cost more than they gain.
    OPENBLAS_NUM_THREADS: "1",
    NO_COLOR: "1",
  };
}

/** Runs a notebook in a folder on the Deno kernel and writes it with its outputs. */
const EXECUTE = `
import sys, nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
source, folder, target = sys.argv[1:]
notebook = nbformat.read(source, as_version=4)
nbformat.validate(notebook)
client = NotebookClient(notebook, timeout=300, kernel_name="deno", record_timing=False,
                        resources={"metadata": {"path": folder}})
try:
    client.execute()
except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
    sys.exit(str(error).strip())
nbformat.write(notebook, target)
`;

async function execute(name: string, env: Record<string, string>): Promise<Notebook> {
  const target = await Deno.makeTempFile({ prefix: "notebook-", suffix: ".ipynb" });
  try {
    const { code, output } = await run("python3", ["-c", EXECUTE, join(FOLDER, name), FOLDER, target], env);
    if (code !== 0) throw new Error(output.trim());
    return await readNotebook(target);
  } finally {
    await Deno.remove(target);
  }
}

/** Runs one notebook and returns what is wrong with it. */
async function check(name: string, env: Record<string, string>, write: boolean): Promise<string[]> {
  const path = join(FOLDER, name);
  const committed = await readNotebook(path);
  let executed: Notebook;
  try {
    executed = withOutputsOf(committed, await execute(name, env));
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
  const faults = checkNotebook(executed, write ? undefined : committed);
  if (write && faults.length === 0) await writeNotebook(path, executed);
  return faults;
}

async function main(): Promise<number> {
  const args = parseArgs(Deno.args, { boolean: ["write", "gallery"] });
  const all = (await Array.fromAsync(Deno.readDir(FOLDER))).map(({ name }) => name)
    .filter((name) => name.endsWith(".ipynb")).sort();
  const names = args._.length === 0
    ? all
    : all.filter((name) => args._.some((part) => name.includes(String(part))));
  if (args.gallery) {
    for (const line of await makeGallery(FOLDER, all, join(ROOT, "docs", "images"))) console.log(line);
    return 0;
  }
  const env = await setUp();
  const waiting = [...names];
  let failed = 0;
  const work = async () => {
    for (let name = waiting.shift(); name; name = waiting.shift()) {
      const start = performance.now();
      const faults = await check(name, env, args.write);
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      console.log(`${faults.length === 0 ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
      for (const fault of faults) console.log(fault.replace(/^/gm, "       "));
      if (faults.length > 0) failed++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  console.log(`${names.length - failed} notebooks passed, ${failed} failed`);
  return failed > 0 || names.length === 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main());
