/**
 * Heat maps: mel spectrograms, attention, logits.
 *
 * @module
 */
import { axisLabel, axisOf } from "./axis.ts";
import { drawCells, type HeatMapData } from "./cells.ts";
import { paletteColors } from "./colors.ts";
import { type Chart, CHART_WIDTH, Figure } from "./chart.ts";
import { jupyterDisplay, type MimeBundle } from "./display.ts";
import type { Frame, Panel } from "./panel.ts";
import { canDraw } from "./font.ts";
import { drawHeatMap } from "./heat_picture.ts";
import { type HeatMapOptions, heatMapPalette, type HeatMapPlan, planOf } from "./heat_plan.ts";
import { encodePNG, encodeStoredPNG } from "./png.ts";
import { tag } from "./svg.ts";

const GRADIENT_STEPS = 64;

/**
 * A drawn matrix. Notebooks show it as PNG, or as SVG where a label has letters that the PNG's font lacks. The SVG
 * contains the cells as a bitmap.
 */
export interface HeatMap extends Chart {
  /** The picture as a PNG file. */
  toPNG(): Promise<Uint8Array>;
}

/**
 * Draws a matrix in colours.
 *
 * @param data Values row by row.
 * @throws {OptionError} When the values do not fill the rows and columns, or an option is not usable.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * const values = Float32Array.from({ length: 128 * 300 }, (_, k) => Math.sin(k / 500));
 * const mel = heatMap({ values, rows: 128, columns: 300 }, {
 *   title: "Log-mel spectrogram",
 *   x: { label: "time (s)", from: 0, to: 3 },
 *   y: { label: "mel band" },
 *   origin: "lower",
 * });
 * const png = await mel.toPNG();
 * assertEquals(new TextDecoder().decode(png.subarray(1, 4)), "PNG");
 * ```
 */
export function heatMap(data: HeatMapData, options: HeatMapOptions = {}): HeatMap {
  return new DrawnHeatMap(planOf(data, options));
}

class DrawnHeatMap extends Figure implements HeatMap {
  readonly #plan: HeatMapPlan;

  constructor(plan: HeatMapPlan) {
    super([panelOf(plan)], { width: CHART_WIDTH, title: "", sharedX: false });
    this.#plan = plan;
  }

  toPNG(): Promise<Uint8Array> {
    const { canvas, palette } = drawHeatMap(this.#plan);
    return encodePNG(canvas, palette);
  }

  override async [jupyterDisplay](): Promise<MimeBundle> {
    const { title, data: { rows, columns }, min, max } = this.#plan;
    const text = {
      "text/plain": `${title || "Heat map"}: ${rows} rows, ${columns} columns, ${min} to ${max}`,
    };
    if (!textsOf(this.#plan).every(canDraw)) return { "image/svg+xml": this.toSVG(), ...text };
    return { "image/png": (await this.toPNG()).toBase64(), ...text };
  }
}

function textsOf({ title, x, y, colorLabel, marks }: HeatMapPlan): string[] {
  const ticks = [...x.ticks ?? [], ...y.ticks ?? []].map(({ label }) => label);
  return [title, axisLabel(x), axisLabel(y), colorLabel, ...ticks, ...marks.map(({ label }) => label ?? "")];
}

function panelOf(plan: HeatMapPlan): Panel {
  const { title, x, y, marks, min, max, colorLabel, palette, data, isUpward } = plan;
  const gradient = paletteColors(palette, GRADIENT_STEPS).map(([red, green, blue]) =>
    `rgb(${red},${green},${blue})`
  );
  const bar = axisOf({ label: colorLabel }, min, max, "number");
  return {
    title,
    height: plan.height,
    x,
    y,
    marks,
    isDark: true,
    legend: [],
    colorBar: { axis: bar, gradient },
    draw: (frame: Frame) => {
      const size = {
        width: Math.min(data.columns, Math.ceil(frame.width)),
        height: Math.min(data.rows, plan.height),
      };
      const cells = drawCells(data, { ...size, min, max, isUpward });
      const href = `data:image/png;base64,${encodeStoredPNG(cells, heatMapPalette(plan).colors).toBase64()}`;
      const [left, right] = [frame.x(x.from), frame.x(x.to)];
      return [tag("image", {
        x: left,
        y: 0,
        width: right - left,
        height: frame.height,
        preserveAspectRatio: "none",
        style: "image-rendering:optimizeSpeed;image-rendering:pixelated",
        href,
      })];
    },
  };
}
