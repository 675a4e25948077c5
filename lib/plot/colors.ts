/**
 * Colours of pictures: two perceptually even palettes (Matplotlib's viridis and magma, dedicated to the public domain)
 * and eight colours that can be told apart with any colour vision (Okabe and Ito, 2008).
 *
 * @module
 */
import { OptionError } from "../errors.ts";

/** Red, green, blue: 0 to 255. */
export type Color = readonly [red: number, green: number, blue: number];

/** Palettes for heat maps. */
export type PaletteName = "viridis" | "magma";

/** Every fifteenth of 256 colours, from the smallest value to the largest. */
const ANCHORS: Readonly<Record<PaletteName, string>> = {
  viridis:
    "440154 481769 472a7a 433d84 3d4e8a 355e8d 2e6d8e 297b8e 23898e 1f978b 21a585 2eb37c 46c06f 65cb5e 89d548 " +
    "b0dd2f d8e219 fde725",
  magma:
    "000004 090720 1a1042 311165 4a1079 621980 792282 912b81 aa337d c23b75 d9466b ec5860 f7725c fc8e64 feaa74 " +
    "fec68a fde2a3 fcfdbf",
};

/** Colours for lines and bars, as CSS writes them. */
export const SERIES_COLORS: readonly string[] = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#e69f00",
  "#56b4e9",
  "#7a5195",
  "#000000",
];

/**
 * Colours from a palette, evenly spaced.
 *
 * @throws {OptionError} For a palette that does not exist.
 */
export function paletteColors(name: PaletteName, count: number): Color[] {
  if (!Object.hasOwn(ANCHORS, name)) {
    throw new OptionError(`There is no palette "${name}": use ${Object.keys(ANCHORS).join(" or ")}.`);
  }
  const anchors = ANCHORS[name].split(" ").map((hex) => parseColor(`#${hex}`));
  return Array.from({ length: count }, (_, k) => {
    const place = k / Math.max(1, count - 1) * (anchors.length - 1);
    const low = Math.min(Math.floor(place), anchors.length - 2);
    return mix(anchors[low]!, anchors[low + 1]!, place - low);
  });
}

function mix(a: Color, b: Color, part: number): Color {
  const channel = (k: 0 | 1 | 2) => Math.round(a[k] + (b[k] - a[k]) * part);
  return [channel(0), channel(1), channel(2)];
}

/**
 * Reads `#rrggbb`.
 *
 * @throws {OptionError} For anything else.
 */
export function parseColor(text: string): Color {
  if (!/^#[0-9a-f]{6}$/i.test(text)) {
    throw new OptionError(`Cannot read the colour "${text}": write it as #rrggbb.`);
  }
  const number = parseInt(text.slice(1), 16);
  return [number >> 16, number >> 8 & 0xff, number & 0xff];
}
