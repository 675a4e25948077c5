import { assert, assertEquals, assertLess, assertStringIncludes, assertThrows } from "@std/assert";
import type { Element } from "@xmldom/xmldom";
import { OptionError } from "../lib/errors.ts";
import {
  barChart,
  type Chart,
  heatMap,
  jupyterDisplay,
  lineChart,
  stack,
  waveform,
} from "../lib/plot/mod.ts";
import {
  all,
  assertLegible,
  boxOf,
  labelled,
  originOf,
  parseSVG,
  textsOf,
  valueOf,
} from "./support/plot_readers.ts";

const SECOND = Float32Array.from({ length: 16000 }, (_, k) => Math.sin(k / 20) * Math.sin(k / 5000));
const MARKS = [
  { at: 0.3, label: "cut at 0.30 s" },
  { at: 0.32, label: "another cut" },
  { at: 0.34, label: "a third one" },
  { at: 0.36, label: "one too many here" },
  { from: 0.5, to: 0.9, label: "chunk 2", color: "#009e73" },
];

const rootOf = async (chart: Chart) => parseSVG(await chart.toSVG());

/** Points of a path in pixels; lines with a slope, without Plot's stops. */
function points(path: Element | undefined): [x: number, y: number][] {
  const d = path?.getAttribute("d") ?? "";
  return Array.from(d.matchAll(/(-?[\d.]+),(-?[\d.]+)/g), ([, x, y]) => [Number(x), Number(y)]);
}

/** The frame of a plot: where its data are. */
function frameOf(
  root: Element,
  index = 0,
): { x: number; y: number; width: number; height: number; top: number } {
  const rects = all(root, "rect").filter((rect) => rect.getAttribute("aria-label") === "frame");
  const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => valueOf(rects[index]!, name));
  return { x: x!, y: y!, width: width!, height: height!, top: originOf(rects[index]!)[1] + y! };
}

function near(actual: number, wanted: number, what = ""): void {
  assert(Math.abs(actual - wanted) < 1, `${what} ${actual} is not ${wanted}`);
}

Deno.test("lineChart() puts points where the ticks say", async () => {
  const root = await rootOf(
    lineChart([{ x: [0, 2, 4], y: [0, 5, 10] }], { x: { from: 0, to: 4 }, y: { from: 0, to: 10 } }),
  );
  const frame = frameOf(root);
  const [line] = labelled(root, "line", "path");
  const wanted = [
    [frame.x, frame.y + frame.height],
    [frame.x + frame.width / 2, frame.y + frame.height / 2],
    [
      frame.x + frame.width,
      frame.y,
    ],
  ];
  for (const [k, [x, y]] of points(line).entries()) {
    near(x, wanted[k]![0]!);
    near(y, wanted[k]![1]!);
  }
  const ticks = labelled(root, "x-axis tick label", "text");
  assert(ticks.length >= 5);
  for (const tick of ticks) near(originOf(tick)[0], frame.x + frame.width * Number(tick.textContent) / 4);
  const heights = labelled(root, "y-axis tick label", "text");
  assert(heights.length >= 3);
  for (const tick of heights) {
    near(
      originOf(tick)[1],
      frame.top + frame.height * (1 - Number(tick.textContent) / 10),
      tick.textContent ?? "",
    );
  }
});

Deno.test("charts label seconds, and longer recordings as a clock", async () => {
  const labels = async (seconds: number, from = 0) =>
    labelled(
      await rootOf(waveform([0, 1], { sampleRate: 2 / seconds, startSeconds: from })),
      "x-axis tick label",
      "text",
    )
      .map(({ textContent }) => textContent).join(" ");
  assertEquals(await labels(60), "0 10 20 30 40 50 60");
  assertEquals(await labels(400), "0:00 2:00 4:00 6:00");
  assertEquals(await labels(4400, 3000), "1:00:00 1:15:00 1:30:00 1:45:00 2:00:00");
  assert(textsOf(await waveform([0], { sampleRate: 1 }).toSVG()).includes("time (s)"));
  assert(textsOf(await waveform(new Float32Array(3600), { sampleRate: 1 }).toSVG()).includes("time (m:ss)"));
  const index = labelled(await rootOf(lineChart([{ y: [1, 2, 4] }])), "x-axis tick label", "text");
  assertEquals(index.map(({ textContent }) => textContent), ["0", "1", "2"]);
});

Deno.test("waveform() keeps the loudest sample however many there are, and stays a small file", async () => {
  const samples = new Float32Array(160_000);
  samples[80_000] = 0.5;
  samples[80_001] = -0.25;
  const chart = waveform(samples, { y: { from: -1, to: 1 }, height: 100 });
  const root = await rootOf(chart);
  const frame = frameOf(root);
  const loud = points(labelled(root, "line", "path")[0]).filter(([, y]) => Math.abs(y - frame.y - 50) > 1);
  assertEquals(loud.map(([, y]) => Math.round((y - frame.y) * 2) / 2), [25, 62.5]);
  near(loud[0]![0], frame.x + frame.width / 2);
  assertLess((await waveform(new Float32Array(16000 * 600).fill(0.1)).toSVG()).length, 40_000);
});

Deno.test("waveform() draws single samples when there are few", async () => {
  const root = await rootOf(waveform([0, 1, 0, -1], { sampleRate: 4, y: { from: -1, to: 1 }, height: 100 }));
  const { y } = frameOf(root);
  assertEquals(points(labelled(root, "line", "path")[0]).map((point) => point[1] - y), [50, 0, 50, 100]);
});

Deno.test("charts keep texts apart and inside the picture, on phones and screens", async () => {
  const rows = Array.from(
    { length: 24 },
    (_, k) => ({ label: `a rather long name ${k}`, value: [k, 30 - k] }),
  );
  const wave = waveform(SECOND, { title: "Wave ".repeat(40), marks: MARKS });
  const names = ["first", "a long name for a line of a chart", "another long name for a line of a chart"];
  const lines = lineChart(names.map((name, k) => ({ name, y: [k, 2, 1e-7] })), {
    title: "Lines",
    x: { label: "token" },
    y: { label: "nats" },
  });
  const mel = heatMap({ values: new Float32Array(128 * 100), rows: 128, columns: 100 }, {
    title: "Mel",
    x: { kind: "time", from: 0, to: 1 },
    y: { label: "band" },
    colorLabel: "log10 power",
    marks: MARKS,
  });
  const tokens = ["Ein", " sehr", " langes", " Wort", "<eos>", "字字字"].map((label, at) => ({
    at,
    label: label.repeat(3),
  }));
  const pictures = [
    wave,
    lines,
    barChart(rows, { title: "Bars", series: ["a", "b"], values: { label: "RTF" } }),
    barChart(rows, { title: "Bars", orientation: "horizontal" }),
    barChart([{ label: "one", value: -3 }, { label: "two", value: 12345.678 }]),
    lineChart([{ y: [1, 2, 3, 4, 5, 6] }], { x: { ticks: tokens } }),
    stack([wave, mel, lineChart([{ x: [0, 1], y: [-90, -20] }], { title: "Energy", marks: MARKS })], {
      title: "All",
    }),
  ];
  for (const picture of pictures) {
    assertLegible(await picture.toSVG(), 320, 13 / 2);
    assertLegible(await picture.toSVG({ width: 320 }), 320, 12);
  }
});

Deno.test("text is readable at 320 pixels, in light and dark", async () => {
  const svg = await stack([waveform(SECOND, { title: "Wave", marks: MARKS })]).toSVG();
  for (const { size } of all(parseSVG(svg), "text").map(boxOf)) assert(size / 2 >= 8);
  const [root] = [parseSVG(svg)];
  const page = all(root!, "rect")[0]!;
  const [, ink = "", dark = ""] =
    /color:(#\w+)\}\.qwen-page\{fill:(#\w+)/.exec(all(root!, "style")[0]?.textContent ?? "") ?? [];
  assert(contrast(root!.getAttribute("color")!, page.getAttribute("fill")!) >= 7);
  assert(contrast(ink, dark) >= 7);
  for (const text of all(root!, "text")) {
    for (
      let at: Element | null = text;
      at?.getAttribute && at !== root;
      at = at.parentNode as Element | null
    ) {
      assert(
        [null, "", "none", "currentColor"].includes(at.getAttribute("fill")),
        "text has the colour of the theme",
      );
    }
  }
});

/** Relative luminance and contrast, WCAG 2.2. */
function contrast(a: string, b: string): number {
  const luminance = (color: string) => {
    const [red = 0, green = 0, blue = 0] = Array.from(Uint8Array.fromHex(color.slice(1)), (channel) => {
      const part = channel / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

Deno.test("charts draw every mark and leave out labels that find no place", async () => {
  const chart = waveform(SECOND, {
    marks: [...MARKS, { at: 7, label: "beyond the end" }, { from: 0.8, to: 9 }],
  });
  const root = await rootOf(chart);
  const texts = textsOf(await chart.toSVG());
  for (const { label } of MARKS.filter(({ label }) => !label.includes("many"))) {
    assert(texts.includes(label), label);
  }
  assert(!texts.includes("beyond the end") && !texts.includes("one too many here"));
  const frame = frameOf(root);
  const rules = labelled(root, "rule", "line").filter((line) => line.textContent);
  assertEquals(rules.map(({ textContent }) => textContent), MARKS.slice(0, 4).map(({ label }) => label));
  for (const [k, line] of rules.entries()) {
    near(valueOf(line, "x1"), frame.x + frame.width * (0.3 + 0.02 * k));
  }
  const [span, cut] = labelled(root, "rect", "rect");
  near(valueOf(span!, "x"), frame.x + frame.width * 0.5);
  near(valueOf(span!, "width"), frame.width * 0.4);
  assertEquals([span!.getAttribute("fill"), valueOf(span!, "height")], ["#009e73", frame.height]);
  near(valueOf(cut!, "x") + valueOf(cut!, "width"), frame.x + frame.width);
});

Deno.test("lineChart() leaves gaps, shades down to zero, breaks lines and dots points", async () => {
  const gaps = await rootOf(lineChart([{ y: [1, 2, NaN, 3, 4, Infinity, 5, 6] }]));
  assertEquals(labelled(gaps, "line", "path")[0]?.getAttribute("d")?.match(/M/g)?.length, 3);
  const style = { isFilled: true, hasDots: true, isDashed: true, color: "#123456" };
  const root = await rootOf(
    lineChart([{ y: [1, 3], ...style }, { y: [0, 3] }], { height: 90, y: { from: 0, to: 3 } }),
  );
  const { y } = frameOf(root);
  const [area] = labelled(root, "area", "path");
  assertEquals(points(area).map((point) => point[1] - y), [60, 0, 90, 90]);
  const group = all(root, "g").find((g) => g.getAttribute("aria-label") === "line");
  assertEquals([group?.getAttribute("stroke-dasharray"), group?.getAttribute("stroke")], ["6 4", "#123456"]);
  assertEquals(labelled(root, "dot", "circle").length, 2);
  assertStringIncludes(
    await lineChart([0, 1, 2, 3, 4, 5, 6, 7].map(() => ({ y: [1] }))).toSVG(),
    "currentColor",
  );
});

Deno.test("lineChart() keeps the peaks of a line with more points than pixels", async () => {
  const y = new Float32Array(50_000);
  [y[12_345], y[30_001], y[40_000]] = [1, -1, NaN];
  const root = await rootOf(lineChart([{ y }], { y: { from: -1, to: 1 }, height: 100 }));
  const heights = points(labelled(root, "line", "path")[0]).map((point) => point[1] - frameOf(root).y);
  assertEquals([Math.min(...heights), Math.max(...heights)], [0, 100]);
  assertLess(heights.length, 2000);
});

Deno.test("barChart() makes lengths proportional to values and writes them", async () => {
  const bars = [{ label: "a", value: 2 }, { label: "b", value: -1 }, { label: "c", value: NaN }];
  const root = await rootOf(barChart(bars, { values: { from: -2, to: 4 }, height: 120 }));
  const { y } = frameOf(root);
  const boxes = labelled(root, "rect", "rect").map((box) =>
    [valueOf(box, "y") - y, valueOf(box, "height")].map(Math.round)
  );
  assertEquals(boxes, [[40, 40], [80, 20]]);
  const texts = textsOf(await barChart(bars, { series: ["s"] }).toSVG());
  for (const text of ["a", "b", "c", "2", "-1", "s"]) assert(texts.includes(text), text);
  const flat = await rootOf(barChart(bars, { orientation: "horizontal", values: { from: -2, to: 4 } }));
  const [first, second] = labelled(flat, "rect", "rect");
  near(valueOf(first!, "width"), 2 * valueOf(second!, "width"));
  assertLess(valueOf(first!, "y"), valueOf(second!, "y"));
  const group = labelled(await rootOf(barChart([{ label: "a", value: [1, 2] }])), "rect", "rect");
  assertEquals(group.map((box) => box.getAttribute("fill")), ["#0072b2", "#d55e00"]);
});

Deno.test("stack() shows the same stretch of time in all panels, and its axis once", async () => {
  const both = stack([
    waveform(SECOND),
    lineChart([{ x: [0, 2], y: [1, 2] }], { x: { kind: "time" } }),
    barChart([{ label: "apart", value: 1 }]),
  ], { title: "Both" });
  const root = await rootOf(both);
  const [first, second] = [frameOf(root), frameOf(root, 1)];
  assertEquals([first.x, first.width], [second.x, second.width]);
  assertLess(first.top, second.top);
  const last = points(labelled(root, "line", "path")[0]).at(-1)!;
  near(last[0], first.x + first.width / 2);
  assertEquals(textsOf(await both.toSVG()).filter((text) => text === "time (s)").length, 1);
  assertStringIncludes((await both[jupyterDisplay]())["text/plain"]!, "Both\n-1 to 1");
});

Deno.test("charts say what they are to those who hear them, and survive any text", async () => {
  const chart = lineChart([{ name: "a\0b\ud800", y: [1, 2] }], { title: '<Title> & "more"\u0007' });
  const root = await rootOf(chart);
  assertEquals(root.getAttribute("aria-label"), '<Title> & "more" ');
  assertEquals(root.getAttribute("role"), "img");
  assertEquals((await chart[jupyterDisplay]())["text/plain"]?.includes("1 to 2"), true);
});

Deno.test("charts refuse what they cannot draw", async () => {
  assertThrows(() => waveform([]), OptionError, "no samples");
  assertThrows(() => waveform([1], { sampleRate: 0 }), OptionError, "sample rate 0");
  assertThrows(() => lineChart([{ y: [NaN] }]), OptionError, "no points");
  assertThrows(
    () => lineChart([{ name: "loss", y: [1], x: [] }]),
    OptionError,
    'line 0 "loss": x has 0 points',
  );
  assertThrows(() => lineChart([{ y: [1], color: "blue" }]), OptionError, "#rrggbb");
  assertThrows(() => barChart([]), OptionError, "no bars");
  assertThrows(() => stack([]), OptionError, "there are none");
  const other: Chart = {
    ...waveform([1]),
    toSVG: () => Promise.resolve(""),
    toPNG: () => Promise.reject(),
    [jupyterDisplay]: () => Promise.reject(),
  };
  assertThrows(() => stack([other]), OptionError, "not made by this module");
  assertThrows(() => waveform([1], { width: 3 }), OptionError, "width 3");
  let message = "";
  await waveform([1]).toPNG({ scale: 9 }).catch((error) => message = error.message);
  assertStringIncludes(message, "scale 9");
});
