/**
 * A server with the demo model in a process of its own, from this checkout or another, and what it costs. Linux only.
 *
 * @module
 */

/** How to start one. */
export interface ServerProcessOptions {
  /** Folder of the checkout whose server it is. @default {this one} */
  checkout?: string | undefined;
  /** More arguments of `serve`. @default {[]} */
  args?: readonly string[] | undefined;
  /** File descriptors that it may have open. @default {what this process may} */
  descriptors?: number | undefined;
}

/** Peak and present resident bytes. */
export interface ResidentBytes {
  peak: number;
  now: number;
}

const HERE = new URL("../", import.meta.url).pathname;
const START_MS = 60_000;

/** Settles as the work does, or gives undefined after so many milliseconds. */
export async function within<T>(work: Promise<T>, milliseconds: number): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), milliseconds);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The address that a server says it listens at; what it says later is read and forgotten. */
async function readyAddress(stderr: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stderr.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!/Listening at .*\n/.test(text)) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`The server did not start: ${text.trim()}`);
    text += value;
  }
  void (async () => {
    while (!(await reader.read()).done);
  })().catch(() => {});
  return /Listening at (\S+)/.exec(text)![1]!;
}

/** A server that runs; ended for good when it is disposed. */
export class ServerProcess implements AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly #child: Deno.ChildProcess;
  #ended = false;

  private constructor(child: Deno.ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
    this.port = Number(new URL(url).port);
    void child.status.then(() => this.#ended = true);
  }

  /** Starts one on a free port of this machine. */
  static async start(options: ServerProcessOptions = {}): Promise<ServerProcess> {
    const { checkout = HERE, args = [], descriptors } = options;
    const serve = ["run", "-A", "--no-check", "mod.ts", "serve", "--model", "demo", "--port", "0", ...args];
    const limit = descriptors === undefined ? "" : `ulimit -n ${descriptors} && `;
    const child = new Deno.Command("sh", {
      args: ["-c", `${limit}exec "$0" "$@"`, Deno.execPath(), ...serve],
      cwd: checkout,
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const url = await within(readyAddress(child.stderr), START_MS);
    if (url !== undefined) return new ServerProcess(child, url);
    child.kill("SIGKILL");
    throw new Error(`The server of ${checkout} did not listen within ${START_MS / 1000} s.`);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Whether the process has ended. */
  get ended(): boolean {
    return this.#ended;
  }

  async memory(): Promise<ResidentBytes> {
    const status = await Deno.readTextFile(`/proc/${this.pid}/status`);
    const of = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) * 1024;
    return { peak: of("VmHWM"), now: of("VmRSS") };
  }

  /** Lets the peak begin anew. */
  async forgetPeak(): Promise<void> {
    await Deno.writeTextFile(`/proc/${this.pid}/clear_refs`, "5");
  }

  /** Programs that it started and that still run. */
  async children(): Promise<number> {
    const path = `/proc/${this.pid}/task/${this.pid}/children`;
    const direct = await Deno.readTextFile(path).catch(() => undefined);
    if (direct !== undefined) return direct.split(" ").filter((pid) => pid !== "").length;
    let count = 0;
    for await (const { name } of Deno.readDir("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const stat = await Deno.readTextFile(`/proc/${name}/stat`).catch(() => "");
      if (Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === this.pid) count++;
    }
    return count;
  }

  /**
   * Asks it to end, as an operator does.
   *
   * @returns Seconds that it took; undefined when it had to be killed.
   */
  async terminate(limitSeconds: number): Promise<number | undefined> {
    if (this.#ended) return 0;
    const start = performance.now();
    this.#child.kill("SIGTERM");
    const status = await within(this.#child.status, limitSeconds * 1000);
    if (status) return (performance.now() - start) / 1000;
    await this.kill();
    return undefined;
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    if (!this.#ended) this.#child.kill("SIGKILL");
    await this.#child.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
