/**
 * Charts: panels one above the other in one SVG, with titles and legends.
 *
 * @module
 */
import { type Displayable, jupyterDisplay, type MimeBundle } from "../displayable.ts";
import { OptionError } from "../errors.ts";
import { escapeHTML } from "../escape_html.ts";
import {
  askedTicks,
  type Axis,
  type AxisOptions,
  checkMarks,
  drawMarks,
  type Mark,
  placeLabels,
  textPixels,
  tickArguments,
} from "./axis.ts";
import { type Drawing, loadDrawing, loadRasterizer, type PlotMark, type SvgElement } from "./libraries.ts";

/** How to draw a picture as SVG: `width` in pixels as the chart says, or e.g. 320 for a phone. */
export type SvgOptions = Pick<ChartOptions, "width">;

/** How to draw a picture as PNG. */
export interface PngOptions extends SvgOptions {
  /** Pixels of the file for each pixel of the picture. @default {2} */
  scale?: number | undefined;
  /** Fonts (TTF, OTF, WOFF2) for letters that are neither Latin, Greek nor Cyrillic. @default {[]} */
  fonts?: readonly Uint8Array[] | undefined;
}

/** A drawn chart. Notebooks show it as SVG or PNG, whichever they can, and as a line of text. */
export interface Chart extends Displayable {
  /** The picture as an SVG document that follows the reader's light or dark theme. */
  toSVG(options?: SvgOptions): Promise<string>;
  /** The picture as a PNG file, dark on white. */
  toPNG(options?: PngOptions): Promise<Uint8Array>;
}

/** Options of every chart. */
export interface ChartOptions {
  /** Text above. @default {""} */
  title?: string | undefined;
  /** Pixels of the whole picture. Up to 640 its text is readable on a phone, too. @default {640} */
  width?: number | undefined;
  /** Pixels of the plot without axes and text. */
  height?: number | undefined;
}

/** Options of charts with two axes. */
export interface AxesOptions extends ChartOptions {
  /** The horizontal axis. @default {the range of the data} */
  x?: AxisOptions | undefined;
  /** The vertical axis. @default {the range of the data} */
  y?: AxisOptions | undefined;
  /** Cut points, chunks, words. @default {[]} */
  marks?: readonly Mark[] | undefined;
}

const WIDTH = 640;
/** Text of 16 pixels in 640 has 8 where a phone shows the picture at 320; a picture made for 320 has 12. */
const fontSizeOf = (width: number) => width < 480 ? 12 : 16;
/** Follows the reader's theme where a page keeps it; without it the picture is dark on white. */
const THEME = "@media (prefers-color-scheme:dark){.qwen-plot{color:#e6edf3}.qwen-page{fill:#0d1117}}";
/** What no XML may contain. */
// deno-lint-ignore no-control-regex
const FORBIDDEN = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g;
const Y_LABELS = '[aria-label="y-axis tick label"] text';

function pixelsOf(name: string, asked: number): number {
  if (asked >= 20 && asked <= 20_000) return asked;
  throw new OptionError(`Cannot draw a chart with ${name} ${asked}: use 20 to 20000 pixels.`);
}

/** A chart of one panel, whose usual height is given. */
export function chartOf(options: AxesOptions, panel: Omit<Panel, "title" | "marks">): Chart {
  const { title = "", width, marks } = options;
  const height = pixelsOf("height", options.height ?? panel.height);
  return new Figure([{ ...panel, title, height, marks: checkMarks(marks) }], width);
}

/** A chart made of panels, which `stack()` can take apart. */
export class Figure implements Chart {
  constructor(readonly panels: readonly Panel[], readonly width = WIDTH, readonly title = "") {
    pixelsOf("width", width);
  }

  async toSVG({ width = this.width }: SvgOptions = {}): Promise<string> {
    return drawFigure(await loadDrawing(), this, pixelsOf("width", width));
  }

  async toPNG({ scale = 2, fonts = [], ...options }: PngOptions = {}): Promise<Uint8Array> {
    if (!(scale > 0 && scale <= 8)) throw new OptionError(`Cannot draw at scale ${scale}: use up to 8.`);
    return (await loadRasterizer())(await this.toSVG(options), scale, fonts);
  }

  async [jupyterDisplay](): Promise<MimeBundle> {
    const lines = this.panels.map(({ title, summary }) => title ? `${title}: ${summary}` : summary);
    const [svg, png] = [await this.toSVG(), (await this.toPNG()).toBase64()];
    const text = (this.title ? [this.title, ...lines] : lines).join("\n");
    return { "image/svg+xml": svg, "image/png": png, "text/plain": text };
  }
}

/** One plot of a figure. */
interface Panel {
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
type Space = Record<"top" | "width" | "left" | "right" | "fontSize", number>;

/** Pixels between things. */
const GAP = 8;
/** Pixels of a colour bar. */
const BAR_WIDTH = 14;

/** A drawn panel, and the colour bar beside it. */
type Drawn = [height: number, plot: SvgElement, bar?: SvgElement];

/** Draws a panel. */
function drawPanel(drawing: Drawing, panel: Panel, space: Space, hidesX: boolean): Drawn {
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

function drawFigure(drawing: Drawing, { panels, title }: Figure, width: number): string {
  const fontSize = fontSizeOf(width);
  // How wide the labels at the sides are is known when Plot has chosen the ticks, so each panel is drawn twice.
  const draft = { top: 0, width, left: width / 4, right: width / 4, fontSize };
  const drafts = panels.map((panel) => drawPanel(drawing, panel, draft, true));
  const widest = (part: 1 | 2) => {
    const texts = drafts.flatMap((plots) => Array.from(plots[part]?.querySelectorAll(Y_LABELS) ?? []));
    return Math.max(0, ...texts.map(({ textContent }) => textPixels(textContent ?? "", fontSize)));
  };
  const space = {
    ...draft,
    left: Math.min(0.5 * width, widest(1) + 2 * GAP),
    right: panels.some(({ colorBar }) => colorBar) ? 3 * GAP + BAR_WIDTH + widest(2) : 1.5 * fontSize,
  };
  const parts: string[] = [];
  let top = GAP / 2;
  /** Writes a line at the left, with a patch of colour before it. */
  const write = (text: string, color?: string) => {
    top += 1.35 * fontSize;
    const [y, side] = [top - fontSize / 4, 0.8 * fontSize];
    const patch = `<rect x="${GAP}" y="${y - side}" width="${side}" height="${side}" fill="${color}"/>`;
    const place = color ? `x="${GAP + 1.2 * fontSize}"` : `x="${GAP}" font-weight="bold"`;
    parts.push(`${color ? patch : ""}<text ${place} y="${y}">${escapeHTML(text)}</text>`);
  };
  const head = (text: string) => linesOf(text, fontSize, width - 2 * GAP).forEach((line) => write(line));
  head(title);
  for (const [k, panel] of panels.entries()) {
    head(panel.title);
    for (const { text, color } of panel.legend) write(text, color);
    const isAbove = isShared(panel) && panels.slice(k + 1, k + 2).some(isShared);
    const [height, plot, bar] = drawPanel(drawing, panel, { ...space, top }, isAbove);
    parts.push(plot.outerHTML, bar?.outerHTML ?? "");
    top += height;
  }
  const name = [title, ...panels.map((panel) => panel.title)].filter(Boolean).join("; ") || "chart";
  const size = `width="${width}" height="${Math.ceil(top)}"`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" ${size} viewBox="0 0 ${width} ${Math.ceil(top)}" ` +
    `class="qwen-plot" style="max-width:100%;height:auto" role="img" aria-label="${escapeHTML(name)}" ` +
    `color="#1f2328" fill="currentColor" font-family="system-ui, sans-serif" font-size="${fontSize}">` +
    `<style>${THEME}</style><rect ${size} class="qwen-page" fill="#ffffff"/>${parts.join("")}</svg>`;
  return svg.replace(FORBIDDEN, " ").toWellFormed();
}

/** Breaks a bold text at spaces, or where a line is full. */
function linesOf(text: string, fontSize: number, pixels: number): string[] {
  const letters = Array.from(text).length * pixels / textPixels(`${text} `, fontSize * 1.1);
  const line = `\\S.{0,${Math.max(0, Math.floor(letters) - 1)}}`;
  return text.match(new RegExp(`${line}(?=\\s|$)|${line}`, "gu")) ?? [];
}

/** Whether a panel is over numbers or seconds, which others may be over too. */
const isShared = ({ x }: Panel) => x.kind !== "index";

/**
 * Puts charts one above the other, their plots aligned; those over numbers or seconds show the same stretch of them.
 * Heat maps can be stacked too: give them an x axis in the units of the other charts.
 *
 * @throws {OptionError} When there is nothing to stack, or something that is not a chart.
 */
export function stack(charts: readonly Chart[], { title, width }: Omit<ChartOptions, "height"> = {}): Chart {
  const panels = charts.flatMap((chart) => chart instanceof Figure ? chart.panels : []);
  if (panels.length < charts.length || panels.length === 0) {
    throw new OptionError("Cannot stack charts: there are none, or one was not made by this module.");
  }
  const axes = panels.filter(isShared).map(({ x }) => x);
  const [from, to] = [Math.min(...axes.map((x) => x.from)), Math.max(...axes.map((x) => x.to))];
  const shared = panels.map((panel) => isShared(panel) ? { ...panel, x: { ...panel.x, from, to } } : panel);
  return new Figure(shared, width, title);
}
