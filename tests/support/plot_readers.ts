/**
 * Reads pictures in tests: PNG and SVG with public readers.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { DOMParser, type Element, onErrorStopParsing } from "@xmldom/xmldom";
import { Buffer } from "node:buffer";
import pngjs from "pngjs";

/** Pixels of a decoded PNG file. */
export interface Picture {
  width: number;
  height: number;
  /** [height * width * 4], red, green, blue, alpha. */
  data: Uint8Array;
}

const { PNG }: { PNG: { sync: { read: (bytes: Buffer, options: object) => Picture } } } = pngjs;

/** Decodes a PNG file; a wrong checksum throws. */
export function decodePNG(bytes: Uint8Array): Picture {
  return PNG.sync.read(Buffer.from(bytes), { checkCRC: true });
}

/** `#rrggbb` of a pixel. */
export function colorAt({ width, data }: Picture, x: number, y: number): string {
  const at = (Math.round(y) * width + Math.round(x)) * 4;
  assertEquals(data[at + 3], 255);
  return `#${data.slice(at, at + 3).toHex()}`;
}

/** The root of an SVG; throws when it is not well-formed. */
export function parseSVG(svg: string): Element {
  const root =
    new DOMParser({ onError: onErrorStopParsing }).parseFromString(svg, "image/svg+xml").documentElement;
  assertEquals([root?.localName, root?.namespaceURI], ["svg", "http://www.w3.org/2000/svg"]);
  return root!;
}

/** All elements of a name, in order. */
export function all(root: Element, name: string): Element[] {
  return Array.from(root.getElementsByTagName(name));
}

/** The elements of what Plot calls by a label, e.g. "x-axis tick label". */
export function labelled(root: Element, label: string, name: string): Element[] {
  const groups = ["g", "rect", "text"].flatMap((kind) => all(root, kind));
  return groups.filter((group) => group.getAttribute("aria-label") === label).flatMap((group) =>
    all(group, name)
  );
}

/** A number of an element. */
export function valueOf(element: Element, name: string): number {
  return parseFloat(element.getAttribute(name) ?? "NaN");
}

/** Where the origin of an element is in the picture: all translations and inner pictures around it. */
export function originOf(element: Element): [x: number, y: number] {
  let [x, y] = [0, 0];
  for (let at: Element | null = element; at; at = at.parentNode as Element | null) {
    const move = /translate\(([-\d.e]+),([-\d.e]+)\)/.exec(at.getAttribute?.("transform") ?? "");
    if (move) [x, y] = [x + Number(move[1]), y + Number(move[2])];
    if (at.localName === "svg" && at.parentNode?.nodeName === "svg") {
      [x, y] = [x + (valueOf(at, "x") || 0), y + (valueOf(at, "y") || 0)];
    }
  }
  return [x, y];
}

function inherited(element: Element, name: string): string | undefined {
  for (let at: Element | null = element; at?.getAttribute; at = at.parentNode as Element | null) {
    const value = at.getAttribute(name);
    if (value) return value;
  }
  return undefined;
}

interface Box {
  text: string;
  size: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** The box of a text element, for letters of common fonts. */
export function boxOf(element: Element): Box {
  const text = element.textContent ?? "";
  const size = parseFloat(inherited(element, "font-size") ?? "");
  const shift = parseFloat(element.getAttribute("y") ?? "0") *
    (element.getAttribute("y")?.endsWith("em") ? size : 1);
  const anchor = inherited(element, "text-anchor") ?? "start";
  const length = Array.from(text).length * size * 0.55;
  const before = { start: 0, middle: length / 2, end: length }[anchor] ?? 0;
  const [ox, oy] = originOf(element);
  const x = ox + (valueOf(element, "x") || 0);
  if (element.getAttribute("transform")?.includes("rotate(-90)")) {
    return {
      text,
      size,
      left: x - size / 2,
      right: x + size / 2,
      top: oy - length + before,
      bottom: oy + before,
    };
  }
  const y = oy + shift;
  return {
    text,
    size,
    left: x - before,
    right: x - before + length,
    top: y - size * 0.7,
    bottom: y + size * 0.15,
  };
}

/** Texts of an SVG in order. */
export function textsOf(svg: string): string[] {
  return all(parseSVG(svg), "text").map(({ textContent }) => textContent ?? "");
}

/** Fails when two texts of an SVG overlap, one leaves the picture, or is smaller than some pixels at a width. */
export function assertLegible(svg: string, width: number, pixels: number): void {
  const root = parseSVG(svg);
  const boxes = all(root, "text").map(boxOf).filter(({ text }) => text.trim() !== "");
  assert(boxes.length > 0);
  for (const [k, box] of boxes.entries()) {
    const place = JSON.stringify(box);
    assert(box.size * width / valueOf(root, "width") >= pixels, `too small: ${place}`);
    assert(box.left >= 0 && box.right <= valueOf(root, "width"), `outside: ${place}`);
    assert(box.top >= 0 && box.bottom <= valueOf(root, "height"), `outside: ${place}`);
    for (const other of boxes.slice(k + 1)) {
      const isApart = box.right <= other.left || other.right <= box.left || box.bottom <= other.top ||
        other.bottom <= box.top;
      assert(isApart, `"${box.text}" overlaps "${other.text}": ${place} ${JSON.stringify(other)}`);
    }
  }
}
