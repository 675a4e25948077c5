/**
 * One plot of a figure, drawn by Plot.
 *
 * @module
 */
import { askedTicks, type Axis, textPixels, tickArguments } from "./axis.ts";
import type { Drawing, PlotMark, SvgElement } from "./libraries.ts";
import { drawMarks, type Mark, placeLabels } from "./marks.ts";

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
  /** What is inside, for a plot of `pixels` width over an x axis that may be longer than the panel's own. */
  draw(drawing: Drawing, pixels: number, x: Axis): PlotMark[];
}

/** The pixels that a panel has from side to side, and those of its text. */
export type Space = Record<"width" | "left" | "right" | "fontSize", number>;

/** Pixels between things. */
export const GAP = 8;
/** Pixels of a colour bar. */
export const BAR_WIDTH = 14;

/** Makes an element with attributes. */
export function element({ document }: Drawing, name: string, attributes: object, text = ""): SvgElement {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.textContent = text;
  return made;
}

/** A mark that is a picture between values, its pixels as they are. */
export function image(
  drawing: Drawing,
  href: string,
  xs: readonly number[],
  ys: readonly number[],
): PlotMark {
  return (_index: unknown, scales: Record<"x" | "y", (value: number) => number>) => {
    const [x = 0, right = 0] = xs.map((value) => scales.x(value)).toSorted((a, b) => a - b);
    const [y = 0, bottom = 0] = ys.map((value) => scales.y(value)).toSorted((a, b) => a - b);
    const box = { x, y, width: right - x, height: bottom - y, preserveAspectRatio: "none", href };
    return element(drawing, "image", { ...box, style: "image-rendering:pixelated" });
  };
}

/** Draws a panel, and its colour bar beside it; gives their height. */
export function drawPanel(
  drawing: Drawing,
  panel: Panel,
  space: Space,
  hidesX: boolean,
): [number, ...SvgElement[]] {
  const { plot, document } = drawing;
  const { width, left, right, fontSize } = space;
  const { x, y, colorBar } = panel;
  const pixels = width - left - right;
  const line = fontSize * 1.25;
  const labels = placeLabels(panel.marks, x, pixels, fontSize);
  const rows = Math.max(0, ...labels.map(({ row }) => row + 1)) + (y.label || colorBar?.axis.label ? 1 : 0);
  // Labels that were asked for stand upright when they would touch side by side.
  const longest = Math.max(0, ...x.ticks?.map(({ label }) => textPixels(label, fontSize)) ?? []);
  const isUpright = askedTicks(x, pixels, longest + GAP)?.length !== x.ticks?.length;
  const below = hidesX ? GAP : (isUpright ? longest : fontSize) + 2 * GAP + (x.label ? line : 0);
  const frame = { document, marginTop: GAP + rows * line, marginBottom: below };
  const height = Math.ceil(frame.marginTop + panel.height + below);
  const xTicks = askedTicks(x, pixels, isUpright ? fontSize * 1.1 : 0);
  const turned = { tickSpacing: fontSize * 6, labelAnchor: "center", tickRotate: isUpright ? -90 : 0 };
  const across = (more: object) => tickArguments(x, pixels, xTicks, { ...turned, ...more });
  const upward = (axis: Axis, more: object) => {
    const ticks = askedTicks(axis, panel.height, fontSize * 1.1);
    return tickArguments(axis, panel.height, ticks, {
      tickSpacing: fontSize * 2.6,
      labelAnchor: "top",
      ...more,
    });
  };
  const [under, ...over] = drawMarks(drawing, panel.marks, x, colorBar !== undefined);
  const main = plot.plot({
    ...frame,
    width,
    height,
    marginLeft: left,
    marginRight: right,
    x: { type: "linear", domain: [x.from, x.to], axis: null },
    y: { type: "linear", domain: [y.from, y.to], axis: null, clamp: true },
    marks: [
      !colorBar && !x.ticks && plot.gridX(...across({ strokeOpacity: 0.15 })),
      !colorBar && !y.ticks && plot.gridY(...upward(y, { strokeOpacity: 0.15 })),
      under,
      ...panel.draw(drawing, pixels, x),
      ...over,
      plot.frame({ strokeOpacity: 0.5 }),
      !hidesX && plot.axisX(...across({})),
      plot.axisY(...upward(y, { labelOffset: left - GAP })),
      ...Map.groupBy(labels, ({ row }) => row).entries().map(([row, some]) =>
        plot.text(some, {
          x: "at",
          text: "text",
          frameAnchor: "top",
          lineAnchor: "bottom",
          dy: -4 - row * line,
        })
      ),
    ].filter((mark) => mark),
  });
  if (!colorBar) return [height, plain(main, fontSize, 0)];
  const { axis } = colorBar;
  const bar = plot.plot({
    ...frame,
    width: right,
    height,
    marginLeft: GAP,
    marginRight: right - GAP - BAR_WIDTH,
    x: { type: "linear", domain: [0, 1], axis: null },
    y: { type: "linear", domain: [axis.from, axis.to], axis: null },
    marks: [
      image(drawing, colorBar.picture(drawing), [0, 1], [axis.from, axis.to]),
      plot.frame({ strokeOpacity: 0.5 }),
      plot.axisY(...upward(axis, { anchor: "right" })),
    ],
  });
  return [height, plain(main, fontSize, 0), plain(bar, fontSize, width - right)];
}

/** Takes away what belongs to a page of Plot's own, and puts the plot in its place. */
function plain(svg: SvgElement, fontSize: number, x: number): SvgElement {
  for (const style of svg.querySelectorAll("style")) style.remove();
  const own = Object.entries({ "font-size": fontSize, overflow: "visible", x, class: "" });
  for (const [name, value] of own) svg.setAttribute(name, String(value));
  return svg;
}
