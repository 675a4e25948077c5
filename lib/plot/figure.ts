/**
 * Charts: panels one above the other in one SVG, with titles and legends.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import type { AxisOptions } from "./axis.ts";
import { type Displayable, jupyterDisplay, type MimeBundle } from "./display.ts";
import { type Drawing, loadDrawing, loadRasterizer, type SvgElement } from "./libraries.ts";
import type { Mark } from "./marks.ts";
import { BAR_WIDTH, drawPanel, element, GAP, type Panel } from "./panel.ts";
import { smallPNG } from "./raster.ts";
import { clean, textPixels, wrap } from "./text.ts";

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

/** Checks a size in pixels. */
export function pixelsOf(name: string, asked: number | undefined, fallback: number): number {
  const pixels = asked ?? fallback;
  if (Number.isFinite(pixels) && pixels >= 20 && pixels <= 20_000) return pixels;
  throw new OptionError(`Cannot draw a chart with ${name} ${pixels}: use 20 to 20000 pixels.`);
}

/** A chart made of panels, which `stack()` can take apart. */
export class Figure implements Chart {
  readonly #width: number;

  constructor(
    readonly panels: readonly Panel[],
    width: number | undefined,
    readonly title = "",
    readonly sharesX = false,
  ) {
    this.#width = pixelsOf("width", width, WIDTH);
  }

  async toSVG({ width = this.#width }: SvgOptions = {}): Promise<string> {
    return drawFigure(await loadDrawing(), this, pixelsOf("width", width, WIDTH));
  }

  async toPNG({ scale = 2, fonts = [], ...options }: PngOptions = {}): Promise<Uint8Array> {
    if (!(scale > 0 && scale <= 8)) {
      throw new OptionError(`Cannot draw a chart at scale ${scale}: use up to 8.`);
    }
    const rasterize = await loadRasterizer();
    return smallPNG(await loadDrawing(), rasterize(await this.toSVG(options), scale, fonts));
  }

  async [jupyterDisplay](): Promise<MimeBundle> {
    const lines = this.panels.map(({ title, summary }) => title ? `${title}: ${summary}` : summary);
    return {
      "image/svg+xml": await this.toSVG(),
      "image/png": (await this.toPNG()).toBase64(),
      "text/plain": [...this.title ? [this.title] : [], ...lines].join("\n"),
    };
  }
}

function drawFigure(drawing: Drawing, { panels: all, title, sharesX }: Figure, width: number): string {
  const fontSize = fontSizeOf(width);
  const panels = sharesX ? withSharedX(all) : all;
  // How wide the labels at the sides are is known when Plot has chosen the ticks, so each panel is drawn twice.
  const first = { width, left: width / 4, right: width / 4, fontSize };
  const [mains, bars] = [0, 1].map((part) =>
    panels.flatMap((panel) => drawPanel(drawing, panel, first, false).parts[part] ?? [])
  );
  const right = bars!.length ? 3 * GAP + BAR_WIDTH + widestTick(bars!, fontSize) : 1.5 * fontSize;
  const space = {
    width,
    left: Math.min(0.45 * width, widestTick(mains!, fontSize) + 2 * GAP),
    right,
    fontSize,
  };
  const parts: SvgElement[] = [];
  let top = GAP / 2;
  const write = (text: string) => {
    for (const line of text ? wrap(text, fontSize * 1.1, width - 2 * GAP) : []) {
      top += 1.35 * fontSize;
      parts.push(element(drawing, "text", { x: GAP, y: top - fontSize / 4, "font-weight": "bold" }, line));
    }
  };
  write(title);
  for (const [k, panel] of panels.entries()) {
    const next = panels[k + 1];
    write(panel.title);
    const legend = drawLegend(drawing, panel, top, space);
    const drawn = drawPanel(
      drawing,
      panel,
      space,
      sharesX && next !== undefined && isShared(panel) && isShared(next),
    );
    for (const svg of drawn.parts) svg.setAttribute("y", String(legend.bottom));
    parts.push(...legend.parts, ...drawn.parts);
    top = legend.bottom + drawn.height;
  }
  const size = { width, height: Math.ceil(top) };
  const root = element(drawing, "svg", {
    xmlns: "http://www.w3.org/2000/svg",
    ...size,
    viewBox: `0 0 ${size.width} ${size.height}`,
    class: "qwen-plot",
    style: "max-width:100%;height:auto",
    role: "img",
    "aria-label": clean([title, ...all.map((panel) => panel.title)].filter((text) => text).join("; ")) ||
      "chart",
    color: "#1f2328",
    fill: "currentColor",
    "font-family": "system-ui, sans-serif",
    "font-size": fontSize,
  });
  const page = element(drawing, "rect", { ...size, class: "qwen-page", fill: "#ffffff" });
  root.append(element(drawing, "style", {}, THEME), page, ...parts);
  return root.outerHTML;
}

function isShared({ x }: Panel): boolean {
  return x.kind !== "index";
}

function withSharedX(panels: readonly Panel[]): Panel[] {
  const shared = panels.filter(isShared).map(({ x }) => x);
  const [from, to] = [Math.min(...shared.map((x) => x.from)), Math.max(...shared.map((x) => x.to))];
  return panels.map((panel) => isShared(panel) ? { ...panel, x: { ...panel.x, from, to } } : panel);
}

function widestTick(plots: readonly SvgElement[], fontSize: number): number {
  const texts = plots.flatMap((svg) => [...svg.querySelectorAll('[aria-label="y-axis tick label"] text')]);
  return Math.max(0, ...texts.map(({ textContent }) => textPixels(textContent ?? "", fontSize)));
}

function drawLegend(
  drawing: Drawing,
  { legend }: Panel,
  top: number,
  { width, fontSize }: { width: number; fontSize: number },
): { parts: SvgElement[]; bottom: number } {
  let [x, y] = [GAP, top];
  const parts = legend.flatMap(({ text, color: fill }, k) => {
    const pixels = 1.3 * fontSize + textPixels(text, fontSize) + 2 * GAP;
    if (k > 0 && x + pixels > width) [x, y] = [GAP, y + 1.4 * fontSize];
    const [left, base] = [x, y + 1.15 * fontSize];
    x += pixels;
    const box = { x: left, y: base - 0.8 * fontSize, width: fontSize, height: 0.8 * fontSize, rx: 2, fill };
    const name = element(drawing, "text", { x: left + 1.3 * fontSize, y: base }, clean(text));
    return [element(drawing, "rect", box), name];
  });
  return { parts, bottom: legend.length ? y + 1.5 * fontSize : top };
}
