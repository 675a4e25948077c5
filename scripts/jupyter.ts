/**
 * Jupyter's packages in the project's own cache (.cache/jupyter); the user's own Jupyter is neither used nor changed.
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";

const HOME = fromFileUrl(new URL("../.cache/jupyter", import.meta.url));
/** Runs notebooks on any kernel; 21 MB with all it needs. */
export const CLIENT = "nbclient==0.11.0";
/** What most people open notebooks with; 180 MB with all it needs. */
export const LAB = "jupyterlab==4.6.6";

/** A program's end. */
export interface Finished {
  code: number;
  output: string;
}

/** Runs a program for at most so many seconds, and gives all that it printed. */
export async function run(
  command: string,
  args: string[],
  seconds: number,
  env: Record<string, string> = {},
): Promise<Finished> {
  const signal = AbortSignal.timeout(seconds * 1000);
  try {
    const child = new Deno.Command(command, { args, env, stdout: "piped", stderr: "piped", signal });
    const { code, stdout, stderr } = await child.output();
    return { code, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(
      `Cannot run the notebooks: there is no ${command}. Install Python 3.10 or newer with pip.`,
    );
  }
}

const INSTALL_SECONDS = 600;

/** The folder with a package of Python and what it needs; installed there first if it is not. */
export async function installed(requirement: string): Promise<string> {
  const version = ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"];
  const { output } = await run("python3", version, INSTALL_SECONDS);
  const packages = join(HOME, `${requirement.replace("==", "-")}-python${output.trim()}`);
  if (await Deno.stat(packages).then(() => true, () => false)) return packages;
  const staging = `${packages}.${crypto.randomUUID()}`;
  // Compiled is what is imported, when it is: the half of all these files never is.
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"];
  const finished = await run("python3", [...pip, "--target", staging, requirement], INSTALL_SECONDS);
  if (finished.code !== 0) {
    await Deno.remove(staging, { recursive: true }).catch(() => {});
    throw new Error(`Cannot install ${requirement}: pip says\n${finished.output.trim()}`);
  }
  // Another run may have put it there first.
  await Deno.rename(staging, packages).catch(() => Deno.remove(staging, { recursive: true }));
  return packages;
}

/** What a client needs in its environment to find its packages and this Deno's kernel, and nothing of the user's. */
export async function clientEnvironment(): Promise<Record<string, string>> {
  const packages = await installed(CLIENT);
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
  };
}

/** The settings of a Lab that asks nothing, fetches nothing, and draws all cells at once instead of one after the other. */
const SETTINGS = {
  "@jupyterlab/notebook-extension:tracker": { windowingMode: "none" },
  "@jupyterlab/apputils-extension:notification": { fetchNews: "false", checkForUpdates: false },
};

/** How a JupyterLab is started that nobody has used before: no kernel, no settings, no trusted notebook. */
export async function labCommand(home: string, folder: string): Promise<Deno.Command> {
  const packages = await installed(LAB);
  const labconfig = join(home, "config", "labconfig");
  await Deno.mkdir(labconfig, { recursive: true });
  await Deno.writeTextFile(join(labconfig, "default_setting_overrides.json"), JSON.stringify(SETTINGS));
  return new Deno.Command("python3", {
    args: [
      ...["-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0"],
      `--ServerApp.root_dir=${folder}`,
      `--LabApp.app_dir=${join(packages, "share", "jupyter", "lab")}`,
      ...["--LabApp.expose_app_in_browser=True", "--LabApp.extension_manager=readonly"],
    ],
    env: {
      PYTHONPATH: packages,
      // A shared one may hold other people's signatures, by which a notebook is trusted.
      JUPYTER_DATA_DIR: join(home, "data"),
      JUPYTER_CONFIG_DIR: join(home, "config"),
      JUPYTER_RUNTIME_DIR: join(home, "runtime"),
      JUPYTERLAB_SETTINGS_DIR: join(home, "settings"),
      JUPYTERLAB_WORKSPACES_DIR: join(home, "workspaces"),
      JUPYTER_PLATFORM_DIRS: "1",
      HOME: home,
    },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  });
}
