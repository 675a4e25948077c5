/**
 * A folder run with `--resume`, killed at random moments again and again: after each kill, is all that is reported done
 * whole?
 *
 *   deno run -A bench/kill_runs.ts [--kills 100] [--seed 1] [--checkout DIR]
 *
 * The moments are spread over the time of a whole run. Every third time two processes share the folder, each with its own
 * moment; one process in five is interrupted (SIGINT) before, so that interrupted transcripts are continued too. When all
 * is done, the folder is emptied. What counts as whole: every transcript under its final name is, byte for byte (txt) or
 * by its text (json), that of an undisturbed run; so is all that the journal or the process itself calls done; every line
 * of the journal can be read, but for one that has no end yet.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { join } from "@std/path";
import { JOURNAL_FILE } from "../lib/cli/journal.ts";
import { randomOf } from "../tests/support/output_samples.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const flags = parseArgs(Deno.args, {
  string: ["kills", "seed", "checkout"],
  default: { kills: "100", seed: "1", checkout: ROOT },
});
const KILLS = Number(flags.kills);
const RECORDINGS = [...Array(12).keys()].map((index) => String(index).padStart(2, "0"));
/** Longest time between the interruption and the kill. */
const GRACE_MS = 400;

/** What a process was told to do, and what became of it. */
interface Run {
  said: string;
  wasKilled: boolean;
  code: number;
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

class KillRuns implements AsyncDisposable {
  readonly #random = randomOf(Number(flags.seed));
  readonly #expected = new Map<string, string>();
  readonly #faults: string[] = [];
  #kills = 0;
  #whole = 0;
  #emptied = 0;
  #interrupted = 0;
  #runMs = 0;

  private constructor(readonly folder: string) {}

  static async make(): Promise<KillRuns> {
    const runs = new KillRuns(await Deno.makeTempDir({ prefix: "qwen3-asr-kills-" }));
    await Deno.mkdir(runs.#input);
    for await (const { name } of Deno.readDir(join(ROOT, "demo", "recordings"))) {
      const isWanted = name === "long-en.wav" ||
        RECORDINGS.some((number) => name.startsWith(`dev-${number}`));
      if (isWanted && name.endsWith(".wav")) {
        await Deno.copyFile(join(ROOT, "demo", "recordings", name), join(runs.#input, name));
      }
    }
    return runs;
  }

  get #input(): string {
    return join(this.folder, "in");
  }

  get #output(): string {
    return join(this.folder, "out");
  }

  async #run(output: string, plan?: { killMs: number; isInterrupted: boolean }): Promise<Run> {
    const settings = ["-m", "demo", "-f", "txt,json", "--chunk-seconds", "12", "--batch-size", "1"];
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "mod.ts", ...settings, "-r", this.#input, "-o", output, "--resume"],
      cwd: flags.checkout ?? ROOT,
      env: { OPENBLAS_NUM_THREADS: "1", NO_COLOR: "1" },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    let isOver = false;
    const end = (signal: Deno.Signal) => {
      try {
        child.kill(signal);
      } catch {
        // It has ended already.
      }
    };
    const killing = plan && (async () => {
      await sleep(plan.killMs);
      if (plan.isInterrupted && !isOver) {
        this.#interrupted++;
        end("SIGINT");
        await sleep(this.#random() * GRACE_MS);
      }
      end("SIGKILL");
    })();
    const said = new Response(child.stderr).text();
    const { code, signal } = await child.status;
    isOver = true;
    await killing;
    return { said: await said, code, wasKilled: signal === "SIGKILL" };
  }

  /** The undisturbed run: what every file must hold, and how long it takes. */
  async measure(): Promise<void> {
    const whole = join(this.folder, "whole");
    const start = performance.now();
    const { code, said } = await this.#run(whole);
    this.#runMs = performance.now() - start;
    if (code !== 0) throw new Error(`The undisturbed run failed:\n${said}`);
    for await (const { name } of Deno.readDir(whole)) {
      if (!name.startsWith(".")) this.#expected.set(name, await this.#contents(join(whole, name)));
    }
  }

  async #contents(path: string): Promise<string> {
    const text = await Deno.readTextFile(path);
    if (!path.endsWith(".json")) return text;
    const { text: said, partial, durationSeconds } = JSON.parse(text);
    return JSON.stringify({ said, partial, durationSeconds });
  }

  /** What is wrong with a file that is called done; `undefined` when it is whole. */
  async #faultOf(path: string): Promise<string | undefined> {
    try {
      const [name = ""] = path.split("/").slice(-1);
      return await this.#contents(path) === this.#expected.get(name) ? undefined : `${name} is not whole`;
    } catch (error) {
      return `${path}: ${error instanceof Error ? error.message : error}`;
    }
  }

  async #journalFaults(): Promise<{ faults: string[]; done: string[] }> {
    const text = await Deno.readTextFile(join(this.#output, JOURNAL_FILE)).catch(() => "");
    const faults: string[] = [];
    const latest = new Map<string, { outputs: string[]; partial?: unknown }>();
    for (const line of text.split("\n").slice(0, -1)) {
      try {
        const entry = JSON.parse(line);
        latest.set(entry.input, entry);
      } catch {
        // A line cut by a kill is ended by the next process; it is nobody's entry.
        if (line.endsWith("}")) faults.push(`a line of the journal: ${line.slice(0, 80)}`);
      }
    }
    const done = [...latest.values()].filter(({ partial }) => partial === undefined);
    return { faults, done: done.flatMap(({ outputs }) => outputs) };
  }

  /** Everything that is wrong in the folder now. */
  async #check(runs: readonly Run[]): Promise<string[]> {
    const { faults, done } = await this.#journalFaults();
    const claimed = new Set(done);
    for (const { said } of runs) {
      for (const [, paths = ""] of said.matchAll(/ real time\).* -> (.*)\n/g)) {
        for (const path of paths.split(", ")) claimed.add(path);
      }
    }
    const there = await Array.fromAsync(Deno.readDir(this.#output)).catch(() => []);
    for (const { name } of there) {
      if (!name.startsWith(".") && !name.includes(".partial.")) claimed.add(join(this.#output, name));
    }
    const found = await Promise.all([...claimed].map((path) => this.#faultOf(path)));
    return [...faults, ...found.filter((fault) => fault !== undefined)];
  }

  /** Kills one process, or two that share the folder, and looks at what is left. */
  async #round(index: number): Promise<void> {
    const processes = Math.min(index % 3 === 2 ? 2 : 1, KILLS - this.#kills);
    const plans = Array.from({ length: processes }, () => ({
      killMs: this.#random() * this.#runMs,
      isInterrupted: this.#random() < 0.2,
    }));
    const runs = await Promise.all(plans.map((plan) => this.#run(this.#output, plan)));
    const faults = await this.#check(runs);
    const kills = runs.filter(({ wasKilled }) => wasKilled).length;
    this.#kills += kills;
    if (faults.length === 0) this.#whole += kills;
    else this.#faults.push(...faults.map((fault) => `round ${index}: ${fault}`));
    if (runs.some(({ code }) => code === 0)) {
      this.#emptied++;
      await Deno.remove(this.#output, { recursive: true });
    }
  }

  /** After the last kill a run ends what is left, and nothing but transcripts and the journal stays. */
  async #last(): Promise<void> {
    await sleep(1100); // A draft younger than a second counts as somebody's.
    const run = await this.#run(this.#output);
    const faults = run.code === 0 ? await this.#check([run]) : [run.said];
    const names = (await Array.fromAsync(Deno.readDir(this.#output), ({ name }) => name)).sort();
    const wanted = [JOURNAL_FILE, ...this.#expected.keys()].sort();
    if (names.join() !== wanted.join()) faults.push(`there is ${names.join(" ")}`);
    this.#faults.push(...faults.map((fault) => `after the last kill: ${fault}`));
  }

  async all(): Promise<boolean> {
    for (let index = 0; this.#kills < KILLS; index++) await this.#round(index);
    await this.#last();
    for (const fault of this.#faults) console.log(fault);
    console.log(
      `${this.#expected.size / 2} recordings, ${(this.#runMs / 1000).toFixed(1)} s undisturbed; ` +
        `${this.#interrupted} interrupted before, ${this.#emptied} times all was done`,
    );
    console.log(`${this.#whole} of ${this.#kills} whole, ${this.#faults.length} faults in all rounds`);
    return this.#faults.length === 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

await using runs = await KillRuns.make();
await runs.measure();
if (!await runs.all()) Deno.exitCode = 1;
