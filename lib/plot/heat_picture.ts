/**
 * The layout of a heat map in pixels: cells, axes, colour bar, marks and text.
 *
 * @module
 */
import { axisLabel, axisOf, labelsTouch, type PlacedTick, placeTicks, scaleOf } from "./axis.ts";
import { Canvas } from "./canvas.ts";
import { drawCells, FIRST_LEVEL, LEVELS } from "./cells.ts";
import type { Color } from "./colors.ts";
import { ACCENT_HEIGHT, CAP_HEIGHT, DESCENT, drawText, textWidth } from "./font.ts";
import { heatMapPalette, type HeatMapPlan } from "./heat_plan.ts";
import { labelRows, type Mark, type PlacedLabel, placeLabels } from "./marks.ts";

const [WHITE, INK, MUTED, BLACK] = [0, 1, 2, 5] as const;
const EDGE = 8;
const GAP = 6;
const TICK = 4;
const LINE = ACCENT_HEIGHT + CAP_HEIGHT + DESCENT;
const BAR_GAP = 14;
const BAR_WIDTH = 14;
const X_TICK_PIXELS = 90;
const Y_TICK_PIXELS = 45;
const DASH = 4;

interface Layout {
  left: number;
  top: number;
  totalWidth: number;
  totalHeight: number;
  xTicks: PlacedTick[];
  yTicks: PlacedTick[];
  barTicks: PlacedTick[];
  isTurned: boolean;
  xTickHeight: number;
  barTickWidth: number;
  labels: PlacedLabel[];
}

/** Draws the whole picture. */
export function drawHeatMap(plan: HeatMapPlan): { canvas: Canvas; palette: Color[] } {
  const { colors, colorOf } = heatMapPalette(plan);
  const layout = layOut(plan);
  const canvas = new Canvas(layout.totalWidth, layout.totalHeight);
  drawText(canvas, plan.title, layout.left, EDGE + ACCENT_HEIGHT, INK, { bold: true });
  pasteCells(canvas, plan, layout);
  drawXAxis(canvas, plan, layout);
  drawYAxis(canvas, plan, layout);
  drawColorBar(canvas, plan, layout);
  for (const mark of plan.marks) drawMark(canvas, mark, plan, layout, colorOf);
  for (const { mark, text, x, row } of layout.labels) {
    const y = layout.top - GAP - CAP_HEIGHT - row * LINE;
    drawText(canvas, text, layout.left + x, y, mark.color ? colorOf(mark.color) : INK);
  }
  return { canvas, palette: colors };
}

function layOut(plan: HeatMapPlan): Layout {
  const { width, height, x, y, title, colorLabel, marks } = plan;
  const wide = placeTicks(x, scaleOf(x, 0, width), width, width / X_TICK_PIXELS, 1);
  const isTurned = x.ticks !== undefined && labelsTouch(wide, textWidth, GAP);
  const xTicks = isTurned ? placeTicks(x, scaleOf(x, 0, width), width, 1, CAP_HEIGHT + DESCENT) : wide;
  const yTicks = placeTicks(y, scaleOf(y, height, 0), height, height / Y_TICK_PIXELS, CAP_HEIGHT + DESCENT);
  const bar = axisOf({}, plan.min, plan.max, "number");
  const barTicks = placeTicks(
    bar,
    scaleOf(bar, height, 0),
    height,
    height / Y_TICK_PIXELS,
    CAP_HEIGHT + DESCENT,
  );
  const labels = placeLabels(marks, scaleOf(x, 0, width), 0, width, textWidth);

  const barTickWidth = widest(barTicks);
  const xTickHeight = isTurned ? widest(xTicks) : CAP_HEIGHT + DESCENT;
  const left = EDGE + (axisLabel(y) ? LINE + GAP : 0) + Math.max(widest(yTicks), firstOverhang(xTicks)) +
    TICK +
    GAP;
  const right = BAR_GAP + BAR_WIDTH + TICK + GAP + barTickWidth + (colorLabel ? GAP + LINE : 0) + EDGE;
  const upward = Math.max(textWidth(axisLabel(y)), textWidth(colorLabel));
  const overhang = EDGE + Math.ceil(Math.max(0, upward - height) / 2);
  const above = EDGE + (title ? LINE + GAP : GAP) + labelRows(labels) * LINE + (labels.length ? GAP : 0);
  const below = TICK + GAP + xTickHeight + (axisLabel(x) ? GAP + LINE : 0) + EDGE;
  const [top, bottom] = [Math.max(above, overhang), Math.max(below, overhang)];
  return {
    left,
    top,
    totalWidth: left +
      Math.max(width + right, textWidth(title, { bold: true }) + EDGE, textWidth(axisLabel(x)) + EDGE),
    totalHeight: top + height + bottom,
    xTicks,
    yTicks,
    barTicks,
    isTurned,
    xTickHeight,
    barTickWidth,
    labels,
  };
}

function widest(ticks: readonly PlacedTick[]): number {
  return ticks.reduce((most, { label }) => Math.max(most, textWidth(label)), 0);
}

/** How far the first label of the x axis reaches to the left of the cells. */
function firstOverhang([first]: readonly PlacedTick[]): number {
  return first ? Math.max(0, Math.ceil(textWidth(first.label) / 2 - first.pixel) - TICK - GAP) : 0;
}

function pasteCells(canvas: Canvas, plan: HeatMapPlan, { left, top }: Layout): void {
  const cells = drawCells(plan.data, plan);
  for (let row = 0; row < cells.height; row++) {
    const line = cells.pixels.subarray(row * cells.width, (row + 1) * cells.width);
    canvas.pixels.set(line, (top + row) * canvas.width + left);
  }
  canvas.frame(left, top, cells.width, cells.height, MUTED);
}

function drawXAxis(canvas: Canvas, { x, width, height }: HeatMapPlan, layout: Layout): void {
  const { left, top, xTicks, isTurned, xTickHeight } = layout;
  const bottom = top + height + 1;
  for (const { label, pixel } of xTicks) {
    const at = left + Math.min(width - 1, Math.round(pixel));
    canvas.fill(at, bottom, 1, TICK, MUTED);
    const y = bottom + TICK + GAP;
    if (isTurned) {
      drawText(canvas, label, at - (CAP_HEIGHT >> 1), y + textWidth(label) - 1, INK, { upward: true });
    } else drawText(canvas, label, at - (textWidth(label) >> 1), y, INK);
  }
  const label = axisLabel(x);
  const centre = left + Math.max(0, (width - textWidth(label)) >> 1);
  drawText(canvas, label, centre, bottom + TICK + GAP + xTickHeight + GAP + ACCENT_HEIGHT, INK);
}

function drawYAxis(canvas: Canvas, { y, height }: HeatMapPlan, { left, top, yTicks }: Layout): void {
  for (const { label, pixel } of yTicks) {
    const at = top + Math.min(height - 1, Math.round(pixel));
    canvas.fill(left - 1 - TICK, at, TICK, 1, MUTED);
    drawText(canvas, label, left - 1 - TICK - GAP + 2 - textWidth(label), at - (CAP_HEIGHT >> 1), INK);
  }
  drawUpward(canvas, axisLabel(y), EDGE + ACCENT_HEIGHT, top, height);
}

function drawColorBar(canvas: Canvas, { width, height, colorLabel }: HeatMapPlan, layout: Layout): void {
  const { top, barTicks, barTickWidth } = layout;
  const left = layout.left + width + BAR_GAP;
  for (let row = 0; row < height; row++) {
    const level = Math.round((LEVELS - 1) * (1 - row / Math.max(1, height - 1)));
    canvas.fill(left, top + row, BAR_WIDTH, 1, FIRST_LEVEL + level);
  }
  canvas.frame(left, top, BAR_WIDTH, height, MUTED);
  const right = left + BAR_WIDTH + 1;
  for (const { label, pixel } of barTicks) {
    const at = top + Math.min(height - 1, Math.round(pixel));
    canvas.fill(right, at, TICK, 1, MUTED);
    drawText(canvas, label, right + TICK + GAP - 2, at - (CAP_HEIGHT >> 1), INK);
  }
  drawUpward(canvas, colorLabel, right + TICK + GAP + barTickWidth + GAP + ACCENT_HEIGHT, top, height);
}

function drawUpward(canvas: Canvas, text: string, x: number, top: number, height: number): void {
  const end = top + ((height + textWidth(text)) >> 1);
  drawText(canvas, text, x, end, INK, { upward: true });
}

function drawMark(
  canvas: Canvas,
  mark: Mark,
  { x, width, height }: HeatMapPlan,
  { left, top }: Layout,
  colorOf: (hex: string) => number,
): void {
  const scale = scaleOf(x, 0, width);
  const line = (value: number) => {
    const column = Math.round(scale(value));
    if (column < 0 || column > width) return;
    for (let row = 0; row < height; row++) {
      const dash = row % (2 * DASH) < DASH ? WHITE : BLACK;
      canvas.set(left + Math.min(column, width - 1), top + row, mark.color ? colorOf(mark.color) : dash);
    }
  };
  if ("at" in mark) return line(mark.at);
  line(mark.from);
  line(mark.to);
  const [from, to] = [mark.from, mark.to].map((value) =>
    Math.max(0, Math.min(width, Math.round(scale(value))))
  );
  canvas.fill(left + from!, top - 4, to! - from!, 3, mark.color ? colorOf(mark.color) : INK);
}
