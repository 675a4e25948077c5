/**
 * Reads pictures in tests: PNG with a public decoder, SVG with a small parser of its own.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
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
  const at = (y * width + x) * 4;
  assertEquals(data[at + 3], 255);
  return `#${data.slice(at, at + 3).toHex()}`;
}

/** An element with its attributes. */
export interface Element {
  name: string;
  attributes: Record<string, string>;
  text: string;
  /** The elements around it, the outermost first. */
  parents: Element[];
}

function unescape(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll(
    "&#39;",
    "'",
  )
    .replaceAll("&amp;", "&");
}

/** All elements of a markup text, in order; throws when it is not well-formed. */
export function parseMarkup(markup: string): Element[] {
  const elements: Element[] = [];
  const open: Element[] = [];
  let at = 0;
  for (const match of markup.matchAll(/<(\/?)([a-z]+)((?: [\w:-]+="[^"<]*")*)(\/?)>/gi)) {
    const [whole, closing, name, attributes, alone] = match;
    const between = markup.slice(at, match.index);
    assert(!/[<>]/.test(between), `Not escaped: ${between.slice(0, 80)}`);
    assert(!/&(?!(?:amp|lt|gt|quot|#39);)/.test(between + attributes), `Not escaped: ${between}`);
    const current = open.at(-1);
    if (current) current.text += unescape(between);
    at = match.index + whole.length;
    if (closing) {
      assertEquals(open.pop()?.name, name);
      continue;
    }
    const pairs = (attributes ?? "").matchAll(/ ([\w:-]+)="([^"]*)"/g);
    const element: Element = {
      name: name!,
      attributes: Object.fromEntries(Array.from(pairs, ([, key, value]) => [key!, unescape(value!)])),
      text: "",
      parents: [...open],
    };
    elements.push(element);
    if (!alone) open.push(element);
  }
  assertEquals(open.map(({ name }) => name), []);
  assertEquals(markup.slice(at), "");
  return elements;
}

interface Box {
  text: string;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** The box of a text element, for letters a little wider than those of common fonts. */
function boxOf({ attributes, text, parents }: Element): Box {
  const [, inner] = parents.filter(({ name }) => name === "svg");
  const [left, top] = [Number(inner?.attributes.x ?? 0), Number(inner?.attributes.y ?? 0)];
  const size = Number(attributes["font-size"] ?? 12);
  const length = Array.from(text).length * size * (attributes["font-weight"] ? 0.66 : 0.6);
  const shift = { middle: length / 2, end: length }[attributes["text-anchor"] ?? ""] ?? 0;
  const turned = attributes.transform?.match(/^translate\(([-\d.]+) ([-\d.]+)\) rotate\(-90\)$/);
  if (turned) {
    const [x, y] = [Number(turned[1]), Number(turned[2])];
    return { text, left: x - size * 0.75, right: x + size * 0.2, top: y + shift - length, bottom: y + shift };
  }
  const [x, y] = [left + Number(attributes.x), top + Number(attributes.y)];
  return { text, left: x - shift, right: x - shift + length, top: y - size * 0.75, bottom: y + size * 0.2 };
}

/** Fails when two texts of an SVG overlap or one leaves the picture. */
export function assertLegible(svg: string): void {
  const elements = parseMarkup(svg);
  const [root] = elements;
  const boxes = elements.filter(({ name }) => name === "text").map(boxOf);
  for (const [k, box] of boxes.entries()) {
    const place = JSON.stringify(box);
    assert(box.left >= 0 && box.right <= Number(root?.attributes.width), `outside: ${place}`);
    assert(box.top >= 0 && box.bottom <= Number(root?.attributes.height), `outside: ${place}`);
    for (const other of boxes.slice(k + 1)) {
      const apart = box.right <= other.left || other.right <= box.left || box.bottom <= other.top ||
        other.bottom <= box.top;
      assert(apart, `"${box.text}" overlaps "${other.text}": ${place} ${JSON.stringify(other)}`);
    }
  }
}

/** Texts of an SVG in order. */
export function textsOf(svg: string): string[] {
  return parseMarkup(svg).filter(({ name }) => name === "text").map(({ text }) => text);
}
