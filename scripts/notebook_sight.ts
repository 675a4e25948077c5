/**
 * Judges what is seen of a notebook's outputs.
 *
 * @module
 */
import { joined, type MimeData, type Notebook } from "./notebook_file.ts";

/** A rectangle in the window's pixels. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** What is seen of an output. */
export interface Seen {
  /** MIME type of what is shown in its place. */
  type: string;
  /** Its text, as far as it shows. */
  text: string;
  place: Box;
  /** Its largest picture. */
  picture?: Box;
}

/** A screenshot, row by row. */
export interface Pixels {
  /** Its pixels for each of the window. */
  scale: number;
  width: number;
  height: number;
  channels: number;
  data: ArrayLike<number>;
}

/** An output with content, and where it stands. */
export interface ShownOutput {
  /** Place among the code cells. */
  cell: number;
  /** The cell's id. */
  id: string;
  /** Place among the cell's outputs. */
  index: number;
  data: MimeData;
}

/** A side that is shorter is none that anybody sees. */
const LEAST_SIDE = 20;
/** A chart is mostly paper: its axes and letters alone are a larger part of it than this. */
const LEAST_INK = 0.003;
/** A letter has as many pixels. */
const LEAST_LETTER = 8;

/** The outputs of a notebook that are no printed lines. */
export function shownOutputs(notebook: Notebook): ShownOutput[] {
  return notebook.cells.filter((cell) => cell.cell_type === "code").flatMap(({ id, outputs = [] }, cell) =>
    outputs.flatMap(({ data }, index) => data ? [{ cell, id, index, data }] : [])
  );
}

/** Whether an output has a picture, in whatever form. */
export function hasPicture(data: MimeData): boolean {
  return Object.keys(data).some((type) => type.startsWith("image/")) ||
    /<(svg|img|canvas)\b/.test(joined(data["text/html"]));
}

/** How many pixels of a part of a screenshot have another colour than most, as pixels of the window. */
export function inkOf({ scale, width, height, channels, data }: Pixels, box: Box): number {
  const [left, top] = [Math.max(0, Math.ceil(scale * box.x)), Math.max(0, Math.ceil(scale * box.y))];
  const right = Math.min(width, Math.floor(scale * (box.x + box.width)));
  const bottom = Math.min(height, Math.floor(scale * (box.y + box.height)));
  const counts = new Map<number, number>();
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const at = (y * width + x) * channels;
      const color = data[at]! << 16 | data[at + 1]! << 8 | data[at + 2]!;
      counts.set(color, (counts.get(color) ?? 0) + 1);
    }
  }
  const all = [...counts.values()];
  return (all.reduce((sum, count) => sum + count, 0) - Math.max(0, ...all)) / scale ** 2;
}

/** What is wrong with how an output is seen. */
export function outputFault(data: MimeData, seen: Seen | undefined, pixels: Pixels): string | undefined {
  if (!seen || seen.place.height === 0) return "does not show an output at all";
  if (hasPicture(data)) {
    if (!seen.picture) return `shows no picture, only ${seen.type}`;
    const { width, height } = seen.picture;
    if (width < LEAST_SIDE || height < LEAST_SIDE) return `shows a picture of ${width} by ${height} pixels`;
    if (inkOf(pixels, seen.picture) < LEAST_INK * width * height) return "shows a blank picture";
  }
  return inkOf(pixels, seen.place) < LEAST_LETTER ? "shows a blank output" : undefined;
}
