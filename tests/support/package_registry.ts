/**
 * A JSR registry on this machine, with the packed module and with this project's `@std` in place of the real packages.
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";
import { pack, type PackedModule } from "../../scripts/pack.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));
const STD = ["assert", "cli", "path"];

interface Package {
  version: string;
  exports: Record<string, string>;
  /** Contents by path; paths begin with a slash. */
  files: Map<string, Uint8Array<ArrayBuffer>>;
}

async function readPackage(directory: string, names: Iterable<string>): Promise<Package> {
  const { version, exports } = JSON.parse(await Deno.readTextFile(join(directory, "deno.json")));
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const name of names) files.set(`/${name}`, await Deno.readFile(join(directory, name)));
  return { version, exports: typeof exports === "string" ? { ".": exports } : exports, files };
}

async function versionMeta({ exports, files }: Package): Promise<unknown> {
  const manifest: Record<string, { size: number; checksum: string }> = {};
  for (const [path, bytes] of files) {
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    manifest[path] = { size: bytes.length, checksum: `sha256-${sum}` };
  }
  return { manifest, exports };
}

function contentType(path: string): string {
  if (path.endsWith(".ts")) return "text/typescript";
  return path.endsWith(".json") ? "application/json" : "application/octet-stream";
}

/** A registry that serves until it is disposed of. */
export class Registry implements AsyncDisposable {
  /** Its address, for `JSR_URL`. */
  readonly url: string;
  /** What `deno publish` sent. */
  readonly packed: PackedModule;
  /** Folder with the packed files. */
  readonly directory: string;
  /** Requested paths. */
  readonly requests: string[] = [];
  readonly #packages: Map<string, Package>;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  private constructor(packed: PackedModule, directory: string, packages: Map<string, Package>) {
    this.packed = packed;
    this.directory = directory;
    this.#packages = packages;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#answer(request),
    );
    this.url = `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  /** Packs the module and serves it. */
  static async start(): Promise<Registry> {
    const directory = await Deno.makeTempDir({ prefix: "qwen3-asr-packed-" });
    const packed = await pack(directory);
    const packages = new Map([[packed.name, await readPackage(directory, packed.files.keys())]]);
    for (const name of STD) {
      const folder = join(ROOT, "std", name);
      const files = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
      packages.set(`@std/${name}`, await readPackage(folder, files));
    }
    return new Registry(packed, directory, packages);
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    this.requests.push(pathname);
    const [, name = "", rest = ""] = /^\/(@[^/]+\/[^/]+)\/(.*)$/.exec(pathname) ?? [];
    const found = this.#packages.get(name);
    if (found === undefined) return new Response(null, { status: 404 });
    if (rest === "meta.json") {
      return Response.json({ latest: found.version, versions: { [found.version]: {} } });
    }
    if (rest === `${found.version}_meta.json`) return Response.json(await versionMeta(found));
    const bytes = rest.startsWith(`${found.version}/`)
      ? found.files.get(rest.slice(found.version.length))
      : undefined;
    if (bytes === undefined) return new Response(null, { status: 404 });
    return new Response(bytes, { headers: { "content-type": contentType(pathname) } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** A machine that never saw this project: an empty folder and empty caches, with only the native library. */
export class Stranger implements AsyncDisposable {
  /** The empty folder. */
  readonly home: string;
  readonly #env: Record<string, string>;

  private constructor(home: string, env: Record<string, string>) {
    this.home = home;
    this.#env = env;
  }

  /** npm packages come from this machine's cache, so that the test needs no network. */
  static async arrive(jsrUrl: string, libraryPath: string): Promise<Stranger> {
    const home = await Deno.realPath(await Deno.makeTempDir({ prefix: "qwen3-asr-stranger-" }));
    const denoDir = join(home, "deno");
    await Deno.mkdir(denoDir);
    await Deno.mkdir(join(home, "empty"));
    await Deno.symlink(await npmCache(), join(denoDir, "npm"));
    const kept = ["PATH", "TMPDIR", "NPM_CONFIG_REGISTRY", "OPENBLAS_NUM_THREADS"].flatMap((name) => {
      const value = Deno.env.get(name);
      return value === undefined ? [] : [[name, value] as const];
    });
    return new Stranger(home, {
      ...Object.fromEntries(kept),
      HOME: home,
      DENO_DIR: denoDir,
      JSR_URL: jsrUrl,
      QWEN3_ASR_MLX_C: libraryPath,
      NO_COLOR: "1",
    });
  }

  /** A path in the folder where commands run. */
  at(name: string): string {
    return join(this.home, "empty", name);
  }

  /** Runs `deno ARGS` in the empty folder. */
  async deno(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args,
      cwd: join(this.home, "empty"),
      clearEnv: true,
      env: this.#env,
      stdin: "null",
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: text(stdout), stderr: text(stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.home, { recursive: true });
  }
}

/** This machine's npm cache, after everything that the module imports is in it. */
async function npmCache(): Promise<string> {
  const run = async (...args: string[]) => {
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  };
  await run("cache", "lib/text/tokenizer.ts");
  return JSON.parse(await run("info", "--json")).npmCache;
}
