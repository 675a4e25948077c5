/**
 * Which lines the tests reach: reads the report of `deno coverage --lcov`, prints a table by room, and fails below 90 % of
 * the lines. ffi/symbols.ts does not count: it is a table generated from C headers.
 *
 *     deno run -A scripts/coverage.ts [--profile coverage] [--least 90]
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl, join } from "@std/path";

const ROOT = new URL("..", import.meta.url);
const NOT_COUNTED = ["ffi/symbols.ts"];

/** How many lines of one or more files the tests reached. */
export interface LineCount {
  found: number;
  hit: number;
}

/** Lines by file from a report in lcov's format: `SF:` begins a file, `DA:LINE,HITS` is a line. */
export function readLcov(report: string): Map<string, LineCount> {
  const files = new Map<string, LineCount>();
  let lines = new Map<string, boolean>();
  let path = "";
  for (const row of report.split("\n")) {
    const [, line, hits] = /^DA:(\d+),(\d+)/.exec(row) ?? [];
    if (row.startsWith("SF:")) [path, lines] = [row.slice(3).replace(fromFileUrl(ROOT), ""), new Map()];
    else if (line !== undefined) lines.set(line, Number(hits) > 0 || lines.get(line) === true);
    else if (row === "end_of_record") {
      files.set(path, { found: lines.size, hit: [...lines.values()].filter((isHit) => isHit).length });
    }
  }
  return files;
}

function sum(counts: Iterable<LineCount>): LineCount {
  const total = { found: 0, hit: 0 };
  for (const { found, hit } of counts) {
    total.found += found;
    total.hit += hit;
  }
  return total;
}

function percent({ found, hit }: LineCount): number {
  return found === 0 ? 100 : 100 * hit / found;
}

function row(name: string, count: LineCount, note = ""): string {
  const { found, hit } = count;
  return `${name.padEnd(16)} ${String(hit).padStart(6)} of ${String(found).padStart(6)} ${
    percent(count).toFixed(1).padStart(6)
  } %${note}`;
}

/** A line for each room, with its file that misses most lines, and a line for all. */
export function coverageTable(files: ReadonlyMap<string, LineCount>): { text: string; percent: number } {
  const counted = [...files].filter(([path]) => !NOT_COUNTED.includes(path));
  const rooms = Map.groupBy(counted, ([path]) => /^(lib\/[^/]+(?=\/)|[^/]+)/.exec(path)![0]);
  const rows = [...rooms].sort(([a], [b]) => a < b ? -1 : 1).map(([room, entries]) => {
    const [path, worst] = entries.toSorted(([, a], [, b]) => (b.found - b.hit) - (a.found - a.hit))[0]!;
    const missed = worst.found - worst.hit;
    return row(
      room,
      sum(entries.map(([, count]) => count)),
      missed > 0 ? `   most missed: ${path}, ${missed}` : "",
    );
  });
  const total = sum(counted.map(([, count]) => count));
  return { text: [...rows, row("all", total)].join("\n"), percent: percent(total) };
}

/** Files with code that are missing from the report because no test loads them. */
export async function neverLoaded(files: ReadonlyMap<string, LineCount>): Promise<string[]> {
  const missing: string[] = [];
  for (const path of ["mod.ts", ...await filesIn("ffi"), ...await filesIn("lib")]) {
    if (files.has(path)) continue;
    const text = await Deno.readTextFile(new URL(path, ROOT));
    if (/^export (async )?(abstract )?(function|class|const|let)\b/m.test(text)) missing.push(path);
  }
  return missing;
}

async function filesIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    if (isDirectory) found.push(...await filesIn(`${folder}/${name}`));
    else if (name.endsWith(".ts")) found.push(`${folder}/${name}`);
  }
  return found.sort();
}

async function deno(...args: string[]): Promise<{ output: string; complaints: string }> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: fromFileUrl(ROOT),
    env: { NO_COLOR: "1" },
  }).output();
  const complaints = new TextDecoder().decode(stderr);
  if (!success) throw new Error(complaints);
  return { output: new TextDecoder().decode(stdout), complaints };
}

/** Removes what a process had not written to its end when it was killed, as tests do to some: it would end the report. */
async function dropCut(profile: string): Promise<void> {
  for await (const { name } of Deno.readDir(profile)) {
    if (!name.endsWith(".json")) continue;
    const path = join(profile, name);
    using file = await Deno.open(path);
    const { size } = await file.stat();
    const end = new Uint8Array(1);
    await file.seek(Math.max(0, size - 1), Deno.SeekMode.Start);
    if (await file.read(end) === null || String.fromCharCode(end[0]!) !== "}") await Deno.remove(path);
  }
}

/**
 * The report of `deno coverage`. It reads a file's JavaScript from Deno's cache, where an example of that file
 * (`FILE#10-20.ts`) may have replaced it: every file is cached again first, or it would be left out of the report.
 */
export async function lcovOf(profile: string): Promise<string> {
  await dropCut(profile);
  await deno("cache", "mod.ts", ...await filesIn("ffi"), ...await filesIn("lib"));
  const args = ["coverage", "--lcov", `--include=^${ROOT.href}(mod\\.ts|lib/|ffi/)`, profile];
  const { output, complaints } = await deno(...args);
  if (complaints.includes("Skipping")) throw new Error(complaints);
  return output;
}

if (import.meta.main) {
  const { profile, least } = parseArgs(Deno.args, {
    string: ["profile", "least"],
    default: { profile: "coverage", least: "90" },
  });
  const files = readLcov(await lcovOf(profile!));
  const table = coverageTable(files);
  console.log(table.text);
  const missing = await neverLoaded(files);
  if (missing.length > 0) {
    console.error(`error: no test loads ${missing.join(", ")}`);
    Deno.exit(1);
  }
  if (table.percent < Number(least)) {
    console.error(`error: the tests reach ${table.percent.toFixed(1)} % of the lines, less than ${least} %`);
    Deno.exit(1);
  }
}
