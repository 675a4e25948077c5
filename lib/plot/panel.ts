/**
 * One plot of a figure, drawn by Plot.
 *
 * @module
 */
import { type Axis, ownTicks, type Tick, tickArguments } from "./axis.ts";
import type { Drawing, PlotMark, SvgElement } from "./libraries.ts";
import { drawMarks, type Mark, placeLabels } from "./marks.ts";
import { textPixels } from "./text.ts";

/** Colours of values beside a plot, as a picture with the largest value on top. */
export interface ColorBar {
  axis: Axis;
  picture(drawing: Drawing): string;
}

/** One plot of a figure. */
export interface Panel {
  title: string;
  /** What it shows, for readers who see no picture. */
  summary: string;
  /** Pixels of the plot without axes and text. */
  height: number;
  x: Axis;
  y: Axis;
  marks: readonly Mark[];
  legend: readonly { text: string; color: string }[];
  colorBar?: ColorBar;
  /** What is inside, for a plot of `pixels` width over an x axis that may be longer than the panel's own. */
  draw(drawing: Drawing, pixels: number, x: Axis): PlotMark[];
}

/** The pixels that a panel has from side to side, and those of its text. */
export interface Space {
  width: number;
  left: number;
  right: number;
  fontSize: number;
}

/** Pixels between things. */
export const GAP = 8;
/** Pixels of a colour bar. */
export const BAR_WIDTH = 14;
const LINE = 1.25;
const SVG = "http://www.w3.org/2000/svg";

/** Makes an element with attributes. */
export function element(
  { document }: Drawing,
  name: string,
  attributes: Record<string, string | number>,
  text?: string,
): SvgElement {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  if (text !== undefined) made.textContent = text;
  return made;
}

/** A mark that is a picture between values, its pixels as they are. */
export function image(
  drawing: Drawing,
  href: string,
  xs: readonly number[],
  ys: readonly number[],
): PlotMark {
  return (_index: unknown, scales: { x(value: number): number; y(value: number): number }) => {
    const [x = 0, right = 0] = xs.map((value) => scales.x(value)).toSorted((a, b) => a - b);
    const [y = 0, bottom = 0] = ys.map((value) => scales.y(value)).toSorted((a, b) => a - b);
    const box = { x, y, width: right - x, height: bottom - y, preserveAspectRatio: "none", href };
    return element(drawing, "image", { ...box, style: "image-rendering:pixelated" });
  };
}

/** The ticks of an x axis, and how long their labels are where they stand upright because they would touch. */
function xTicks(x: Axis, pixels: number, fontSize: number): { ticks: Tick[] | undefined; turned: number } {
  const all = ownTicks(x, pixels, x.ticks ? 0 : fontSize);
  const wide = ({ label }: Tick) => textPixels(label, fontSize);
  const touch = (tick: Tick, k: number) => {
    const next = all?.[k + 1];
    const apart = next && (next.at - tick.at) / Math.abs(x.to - x.from) * pixels;
    return apart !== undefined && apart < (wide(tick) + wide(next!)) / 2 + GAP;
  };
  if (!x.ticks || !all?.some(touch)) return { ticks: all, turned: 0 };
  const ticks = ownTicks(x, pixels, fontSize * 1.1)!;
  return { ticks, turned: Math.max(...ticks.map(wide)) };
}

/** Draws a panel, and its colour bar beside it. */
export function drawPanel(
  drawing: Drawing,
  panel: Panel,
  space: Space,
  hidesX: boolean,
): { parts: SvgElement[]; height: number } {
  const { plot, document } = drawing;
  const { width, left, right, fontSize } = space;
  const { x, y, colorBar } = panel;
  const pixels = width - left - right;
  const { ticks, turned } = xTicks(x, pixels, fontSize);
  const labels = placeLabels(panel.marks, x, pixels, fontSize);
  const line = fontSize * LINE;
  const rows = Math.max(0, ...labels.map(({ row }) => row + 1)) + (y.label || colorBar?.axis.label ? 1 : 0);
  const marginTop = GAP + rows * line;
  const marginBottom = hidesX ? GAP : (turned || fontSize) + 2 * GAP + (x.label ? line : 0);
  const height = Math.ceil(marginTop + panel.height + marginBottom);
  const marks = drawMarks(plot, panel.marks, x, colorBar !== undefined);
  const across = {
    tickSpacing: fontSize * 6,
    labelAnchor: "center",
    labelArrow: "none",
    label: x.label || null,
  };
  const upward = {
    tickSpacing: fontSize * 2.6,
    labelAnchor: "top",
    labelArrow: "none",
    label: y.label || null,
  };
  const yTicks = ownTicks(y, panel.height, fontSize * 1.1);
  const main = plot.plot({
    document,
    width,
    height,
    marginTop,
    marginBottom,
    marginLeft: left,
    marginRight: right,
    x: { type: "linear", domain: [x.from, x.to], axis: null },
    y: { type: "linear", domain: [y.from, y.to], axis: null, clamp: true },
    marks: [
      colorBar || x.ticks ? null : plot.gridX(...tickArguments(x, ticks, { ...across, strokeOpacity: 0.15 })),
      colorBar || y.ticks
        ? null
        : plot.gridY(...tickArguments(y, yTicks, { ...upward, strokeOpacity: 0.15 })),
      ...marks.under,
      ...panel.draw(drawing, pixels, x),
      ...marks.over,
      plot.frame({ strokeOpacity: 0.5 }),
      hidesX
        ? null
        : plot.axisX(...tickArguments(x, ticks, { ...across, ...turned ? { tickRotate: -90 } : {} })),
      plot.axisY(...tickArguments(y, yTicks, { ...upward, labelOffset: left - GAP })),
      ...labels.map(({ row, ...label }) =>
        plot.text([label], {
          x: "at",
          text: "text",
          frameAnchor: "top",
          lineAnchor: "bottom",
          dy: -4 - row * line,
        })
      ),
    ],
  });
  if (!colorBar) return { parts: [plain(main, fontSize)], height };
  const { axis } = colorBar;
  const bar = plot.plot({
    document,
    width: right,
    height,
    marginTop,
    marginBottom,
    marginLeft: GAP,
    marginRight: right - GAP - BAR_WIDTH,
    x: { type: "linear", domain: [0, 1], axis: null },
    y: { type: "linear", domain: [axis.from, axis.to], axis: null },
    marks: [
      image(drawing, colorBar.picture(drawing), [0, 1], [axis.from, axis.to]),
      plot.frame({ strokeOpacity: 0.5 }),
      plot.axisY(
        ...tickArguments(axis, undefined, { ...upward, anchor: "right", label: axis.label || null }),
      ),
    ],
  });
  bar.setAttribute("x", String(width - right));
  return { parts: [plain(main, fontSize), plain(bar, fontSize)], height };
}

/** Takes away what belongs to a page of Plot's own. */
function plain(svg: SvgElement, fontSize: number): SvgElement {
  for (const style of svg.querySelectorAll("style")) style.remove();
  svg.removeAttribute("class");
  svg.setAttribute("font-size", String(fontSize));
  svg.setAttribute("overflow", "visible");
  return svg;
}
