/**
 * Runs all tests, file by file in two lanes at once, and closes as `deno test` does: with one line that counts.
 *
 *     deno task test [FILE.ts...] [OPTION OF DENO TEST...]
 *
 * Every file has a process of its own: MLX exists once in each, and one that dies takes no other file with it.
 *
 * @module
 */
import { stripVTControlCharacters } from "node:util";
import { fromFileUrl } from "@std/path";

const ROOT = fromFileUrl(new URL("..", import.meta.url));
/** Where tests and examples are. */
const PLACES = ["tests", "std", "mod.ts", "ffi", "lib"];
/** Machines of today have two cores, and memory for two small models. */
const LANES = 2;

/** What takes longest begins first, so that no lane is left alone with it. */
const LONGEST = [
  "tests/recognize_soak_test.ts",
  "tests/recognize_growing_test.ts",
  "tests/recognize_long_test.ts",
  "tests/model_routes_test.ts",
  "tests/recognize_draft_test.ts",
  "tests/audio_load_test.ts",
];

/** What one `deno test` runs. */
interface Part {
  name: string;
  /** Files, folders and options. */
  args: string[];
}

/** What `deno test` counts, by its own words: passed, failed, ignored, ... */
export type Counts = Map<string, number>;

/** What became of a part. */
interface Finished {
  name: string;
  /** All that it printed, but for its counts. */
  output: string;
  counts: Counts;
  /** What is wrong, if anything is. */
  fault: string | undefined;
  seconds: number;
}

/** `ok | 2 passed (1 step) | 0 failed | 1 ignored (12ms)`, without colours. */
const SUMMARY = /^(?:ok|FAILED) \| (\d+ passed\b.*) \([^()]*\)$/gm;

/** The counts in what `deno test` printed; none if it did not get so far. */
export function countsOf(output: string): Counts {
  const text = [...stripVTControlCharacters(output).matchAll(SUMMARY)].at(-1)?.[1] ?? "";
  const counts = text.replace(/ \([^()]*\)/g, "").split(" | ").map((part) => /^(\d+) (.+)$/.exec(part));
  return new Map(counts.flatMap((found) => found ? [[found[2]!, Number(found[1])]] : []));
}

/** What was printed but for its counts, in its colours. */
function withoutSummary(output: string): string {
  const lines = output.split("\n");
  return lines.filter((line) => countsOf(line).size === 0).join("\n").trimEnd();
}

/** First what no file of its own runs, as examples and tests under other names; then one file each. */
async function allParts(): Promise<Part[]> {
  const names = await Array.fromAsync(Deno.readDir(`${ROOT}tests`), ({ name }) => name);
  const files = names.filter((name) => name.endsWith("_test.ts")).sort().map((name) => `tests/${name}`);
  const paths = [...new Set([...LONGEST, ...files])];
  const rest = { name: "examples", args: [`--ignore=${paths.join(",")}`, ...PLACES] };
  return [rest, ...paths.map((path) => ({ name: path, args: [path] }))];
}

/**
 * The environment of a part. Counting lines costs a tenth, and loops over numbers four times their time: it is left to the
 * shorter files, which reach the same lines. The report can only say less than the truth by it.
 */
export function environmentOf(name: string, env: Record<string, string>): Record<string, string> {
  const { DENO_COVERAGE_DIR: _, ...uncounted } = env;
  return LONGEST.includes(name) ? uncounted : env;
}

const running = new Set<Deno.ChildProcess>();

async function run({ name, args }: Part, options: readonly string[]): Promise<Finished> {
  const start = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", "--doc", ...options, ...args],
    cwd: ROOT,
    env: environmentOf(name, Deno.env.toObject()),
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  running.add(child);
  let printed = "";
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) printed += text;
  };
  const [{ code, signal }] = await Promise.all([child.status, read(child.stdout), read(child.stderr)]);
  running.delete(child);
  const counts = countsOf(printed);
  let fault: string | undefined;
  if (signal) fault = `ended by ${signal}`;
  else if (code !== 0) fault = `exit code ${code}`;
  else if (!counts.has("passed")) fault = "ended without a result";
  // Nobody counted what ended a process.
  if (fault && !counts.get("failed")) counts.set("failed", 1);
  const seconds = (performance.now() - start) / 1000;
  return { name, output: withoutSummary(printed), counts, fault, seconds };
}

/** Runs all parts; a lane takes the next when it is done with one. */
async function runAll(parts: readonly Part[], options: readonly string[]): Promise<Finished[]> {
  const waiting = [...parts];
  const finished: Finished[] = [];
  const lane = async () => {
    for (let part = waiting.shift(); part; part = waiting.shift()) {
      const result = await run(part, options);
      const { name, output, fault, seconds } = result;
      console.log(`${output}\n${fault ? "FAILED" : "ok"} ${name} (${seconds.toFixed(1)} s)\n`);
      finished.push(result);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return finished;
}

/** The last line, as `deno test` writes it. */
function summary(finished: readonly Finished[], seconds: number): string {
  const total: Counts = new Map([["passed", 0], ["failed", 0]]);
  for (const { counts } of finished) {
    for (const [word, count] of counts) total.set(word, (total.get(word) ?? 0) + count);
  }
  const words = [...total].map(([word, count]) => `${count} ${word}`);
  return [finished.some(({ fault }) => fault) ? "FAILED" : "ok", ...words].join(" | ") +
    ` (${Math.round(seconds)}s)`;
}

async function main(): Promise<number> {
  const start = performance.now();
  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    Deno.addSignalListener(signal, () => {
      for (const child of running) child.kill("SIGTERM");
      Deno.exit(code);
    });
  }
  const isFile = (arg: string) => !arg.startsWith("-") && arg.endsWith(".ts");
  const files = Deno.args.filter(isFile).map((path) => ({ name: path, args: [path] }));
  const finished = await runAll(
    files.length > 0 ? files : await allParts(),
    Deno.args.filter((arg) => !isFile(arg)),
  );
  for (const { name, fault } of finished) if (fault) console.log(`FAILED ${name}: ${fault}`);
  console.log(summary(finished, (performance.now() - start) / 1000));
  return finished.every(({ fault }) => fault === undefined) ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
