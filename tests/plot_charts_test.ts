import { assert, assertEquals, assertLess, assertStringIncludes, assertThrows } from "@std/assert";
import { OptionError } from "../lib/errors.ts";
import {
  barChart,
  type Chart,
  coloredText,
  heatMap,
  jupyterDisplay,
  lineChart,
  stack,
  waveform,
} from "../lib/plot/mod.ts";
import { ticksWithin } from "../lib/plot/ticks.ts";
import { assertLegible, type Element, parseMarkup, textsOf } from "./support/plot_readers.ts";

const SECOND = Float32Array.from({ length: 16000 }, (_, k) => Math.sin(k / 20) * Math.sin(k / 5000));
const MARKS = [
  { at: 0.3, label: "cut at 0.30 s" },
  { at: 0.32, label: "another cut" },
  { at: 0.34, label: "a third one" },
  { at: 0.36, label: "one too many here" },
  { from: 0.5, to: 0.9, label: "chunk 2", color: "#009e73" },
];

function elements(chart: Chart, name: string): Element[] {
  return parseMarkup(chart.toSVG()).filter((element) => element.name === name);
}

/** Points of the first path. */
function points(chart: Chart): [number, number][] {
  const d = elements(chart, "path")[0]?.attributes.d ?? "";
  return Array.from(d.matchAll(/[ML]([-\d.]+) ([-\d.]+)/g), ([, x, y]) => [Number(x), Number(y)]);
}

Deno.test("ticksWithin() takes round numbers and formats them alike", () => {
  const labels = (from: number, to: number, count: number, kind: "number" | "time" | "index" = "number") =>
    ticksWithin(from, to, count, kind).map(({ label }) => label).join(" ");
  assertEquals(labels(0, 1, 5), "0.0 0.2 0.4 0.6 0.8 1.0");
  assertEquals(labels(-7.3, 12, 4), "-5 0 5 10");
  assertEquals(labels(0.0421, 0.0437, 4), "0.0425 0.0430 0.0435");
  assertEquals(labels(0, 3e6, 3), "0 1e6 2e6 3e6");
  assertEquals(labels(-2e-5, 2e-5, 4), "-2e-5 -1e-5 0 1e-5 2e-5");
  assertEquals(labels(-0.5, 3.5, 9, "index"), "0 1 2 3");
  assertEquals(labels(0, 60, 6, "time"), "0 10 20 30 40 50 60");
  assertEquals(labels(0, 400, 6, "time"), "0:00 2:00 4:00 6:00");
  assertEquals(labels(3000, 7400, 4, "time"), "1:00:00 1:30:00 2:00:00");
  assertEquals(labels(1, 1, 5), "");
});

Deno.test("waveform() draws the range of the samples of each pixel", () => {
  const samples = new Float32Array(160_000);
  samples[80_000] = 0.5;
  samples[80_001] = -0.25;
  const chart = waveform(samples, { y: { from: -1, to: 1 }, height: 100 });
  const [path] = elements(chart, "path");
  const columns = Array.from(
    (path?.attributes.d ?? "").matchAll(/M([\d.]+) ([\d.]+)V([\d.]+)/g),
    (match) => match.slice(1).map(Number),
  );
  const frame = Number(elements(chart, "svg")[1]?.attributes.width);
  assertEquals(columns.length, Math.ceil(frame));
  const loud = columns.filter(([, top = 0, bottom = 0]) => bottom - top > 1);
  assertEquals(loud.map(([, ...range]) => range), [[25, 62.5]]);
  assert(Math.abs(loud[0]![0]! - frame / 2) <= 1);
  assertStringIncludes(chart.toSVG(), ">time (s)</text>");
});

Deno.test("waveform() draws single samples when there are few", () => {
  const chart = waveform([0, 1, 0, -1], {
    sampleRate: 4,
    y: { from: -1, to: 1 },
    height: 100,
    startSeconds: 2,
  });
  assertEquals(points(chart).map(([, y]) => y), [50, 0, 50, 100]);
  assertEquals(textsOf(chart.toSVG()).slice(0, 3), ["2.0", "2.1", "2.2"]);
});

Deno.test("waveform() stays a small file however long the sound is", () => {
  assertLess(waveform(new Float32Array(16000 * 600).fill(0.1), { sampleRate: 2667 }).toSVG().length, 40_000);
  assertStringIncludes(waveform(new Float32Array(3600), { sampleRate: 1 }).toSVG(), ">time (m:ss)</text>");
});

Deno.test("charts keep texts apart and inside the picture", () => {
  const rows = Array.from(
    { length: 30 },
    (_, k) => ({ label: `a rather long name ${k}`, value: [k, 30 - k, k / 3] }),
  );
  const mel = heatMap({ values: new Float32Array(128 * 100), rows: 128, columns: 100 }, {
    title: "Mel",
    x: { from: 0, to: 1 },
    y: { label: "band" },
    colorLabel: "log10 power",
    marks: MARKS,
  });
  const wave = waveform(SECOND, { title: "Wave ".repeat(60), marks: MARKS });
  const names = [
    "first",
    "a long name for a line of a chart",
    "another long name for a line of a chart",
    "fourth",
  ];
  const lines = lineChart(names.map((name, k) => ({ name, y: [k, 2, 1e-7] })), {
    title: "Lines",
    x: { label: "token" },
    y: { label: "nats" },
  });
  const tokens = ["Ein", " sehr", " langes", " Wort", "<eos>"].map((label, at) => ({
    at,
    label: label.repeat(9),
  }));
  const pictures = [
    wave,
    lines,
    mel,
    barChart(rows, { title: "Bars", series: ["a", "b", "c"], values: { label: "RTF" } }),
    barChart(rows, { title: "Bars", orientation: "horizontal", label: "model" }),
    barChart([{ label: "one", value: -3 }, { label: "two", value: 12345.678 }]),
    heatMap({ values: new Float32Array(25), rows: 5, columns: 5 }, {
      x: { ticks: tokens },
      y: { ticks: tokens },
    }),
    stack([wave, mel, lineChart([{ x: [0, 1], y: [-90, -20] }], { title: "Energy", marks: MARKS })], {
      title: "All",
    }),
    stack([lines, wave], { width: 500 }),
    stack(
      [0, 1].map(() => lineChart([{ y: [1, 2] }], { height: 40, y: { label: "much longer than the axis" } })),
    ),
  ];
  for (const picture of pictures) assertLegible(picture.toSVG());
});

Deno.test("charts draw every mark and leave out labels that find no place", () => {
  const chart = waveform(SECOND, { marks: [...MARKS, { at: 7, label: "beyond the end" }] });
  const texts = textsOf(chart.toSVG());
  for (const { label } of MARKS.filter(({ label }) => !label.includes("many"))) {
    assert(texts.includes(label), label);
  }
  assert(!texts.includes("beyond the end"));
  assertEquals(elements(chart, "title").map(({ text }) => text), [
    ...MARKS.map(({ label }) => label),
    "beyond the end",
  ]);
  const span = elements(chart, "rect").find(({ attributes }) => attributes.fill === "#009e73");
  const width = Number(elements(chart, "svg")[1]?.attributes.width);
  assertEquals(Math.round(Number(span?.attributes.x) / width * 100), 50);
  assertEquals(Math.round(Number(span?.attributes.width) / width * 100), 40);
});

Deno.test("lineChart() leaves gaps where values are missing", () => {
  const [path] = elements(lineChart([{ y: [1, 2, NaN, 3, Infinity, 5, 6] }]), "path");
  assertEquals(path?.attributes.d?.match(/M/g)?.length, 3);
});

Deno.test("lineChart() keeps the peaks of a line with more points than pixels", () => {
  const y = new Float32Array(50_000);
  y[12_345] = 1;
  y[30_001] = -1;
  const chart = lineChart([{ y }], { y: { from: -1, to: 1 }, height: 100 });
  const heights = points(chart).map(([, height]) => height);
  assertEquals([Math.min(...heights), Math.max(...heights)], [0, 100]);
  assertLess(heights.length, 4000);
});

Deno.test("lineChart() shades down to zero and dots the points", () => {
  const chart = lineChart([{ y: [1, 3], isFilled: true, hasDots: true, isDashed: true, color: "#123456" }], {
    height: 90,
    y: { from: 0, to: 3 },
  });
  const [area, line] = elements(chart, "path");
  const width = Number(elements(chart, "svg")[1]?.attributes.width);
  const [left, right] = [width / 4, width * 3 / 4].map((x) => Math.round(x * 100) / 100);
  assertEquals(area?.attributes.d, `M${left} 90L${left} 60L${right} 0L${right} 90Z`);
  assertEquals(line?.attributes["stroke-dasharray"], "6 4");
  assertEquals(elements(chart, "circle").length, 2);
});

Deno.test("barChart() makes lengths proportional to values and writes them", () => {
  const bars = [{ label: "a", value: 2 }, { label: "b", value: -1 }, { label: "c", value: NaN }];
  const chart = barChart(bars, { values: { from: -2, to: 4 }, height: 120 });
  const boxes = elements(chart, "rect").filter(({ attributes }) => attributes.fill === "#0072b2");
  assertEquals(boxes.map(({ attributes }) => [attributes.y, attributes.height]), [["40", "40"], [
    "80",
    "20",
  ]]);
  assertEquals(textsOf(chart.toSVG()).filter((text) => /^(a|b|c|2|-1)$/.test(text)).length >= 5, true);
  const flat = barChart(bars, { orientation: "horizontal", values: { from: -2, to: 4 } });
  const [first, second] = elements(flat, "rect").filter(({ attributes }) => attributes.fill === "#0072b2");
  assertEquals(Number(first?.attributes.width) / Number(second?.attributes.width) > 1.99, true);
  assertLess(Number(first?.attributes.y), Number(second?.attributes.y));
});

Deno.test("stack() shows the same stretch of time in all panels", () => {
  const both = stack([
    waveform(SECOND),
    lineChart([{ x: [0, 2], y: [1, 2] }], { x: { kind: "time" } }),
    barChart([{ label: "apart", value: 1 }]),
  ]);
  const [, first, second] = elements(both, "svg");
  assertEquals(first?.attributes.width, second?.attributes.width);
  assertEquals(first?.attributes.x, second?.attributes.x);
  const wave = elements(both, "path")[0]?.attributes.d ?? "";
  const last = Number(wave.match(/M([\d.]+) [\d.]+V[\d.]+$/)?.[1]);
  assert(Math.abs(last / Number(first?.attributes.width) - 0.5) < 0.01, `${last}`);
  assertEquals(textsOf(both.toSVG()).filter((text) => text === "time (s)").length, 1);
  assertEquals(
    textsOf(stack([waveform(SECOND), waveform(SECOND)], { sharedX: false }).toSVG())
      .filter((text) => text === "time (s)").length,
    2,
  );
});

Deno.test("charts show SVG in notebooks", async () => {
  const chart = lineChart([{ y: [1, 2] }], { title: "<Title>" });
  assertEquals(await chart[jupyterDisplay](), { "image/svg+xml": chart.toSVG(), "text/plain": "<Title>" });
  assertEquals(parseMarkup(chart.toSVG())[0]?.attributes["aria-label"], "<Title>");
});

Deno.test("charts refuse what they cannot draw", () => {
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
  assertThrows(() => waveform([1], { width: 3 }), OptionError, "width 3");
});

/** Relative luminance and contrast, WCAG 2.2. */
function contrast(a: number[], b: number[]): number {
  const luminance = (color: number[]) => {
    const [red = 0, green = 0, blue = 0] = color.map((channel) => {
      const part = channel / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

Deno.test("coloredText() stays legible in light and dark themes at every probability", () => {
  const tokens = Array.from({ length: 101 }, (_, k) => ({ text: "x", probability: k / 100 }));
  const spans = parseMarkup(coloredText(tokens, { hasLegend: false }).toHTML()).filter(({ name }) =>
    name === "span"
  );
  const strengths: number[] = [];
  for (const { attributes } of spans) {
    const [red = 0, green = 0, blue = 0, alpha = 0] =
      attributes.style?.match(/rgba\(([^)]+)\)/)?.[1]?.split(",").map(Number) ?? [];
    strengths.push(alpha);
    const over = (page: number) => [red, green, blue].map((channel) => channel * alpha + page * (1 - alpha));
    assert(contrast(over(255), [33, 33, 33]) >= 4.5);
    assert(contrast(over(17), [255, 255, 255]) >= 4.5);
  }
  assertEquals(strengths, strengths.toSorted((a, b) => b - a));
  assertEquals([strengths[0], strengths[100]], [0.5, 0]);
});

Deno.test("coloredText() escapes text and tells the probability", async () => {
  const text = coloredText([
    { text: "Good", probability: 0.99 },
    { text: ' <b>"&', probability: 0.4321 },
    { text: "\n今天", probability: NaN },
  ], { title: "A & B" });
  const spans = parseMarkup(text.toHTML()).filter(({ name, attributes }) =>
    name === "span" && attributes.title
  );
  assertEquals(spans.map((span) => span.text), ["Good", ' <b>"&', "\n今天"]);
  assertEquals(spans.map(({ attributes }) => attributes.title), [
    "probability 0.99",
    "probability 0.432",
    "probability unknown",
  ]);
  assertEquals(spans.map(({ attributes }) => attributes.style?.includes("underline") ?? false), [
    false,
    true,
    false,
  ]);
  const bundle = await text[jupyterDisplay]();
  assertEquals(bundle["text/html"], text.toHTML());
  assertEquals(bundle["text/plain"], 'Good <b>"&[0.432]\n今天');
});
