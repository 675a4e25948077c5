/**
 * Makes the README's pictures from the notebooks' stored outputs: cells tagged `gallery:NAME` become docs/images/NAME.png.
 *
 * @module
 */
import { join } from "@std/path";
import { chromiumPath, HEADLESS } from "./chromium.ts";
import { type Cell, joined, readNotebook } from "./notebook_file.ts";

/** Size of the page for coloured text, in pixels. */
const HTML_SIZE = [620, 280] as const;
const MOST_BYTES = 150_000;
const TAG = /^gallery:([\w-]+)$/;

/** The picture of a cell: its PNG, its SVG, or all of its HTML. */
function pictureOf(cell: Cell): { type: string; content: string } {
  const outputs = (cell.outputs ?? []).map(({ data = {} }) => data);
  for (const type of ["image/png", "image/svg+xml"]) {
    const found = outputs.find((data) => data[type]);
    if (found) return { type, content: joined(found[type]) };
  }
  const html = outputs.map((data) => joined(data["text/html"])).join("");
  if (html) return { type: "text/html", content: html };
  throw new Error(`Cell ${cell.id} has no picture: run deno task notebooks --write first.`);
}

/** Renders SVG or HTML to a PNG file in a headless browser. */
async function renderTo(markup: string, path: string): Promise<void> {
  const size = /<svg[^>]*\bwidth="([\d.]+)"[^>]*\bheight="([\d.]+)"/.exec(markup);
  const [width, height] = size ? [Number(size[1]), Number(size[2])] : HTML_SIZE;
  const page = await Deno.makeTempFile({ suffix: ".html" });
  await Deno.writeTextFile(
    page,
    `<meta charset="utf-8"><body style="${
      size ? "margin:0" : "margin:16px"
    };font-family:sans-serif">${markup}`,
  );
  const view = [
    `--window-size=${Math.ceil(width)},${Math.ceil(height)}`,
    `--screenshot=${path}`,
    `file://${page}`,
  ];
  const { success } = await new Deno.Command(await chromiumPath(), {
    args: [...HEADLESS, ...view],
    stderr: "null",
  })
    .output();
  await Deno.remove(page);
  if (!success) throw new Error(`Cannot draw ${path}: Chromium fails.`);
}

/** Writes the pictures and returns a line about each. */
export async function makeGallery(
  folder: string,
  names: readonly string[],
  target: string,
): Promise<string[]> {
  await Deno.mkdir(target, { recursive: true });
  const done: string[] = [];
  for (const name of names) {
    const { cells } = await readNotebook(join(folder, name));
    for (const cell of cells) {
      const title = cell.metadata.tags?.map((tag) => TAG.exec(tag)?.[1]).find((found) => found);
      if (!title) continue;
      const path = join(target, `${title}.png`);
      const { type, content } = pictureOf(cell);
      if (type === "image/png") await Deno.writeFile(path, Uint8Array.fromBase64(content));
      else await renderTo(content, path);
      const { size } = await Deno.stat(path);
      if (size > MOST_BYTES) throw new Error(`${path} has ${size} bytes, more than ${MOST_BYTES}.`);
      done.push(`${path} (${size} bytes)`);
    }
  }
  return done;
}
