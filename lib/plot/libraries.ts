/**
 * The libraries that draw, fetched when the first picture is drawn: their names are no literals in an `import()`, so
 * that nobody pays for them who only transcribes.
 *
 * @module
 */
import { Qwen3ASRError } from "../errors.ts";
import { loadOnce } from "../load_once.ts";

const PLOT = "npm:@observablehq/plot@0.6.17";
const LINKEDOM = "npm:linkedom@0.18.12";
const FAST_PNG = "npm:fast-png@8.0.0";
const RESVG = "npm:@resvg/resvg-wasm@2.6.2";
const FONT = "npm:@fontsource/inter@5.3.0";
const FONT_FILES = ["latin-400", "latin-600", "greek-400", "latin-ext-400", "cyrillic-400"];
const MOST_COLORS = 256;

/** As much of an element as is used here. */
export interface SvgElement {
  readonly textContent: string | null;
  readonly outerHTML: string;
  setAttribute(name: string, value: string): void;
  remove(): void;
  querySelectorAll(selector: string): Iterable<SvgElement>;
}

/** Something that Plot draws. */
export type PlotMark = object;

type Axes = "axisX" | "axisY" | "frame" | "gridX" | "gridY";
type MarkName = Axes | "areaY" | "dot" | "image" | "line" | "rect" | "ruleX" | "text";

/** What draws an SVG: as much of Observable Plot, of linkedom and of fast-png as is used here. */
export interface Drawing {
  plot: Readonly<Record<MarkName, (data: object, options?: object) => PlotMark>> & {
    plot(options: object): SvgElement;
    scale(options: object): { apply(value: number): string };
  };
  document: object;
  /** A PNG file of palette indices. */
  encode(
    image: { width: number; height: number; data: Uint8Array; channels: 1; palette: number[][] },
  ): Uint8Array;
}

type Rasterizer = (svg: string, scale: number, fonts: readonly Uint8Array[]) => Uint8Array;

function refuse(reason: string, cause: unknown): Qwen3ASRError {
  const why = `Cannot draw: a package that draws can't be loaded (${reason}): `;
  const cure = "connect to the npm registry once, and allow reading Deno's cache.";
  return new Qwen3ASRError(why + cure, { code: "offline", cause });
}

/** What draws an SVG. */
export const loadDrawing: () => Promise<Drawing> = loadOnce(async () => {
  const { DOMParser } = await import(LINKEDOM);
  const { encode } = await import(FAST_PNG);
  const document = new DOMParser().parseFromString("<svg/>", "image/svg+xml");
  return { plot: await import(PLOT), document, encode };
}, refuse);

/** What makes a PNG file of an SVG. */
export const loadRasterizer: () => Promise<Rasterizer> = loadOnce(async () => {
  const { encode } = await loadDrawing();
  const { initWasm, Resvg } = await import(RESVG);
  const read = (specifier: string) => Deno.readFile(new URL(import.meta.resolve(specifier)));
  await initWasm(await read(`${RESVG}/index_bg.wasm`));
  // Deno fetches a package when something of it is imported, and tells then where its files are.
  await import(`${FONT}/metadata.json`, { with: { type: "json" } });
  const all = await Promise.all(FONT_FILES.map((name) => read(`${FONT}/files/inter-${name}-normal.woff2`)));
  return (svg: string, scale: number, more: readonly Uint8Array[]) => {
    const font = { fontBuffers: [...all, ...more], defaultFontFamily: "Inter", sansSerifFamily: "Inter" };
    // Resvg knows only the older name of pixelated.
    const older = svg.replaceAll("pixelated", "optimizeSpeed");
    const drawn = new Resvg(older, { fitTo: { mode: "zoom", value: scale }, font });
    const { width, height, pixels } = drawn.render();
    drawn.free();
    return encode({ width, height, channels: 1, ...withPalette(new Uint32Array(pixels.buffer)) });
  };
}, refuse);

/** The most frequent colours of pixels, and the nearest of them for each: a third of the size of all in a file. */
function withPalette(pixels: Uint32Array): { data: Uint8Array; palette: number[][] } {
  const counts = new Map<number, number>();
  for (const color of pixels) counts.set(color, (counts.get(color) ?? 0) + 1);
  const colors = [...counts.keys()].sort((a, b) => counts.get(b)! - counts.get(a)!);
  const channels = colors.map((color) => [color & 255, color >> 8 & 255, color >> 16 & 255]);
  const palette = channels.slice(0, MOST_COLORS);
  const nearest = (color: number[]) => {
    const away = palette.map((other) => other.reduce((sum, part, k) => sum + Math.abs(part - color[k]!), 0));
    return away.indexOf(Math.min(...away));
  };
  const places = new Map(colors.map((color, k) => [color, k < MOST_COLORS ? k : nearest(channels[k]!)]));
  return { data: Uint8Array.from(pixels, (color) => places.get(color)!), palette };
}
