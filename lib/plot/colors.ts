/**
 * Colours: d3's palettes that every kind of colour vision can read, and seven for lines (Okabe and Ito, 2008).
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import type { PlotLibrary } from "./libraries.ts";

/** Palettes for heat maps: `RdBu` and `PuOr` are for values with a sign, and pale at zero. */
export type PaletteName = "viridis" | "magma" | "cividis" | "RdBu" | "PuOr";

const PALETTES: readonly string[] = ["viridis", "magma", "cividis", "RdBu", "PuOr"] satisfies PaletteName[];
/** The last is that of the text: dark on light pages, light on dark ones. */
const SERIES = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "currentColor"];

/** The colour that was asked for, or the one of the line or bar at a place. */
export function seriesColor(index: number, asked?: string): string {
  return checkColor(asked) ?? SERIES[index % SERIES.length]!;
}

/** Refuses what is not a colour. */
export function checkColor(text: string | undefined): string | undefined {
  if (text === undefined || text === "currentColor" || /^#[0-9a-f]{6}$/i.test(text)) return text;
  throw new OptionError(`Cannot read the colour "${text}": write it as #rrggbb, or currentColor.`);
}

/** Refuses a palette that does not exist. */
export function checkPalette(name: PaletteName = "viridis"): PaletteName {
  if (PALETTES.includes(name)) return name;
  throw new OptionError(`There is no palette "${name}": use ${PALETTES.join(", ")}.`);
}

/** Colours of a palette at even steps, red, green, blue from 0 to 255. */
export function paletteColors({ scale }: PlotLibrary, name: PaletteName, count: number): number[][] {
  const { apply } = scale({ color: { type: "linear", scheme: name, domain: [0, count - 1] } });
  return Array.from({ length: count }, (_, k) => {
    const color = apply(k);
    if (color.startsWith("#")) return Array.from(Uint8Array.fromHex(color.slice(1)));
    return Array.from(color.matchAll(/\d+/g), ([digits]) => Number(digits));
  });
}
