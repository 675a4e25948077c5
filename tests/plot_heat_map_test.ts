import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { OptionError } from "../lib/errors.ts";
import { Canvas } from "../lib/plot/canvas.ts";
import { paletteColors } from "../lib/plot/colors.ts";
import { canDraw, drawText, textWidth } from "../lib/plot/font.ts";
import { encodePNG, encodeStoredPNG } from "../lib/plot/png.ts";
import { type HeatMap, heatMap, type HeatMapOptions, jupyterDisplay } from "../lib/plot/mod.ts";
import {
  assertLegible,
  colorAt,
  decodePNG,
  parseMarkup,
  type Picture,
  textsOf,
} from "./support/plot_readers.ts";

const VIRIDIS_FIRST = "#440154";
const VIRIDIS_LAST = "#fde725";
const FRAME = "#6b6b6b";

async function draw(map: HeatMap): Promise<Picture> {
  return decodePNG(await map.toPNG());
}

/** Corner of the cells: inside of the first frame that is found. */
function cornerOf(picture: Picture): [x: number, y: number] {
  for (let y = 0; y < picture.height; y++) {
    for (let x = 0; x + 3 < picture.width; x++) {
      const isRun = [0, 1, 2, 3].every((k) => colorAt(picture, x + k, y) === FRAME);
      if (isRun) return [x + 1, y + 1];
    }
  }
  throw new Error("There is no frame.");
}

async function cellColors(values: number[], rows: number, options: HeatMapOptions = {}): Promise<string[]> {
  const columns = values.length / rows;
  const size = { width: columns * 10, height: rows * 10 };
  const picture = await draw(
    heatMap({ values: Float32Array.from(values), rows, columns }, { ...size, ...options }),
  );
  const [left, top] = cornerOf(picture);
  return values.map((_, k) =>
    colorAt(picture, left + (k % columns) * 10 + 5, top + Math.floor(k / columns) * 10 + 5)
  );
}

Deno.test("encodePNG() and encodeStoredPNG() give a public decoder every pixel back", async () => {
  const palette = paletteColors("magma", 256);
  for (const [width, height] of [[1, 1], [7, 3], [300, 251]] as const) {
    const canvas = new Canvas(width, height);
    canvas.pixels.forEach((_, k) => canvas.pixels[k] = k * 31 % 256);
    const wanted = Array.from(canvas.pixels, (index) => [...palette[index]!, 255]).flat();
    for (const file of [await encodePNG(canvas, palette), encodeStoredPNG(canvas, palette)]) {
      const picture = decodePNG(file);
      assertEquals([picture.width, picture.height], [width, height]);
      assertEquals(Array.from(picture.data), wanted);
    }
  }
});

Deno.test("encodePNG() writes files that ffmpeg reads without a warning", async () => {
  const map = heatMap({ values: [0, 1, 2, 3], rows: 2, columns: 2 });
  const file = await Deno.makeTempFile({ suffix: ".png" });
  try {
    await Deno.writeFile(file, await map.toPNG());
    const args = ["-v", "warning", "-i", file, "-f", "rawvideo", "-pix_fmt", "rgba", "-"];
    const { stdout, stderr } = await new Deno.Command("ffmpeg", { args }).output();
    assertEquals(new TextDecoder().decode(stderr), "");
    assertEquals(Array.from(stdout), Array.from((await draw(map)).data));
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("paletteColors() follows Matplotlib's tables", () => {
  // matplotlib 3.x: cm.viridis and cm.magma at 0, 64, 128, 192 and 255 of 256.
  const tables = {
    viridis: ["#440154", "#3b528b", "#21918c", "#5ec962", "#fde725"],
    magma: ["#000004", "#51127c", "#b73779", "#fc8961", "#fcfdbf"],
  } as const;
  for (const name of ["viridis", "magma"] as const) {
    const colors = paletteColors(name, 256);
    for (const [k, wanted] of tables[name].entries()) {
      const color = colors[[0, 64, 128, 192, 255][k]!]!;
      const reference = Uint8Array.fromHex(wanted.slice(1));
      for (const channel of [0, 1, 2] as const) {
        assert(
          Math.abs(color[channel] - reference[channel]!) <= 5,
          `${name} ${k}: ${color} is not ${wanted}`,
        );
      }
    }
  }
});

Deno.test("heatMap() colours cells from the smallest to the largest value, missing ones grey", async () => {
  const [first, grey, middle, last] = await cellColors([0, NaN, 5, 10], 2);
  assertEquals([first, grey, last], [VIRIDIS_FIRST, "#b8b8b8", VIRIDIS_LAST]);
  assert(middle !== first && middle !== last);
  assertEquals(await cellColors([-Infinity, 1], 1), [
    "#b8b8b8",
    await cellColors([1], 1).then(([color]) => color),
  ]);
});

Deno.test("heatMap() puts the first row where origin says", async () => {
  assertEquals(await cellColors([0, 1], 2, { origin: "upper" }), [VIRIDIS_FIRST, VIRIDIS_LAST]);
  assertEquals(await cellColors([0, 1], 2, { origin: "lower" }), [VIRIDIS_LAST, VIRIDIS_FIRST]);
});

Deno.test("heatMap() keeps to the limits it is given", async () => {
  assertEquals(await cellColors([-5, 0, 1, 9], 1, { min: 0, max: 1 }), [
    VIRIDIS_FIRST,
    VIRIDIS_FIRST,
    VIRIDIS_LAST,
    VIRIDIS_LAST,
  ]);
});

Deno.test("heatMap() draws the mean where cells are smaller than pixels", async () => {
  const values = Float32Array.from({ length: 4000 }, (_, k) => k % 2);
  const picture = await draw(heatMap({ values, rows: 1, columns: 4000 }, { width: 1000, height: 10 }));
  const [left, top] = cornerOf(picture);
  const [middle] = await cellColors([0, 0.5, 1], 1).then((colors) => colors.slice(1));
  assertEquals([colorAt(picture, left, top), colorAt(picture, left + 999, top + 9)], [middle, middle]);
});

Deno.test("heatMap() makes cells a readable size by itself", async () => {
  const sizes = [[1, 1], [13, 46], [128, 300], [128, 3000], [600, 20]] as const;
  for (const [rows, columns] of sizes) {
    const { width, height } = await draw(
      heatMap({ values: new Float32Array(rows * columns), rows, columns }),
    );
    assert(
      width > 60 && width < 1050 && height > 50 && height < 560,
      `${rows} x ${columns}: ${width} x ${height}`,
    );
  }
});

Deno.test("heatMap() marks columns with dashes and leaves the others alone", async () => {
  const values = new Float32Array(100);
  const x = { from: 0, to: 10 };
  const marks = [{ at: 5 }, { from: 7, to: 8, color: "#ff0000" }];
  const picture = await draw(
    heatMap({ values, rows: 1, columns: 100 }, { width: 100, height: 40, x, marks }),
  );
  const [left, top] = cornerOf(picture);
  const column = (at: number) =>
    new Set(Array.from({ length: 40 }, (_, row) => colorAt(picture, left + at, top + row)));
  assertEquals(column(50), new Set(["#ffffff", "#000000"]));
  assertEquals([column(70), column(80)], [new Set(["#ff0000"]), new Set(["#ff0000"])]);
  assertEquals([column(49).size, column(51).size, column(75).size], [1, 1, 1]);
});

Deno.test("heatMap() leaves room for every label", async () => {
  const values = new Float32Array(6);
  const plain = await draw(heatMap({ values, rows: 2, columns: 3 }, { width: 300, height: 200 }));
  const ticks = [{ at: 0, label: "a rather long token" }, { at: 1, label: "," }];
  const options = {
    width: 300,
    height: 200,
    title: "T",
    colorLabel: "c",
    x: { label: "x" },
    y: { label: "y", ticks },
  };
  const labelled = await draw(heatMap({ values, rows: 2, columns: 3 }, options));
  assert(labelled.width >= plain.width + textWidth("a rather long token"));
  assert(labelled.height > plain.height + 2 * 9);
  const long = {
    height: 30,
    y: { label: "much longer than the axis" },
    colorLabel: "this one as well, by far",
  };
  const low = await draw(
    heatMap({ values, rows: 2, columns: 3 }, { ...long, title: "A title wider than all" }),
  );
  // Nothing but white on the rim: no letter is cut off.
  for (const picture of [plain, labelled, low]) {
    for (let x = 0; x < picture.width; x++) {
      assertEquals([colorAt(picture, x, 0), colorAt(picture, x, picture.height - 1)], ["#ffffff", "#ffffff"]);
    }
    for (let y = 0; y < picture.height; y++) {
      assertEquals([colorAt(picture, 0, y), colorAt(picture, picture.width - 1, y)], ["#ffffff", "#ffffff"]);
    }
  }
});

Deno.test("heatMap() shows PNG in notebooks, SVG where the PNG's font lacks a letter", async () => {
  const data = { values: [1, 2], rows: 1, columns: 2 };
  const map = heatMap(data, { title: "Müller" });
  const bundle = await map[jupyterDisplay]();
  assertEquals(Uint8Array.fromBase64(bundle["image/png"] ?? ""), await map.toPNG());
  assertEquals(bundle["text/plain"], "Müller: 1 rows, 2 columns, 1 to 2");
  const chinese = await heatMap(data, { y: { ticks: [{ at: 0, label: "字" }] } })[jupyterDisplay]();
  assertEquals(Object.keys(chinese), ["image/svg+xml", "text/plain"]);
  assertStringIncludes(chinese["image/svg+xml"] ?? "", ">字</text>");
  assertEquals(jupyterDisplay, Symbol.for("Jupyter.display"));
});

Deno.test("HeatMap.toSVG() carries the cells as a picture and the labels as text", () => {
  const svg = heatMap({ values: [0, 1, 2, 3, 4, 5], rows: 2, columns: 3 }, {
    title: "A & <B>",
    origin: "lower",
    x: { label: "position" },
    colorLabel: "weight",
    marks: [{ at: 1, label: "here" }],
  }).toSVG();
  assertLegible(svg);
  const href = parseMarkup(svg).find(({ name }) => name === "image")?.attributes.href ?? "";
  const cells = decodePNG(Uint8Array.fromBase64(href.replace("data:image/png;base64,", "")));
  assertEquals([cells.width, cells.height], [3, 2]);
  assertEquals([colorAt(cells, 0, 1), colorAt(cells, 2, 0)], [VIRIDIS_FIRST, VIRIDIS_LAST]);
  for (const text of ["A & <B>", "position", "weight", "here", "0", "1", "2"]) {
    assert(textsOf(svg).includes(text), text);
  }
});

Deno.test("heatMap() refuses what it cannot draw", () => {
  const one = { values: [1], rows: 1, columns: 1 };
  assertThrows(() => heatMap({ ...one, columns: 2 }), OptionError, "1 rows and 2 columns from 1 values");
  assertThrows(() => heatMap({ values: [], rows: 0, columns: 5 }), OptionError, "0 rows");
  assertThrows(() => heatMap(one, { width: 1e6 }), OptionError, "width 1000000");
  assertThrows(() => heatMap(one, { min: 2, max: 1 }), OptionError, "from 2 to 1");
  assertThrows(() => heatMap(one, { marks: [{ at: NaN }] }), OptionError, "a mark at NaN");
  assertThrows(() => heatMap(one, { marks: [{ at: 0, color: "red" }] }), OptionError, '"red"');
  assertThrows(() => heatMap(one, { x: { from: 0, to: Infinity } }), OptionError, "axis from 0 to Infinity");
});

function drawn(text: string, upward = false): string[] {
  const length = textWidth(text);
  const canvas = upward ? new Canvas(9, length) : new Canvas(length, 16);
  if (upward) drawText(canvas, text, 0, length - 1, 1, { upward });
  else drawText(canvas, text, 0, 4, 1);
  const rows = Array.from({ length: canvas.height }, (_, row) => {
    return Array.from(
      canvas.pixels.slice(row * canvas.width, (row + 1) * canvas.width),
      (ink) => ink ? "#" : ".",
    );
  });
  return rows.map((row) => row.join("")).filter((row) => row.includes("#"));
}

Deno.test("drawText() puts letters together from bases and accents", () => {
  assertEquals(drawn("Tü"), [
    "#######.......",
    "...#.....#..#.",
    "...#..........",
    "...#....#....#",
    "...#....#....#",
    "...#....#....#",
    "...#....#....#",
    "...#....#...##",
    "...#.....###.#",
  ]);
  assertEquals(drawn("T", true), [
    "#........",
    "#........",
    "#........",
    "#########",
    "#........",
    "#........",
    "#........",
  ]);
});

Deno.test("drawText() draws every printable ASCII letter, each different", () => {
  const all = Array.from({ length: 94 }, (_, k) => String.fromCharCode(33 + k));
  assert(all.every(canDraw));
  assertEquals(new Set(all.map((letter) => drawn(letter).join("\n") + textWidth(letter))).size, 94);
  assert(canDraw("Größe: naïve façade, Žižek – 5 µs · 3×4 °C → “ok”…"));
  assertEquals(["字", "ب", "한", "😀"].map(canDraw), [false, false, false, false]);
  assertEquals(drawn("한"), drawn("字"));
});
