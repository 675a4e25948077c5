/**
 * A notebook with pictures that do not show where it is not trusted, to see that the check finds them.
 *
 * @module
 */
import { encode } from "fast-png";
import type { Cell, MimeData, Notebook } from "./notebook_file.ts";

const SIZE = { width: 300, height: 100 };

/** A picture of stripes, or of nothing. */
function png(isBlank: boolean): string {
  const { width, height } = SIZE;
  const data = Uint8Array.from({ length: width * height }, (_, at) => isBlank || at % 20 < 10 ? 255 : 0);
  return encode({ width, height, data, channels: 1 }).toBase64();
}

const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="300" height="100">
<rect width="300" height="50" fill="navy"/></svg>`;
const CANVAS = `<canvas id="control" width="300" height="100"></canvas>
<script>document.getElementById("control").getContext("2d").fillRect(0, 0, 200, 50)</script>`;
const STYLED = `<style>.control-bar { width: 200px; height: 50px; background: navy }</style>
<div class="control-bar"></div>`;

/** What an untrusted JupyterLab makes of each output: the words of the fault, or "" where it shows. */
const CASES: Record<string, { data: MimeData; fault: string }> = {
  png: { data: { "image/png": png(false) }, fault: "" },
  table: { data: { "text/html": "<table><tr><td>1</td></tr></table>" }, fault: "" },
  svg: { data: { "image/svg+xml": SVG }, fault: "shows no picture, only text/plain" },
  script: { data: { "text/html": CANVAS, "image/png": png(false) }, fault: "shows a blank picture" },
  style: { data: { "text/html": STYLED }, fault: "output" },
  blank: { data: { "image/png": png(true) }, fault: "shows a blank picture" },
};

/** The notebook: a cell for each case. */
export function controlNotebook(): Notebook {
  const cells = Object.entries(CASES).map(([id, { data }]): Cell => ({
    cell_type: "code",
    id,
    metadata: {},
    source: `show(${id})`,
    execution_count: 1,
    outputs: [{ output_type: "display_data", data: { ...data, "text/plain": id }, metadata: {} }],
  }));
  return { cells, metadata: {}, nbformat: 4, nbformat_minor: 5 };
}

/** What the check should have said of it and did not, or the other way round. */
export function controlFaults(found: readonly string[]): string[] {
  return Object.entries(CASES).flatMap(([id, { fault }]) => {
    const said = found.find((sentence) => sentence.startsWith(`Cell ${id} `));
    if (fault === "" ? said === undefined : said?.includes(fault)) return [];
    return [`The check is worth nothing: of the control's cell ${id} it says: ${said ?? "nothing"}`];
  });
}
