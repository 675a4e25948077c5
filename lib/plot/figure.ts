/**
 * Figures: panels one above the other, their plots aligned, with axes, titles, legends, marks and colour bars.
 *
 * @module
 */
import { scaleOf } from "./axis.ts";
import { drawBar, drawXAxis, drawYAxis, drawYGrid, leftMargin, rightMargin } from "./figure_axes.ts";
import { drawMarks, LABEL_LINE } from "./figure_marks.ts";
import { EDGE, FONT_SIZE, INK, LINE, LINES, sized, titleTag } from "./figure_style.ts";
import { labelRows, type PlacedLabel, placeLabels } from "./marks.ts";
import type { Frame, Panel } from "./panel.ts";
import { escapeMarkup, tag, textPixels, textTag } from "./svg.ts";

/** How to put panels together. */
export interface FigureOptions {
  /** Pixels of the whole picture. */
  width: number;
  title: string;
  /** Whether panels whose x axis counts numbers or seconds show the same stretch of it. */
  sharedX: boolean;
}

const FONT =
  "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', 'Noto Sans CJK SC', sans-serif";
const FIGURE_TITLE_SIZE = 15;

/** Draws a figure. */
export function renderFigure(panels: readonly Panel[], { width, title, sharedX }: FigureOptions): string {
  const shown = sharedX ? shareX(panels) : panels;
  const left = Math.max(...shown.map(leftMargin));
  const right = Math.max(...shown.map(rightMargin));
  const parts: string[] = [];
  let top = EDGE;
  if (title) {
    parts.push(titleTag(title, EDGE, top + FONT_SIZE + 2, FIGURE_TITLE_SIZE, width - 2 * EDGE));
    top += FIGURE_TITLE_SIZE + EDGE;
  }
  for (const [k, panel] of shown.entries()) {
    const next = shown[k + 1];
    const hidesX = sharedX && next !== undefined && isShared(panel) && isShared(next);
    const drawn = drawPanel(panel, left, top, Math.max(40, width - left - right), hidesX);
    parts.push(...drawn.parts);
    top = drawn.bottom + EDGE;
  }
  const label = escapeMarkup(
    [title, ...panels.map((panel) => panel.title)].filter((text) => text).join(": "),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${Math.ceil(top)}" ` +
    `viewBox="0 0 ${width} ${Math.ceil(top)}" role="img" aria-label="${label || "Chart"}" ` +
    `font-family="${FONT}" font-size="${FONT_SIZE}" fill="${INK}">` +
    `${tag("rect", { width, height: Math.ceil(top), fill: "#ffffff" })}${parts.join("")}</svg>`;
}

function isShared({ x: { kind } }: Panel): boolean {
  return kind === "number" || kind === "time";
}

function shareX(panels: readonly Panel[]): Panel[] {
  const shared = panels.filter(isShared).map(({ x }) => x);
  const from = Math.min(...shared.map((x) => x.from));
  const to = Math.max(...shared.map((x) => x.to));
  return panels.map((panel) => isShared(panel) ? { ...panel, x: { ...panel.x, from, to } } : panel);
}

function drawPanel(
  panel: Panel,
  left: number,
  top: number,
  width: number,
  hidesX: boolean,
): { parts: string[]; bottom: number } {
  const { height, x, y, marks } = panel;
  const frame: Frame = { width, height, x: scaleOf(x, 0, width), y: scaleOf(y, height, 0) };
  const labels = placeLabels(marks, frame.x, 0, width, (text) => textPixels(text, FONT_SIZE - 1));
  const head = drawHead(panel, left, top, width, labels);
  const place = { left, top: head.bottom };
  const axis = drawXAxis(panel, frame, place, hidesX);
  const inner = tag(
    "svg",
    { x: left, y: place.top, width, height, viewBox: `0 0 ${width} ${height}`, overflow: "hidden" },
    ...axis.grid,
    ...drawYGrid(panel, frame),
    ...panel.draw(frame),
    ...drawMarks(panel, frame),
  );
  const border = tag("rect", { x: left, y: place.top, width, height, fill: "none", stroke: LINES });
  return {
    parts: [
      ...head.parts,
      inner,
      border,
      ...axis.parts,
      ...drawYAxis(panel, place),
      ...drawBar(panel, width, place),
    ],
    bottom: axis.bottom,
  };
}

/** Title, legend and labels of marks, from top to bottom. */
function drawHead(
  { title, legend }: Panel,
  left: number,
  top: number,
  width: number,
  labels: readonly PlacedLabel[],
): { parts: string[]; bottom: number } {
  const parts: string[] = [];
  let bottom = top;
  if (title) {
    parts.push(titleTag(title, left, bottom + FONT_SIZE, FONT_SIZE + 1, width));
    bottom += LINE + 2;
  }
  let across = 0;
  for (const [k, { text, color }] of legend.entries()) {
    const size = 18 + sized(text) + 14;
    if (k > 0 && across + size > width) [across, bottom] = [0, bottom + LINE];
    const [x, y] = [left + across, bottom];
    parts.push(tag("rect", { x, y: y + 2, width: 12, height: 10, rx: 2, fill: color }));
    parts.push(textTag(text, { x: x + 17, y: y + 11 }));
    across += size;
  }
  if (legend.length) bottom += LINE + 2;
  const rows = labelRows(labels);
  bottom += rows * LABEL_LINE;
  for (const { mark, text, x, row } of labels) {
    const y = bottom - 4 - row * LABEL_LINE;
    parts.push(textTag(text, { x: left + x, y, "font-size": FONT_SIZE - 1, fill: mark.color ?? INK }));
  }
  return { parts, bottom: bottom + (rows ? 2 : 0) };
}
