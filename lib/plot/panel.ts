/**
 * One plot of a figure, drawn by Plot.
 *
 * @module
 */
import {
  askedTicks,
  type Axis,
  drawMarks,
  type Mark,
  placeLabels,
  textPixels,
  tickArguments,
} from "./axis.ts";
import type { Drawing, PlotMark, SvgElement } from "./libraries.ts";

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
  /** Colours of values, as a picture with the largest value on top. */
  colorBar?: { axis: Axis; picture(drawing: Drawing): string };
  /** What is inside, for a plot of these pixels over an x axis that may be longer than the panel's own. */
  draw(drawing: Drawing, size: { width: number; height: number }, x: Axis): PlotMark[];
}

/** The place of a panel, the pixels at its sides, and those of its text. */
export type Space = Record<"top" | "width" | "left" | "right" | "fontSize", number>;

/** Pixels between things. */
export const GAP = 8;
/** Pixels of a colour bar. */
export const BAR_WIDTH = 14;

/** A drawn panel, and the colour bar beside it. */
type Drawn = [height: number, plot: SvgElement, bar?: SvgElement];

/** Draws a panel. */
export function drawPanel(drawing: Drawing, panel: Panel, space: Space, hidesX: boolean): Drawn {
  const { plot, document } = drawing;
  const { top, width, left, right, fontSize } = space;
  const { x, y, colorBar } = panel;
  const pixels = width - left - right;
  const line = fontSize * 1.25;
  const labels = placeLabels(panel.marks, x, pixels, fontSize);
  const rows = Math.max(0, ...labels.map(({ row }) => row + 1)) + (y.label || colorBar?.axis.label ? 1 : 0);
  // Labels that were asked for stand upright when they would touch side by side.
  const longest = Math.max(0, ...x.ticks?.map(({ label }) => textPixels(label, fontSize)) ?? []);
  const isUpright = askedTicks(x, pixels, longest + GAP)?.length !== x.ticks?.length;
  const below = hidesX ? GAP : (isUpright ? longest : fontSize) + 2 * GAP + (x.label ? line : 0);
  const [marginTop, marginBottom] = [Math.ceil(GAP + rows * line), Math.ceil(below)];
  const height = marginTop + panel.height + marginBottom;
  const turned = { tickSpacing: fontSize * 6, labelAnchor: "center", tickRotate: isUpright ? -90 : 0 };
  const across = (more: object) =>
    tickArguments(x, pixels, isUpright ? fontSize * 1.1 : 0, { ...turned, ...more });
  const lying = { tickSpacing: fontSize * 2.6, labelAnchor: "top" };
  const upward = (axis: Axis, more: object) =>
    tickArguments(axis, panel.height, fontSize * 1.1, { ...lying, ...more });
  /** A plot at its place, without what belongs to a page of Plot's own. */
  const draw = (at: number, sides: object, marks: unknown[], axes: object): SvgElement => {
    const frame = { document, height, marginTop, marginBottom, ...sides };
    const svg = plot.plot({ ...frame, ...axes, marks: marks.filter((mark) => mark) });
    for (const style of svg.querySelectorAll("style")) style.remove();
    const own = Object.entries({ "font-size": fontSize, overflow: "visible", x: at, y: top, class: "" });
    for (const [name, value] of own) svg.setAttribute(name, String(value));
    return svg;
  };
  const [under, ...over] = drawMarks(drawing, panel.marks, x, colorBar !== undefined);
  const faint = { strokeOpacity: 0.15 };
  const main = draw(0, { width, marginLeft: left, marginRight: right }, [
    !colorBar && !x.ticks && plot.gridX(...across(faint)),
    !colorBar && !y.ticks && plot.gridY(...upward(y, faint)),
    under,
    ...panel.draw(drawing, { width: pixels, height: panel.height }, x),
    ...over,
    plot.frame({ strokeOpacity: 0.5 }),
    !hidesX && plot.axisX(...across({})),
    plot.axisY(...upward(y, { labelOffset: left - GAP })),
    ...labels.map(({ text, at, row }) => {
      const place = { frameAnchor: "top", lineAnchor: "bottom", dy: -4 - row * line };
      return plot.text([text], { ...place, x: [at], text: [text] });
    }),
  ], { x: scaleOf(x), y: scaleOf(y) });
  if (!colorBar) return [height, main];
  const bar = draw(width - right, { width: right, marginLeft: GAP, marginRight: right - GAP - BAR_WIDTH }, [
    pictureMark(drawing, colorBar.picture(drawing), { width: BAR_WIDTH, height: panel.height }),
    plot.frame({ strokeOpacity: 0.5 }),
    plot.axisY(...upward(colorBar.axis, { anchor: "right" })),
  ], { y: scaleOf(colorBar.axis) });
  return [height, main, bar];
}

const scaleOf = ({ from, to }: Axis) => ({ type: "linear", domain: [from, to], axis: null, clamp: true });

/** A picture around the middle of the frame, or around another x, its pixels as they are. */
export function pictureMark({ plot }: Drawing, src: string, place: object): PlotMark {
  const style = { preserveAspectRatio: "none", imageRendering: "pixelated", frameAnchor: "middle" };
  return plot.image([src], { ...style, ...place, src: [src] });
}
