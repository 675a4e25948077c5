/**
 * Pictures without dependencies, for notebooks and scripts: heat maps (PNG), waves, lines and bars (SVG), text coloured
 * by confidence (HTML). Each shows itself in Jupyter on the Deno kernel.
 *
 * @module
 */
export type { AxisOptions } from "./axis.ts";
export { type Bar, barChart, type BarChartOptions } from "./bar_chart.ts";
export type { HeatMapData } from "./cells.ts";
export type { Chart, ChartOptions } from "./chart.ts";
export {
  type ColoredText,
  coloredText,
  type ColoredTextOptions,
  type TokenConfidence,
} from "./colored_text.ts";
export type { PaletteName } from "./colors.ts";
export { type Displayable, jupyterDisplay, type MimeBundle } from "./display.ts";
export { type HeatMap, heatMap } from "./heat_map.ts";
export type { HeatMapOptions } from "./heat_plan.ts";
export { lineChart, type LineChartOptions, type Series } from "./line_chart.ts";
export type { LineMark, Mark, SpanMark } from "./marks.ts";
export { stack, type StackOptions } from "./stack.ts";
export type { Tick } from "./ticks.ts";
export { waveform, type WaveformOptions } from "./waveform.ts";
