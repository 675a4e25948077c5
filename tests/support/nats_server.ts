/**
 * A real nats-server with JetStream on a free port: stopped and started where it was, with what it had on its disk.
 *
 * @module
 */
import { join } from "@std/path";
import { sleep } from "../../lib/abortable.ts";

/** Debian has it where ordinary users do not look. */
const PLACES = ["nats-server", "/usr/sbin/nats-server", "/opt/homebrew/bin/nats-server"];

async function program(): Promise<string> {
  for (const place of PLACES) {
    const said = await new Deno.Command(place, { args: ["--version"] }).output().catch(() => undefined);
    if (said?.success) return place;
  }
  throw new Error("there is no nats-server here: bash scripts/test.sh installs it");
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A server of a test. */
export class NatsServer implements AsyncDisposable {
  readonly url: string;
  readonly #port: number;
  readonly #program: string;
  readonly #folder: string;
  readonly #args: readonly string[];
  #process: Deno.ChildProcess | undefined;

  private constructor(program: string, folder: string, port: number, args: readonly string[]) {
    this.#program = program;
    this.#folder = folder;
    this.#port = port;
    this.#args = args;
    this.url = `nats://127.0.0.1:${port}`;
  }

  /** Starts one. `args` come behind those that every test wants; `config` is a file of its own. */
  static async start({ args = [], config }: { args?: readonly string[]; config?: string } = {}): Promise<
    NatsServer
  > {
    const folder = await Deno.makeTempDir({ prefix: "qwen3-asr-nats-" });
    const more = [...args];
    if (config !== undefined) {
      const path = join(folder, "nats.conf");
      await Deno.writeTextFile(path, config);
      more.push("-c", path);
    }
    const server = new NatsServer(await program(), folder, freePort(), more);
    await server.up();
    return server;
  }

  /** Of the program; undefined while it is down. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Starts it again, with what is on its disk. */
  async up(): Promise<void> {
    this.#process = new Deno.Command(this.#program, {
      args: [
        "-js",
        "-sd",
        join(this.#folder, "store"),
        "-a",
        "127.0.0.1",
        "-p",
        `${this.#port}`,
        ...this.#args,
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    for (let tries = 0;; tries++) {
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port: this.#port })).close();
        return;
      } catch (error) {
        if (tries > 200) throw error;
        await sleep(0.05);
      }
    }
  }

  /** Ends it at once, as a power cut of the machine's program would. */
  async down(signal: Deno.Signal = "SIGKILL"): Promise<void> {
    this.#process?.kill(signal);
    await this.#process?.status;
    this.#process = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
    await Deno.remove(this.#folder, { recursive: true });
  }
}
