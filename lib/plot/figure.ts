/**
 * Charts: panels one above the other in one SVG, with titles and legends.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { type AxisOptions, checkMarks, type Mark, textPixels } from "./axis.ts";
import { type Drawing, loadDrawing, loadRasterizer } from "./libraries.ts";
import { BAR_WIDTH, drawPanel, GAP, type Panel } from "./panel.ts";

/** The key under which Deno's Jupyter kernel looks for a method that gives a MIME bundle. */
export const jupyterDisplay: unique symbol = Symbol.for("Jupyter.display");

/** Contents by MIME type; binary ones in base64. */
export type MimeBundle = Record<string, string>;

/** Something that a notebook shows as more than its fields. */
export interface Displayable {
  /** The contents to show. */
  [jupyterDisplay](): Promise<MimeBundle>;
}

/** How to draw a picture as SVG. */
export interface SvgOptions {
  /** Pixels of the whole picture, e.g. 320 for a phone. @default {as the chart says} */
  width?: number | undefined;
}

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
    parts.push(`${color ? patch : ""}<text ${place} y="${y}">${escapeXML(text)}</text>`);
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
    `class="qwen-plot" style="max-width:100%;height:auto" role="img" aria-label="${escapeXML(name)}" ` +
    `color="#1f2328" fill="currentColor" font-family="system-ui, sans-serif" font-size="${fontSize}">` +
    `<style>${THEME}</style><rect ${size} class="qwen-page" fill="#ffffff"/>${parts.join("")}</svg>`;
  return svg.replace(FORBIDDEN, " ").toWellFormed();
}

/** A text as contents or attribute in XML. */
const escapeXML = (text: string) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

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
 *
 * @example
 * ```ts
 * import { assertStringIncludes } from "@std/assert";
 * import { lineChart } from "./charts.ts";
 *
 * const energy = lineChart([{ x: [0, 0.5, 1], y: [-30, -60, -20] }], { title: "Energy" });
 * const speech = lineChart([{ x: [0, 2], y: [0, 1] }], { title: "Speech" });
 * assertStringIncludes(await stack([energy, speech]).toSVG(), "Speech");
 * ```
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
