/**
 * Runs the benches and writes their figures into docs/performance.md, between its two marks, with a chart for each group.
 *
 *   deno task bench:report [--json FILE]     FILE: output of `deno bench -A --json bench`, instead of a run
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl, join } from "@std/path";
import { libraryInfo } from "../ffi/mod.ts";
import { defaultPolicy } from "../lib/model/backend.ts";
import { Qwen3ASRModel } from "../lib/model/qwen3_asr_model.ts";
import { barChart } from "../lib/plot/mod.ts";
import { syntheticCheckpoint } from "./checkpoints.ts";
import { countPrimitives, launches, singlePrimitives, StepBuilder } from "./host_graph.ts";
import type { PeerRow } from "./peers.ts";

const ROOT = fromFileUrl(new URL("../", import.meta.url));
const PAGE = join(ROOT, "docs/performance.md");
const START = "<!-- figures: written by deno task bench:report -->", END = "<!-- end of figures -->";

/** The part of the output of `deno bench --json` that is used here. Times in nanoseconds. */
export interface BenchJson {
  runtime: string;
  cpu: string;
  benches: {
    group: string | null;
    name: string;
    results: { ok?: { n: number; min: number; max: number; avg: number } }[];
  }[];
}

/** A finished bench, in milliseconds. */
interface Figure {
  group: string;
  name: string;
  min: number;
  avg: number;
  max: number;
  n: number;
}

/** The benches that succeeded, in order. */
export function figuresOf({ benches }: BenchJson): Figure[] {
  return benches.flatMap(({ group, name, results }) =>
    results.flatMap(({ ok }) =>
      ok && group !== null && group !== "close"
        ? [{ group, name, n: ok.n, min: ok.min / 1e6, avg: ok.avg / 1e6, max: ok.max / 1e6 }]
        : []
    )
  );
}

/** Milliseconds with about three significant digits. */
export function milliseconds(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 1 ? value.toPrecision(3) : value.toFixed(3);
}

/** A table with its chart for each group. */
export function tables(figures: readonly Figure[], chartOf: (group: string) => string): string {
  const groups = [...new Set(figures.map(({ group }) => group))];
  return groups.map((group) => {
    const rows = figures.filter((figure) => figure.group === group).map(({ name, min, avg, max, n }) =>
      `| ${name} | ${milliseconds(min)} | ${milliseconds(avg)} | ${milliseconds(max)} | ${n} |`
    );
    return [
      ...[`### ${group}`, "", `![${group}](${chartOf(group)})`, ""],
      ...["| ms | least | mean | most | runs |", "|---|---|---|---|---|", ...rows],
    ].join("\n");
  }).join("\n\n");
}

/** The comparison with other programs as a table. */
export function peerTable(rows: readonly PeerRow[]): string {
  const lines = rows.map(({ what, peer, ours, theirs, ratio, tokens }) =>
    `| ${what} | ${peer} | ${milliseconds(ours.median)} | ${milliseconds(theirs.median)} | **${
      ratio.toFixed(2)
    }** | ${tokens} |`
  );
  return [
    ...["### Beside other programs", "", "| what | peer | ours, ms | peer, ms | ratio | tokens equal |"],
    ...["|---|---|---|---|---|---|", ...lines],
  ].join("\n");
}

/** The page with everything between its marks replaced. */
export function withFigures(page: string, figures: string): string {
  const start = page.indexOf(START), end = page.indexOf(END);
  if (start < 0 || end < start) throw new Error("docs/performance.md has lost the marks around its figures.");
  return `${page.slice(0, start)}${START}\n\n${figures}\n\n${page.slice(end)}`;
}

function chartPath(group: string): string {
  return `performance-${group.replace(/[^a-z0-9]+/gi, "-")}.svg`;
}

/** A bench's name without the words that are in the chart's title already. */
function labelOf(name: string, group: string): string {
  return name.startsWith(group) ? name.slice(group.length).replace(/^[,\s]+/, "") : name;
}

/** Writes a chart of each group into docs/. */
async function drawCharts(figures: readonly Figure[]): Promise<void> {
  for (const group of new Set(figures.map((figure) => figure.group))) {
    const bars = figures.filter((figure) => figure.group === group)
      .map(({ name, min }) => ({ label: labelOf(name, group), value: min }));
    const chart = barChart(bars, {
      title: `${group}: least time in ms`,
      orientation: "horizontal",
    });
    await Deno.writeTextFile(join(ROOT, "docs", chartPath(group)), await chart.toSVG());
  }
}

async function runSuites(): Promise<BenchJson> {
  const args = ["bench", "-A", "--json", "bench"];
  const { stdout, success } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT, stderr: "inherit" })
    .output();
  if (!success) throw new Error("deno bench failed.");
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** How many operations of a decode step start a kernel on a GPU, in all and for each layer. */
async function launchesOf(denseWeights: boolean): Promise<string> {
  const policy = { ...defaultPolicy("gpu", "float32"), denseWeights };
  using model = await Qwen3ASRModel.load(await syntheticCheckpoint("deep"), { device: "cpu", policy });
  const counts = await model.backend.exclusive(() => {
    using builder = new StepBuilder(model, 280);
    builder.build().dispose(); // Compiled functions are built by the first call.
    return singlePrimitives(() => countPrimitives(() => builder.build().dispose()));
  });
  const all = launches(counts), { layers } = model.config.decoder;
  return `${all}, ${(all / layers).toFixed(1)} a layer of ${layers}`;
}

async function launchLine(): Promise<string> {
  return "Operations of a decode step that start a kernel on a GPU: " +
    `${await launchesOf(false)}, with packed weights; ${await launchesOf(true)}, with dense ones.`;
}

if (import.meta.main) {
  const { json } = parseArgs(Deno.args, { string: ["json"] });
  const bench: BenchJson = json ? JSON.parse(await Deno.readTextFile(json)) : await runSuites();
  const figures = figuresOf(bench);
  await drawCharts(figures);
  const launched = await launchLine();
  const peers = await Deno.readTextFile(join(ROOT, ".cache/bench/peers.json")).catch(() => "[]");
  const rows = JSON.parse(peers) as PeerRow[];
  const { total } = Deno.systemMemoryInfo();
  const machine = `${bench.cpu}, ${navigator.hardwareConcurrency} cores, ${
    Math.round(total / 2 ** 30)
  } GiB; ${bench.runtime}; MLX ${libraryInfo()?.mlxVersion}; ${new Date().toISOString().slice(0, 10)}.`;
  const parts = [
    machine,
    launched,
    tables(figures, chartPath),
    ...(rows.length > 0 ? [peerTable(rows)] : []),
  ];
  await Deno.writeTextFile(PAGE, withFigures(await Deno.readTextFile(PAGE), parts.join("\n\n")));
  console.log(`${figures.length} figures, ${rows.length} comparisons -> ${PAGE}`);
}
