import {
  assert,
  assertEquals,
  assertLess,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { OptionError } from "../lib/errors.ts";
import { type Chart, heatMap, type HeatMapOptions, jupyterDisplay } from "../lib/plot/mod.ts";
import {
  all,
  assertLegible,
  colorAt,
  decodePNG,
  labelled,
  originOf,
  parseSVG,
  type Picture,
  textsOf,
  valueOf,
} from "./support/plot_readers.ts";

/** Ends of the palettes as d3-scale-chromatic publishes them: those of matplotlib and ColorBrewer. */
const ENDS = {
  viridis: ["#440154", "#fde725"],
  magma: ["#000004", "#fcfdbf"],
  cividis: ["#002051", "#fdea45"],
  RdBu: ["#67001f", "#053061"],
  PuOr: ["#2d004b", "#7f3b08"],
} as const;
const GREY = "#9a9a9a";

const data = (values: number[], rows: number) => ({ values, rows, columns: values.length / rows });

/** The bitmaps of a heat map: its cells, and those of its colour bar. */
async function bitmaps(chart: Chart): Promise<Picture[]> {
  return all(parseSVG(await chart.toSVG()), "image").map((image) => {
    const [, base64 = ""] = (image.getAttribute("href") ?? "").split("data:image/png;base64,");
    return decodePNG(Uint8Array.fromBase64(base64));
  });
}

async function colors(values: number[], rows: number, options: HeatMapOptions = {}): Promise<string[]> {
  const [cells] = await bitmaps(heatMap(data(values, rows), options));
  const { columns } = data(values, rows);
  assertEquals([cells?.width, cells?.height], [columns, rows]);
  return values.map((_, k) => colorAt(cells!, k % columns, Math.floor(k / columns)));
}

/** How far two colours are apart, at most of a channel. */
function apart(a: string, b: string): number {
  const [one, other] = [Uint8Array.fromHex(a.slice(1)), Uint8Array.fromHex(b.slice(1))];
  return Math.max(...Array.from(one, (channel, k) => Math.abs(channel - other[k]!)));
}

Deno.test("heatMap() colours from one end of a published palette to the other, missing values grey", async () => {
  for (const [name, [first, last]] of Object.entries(ENDS)) {
    const palette = name as keyof typeof ENDS;
    assertEquals(await colors([-1, NaN, 1], 1, { palette }), [first, GREY, last], name);
    const [, bar] = await bitmaps(heatMap(data([-1, 1], 1), { palette }));
    assertEquals([colorAt(bar!, 0, bar!.height - 1), colorAt(bar!, 0, 0)], [first, last], name);
  }
  // matplotlib's viridis at 64, 128 and 192 of 256.
  for (const [at, wanted] of [[64, "#3b528b"], [128, "#21918c"], [192, "#5ec962"]] as const) {
    const [, color = ""] = await colors([0, at, 255], 1);
    assertLess(apart(color, wanted), 5, `${at}: ${color} is not ${wanted}`);
  }
});

Deno.test("heatMap() is pale at zero where values have a sign, with limits as far on both sides", async () => {
  for (const palette of ["RdBu", "PuOr"] as const) {
    const [low = "", zero = "", high = ""] = await colors([-1, 0, 4], 1, { palette });
    assert(Uint8Array.fromHex(zero.slice(1)).every((channel) => channel > 0xe0), zero);
    assertEquals(high, ENDS[palette][1]);
    assert(apart(low, zero) > 20 && apart(low, zero) < apart(high, zero), "-1 is a quarter of the way");
    const texts = textsOf(await heatMap(data([-1, 0, 4], 1), { palette }).toSVG());
    assert(texts.includes("−4") && texts.includes("4"), texts.join());
    assertEquals(await colors([-9, 2], 1, { palette, max: 2 }), [ENDS[palette][0], ENDS[palette][1]]);
  }
});

Deno.test("heatMap() puts the first row where origin says, and keeps to the limits it is given", async () => {
  const [first, last] = ENDS.viridis;
  assertEquals(await colors([0, 1], 2, { origin: "upper" }), [first, last]);
  assertEquals(await colors([0, 1], 2, { origin: "lower" }), [last, first]);
  assertEquals(await colors([-5, 0, 1, 9], 1, { min: 0, max: 1 }), [first, first, last, last]);
});

Deno.test("heatMap() draws the mean where cells are smaller than pixels", async () => {
  const values = Array.from({ length: 4000 }, (_, k) => k % 2);
  const [cells] = await bitmaps(heatMap(data(values, 1)));
  assertLess(cells!.width, 640);
  const middle = (await colors([0, 0.5, 1], 1))[1]!;
  for (const x of [0, cells!.width >> 1, cells!.width - 1]) {
    assertLess(apart(colorAt(cells!, x, 0), middle), 12);
  }
});

Deno.test("heatMap() puts its cells and its ticks in the same places", async () => {
  const ticks = ["one", "two", "three"].map((label, k) => ({ at: k + 0.5, label }));
  const root = parseSVG(
    await heatMap({ values: new Float32Array(120), rows: 3, columns: 40 }, {
      x: { kind: "time", from: 0, to: 4 },
      y: { from: 3, to: 0, ticks },
      marks: [{ at: 2, label: "middle" }],
    }).toSVG(),
  );
  const [cells] = all(root, "image");
  const [left, width, top, height] = ["x", "width", "y", "height"].map((name) => valueOf(cells!, name));
  const place = (text: string, axis: 0 | 1) => {
    const found = all(root, "text").find(({ textContent }) => textContent === text);
    return originOf(found!)[axis] - originOf(cells!)[axis];
  };
  for (const second of [0, 1, 2, 3, 4]) {
    assert(Math.abs(place(String(second), 0) - (left! + width! * second / 4)) < 1, `second ${second}`);
  }
  for (const [k, { label }] of ticks.entries()) {
    assert(Math.abs(place(label, 1) - (top! + height! * (k + 0.5) / 3)) < 1, label);
  }
  const [mark] = labelled(root, "rule", "line");
  assert(Math.abs(valueOf(mark!, "x1") - (left! + width! / 2)) < 1);
});

Deno.test("Chart.toPNG() draws what the SVG has, twice as large, in at most 256 colours, dark on white", async () => {
  const map = heatMap(data([0, 1, 2, 3], 2), { title: "Größe µ Ω я", colorLabel: "weight" });
  const root = parseSVG(await map.toSVG());
  const picture = decodePNG(await map.toPNG());
  assertEquals([picture.width, picture.height], [2 * valueOf(root, "width"), 2 * valueOf(root, "height")]);
  const [cells] = all(root, "image");
  const [ox, oy] = originOf(cells!);
  const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => valueOf(cells!, name));
  const at = (across: number, down: number) =>
    colorAt(picture, 2 * (ox + x! + across * width!), 2 * (oy + y! + down * height!));
  assertEquals([at(0.25, 0.25), at(0.75, 0.75)], [...ENDS.viridis]);
  assertEquals([colorAt(picture, 0, 0), colorAt(picture, picture.width - 1, picture.height - 1)], [
    "#ffffff",
    "#ffffff",
  ]);
  const pixels = new Set(new Uint32Array(Uint8Array.from(picture.data).buffer));
  assert(pixels.size > 50 && pixels.size <= 256, `${pixels.size} colours`);
  // The title is there: dark letters in its line, also those that are not Latin.
  const ink = (from: number, to: number) => {
    const columns = Array.from({ length: to - from }, (_, k) => from + k);
    return columns.some((x) =>
      Array.from({ length: 40 }, (_, y) => colorAt(picture, x, y)).includes("#1f2328")
    );
  };
  assert(ink(20, 60) && ink(180, 240) && !ink(300, 600));
  const one = decodePNG(await map.toPNG({ scale: 1, width: 320 }));
  assertEquals(one.width, 320);
});

Deno.test("charts show SVG, PNG and text in notebooks", async () => {
  const map = heatMap(data([1, 2], 1), { title: "Müller" });
  const bundle = await map[jupyterDisplay]();
  assertEquals(Object.keys(bundle).sort(), ["image/png", "image/svg+xml", "text/plain"]);
  assertEquals(bundle["text/plain"], "Müller: 1 rows, 2 columns, 1 to 2");
  assertEquals(bundle["image/svg+xml"], await map.toSVG());
  assertEquals(Uint8Array.fromBase64(bundle["image/png"] ?? ""), await map.toPNG());
  assertLess(bundle["image/png"]!.length + bundle["image/svg+xml"]!.length, 40_000);
  assertEquals(jupyterDisplay, Symbol.for("Jupyter.display"));
});

Deno.test("heatMap() stays legible on a phone and on a screen", async () => {
  const long = Array.from({ length: 30 }, (_, k) => ({ at: k + 0.5, label: `token ${k}` }));
  const options = { title: "A title ".repeat(12), colorLabel: "log10 power" };
  const maps = [
    heatMap({ values: new Float32Array(128 * 300), rows: 128, columns: 300 }, {
      ...options,
      origin: "lower",
      x: { kind: "time", from: 0, to: 3 },
      y: { label: "mel band" },
    }),
    heatMap({ values: new Float32Array(900), rows: 30, columns: 30 }, {
      ...options,
      x: { from: 0, to: 30, ticks: long },
      y: { from: 30, to: 0, ticks: long },
    }),
    heatMap({ values: new Float32Array(12), rows: 3, columns: 4 }),
  ];
  for (const map of maps) {
    assertLegible(await map.toSVG(), 320, 8);
    assertLegible(await map.toSVG({ width: 320 }), 320, 12);
    assertLegible(await map.toSVG({ width: 900 }), 900, 16);
  }
});

Deno.test("heatMap() refuses what it cannot draw", () => {
  const one = data([1], 1);
  assertThrows(() => heatMap({ ...one, columns: 2 }), OptionError, "1 rows and 2 columns from 1 values");
  assertThrows(() => heatMap({ values: [], rows: 0, columns: 5 }), OptionError, "0 rows");
  assertThrows(() => heatMap(one, { width: 1e6 }), OptionError, "width 1000000");
  assertThrows(() => heatMap(one, { min: 2, max: 1 }), OptionError, "from 2 to 1");
  assertThrows(() => heatMap(one, { marks: [{ at: NaN }] }), OptionError, "a mark at NaN");
  assertThrows(() => heatMap(one, { marks: [{ at: 0, color: "red" }] }), OptionError, '"red"');
  assertThrows(() => heatMap(one, { x: { from: 0, to: Infinity } }), OptionError, "axis from 0 to Infinity");
  const palette = "jet" as "viridis";
  assertThrows(
    () => heatMap(one, { palette }),
    OptionError,
    'no palette "jet": use viridis, magma, cividis, RdBu, PuOr',
  );
});

Deno.test("nobody fetches what draws before the first picture, and who cannot have it is told so", async () => {
  const asked: string[] = [];
  await using npm = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ url }) => {
    asked.push(decodeURIComponent(new URL(url).pathname));
    return new Response(null, { status: 404 });
  });
  const folder = await Deno.makeTempDir();
  try {
    const module = new URL("../lib/plot/mod.ts", import.meta.url).href;
    const code = `const { heatMap } = await import(${JSON.stringify(module)});
      const map = heatMap({ values: [1], rows: 1, columns: 1 });
      await fetch("http://127.0.0.1:${npm.addr.port}/drawn-from-here");
      await map.toSVG().catch((error) => console.log(error.code, error.message));`;
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", code],
      cwd: folder,
      env: { DENO_DIR: folder, NPM_CONFIG_REGISTRY: `http://127.0.0.1:${npm.addr.port}/`, NO_COLOR: "1" },
    }).output();
    const said = new TextDecoder().decode(stdout);
    assertMatch(
      said,
      /^offline Cannot draw: a package that draws can't be loaded/,
      new TextDecoder().decode(stderr),
    );
    assertEquals(asked[0], "/drawn-from-here");
    assertStringIncludes(asked.slice(1).join(), "linkedom");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
