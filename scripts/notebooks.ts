/**
 * Runs the notebooks headless on the Deno kernel, opens a copy of each in a JupyterLab that does not trust it, and checks
 * what they show.
 *
 *   deno task notebooks [--write] [--gallery] [--screenshots FOLDER] [NAME...]
 *
 * Fails on an error in a cell, on an output that is missing or of another kind than the committed one, on broken pictures,
 * on outputs that are too large, and on a picture that JupyterLab does not show. `--write` stores the outputs in the
 * notebooks, `--gallery` makes the pictures of docs/images from the stored outputs, `--screenshots` keeps what was seen.
 * Jupyter's packages go into .cache/jupyter; the user's own Jupyter is neither used nor changed.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { fromFileUrl, join } from "@std/path";
import { clientEnvironment, run } from "./jupyter.ts";
import { controlFaults, controlNotebook } from "./notebook_control.ts";
import { checkNotebook, type Notebook, readNotebook, withOutputsOf, writeNotebook } from "./notebook_file.ts";
import { makeGallery } from "./notebook_gallery.ts";
import { Lab } from "./notebook_lab.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));
const FOLDER = join(ROOT, "notebooks");
/** Any machine has room for two kernels with a small model each. */
const AT_ONCE = 2;
const NOTEBOOK_SECONDS = 600;

async function environment(): Promise<Record<string, string>> {
  return {
    ...await clientEnvironment(),
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
    const args = ["-c", EXECUTE, join(FOLDER, name), FOLDER, target];
    const { code, output } = await run("python3", args, NOTEBOOK_SECONDS, env);
    if (code !== 0) throw new Error(output.trim());
    return await readNotebook(target);
  } finally {
    await Deno.remove(target);
  }
}

/** Opens notebooks in JupyterLab, one after the other, while others are still running. */
class Viewer implements AsyncDisposable {
  readonly #folder: string | undefined;
  readonly #lab: Promise<Lab>;
  #last: Promise<unknown>;

  /** @param folder Where screenshots are kept, if anywhere. */
  constructor(folder: string | undefined) {
    this.#folder = folder;
    this.#lab = Lab.open();
    this.#last = this.#lab.then(async (lab) => {
      const isExpected = (faults: readonly string[]) => controlFaults(faults).length === 0;
      const wishes = { keep: this.#keeper("control"), isExpected };
      const faults = controlFaults(await lab.faultsOf("control.ipynb", controlNotebook(), wishes));
      if (faults.length > 0) throw new Error(faults.join("\n"));
    });
    // Whoever asks for a notebook gets it.
    this.#last.catch(() => {});
  }

  faultsOf(name: string, notebook: Notebook): Promise<string[]> {
    const faults = this.#last.then(async () =>
      await (await this.#lab).faultsOf(name, notebook, { keep: this.#keeper(name.replace(".ipynb", "")) })
    );
    this.#last = faults;
    faults.catch(() => {});
    return faults;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const lab = await this.#lab.catch(() => undefined);
    await lab?.[Symbol.asyncDispose]();
  }

  #keeper(name: string): ((screenshot: Uint8Array) => Promise<void>) | undefined {
    const folder = this.#folder;
    let count = 0;
    return folder === undefined
      ? undefined
      : (screenshot) => Deno.writeFile(join(folder, `${name}-${++count}.png`), screenshot);
  }
}

interface Checking {
  env: Record<string, string>;
  viewer: Viewer;
  write: boolean;
}

/** Runs one notebook and returns what is wrong with it. */
async function check(name: string, { env, viewer, write }: Checking): Promise<string[]> {
  const path = join(FOLDER, name);
  const committed = await readNotebook(path);
  try {
    const executed = withOutputsOf(committed, await execute(name, env));
    const faults = checkNotebook(executed, write ? undefined : committed);
    faults.push(...await viewer.faultsOf(name, executed));
    if (write && faults.length === 0) await writeNotebook(path, executed);
    return faults;
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

async function main(): Promise<number> {
  const args = parseArgs(Deno.args, { boolean: ["write", "gallery"], string: ["screenshots"] });
  const all = (await Array.fromAsync(Deno.readDir(FOLDER))).map(({ name }) => name)
    .filter((name) => name.endsWith(".ipynb")).sort();
  const names = args._.length === 0
    ? all
    : all.filter((name) => args._.some((part) => name.includes(String(part))));
  if (args.gallery) {
    for (const line of await makeGallery(FOLDER, all, join(ROOT, "docs", "images"))) console.log(line);
    return 0;
  }
  if (args.screenshots) await Deno.mkdir(args.screenshots, { recursive: true });
  const env = await environment();
  await using viewer = new Viewer(args.screenshots);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => viewer[Symbol.asyncDispose]().finally(() => Deno.exit(1)));
  }
  const waiting = [...names];
  let failed = 0;
  const work = async () => {
    for (let name = waiting.shift(); name; name = waiting.shift()) {
      const start = performance.now();
      const faults = await check(name, { env, viewer, write: args.write });
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
