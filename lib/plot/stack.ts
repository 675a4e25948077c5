/**
 * Stacks charts above one common time axis.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { type Chart, Figure } from "./figure.ts";

/** How to stack charts. */
export interface StackOptions {
  /** Text above all of them. @default {""} */
  title?: string | undefined;
  /** Pixels of the whole picture. @default {640} */
  width?: number | undefined;
  /** Whether charts whose x axis counts numbers or seconds show the same stretch of it. @default {true} */
  sharedX?: boolean | undefined;
}

/**
 * Puts charts one above the other, their plots aligned. Heat maps can be stacked too: give them an x axis in the units of
 * the other charts.
 *
 * @throws {OptionError} When there is nothing to stack, or something that is not a chart.
 *
 * @example
 * ```ts
 * import { assertStringIncludes } from "@std/assert";
 * import { lineChart } from "./line_chart.ts";
 * import { waveform } from "./waveform.ts";
 *
 * const wave = waveform(Float32Array.from({ length: 16000 }, (_, k) => Math.sin(k / 20)), { title: "Recording" });
 * const energy = lineChart([{ x: [0, 0.5, 1], y: [-30, -60, -20] }], { title: "Energy", y: { label: "dB" } });
 * assertStringIncludes(await stack([wave, energy]).toSVG(), "Energy");
 * ```
 */
export function stack(charts: readonly Chart[], options: StackOptions = {}): Chart {
  const panels = charts.flatMap((chart) => {
    if (chart instanceof Figure) return chart.panels;
    throw new OptionError("Cannot stack charts: one was not made by this module.");
  });
  if (panels.length === 0) throw new OptionError("Cannot stack charts: there are none.");
  return new Figure(panels, options.width, options.title, options.sharedX ?? true);
}
