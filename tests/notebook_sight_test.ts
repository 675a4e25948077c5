import { assert, assertEquals } from "@std/assert";
import { controlFaults, controlNotebook } from "../scripts/notebook_control.ts";
import type { Notebook } from "../scripts/notebook_file.ts";
import {
  type Box,
  hasPicture,
  inkOf,
  outputFault,
  type Pixels,
  type Seen,
  shownOutputs,
} from "../scripts/notebook_sight.ts";

/** A white screenshot at half size, with a black rectangle in the window's pixels. */
function screenshot(width: number, height: number, black?: Box): Pixels {
  const [scale, channels] = [0.5, 3];
  const pixels = { scale, channels, width: scale * width, height: scale * height };
  const data = new Uint8Array(pixels.width * pixels.height * channels).fill(255);
  if (black) {
    for (let y = black.y * scale; y < (black.y + black.height) * scale; y++) {
      const start = (y * pixels.width + black.x * scale) * channels;
      data.fill(0, start, start + black.width * scale * channels);
    }
  }
  return { ...pixels, data };
}

const PLACE: Box = { x: 10, y: 20, width: 200, height: 100 };
const PICTURE: Box = { x: 10, y: 20, width: 100, height: 100 };

function seen(changes: Partial<Seen> = {}): Seen {
  return { type: "image/png", text: "", place: PLACE, picture: PICTURE, ...changes };
}

Deno.test("inkOf() counts the window's pixels of another colour than most, inside the box only", () => {
  const black = { x: 20, y: 30, width: 40, height: 20 };
  assertEquals(inkOf(screenshot(300, 200, black), PLACE), 800);
  assertEquals(inkOf(screenshot(300, 200, black), { x: 100, y: 100, width: 50, height: 50 }), 0);
  assertEquals(inkOf(screenshot(300, 200, black), { ...PLACE, y: 500 }), 0);
});

Deno.test("outputFault() finds pictures that are not there, tiny or blank", () => {
  const drawn = screenshot(300, 200, { x: 20, y: 30, width: 40, height: 20 });
  const png = { "image/png": "..." };
  assertEquals(outputFault(png, seen(), drawn), undefined);
  assertEquals(outputFault(png, undefined, drawn), "does not show an output at all");
  assertEquals(
    outputFault(png, seen({ place: { ...PLACE, height: 0 } }), drawn),
    "does not show an output at all",
  );
  const { picture: _, ...text } = seen({ type: "text/plain" });
  assertEquals(outputFault(png, text, drawn), "shows no picture, only text/plain");
  const tiny = seen({ picture: { ...PICTURE, height: 16 } });
  assertEquals(outputFault(png, tiny, drawn), "shows a picture of 100 by 16 pixels");
  assertEquals(outputFault(png, seen(), screenshot(300, 200)), "shows a blank picture");
  assertEquals(outputFault({ "text/html": "<b>1</b>" }, text, drawn), undefined);
  assertEquals(outputFault({ "text/html": "<b>1</b>" }, text, screenshot(300, 200)), "shows a blank output");
});

Deno.test("a picture is an image of any type, or HTML that holds one", () => {
  assert(hasPicture({ "image/svg+xml": "<svg/>" }));
  assert(hasPicture({ "text/html": ["<p>\n", '<img src="data:image/png;base64,AA">'] }));
  assert(!hasPicture({ "text/html": "<table></table>", "text/plain": "<img>" }));
});

Deno.test("shownOutputs() gives outputs with content, counted as JupyterLab counts them", () => {
  const notebook: Notebook = {
    cells: [
      { cell_type: "markdown", id: "m01", metadata: {}, source: "" },
      {
        cell_type: "code",
        id: "c02",
        metadata: {},
        source: "",
        outputs: [{ output_type: "stream", text: "" }, {
          output_type: "display_data",
          data: { "text/plain": "x" },
        }],
      },
    ],
    metadata: {},
    nbformat: 4,
    nbformat_minor: 5,
  };
  assertEquals(shownOutputs(notebook), [{ cell: 0, id: "c02", index: 1, data: { "text/plain": "x" } }]);
});

Deno.test("the control has pictures that show and pictures that do not, and a check that misses one is refused", () => {
  const ids = shownOutputs(controlNotebook()).map(({ id }) => id);
  assertEquals(ids, ["png", "table", "svg", "script", "style", "blank"]);
  const right = [
    "Cell svg shows no picture, only text/plain, in an untrusted JupyterLab.",
    "Cell script shows a blank picture, in an untrusted JupyterLab.",
    "Cell style shows a blank output, in an untrusted JupyterLab.",
    "Cell blank shows a blank picture, in an untrusted JupyterLab.",
  ];
  assertEquals(controlFaults(right), []);
  for (const [k, sentence] of right.entries()) {
    const without = controlFaults(right.toSpliced(k, 1));
    assertEquals(without.length, 1, sentence);
    assert(without[0]!.includes(sentence.split(" ")[1]!));
  }
  assertEquals(
    controlFaults([...right, "Cell png shows a blank picture, in an untrusted JupyterLab."]).length,
    1,
  );
});
