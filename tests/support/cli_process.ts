/**
 * Runs the command line as a real process, and makes recordings and model folders that are wrong on purpose.
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";

/** The project's folder. */
export const ROOT: string = fromFileUrl(new URL("../..", import.meta.url));

/** Path of a demo recording. */
export function recording(name: string): string {
  return join(ROOT, "demo", "recordings", name);
}

/** What is really said in a demo recording. */
export async function reference(name: string): Promise<string> {
  const rows = (await Deno.readTextFile(join(ROOT, "demo", "refs.tsv"))).split("\n").map((row) =>
    row.split("\t")
  );
  return rows.find(([file]) => file === name)![2]!;
}

/** What a process printed, and its exit code. */
export interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

/** How to start the command line. */
export interface StartOptions {
  env?: Record<string, string>;
  stdin?: Uint8Array<ArrayBuffer>;
  cwd?: string;
  /** Deno's flags. @default {["-A"]} */
  flags?: readonly string[];
}

/** Starts `deno run -A mod.ts ARGS` without the settings that this machine has for it. */
export function startCli(args: readonly string[], options: StartOptions = {}): Deno.ChildProcess {
  const env: Record<string, string> = { NO_COLOR: "1", ...options.env };
  for (const name of Object.keys(Deno.env.toObject())) {
    const isOurs = /^(QWEN3_ASR_|HF_)/.test(name) && !/^QWEN3_ASR_(MLX_C|CACHE)$/.test(name);
    if (isOurs && !(name in env)) env[name] = "";
  }
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", ...options.flags ?? ["-A"], join(ROOT, "mod.ts"), ...args],
    env,
    cwd: options.cwd ?? ROOT,
    stdin: options.stdin ? "piped" : "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs the command line and waits for its end. */
export async function cli(args: readonly string[], options: StartOptions = {}): Promise<Said> {
  const child = startCli(args, options);
  if (options.stdin) {
    const writer = child.stdin.getWriter();
    await writer.write(options.stdin).catch(() => {});
    await writer.close().catch(() => {});
  }
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** A temporary folder, removed at the end of the test. */
export class Folder implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async make(): Promise<Folder> {
    return new Folder(await Deno.realPath(await Deno.makeTempDir({ prefix: "qwen3-asr-cli-" })));
  }

  /** A path in it. */
  at(...names: string[]): string {
    return join(this.path, ...names);
  }

  /** Writes a file and returns its path. */
  async put(name: string, contents: string | Uint8Array): Promise<string> {
    const path = this.at(name);
    if (typeof contents === "string") await Deno.writeTextFile(path, contents);
    else await Deno.writeFile(path, contents);
    return path;
  }

  /** Copies demo recordings into it. */
  async copy(...names: string[]): Promise<void> {
    for (const name of names) await Deno.copyFile(recording(name), this.at(name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** A WAV file of 32-bit floats, 16 kHz mono. */
export function floatWav(samples: readonly number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(44 + samples.length * 4);
  const view = new DataView(bytes.buffer);
  const text = (at: number, word: string) => bytes.set(new TextEncoder().encode(word), at);
  text(0, "RIFF");
  view.setUint32(4, 36 + samples.length * 4, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 3, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, 16000, true);
  view.setUint32(28, 64000, true);
  view.setUint16(32, 4, true);
  view.setUint16(34, 32, true);
  text(36, "data");
  view.setUint32(40, samples.length * 4, true);
  samples.forEach((sample, i) => view.setFloat32(44 + 4 * i, sample, true));
  return bytes;
}

/** Copies the demo model into a folder; `change` may replace the bytes of its weights. */
export async function copyModel(
  to: string,
  change: (weights: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>,
): Promise<void> {
  const from = join(ROOT, "demo", "model");
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) {
    const bytes = await Deno.readFile(join(from, name));
    await Deno.writeFile(join(to, name), name === "model.safetensors" ? change(bytes) : bytes);
  }
}

/** The same weights, but the header gives one tensor another type. */
export function withType(
  weights: Uint8Array<ArrayBuffer>,
  tensor: string,
  type: string,
): Uint8Array<ArrayBuffer> {
  const length = Number(new DataView(weights.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(weights.subarray(8, 8 + length)));
  header[tensor].dtype = type;
  const changed = weights.slice();
  changed.set(new TextEncoder().encode(JSON.stringify(header).padEnd(length)), 8);
  return changed;
}
