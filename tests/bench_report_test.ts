import { fromFileUrl } from "@std/path";
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { countPrimitives, launches } from "../bench/host_graph.ts";
import { figuresOf, milliseconds, peerTable, tables, withFigures } from "../bench/report.ts";
import * as mx from "../ffi/mod.ts";

const JSON_OF_DENO = {
  runtime: "Deno/2.9.8",
  cpu: "A",
  benches: [
    { group: "encoder", name: "small", results: [{ ok: { n: 3, min: 1.5e6, avg: 2e6, max: 2.5e8 } }] },
    { group: "encoder", name: "failed", results: [{}] },
    { group: "close", name: "close", results: [{ ok: { n: 1, min: 1, avg: 1, max: 1 } }] },
    { group: null, name: "alone", results: [{ ok: { n: 1, min: 1, avg: 1, max: 1 } }] },
  ],
};

Deno.test("figuresOf() keeps the benches that ended, in milliseconds", () => {
  assertEquals(figuresOf(JSON_OF_DENO), [{
    group: "encoder",
    name: "small",
    n: 3,
    min: 1.5,
    avg: 2,
    max: 250,
  }]);
});

Deno.test("tables() writes a row a bench and names the chart of its group", () => {
  const text = tables(figuresOf(JSON_OF_DENO), (group) => `${group}.svg`);
  assertStringIncludes(text, "![encoder](encoder.svg)");
  assertStringIncludes(text, "| small | 1.50 | 2.00 | 250 | 3 |");
});

Deno.test("milliseconds() keeps three digits", () => {
  assertEquals([0.01234, 1.2345, 12.345, 1234.5].map(milliseconds), ["0.012", "1.23", "12.3", "1235"]);
});

Deno.test("peerTable() gives medians and the ratio", () => {
  const figures = { median: 81.2, min: 80 };
  const row = {
    what: "clip",
    peer: "p",
    ours: figures,
    theirs: { median: 230.8, min: 167 },
    ratio: 0.352,
    tokens: "10 of 10",
  };
  assertStringIncludes(peerTable([row]), "| clip | p | 81.2 | 231 | **0.35** | 10 of 10 |");
});

Deno.test("withFigures() replaces what is between the marks and nothing else", () => {
  const page = (inside: string) =>
    `a\n<!-- figures: written by deno task bench:report -->\n\n${inside}\n\n<!-- end of figures -->\nb\n`;
  assertEquals(withFigures(page("old"), "new"), page("new"));
  assertThrows(() => withFigures("a page without marks", "new"), Error, "marks");
});

Deno.test("countPrimitives() counts operations by function and restores them", () => {
  const build = () => {
    mx.scope(() => {
      const a = mx.zeros([2, 3]);
      mx.reshape(mx.add(mx.multiply(a, a), a), [3, 2]);
    });
  };
  build(); // Opens the library.
  const counts = countPrimitives(build);
  assertEquals(counts, new Map([["mlx_zeros", 1], ["mlx_multiply", 1], ["mlx_add", 1], ["mlx_reshape", 1]]));
  assertEquals(launches(counts), 3);
  build();
  assertEquals(counts.get("mlx_add"), 1);
  using compiled = new mx.Compiled(([x]) => mx.square(x!));
  using one = mx.zeros([1]);
  compiled.apply(one).dispose();
  assertEquals(countPrimitives(() => compiled.apply(one).dispose()), new Map([["compiled", 1]]));
});

Deno.test("deno bench measures what it is asked to, and ends: it waits only for functions that are called async", async () => {
  const file = fromFileUrl(new URL("../bench/audio_bench.ts", import.meta.url));
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["bench", "-A", "--no-check", "--json", file],
    signal: AbortSignal.timeout(120_000),
  }).output();
  assertEquals(code, 0);
  const figures = figuresOf(JSON.parse(new TextDecoder().decode(stdout)));
  assertEquals(figures.map(({ name, n }) => [name, n < 50]), [["log-mel of 30 s", true], [
    "48 kHz to 16 kHz, 30 s",
    true,
  ]]);
  // None of the others hands Deno a promise that it would not wait for.
  for await (const { name } of Deno.readDir(new URL("../bench", import.meta.url))) {
    if (!name.endsWith("_bench.ts")) continue;
    const text = await Deno.readTextFile(new URL(`../bench/${name}`, import.meta.url));
    assertEquals(text.match(/(?<!async )\([a-z]*\) =>\s*(?:await )?[\w.]*\.exclusive\(/g) ?? [], [], name);
  }
});
