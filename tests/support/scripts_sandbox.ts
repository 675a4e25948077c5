/** Runs the project's shell scripts with stand-ins for what they would download, compile or install. */
import { fromFileUrl, join } from "@std/path";

/** The folder of the project, with a slash at its end. */
export const ROOT: string = fromFileUrl(new URL("../../", import.meta.url));
const BASIC_TOOLS =
  "awk basename bash cat chmod cp cut date dirname env find getconf grep gzip head id ln ls mkdir mktemp mv nproc readlink rm rmdir sed sha256sum shasum sleep sort tail tar tee timeout touch tr uname wc xargs"
    .split(" ");

/** What a script printed, and its exit code. */
export interface Run {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a script of the project; `env` replaces the whole environment if it has PATH. */
export function start(script: string, args: string[] = [], env: Record<string, string> = {}): Promise<Run> {
  const child = new Deno.Command("bash", {
    args: [script, ...args],
    cwd: ROOT,
    env,
    clearEnv: "PATH" in env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return child.output().then(({ code, stdout, stderr }) => ({
    code,
    stdout: text(stdout),
    stderr: text(stderr),
  }));
}

export async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

/** The names in a folder, with process ids replaced by `N`. */
export async function names(folder: string): Promise<string[]> {
  const found = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name.replace(/\.\d+$/, ".N"));
  return found.sort();
}

/** A folder for one test: PATH is only its `bin/`, which has basic tools and the given stand-ins (shell scripts). */
export class Sandbox implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async create(standIns: Record<string, string> = {}): Promise<Sandbox> {
    const box = new Sandbox(await Deno.realPath(await Deno.makeTempDir()));
    await Deno.mkdir(join(box.path, "bin"));
    // One that is stood in for gets no link: writing to that would write over the system's own.
    for (const tool of BASIC_TOOLS.filter((tool) => !(tool in standIns))) {
      for (const folder of ["/usr/bin", "/bin", "/sbin"]) {
        if (!await exists(join(folder, tool))) continue;
        await Deno.symlink(join(folder, tool), join(box.path, "bin", tool));
        break;
      }
    }
    for (const [name, text] of Object.entries(standIns)) {
      await Deno.writeTextFile(join(box.path, "bin", name), `#!/bin/bash\n${text}\n`, {
        mode: 0o755,
        createNew: true,
      });
    }
    return box;
  }

  get env(): Record<string, string> {
    return { PATH: join(this.path, "bin"), HOME: this.path, QWEN3_ASR_CACHE: join(this.path, "cache") };
  }

  /** Where the build script keeps its folders. */
  get store(): string {
    return join(this.path, "cache", "qwen3-asr", "mlx-c");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** Stand-ins that do nothing, and the given pip. */
export function tools(pip: string): Record<string, string> {
  const standIns: Record<string, string> = {};
  for (const tool of ["g++", "c++", "nm"]) standIns[tool] = "exit 0";
  standIns.python3 = `case "$*" in *--version*) exit 0 ;; esac\n${pip}`;
  return standIns;
}
