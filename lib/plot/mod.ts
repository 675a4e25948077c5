/**
 * Pictures for notebooks and scripts, over Observable Plot: heat maps, waves, lines and bars. Each shows itself in
 * Jupyter on the Deno kernel, and becomes an SVG or a PNG file elsewhere. What draws is fetched with the first picture.
 *
 * @module
 */
export type { AxisOptions, Tick } from "./axis.ts";
export * from "./bar_chart.ts";
export type { AxesOptions, Chart, ChartOptions, Displayable, MimeBundle } from "./figure.ts";
export { jupyterDisplay, type PngOptions, stack, type SvgOptions } from "./figure.ts";
export * from "./heat_map.ts";
export * from "./line_chart.ts";
export type { Mark } from "./marks.ts";
export type { HeatMapData } from "./raster.ts";
