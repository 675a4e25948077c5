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
/** Files of the font, and the letters for which each is needed. */
const FONT_FILES: [name: string, letters: RegExp][] = [
  ["latin-400", /^/],
  ["latin-600", /^/],
  ["latin-ext-400", /[\u0100-\u02ff\u1e00-\u1eff]/],
  ["greek-400", /[\u0370-\u03ff]/],
  ["cyrillic-400", /[\u0400-\u04ff]/],
];

/** As much of an element as is used here. */
export interface SvgElement {
  textContent: string | null;
  readonly outerHTML: string;
  setAttribute(name: string, value: string): void;
  removeAttribute(name: string): void;
  append(...children: SvgElement[]): void;
  remove(): void;
  querySelectorAll(selector: string): Iterable<SvgElement>;
}

interface SvgDocument {
  createElementNS(namespace: string, name: string): SvgElement;
}

/** Something that Plot draws: one of its marks, or a function that makes an element. */
export type PlotMark = object;

type MarkName =
  | "areaY"
  | "axisX"
  | "axisY"
  | "dot"
  | "frame"
  | "gridX"
  | "gridY"
  | "line"
  | "rect"
  | "ruleX"
  | "text";

/** As much of Observable Plot as is used here. */
export type PlotLibrary = Readonly<Record<MarkName, (data: object, options?: object) => PlotMark>> & {
  plot(options: object): SvgElement;
  scale(options: object): { apply(value: number): string };
};

/** Pixels: palette indices, or channels in a row. */
interface Image {
  width: number;
  height: number;
  data: Uint8Array;
  channels?: number;
  palette?: number[][];
}

/** What draws an SVG. */
export interface Drawing {
  plot: PlotLibrary;
  document: SvgDocument;
  encode(image: Image): Uint8Array;
}

interface Resvg {
  initWasm(bytes: Uint8Array): Promise<void>;
  Resvg: new (svg: string, options: object) => {
    render(): { width: number; height: number; readonly pixels: Uint8Array; free(): void };
    free(): void;
  };
}

/** Draws an SVG as pixels, red, green, blue, alpha. */
export type Rasterizer = (svg: string, scale: number, fonts: readonly Uint8Array[]) => Image;

/** What draws an SVG. */
export const loadDrawing: () => Promise<Drawing> = once(async () => {
  const plot: PlotLibrary = await import(PLOT);
  const { parseHTML }: { parseHTML(html: string): { document: SvgDocument } } = await import(LINKEDOM);
  const { encode }: Pick<Drawing, "encode"> = await import(FAST_PNG);
  return { plot, document: parseHTML("<html></html>").document, encode };
});

/** What makes pixels of an SVG. */
export const loadRasterizer: () => Promise<Rasterizer> = once(async () => {
  const { initWasm, Resvg }: Resvg = await import(RESVG);
  const read = (specifier: string) => Deno.readFile(new URL(import.meta.resolve(specifier)));
  await initWasm(await read(`${RESVG}/index_bg.wasm`));
  // Deno fetches a package when something of it is imported, and tells then where its files are.
  await import(`${FONT}/metadata.json`, { with: { type: "json" } });
  const inter = await Promise.all(FONT_FILES.map(async ([name, letters]) => ({
    letters,
    bytes: await read(`${FONT}/files/inter-${name}-normal.woff2`),
  })));
  return (svg, scale, fonts) => {
    const needed = inter.filter(({ letters }) => letters.test(svg)).map(({ bytes }) => bytes);
    // Resvg knows only the older name.
    const drawn = new Resvg(svg.replaceAll("pixelated", "optimizeSpeed"), {
      fitTo: { mode: "zoom", value: scale },
      font: { fontBuffers: [...needed, ...fonts], defaultFontFamily: "Inter", sansSerifFamily: "Inter" },
    });
    const image = drawn.render();
    const { width, height, pixels: data } = image;
    image.free();
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
      const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
      const cure = "connect to the npm registry once, and allow reading Deno's cache.";
      throw new Qwen3ASRError(`Cannot draw: a package that draws can't be loaded (${reason}): ${cure}`, {
        code: "offline",
        cause,
      });
    });
}
