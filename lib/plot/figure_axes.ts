/**
 * Axes and colour bars of a panel.
 *
 * @module
 */
import { axisLabel, labelsTouch, type PlacedTick, placeTicks, scaleOf } from "./axis.ts";
import type { Frame, Panel } from "./panel.ts";
import { axisTag, EDGE, FONT_SIZE, LINE, LINES, sized, TICK, upward } from "./figure_style.ts";
import { tag, textTag } from "./svg.ts";

const GRID = "#e8e8e8";
const X_TICK_PIXELS = 85;
const Y_TICK_PIXELS = 36;
const BAR_GAP = 12;
const BAR_WIDTH = 14;

/** Upper left corner of a plot. */
export interface Place {
  left: number;
  top: number;
}

function yTicksOf({ y, height }: Panel): PlacedTick[] {
  return placeTicks(y, scaleOf(y, height, 0), height, height / Y_TICK_PIXELS, FONT_SIZE);
}

function barTicksOf({ colorBar, height }: Panel): PlacedTick[] {
  return colorBar
    ? placeTicks(colorBar.axis, scaleOf(colorBar.axis, height, 0), height, height / Y_TICK_PIXELS, FONT_SIZE)
    : [];
}

function widest(ticks: readonly PlacedTick[]): number {
  return Math.max(0, ...ticks.map(({ label }) => sized(label)));
}

/** Pixels that the y axis of a panel needs. */
export function leftMargin(panel: Panel): number {
  return EDGE + (axisLabel(panel.y) ? LINE : 0) + widest(yTicksOf(panel)) + TICK + 4;
}

/** Pixels that a panel needs to the right of its plot. */
export function rightMargin(panel: Panel): number {
  if (!panel.colorBar) return EDGE + FONT_SIZE;
  const label = axisLabel(panel.colorBar.axis) ? LINE : 0;
  return BAR_GAP + BAR_WIDTH + TICK + 4 + widest(barTicksOf(panel)) + label + EDGE;
}

/** The x axis below the plot, its grid lines inside the plot, and the lower end of both. */
export function drawXAxis(
  { x }: Panel,
  frame: Frame,
  { left, top }: Place,
  hidesX: boolean,
): { grid: string[]; parts: string[]; bottom: number } {
  const { width, height } = frame;
  const wide = placeTicks(x, frame.x, width, width / X_TICK_PIXELS, 1);
  const isTurned = x.ticks !== undefined && labelsTouch(wide, sized, 6);
  const ticks = isTurned ? placeTicks(x, frame.x, width, 1, FONT_SIZE + 2) : wide;
  const grid = x.ticks
    ? []
    : ticks.map(({ pixel }) => tag("line", { x1: pixel, x2: pixel, y1: 0, y2: height, stroke: GRID }));
  let bottom = top + height;
  if (hidesX) return { grid, parts: [], bottom };
  const parts = ticks.map(({ pixel }) =>
    tag("line", { x1: left + pixel, x2: left + pixel, y1: bottom, y2: bottom + TICK, stroke: LINES })
  );
  for (const { label, pixel } of ticks) {
    const [px, py] = [left + pixel, bottom + TICK + FONT_SIZE + 1];
    parts.push(
      isTurned
        ? upward(label, px + FONT_SIZE / 3, py - FONT_SIZE + 3, "end")
        : textTag(label, { x: px, y: py, "text-anchor": "middle" }),
    );
  }
  bottom += TICK + (isTurned ? widest(ticks) + 6 : FONT_SIZE + 4);
  const label = axisLabel(x);
  if (label) {
    parts.push(textTag(label, { x: left + width / 2, y: bottom + FONT_SIZE + 2, "text-anchor": "middle" }));
    bottom += LINE;
  }
  return { grid, parts, bottom };
}

/** The lines inside the plot that belong to the y axis. */
export function drawYGrid(panel: Panel, { width }: Frame): string[] {
  if (panel.y.kind === "category") return [];
  return yTicksOf(panel).map(({ pixel }) =>
    tag("line", { x1: 0, x2: width, y1: pixel, y2: pixel, stroke: GRID })
  );
}

/** The y axis to the left of the plot. */
export function drawYAxis(panel: Panel, { left, top }: Place): string[] {
  const parts = yTicksOf(panel).flatMap(({ label, pixel }) => [
    tag("line", { x1: left - TICK, x2: left, y1: top + pixel, y2: top + pixel, stroke: LINES }),
    textTag(label, { x: left - TICK - 3, y: top + pixel + FONT_SIZE / 3, "text-anchor": "end" }),
  ]);
  const label = axisLabel(panel.y);
  return label ? [...parts, axisTag(label, EDGE + FONT_SIZE - 2, top, panel.height)] : parts;
}

/** The colour bar to the right of the plot. */
export function drawBar(panel: Panel, width: number, { left, top }: Place): string[] {
  const { colorBar, height } = panel;
  if (!colorBar) return [];
  const x = left + width + BAR_GAP;
  const step = height / colorBar.gradient.length;
  const ticks = barTicksOf(panel);
  const parts = colorBar.gradient.map((fill, k) =>
    tag("rect", { x, y: top + height - (k + 1) * step, width: BAR_WIDTH, height: step + 0.5, fill })
  );
  parts.push(tag("rect", { x, y: top, width: BAR_WIDTH, height, fill: "none", stroke: LINES }));
  for (const { label, pixel } of ticks) {
    const right = x + BAR_WIDTH;
    parts.push(tag("line", { x1: right, x2: right + TICK, y1: top + pixel, y2: top + pixel, stroke: LINES }));
    parts.push(textTag(label, { x: right + TICK + 3, y: top + pixel + FONT_SIZE / 3 }));
  }
  const label = axisLabel(colorBar.axis);
  const right = x + BAR_WIDTH + TICK + 4 + widest(ticks) + FONT_SIZE + 2;
  return label ? [...parts, axisTag(label, right, top, height)] : parts;
}
