/**
 * Charts as SVG, alone or stacked.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { type Displayable, jupyterDisplay, type MimeBundle } from "./display.ts";
import { type FigureOptions, renderFigure } from "./figure.ts";
import type { Panel } from "./panel.ts";

/** A drawn chart. Notebooks show it as SVG. */
export interface Chart extends Displayable {
  /** The picture as an SVG document. */
  toSVG(): string;
}

/** A chart made of panels, which `stack()` can take apart. */
export class Figure implements Chart {
  readonly #options: FigureOptions;

  constructor(readonly panels: readonly Panel[], options: FigureOptions) {
    this.#options = options;
  }

  toSVG(): string {
    return renderFigure(this.panels, this.#options);
  }

  [jupyterDisplay](): Promise<MimeBundle> {
    const titles = [this.#options.title, ...this.panels.map(({ title }) => title)].filter((title) => title);
    return Promise.resolve({ "image/svg+xml": this.toSVG(), "text/plain": titles.join("\n") || "Chart" });
  }
}

/** Options of every chart. */
export interface ChartOptions {
  /** Text above. @default {""} */
  title?: string | undefined;
  /** Pixels of the whole picture. @default {860} */
  width?: number | undefined;
  /** Pixels of the plot without axes and text. */
  height?: number | undefined;
}

/** Width of a chart in pixels unless its options say otherwise. */
export const CHART_WIDTH = 860;

/** Checks a size in pixels. */
export function pixelsOf(name: string, asked: number | undefined, fallback: number): number {
  const pixels = asked ?? fallback;
  if (Number.isFinite(pixels) && pixels >= 20 && pixels <= 20_000) return pixels;
  throw new OptionError(`Cannot draw a chart with ${name} ${pixels}: use 20 to 20000 pixels.`);
}
