/**
 * Finds the fenced blocks of the documents, and runs their commands in a folder as a reader would.
 *
 * @module
 */
import { dirname, join, toFileUrl } from "@std/path";
import { SHORT_NAMES } from "../../lib/hub/mod.ts";
import { userCache } from "../../lib/hub/packaged.ts";
import { Folder, recording, ROOT } from "./cli_process.ts";
import { fixtures } from "./fixtures.ts";

/** A fenced block. */
export interface Block {
  /** `docs/api.md:12`, the line of its fence. */
  place: string;
  document: string;
  language: string;
  text: string;
  /** Reason of `<!-- not run: REASON -->` right before it. */
  notRun?: string;
  /** Test file of `<!-- run by tests/FILE -->` right before it. */
  runBy?: string;
}

/** Paths of the documents for users. */
export async function documents(): Promise<string[]> {
  const names = (await Array.fromAsync(Deno.readDir(join(ROOT, "docs")))).map(({ name }) => `docs/${name}`);
  return [
    "README.md",
    "CONTRIBUTING.md",
    "demo/README.md",
    ...names.filter((name) => name.endsWith(".md")).sort(),
  ];
}

/** Commands that a test may run: they install nothing and belong to this project. */
const HARMLESS = /^(deno run|bash scripts\/)/;

/** The commands of a shell block, without comments, continued lines joined. */
export function commandsOf(text: string): string[] {
  return text.replace(/\\\n\s*/g, "").split("\n").map((line) => line.replace(/(^|\s+)#.*$/, "").trim())
    .filter((line) => line !== "");
}

/** Commands of a shell block that no test may run. */
export function foreignCommands(text: string): string[] {
  return commandsOf(text).filter((command) => !HARMLESS.test(command) || /[;&|`<>]|\$\(/.test(command));
}

/** The blocks of a document. */
export function blocksOf(document: string, markdown: string): Block[] {
  const lines = markdown.split("\n");
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at++) {
    const [, indent = "", fence, language = ""] = /^( *)(`{3,})(\w*)/.exec(lines[at]!) ?? [];
    if (fence === undefined) continue;
    const end = lines.findIndex((line, i) => i > at && line.trim() === fence);
    if (end < 0) throw new SyntaxError(`${document}:${at + 1}: the block does not end`);
    const before = lines.slice(0, at).findLast((line) => line.trim() !== "") ?? "";
    const [, notRun] = /^\s*<!-- not run: (.+) -->$/.exec(before) ?? [];
    const [, runBy] = /^\s*<!-- run by (tests\/\w+\.ts) -->$/.exec(before) ?? [];
    blocks.push({
      place: `${document}:${at + 1}`,
      document,
      language,
      text: lines.slice(at + 1, end).map((line) => line.slice(indent.length)).join("\n"),
      ...notRun === undefined ? {} : { notRun },
      ...runBy === undefined ? {} : { runBy },
    });
    at = end;
  }
  return blocks;
}

/** A Hugging Face cache where the demo model and a tiny aligner play the real ones, so that nothing is downloaded. */
async function pretendCache(folder: Folder): Promise<string> {
  const commit = "0".repeat(40);
  const hub = folder.at("home", "hub");
  for (const repository of new Set(Object.values(SHORT_NAMES))) {
    const place = join(hub, `models--${repository.replace("/", "--")}`);
    await Deno.mkdir(join(place, "refs"), { recursive: true });
    await Deno.mkdir(join(place, "snapshots"));
    await Deno.writeTextFile(join(place, "refs", "main"), commit);
    const model = repository.includes("ForcedAligner")
      ? join(await fixtures(), "models", "tiny-aligner-hf")
      : join(ROOT, "demo", "model");
    await Deno.symlink(model, join(place, "snapshots", commit));
  }
  return hub;
}

/** The cache folder of this Deno. */
async function denoDirectory(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

/** Writes texts as files inside the project, where its deno.json applies, while `use` runs. */
async function withFiles<T>(texts: readonly string[], use: (urls: string[]) => Promise<T>): Promise<T> {
  await Deno.mkdir(join(ROOT, ".cache"), { recursive: true });
  const folder = await Deno.makeTempDir({ dir: join(ROOT, ".cache"), prefix: "docs-" });
  try {
    const paths = texts.map((_, i) => join(folder, `block_${i}.ts`));
    await Promise.all(paths.map((path, i) => Deno.writeTextFile(path, texts[i]!)));
    return await use(paths.map((path) => toFileUrl(path).href));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A folder as a reader may have it: recordings, the demo, and a home folder with models. */
export class Desk implements AsyncDisposable {
  readonly #folder: Folder;
  readonly #env: Record<string, string>;

  private constructor(folder: Folder, env: Record<string, string>) {
    this.#folder = folder;
    this.#env = env;
  }

  /** Makes it, with `talk.wav`, `talk.mp3`, `talk.m4a`, `demo.wav`, a folder `talks` and the demo. */
  static async make(): Promise<Desk> {
    const folder = await Folder.make();
    await Deno.mkdir(folder.at("talks"));
    await Deno.symlink(join(ROOT, "demo"), folder.at("demo"));
    await Deno.symlink(join(ROOT, ".cache"), folder.at(".cache"));
    for (const name of ["talk.wav", "demo.wav", "talks/a.wav", "talks/b.wav"]) {
      await Deno.copyFile(recording("dev-00-en.wav"), folder.at(name));
    }
    for (const name of ["talk.mp3", "talk.m4a"]) {
      const args = ["-loglevel", "error", "-i", folder.at("talk.wav"), folder.at(name)];
      const { success } = await new Deno.Command("ffmpeg", { args }).output();
      if (!success) throw new Error(`ffmpeg cannot make ${name}`);
    }
    return new Desk(folder, {
      NO_COLOR: "1",
      HOME: folder.at("home"),
      DENO_DIR: await denoDirectory(),
      QWEN3_ASR_CACHE: dirname(userCache()!),
      HF_HUB_CACHE: await pretendCache(folder),
      HF_HUB_OFFLINE: "1",
      DENO: Deno.execPath(),
      PATH: `${Deno.execPath().replace(/\/[^/]*$/, "")}:${Deno.env.get("PATH")}`,
    });
  }

  /**
   * Runs a shell block, with the checkout in place of the published module.
   *
   * @throws {TypeError} When it has a command that no test may run; then none of its commands runs.
   */
  async shell(text: string): Promise<{ code: number; output: string }> {
    const foreign = foreignCommands(text);
    if (foreign.length > 0) throw new TypeError(`Not run from a document: ${foreign.join("; ")}`);
    const here = text.replaceAll("jsr:@qwen3/asr", join(ROOT, "mod.ts"))
      .replace(/(^|\s)((?:scripts|bench)\/|mod\.ts\b)/gm, `$1${ROOT}$2`);
    return await this.#run("bash", ["-euo", "pipefail", "-c", here]);
  }

  /** Runs a TypeScript block, with the checkout as `@qwen3/asr`. Types are not checked, see `check`. */
  async script(text: string): Promise<{ code: number; output: string }> {
    return await withFiles([text], ([url]) => this.#run(Deno.execPath(), ["run", "-A", "--no-check", url!]));
  }

  /** Checks the types of TypeScript blocks, all at once. */
  async check(texts: readonly string[]): Promise<{ code: number; output: string }> {
    return await withFiles(
      texts,
      (urls) => this.#run(Deno.execPath(), ["check", "--config", join(ROOT, "deno.json"), ...urls]),
    );
  }

  async #run(command: string, args: string[]): Promise<{ code: number; output: string }> {
    const { code, stdout, stderr } = await new Deno.Command(command, {
      args,
      cwd: this.#folder.path,
      env: this.#env,
      stdin: "null",
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, output: text(stdout) + text(stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]();
  }
}
