/**
 * One plot of a figure, as charts describe it.
 *
 * @module
 */
import type { Axis, Scale } from "./axis.ts";
import type { Mark } from "./marks.ts";

/** The inside of a plot: values to pixels from its upper left corner. */
export interface Frame {
  width: number;
  height: number;
  x: Scale;
  y: Scale;
}

/** A line of a legend. */
export interface LegendEntry {
  text: string;
  color: string;
}

/** Colours of values beside a plot. */
export interface ColorBar {
  axis: Axis;
  /** CSS colours from the smallest value to the largest. */
  gradient: readonly string[];
}

/** One plot of a figure. */
export interface Panel {
  title: string;
  /** Pixels of the plot without axes and text. */
  height: number;
  x: Axis;
  y: Axis;
  marks: readonly Mark[];
  legend: readonly LegendEntry[];
  /** Whether the plot is filled with dark colours, so that marks must be bright. */
  isDark?: boolean;
  colorBar?: ColorBar;
  /** SVG elements inside the plot, which cuts off what lies outside. */
  draw(frame: Frame): string[];
}
