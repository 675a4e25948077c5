/**
 * Pictures for notebooks and scripts, over Observable Plot: heat maps, waves, lines and bars. Each shows itself in
 * Jupyter on the Deno kernel, and becomes an SVG or a PNG file elsewhere. What draws is fetched with the first picture.
 *
 * @module
 */
export type { AxisOptions, Mark, Tick } from "./axis.ts";
export * from "../displayable.ts";
export type { AxesOptions, Chart, ChartOptions, PngOptions, SvgOptions } from "./figure.ts";
export { stack } from "./figure.ts";
export * from "./heat_map.ts";
export * from "./charts.ts";
