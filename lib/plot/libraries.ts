/**
 * The libraries that draw, fetched when the first picture is drawn: their names are no literals in an `import()`, so
 * that nobody pays for them who only transcribes.
 *
 * @module
 */
import { Qwen3ASRError } from "../errors.ts";

const PLOT = "npm:@observablehq/plot@0.6.17";
const LINKEDOM = "npm:linkedom@0.18.12";
const FAST_PNG = "npm:fast-png@8.0.0";
const RESVG = "npm:@resvg/resvg-wasm@2.6.2";
const FONT = "npm:@fontsource/inter@5.3.0";
/** Files of the font, and the letters that need them. */
const FONT_FILES = Object.entries({
  "latin-400": /^/,
  "latin-600": /^/,
  "greek-400": /[\u0370-\u03ff]/,
  "latin-ext-400": /[\u0100-\u02ff\u1e00-\u1eff]/,
  "cyrillic-400": /[\u0400-\u04ff]/,
});

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

/** Pixels: palette indices, or red, green, blue, alpha. */
export type Pixels = { width: number; height: number; data: Uint8Array };

/** What draws an SVG: as much of Observable Plot, of linkedom and of fast-png as is used here. */
export interface Drawing {
  plot: Readonly<Record<MarkName, (data: object, options?: object) => PlotMark>> & {
    plot(options: object): SvgElement;
    scale(options: object): { apply(value: number): string };
  };
  document: object;
  encode(image: Pixels & { channels: 1; palette: number[][] }): Uint8Array;
}

type Rasterizer = (svg: string, scale: number, fonts: readonly Uint8Array[]) => Pixels;
type Parser = { parseFromString(text: string, type: string): object };
type Drawn = { render(): Omit<Pixels, "data"> & { pixels: Uint8Array }; free(): void };

/** What draws an SVG. */
export const loadDrawing: () => Promise<Drawing> = once(async () => {
  const { DOMParser }: { DOMParser: new () => Parser } = await import(LINKEDOM);
  const { encode }: Drawing = await import(FAST_PNG);
  const document = new DOMParser().parseFromString("<svg/>", "image/svg+xml");
  return { plot: await import(PLOT), document, encode };
});

/** What makes pixels of an SVG. */
export const loadRasterizer: () => Promise<Rasterizer> = once(async () => {
  const { initWasm, Resvg } = await import(RESVG);
  const read = (specifier: string) => Deno.readFile(new URL(import.meta.resolve(specifier)));
  await initWasm(await read(`${RESVG}/index_bg.wasm`));
  // Deno fetches a package when something of it is imported, and tells then where its files are.
  await import(`${FONT}/metadata.json`, { with: { type: "json" } });
  const all = await Promise.all(FONT_FILES.map(([name]) => read(`${FONT}/files/inter-${name}-normal.woff2`)));
  return (svg: string, scale: number, more: readonly Uint8Array[]) => {
    const fontBuffers = [...all.filter((_, k) => FONT_FILES[k]![1].test(svg)), ...more];
    const font = { fontBuffers, defaultFontFamily: "Inter", sansSerifFamily: "Inter" };
    // Resvg knows only the older name of pixelated.
    const older = svg.replaceAll("pixelated", "optimizeSpeed");
    const drawn: Drawn = new Resvg(older, { fitTo: { mode: "zoom", value: scale }, font });
    const { width, height, pixels: data } = drawn.render();
    drawn.free();
    return { width, height, data };
  };
});

/** Loads once; after a failure the next call tries again. */
function once<T>(load: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () =>
    result ??= load().catch((cause) => {
      result = undefined;
      const why = `Cannot draw: a package that draws can't be loaded (${String(cause).split("\n")[0]}): `;
      const cure = "connect to the npm registry once, and allow reading Deno's cache.";
      throw new Qwen3ASRError(why + cure, { code: "offline", cause });
    });
}
