/**
 * Pictures for notebooks and scripts, over Observable Plot: heat maps, waves, lines, bars, text marked by confidence.
 * Each shows itself in Jupyter on the Deno kernel, and becomes an SVG or a PNG file elsewhere. The libraries that draw
 * are fetched when the first picture is drawn.
 *
 * @module
 */
export type { AxisOptions, Tick } from "./axis.ts";
export { type Bar, barChart, type BarChartOptions } from "./bar_chart.ts";
export * from "./colored_text.ts";
export type { PaletteName } from "./colors.ts";
export { type Displayable, jupyterDisplay, type MimeBundle } from "./display.ts";
export type { AxesOptions, Chart, ChartOptions, PngOptions, SvgOptions } from "./figure.ts";
export { heatMap, type HeatMapOptions } from "./heat_map.ts";
export { lineChart, type LineChartOptions, type Series } from "./line_chart.ts";
export type { LineMark, Mark, MarkLabel, SpanMark } from "./marks.ts";
export type { HeatMapData } from "./raster.ts";
export { stack, type StackOptions } from "./stack.ts";
export { waveform, type WaveformOptions } from "./waveform.ts";
