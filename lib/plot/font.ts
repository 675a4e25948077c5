/**
 * A small proportional bitmap font with capital letters nine pixels high, so that pictures have legible text without a
 * font file. Accented Latin letters are composed from their parts; a character that the font lacks is drawn as a box.
 *
 * @module
 */
import type { Canvas } from "./canvas.ts";

/** Pixels from the top of a capital letter to the baseline. */
export const CAP_HEIGHT = 9;
/** Pixels above a capital letter that its accent may take. */
export const ACCENT_HEIGHT = 3;
/** Pixels below the baseline. */
export const DESCENT = 3;
const SPACE_WIDTH = 5;
const GAP = 1;
const X_HEIGHT_ROW = 3;

/** A row of characters, then their pixels: nine rows down to the baseline, in the last blocks three below it. */
const ART = String.raw`
A      B      C      D      E      F      G      H      I   J     K      L      M       N      O
..##.. #####. .####. ####.. ###### ###### .####. #....# ### ...## #....# #..... #.....# #....# .####.
.#..#. #....# #....# #...#. #..... #..... #....# #....# .#. ....# #...#. #..... ##...## ##...# #....#
#....# #....# #..... #....# #..... #..... #..... #....# .#. ....# #..#.. #..... #.#.#.# ##...# #....#
#....# #....# #..... #....# #..... #..... #..... #....# .#. ....# #.#... #..... #.#.#.# #.#..# #....#
#....# #####. #..... #....# #####. #####. #..### ###### .#. ....# ##.... #..... #..#..# #.#..# #....#
###### #....# #..... #....# #..... #..... #....# #....# .#. ....# #.#... #..... #..#..# #..#.# #....#
#....# #....# #..... #....# #..... #..... #....# #....# .#. #...# #..#.. #..... #.....# #...## #....#
#....# #....# #....# #...#. #..... #..... #....# #....# .#. #...# #...#. #..... #.....# #...## #....#
#....# #####. .####. ####.. ###### #..... .####. #....# ### .###. #....# ###### #.....# #....# .####.

P      Q      R      S      T       U      V       W       X      Y       Z      0      1      2
#####. .####. #####. .####. ####### #....# #.....# #.....# #....# #.....# ###### ..##.. ...#.. .####.
#....# #....# #....# #....# ...#... #....# #.....# #.....# #....# #.....# .....# .#..#. ..##.. #....#
#....# #....# #....# #..... ...#... #....# #.....# #.....# .#..#. .#...#. ....#. #....# .#.#.. .....#
#....# #....# #....# #..... ...#... #....# .#...#. #..#..# .#..#. ..#.#.. ....#. #....# ...#.. .....#
#####. #....# #####. .####. ...#... #....# .#...#. #..#..# ..##.. ...#... ...#.. #....# ...#.. ....#.
#..... #....# #..#.. .....# ...#... #....# .#...#. #..#..# .#..#. ...#... ..#... #....# ...#.. ...#..
#..... #..#.# #...#. .....# ...#... #....# ..#.#.. #.#.#.# .#..#. ...#... .#.... #....# ...#.. ..#...
#..... #...#. #....# #....# ...#... #....# ..#.#.. ##...## #....# ...#... #..... .#..#. ...#.. .#....
#..... .###.# #....# .####. ...#... .####. ...#... #.....# #....# ...#... ###### ..##.. .##### ######

3      4      5      6      7      8      9      a      b      c      d      e      f    h      i k
.####. ....#. ###### ..###. ###### .####. .####. ...... #..... ...... .....# ...... ..## #..... . #....
#....# ...##. #..... .#.... .....# #....# #....# ...... #..... ...... .....# ...... .#.. #..... # #....
.....# ..#.#. #..... #..... ....#. #....# #....# ...... #..... ...... .....# ...... .#.. #..... . #....
.....# .#..#. #####. #..... ....#. #....# #....# .####. #.###. .####. .###.# .####. #### #.###. # #...#
..###. #...#. .....# #####. ...#.. .####. .##### .....# ##...# #....# #...## #....# .#.. ##...# # #..#.
.....# ###### .....# #....# ...#.. #....# .....# .##### #....# #..... #....# ###### .#.. #....# # ###..
.....# ....#. .....# #....# ..#... #....# .....# #....# #....# #..... #....# #..... .#.. #....# # #..#.
#....# ....#. #....# #....# ..#... #....# ....#. #...## ##...# #....# #...## #....# .#.. #....# # #...#
.####. ....#. .####. .####. ..#... .####. .###.. .###.# #.###. .####. .###.# .####. .#.. #....# # #...#

l  m       n      o      r    s      t     u      v     w       x      z      ! "   #      $
#. ....... ...... ...... .... ...... ..... ...... ..... ....... ...... ...... # #.# ...... ...#...
#. ....... ...... ...... .... ...... .#... ...... ..... ....... ...... ...... # #.# .#..#. .#####.
#. ....... ...... ...... .... ...... .#... ...... ..... ....... ...... ...... # #.# .#..#. #..#...
#. ###.##. #.###. .####. #.## .####. ####. #....# #...# #.....# #....# ###### # ... ###### #..#...
#. #..#..# ##...# #....# ##.. #....# .#... #....# #...# #..#..# .#..#. ....#. # ... .#..#. .#####.
#. #..#..# #....# #....# #... .##... .#... #....# .#.#. #..#..# ..##.. ...#.. # ... .#..#. ...#..#
#. #..#..# #....# #....# #... ...##. .#... #....# .#.#. #..#..# ..##.. ..#... . ... ###### ...#..#
#. #..#..# #....# #....# #... #....# .#..# #...## ..#.. #.#.#.# .#..#. .#.... # ... .#..#. .#####.
.# #..#..# #....# .####. #... .####. ..##. .###.# ..#.. .#...#. #....# ###### # ... .#..#. ...#...

%       &       ' (   )   *     +     -    .  /     :  <    >    =     ?      @        [   ]   \
.##...# ..##... # ..# #.. ..... ..... .... .. ....# .. .... .... ..... .####. ..####.. ### ### #....
#..#..# .#..#.. # .#. .#. ..#.. ..... .... .. ....# .. ...# #... ..... #....# .#....#. #.. ..# #....
#..#.#. .#..#.. # .#. .#. #.#.# ..... .... .. ...#. .. ..#. .#.. ..... .....# #..##..# #.. ..# .#...
.##..#. ..##... . #.. ..# .###. ..#.. .... .. ...#. ## .#.. ..#. ..... ....#. #.#.#..# #.. ..# .#...
...#... .##.... . #.. ..# #.#.# ..#.. .... .. ..#.. ## #... ...# ##### ...#.. #.#.#..# #.. ..# ..#..
.#..##. #..#..# . #.. ..# ..#.. ##### #### .. .#... .. .#.. ..#. ..... ..#... #..####. #.. ..# ...#.
.#.#..# #...##. . .#. .#. ..... ..#.. .... .. .#... .. ..#. .#.. ##### ...... #....... #.. ..# ...#.
#..#..# #...##. . .#. .#. ..... ..#.. .... ## #.... ## ...# #... ..... ..#... .#....#. #.. ..# ....#
#...##. .###..# . ..# #.. ..... ..... .... ## #.... ## .... .... ..... ..#... ..####.. ### ### ....#

^     ˋ  {    }    ~      °    ×     ·  –      —        …        ß      →        □      ø      æ
..#.. #. ..## ##.. ...... .##. ..... .. ...... ........ ........ .###.. ........ ###### ...... .......
.#.#. .# .#.. ..#. ...... #..# ..... .. ...... ........ ........ #...#. ........ #....# ...... .......
#...# .. .#.. ..#. ...... #..# ..... .. ...... ........ ........ #...#. ........ #....# ...... .......
..... .. .#.. ..#. ...... .##. #...# .. ...... ........ ........ #..#.. .....#.. #....# .###.# .##.##.
..... .. #... ...# .##..# .... .#.#. ## ...... ........ ........ #.##.. ......#. #....# #...#. ...#..#
..... .. .#.. ..#. #..##. .... ..#.. ## ###### ######## ........ #...#. ######## #....# #..#.# .######
..... .. .#.. ..#. ...... .... .#.#. .. ...... ........ ........ #....# ......#. #....# #.#..# #..#...
..... .. .#.. ..#. ...... .... #...# .. ...... ........ ##.##.## #.#..# .....#.. #....# .#...# #..#..#
..... .. ..## ##.. ...... .... ..... .. ...... ........ ##.##.## #..##. ........ ###### #.###. .##.##.

ı
.
.
.
#
#
#
#
#
#

g      j   p      q      y      ,  ;  _      | µ
...... ... ...... ...... ...... .. .. ...... # ......
...... ..# ...... ...... ...... .. .. ...... # ......
...... ... ...... ...... ...... .. .. ...... # ......
.###.# ..# #.###. .###.# #....# .. ## ...... # #....#
#...## ..# ##...# #...## #....# .. ## ...... # #....#
#....# ..# #....# #....# #....# .. .. ...... # #....#
#....# ..# #....# #....# #....# .. .. ...... # #....#
#...## ..# ##...# #...## #...## ## ## ...... # ##..##
.###.# ..# #.###. .###.# .###.# ## ## ...... # #.##.#
.....# ..# #..... .....# .....# .# .# ###### # #.....
#....# ..# #..... .....# #....# #. #. ...... # #.....
.####. ##. #..... .....# .####. .. .. ...... . #.....
`;

/** Combining marks of Unicode as pixels, the row next to the letter last. */
const ACCENTS: ReadonlyMap<string, readonly string[]> = new Map([
  ["\u0300", ["#.", ".#"]],
  ["\u0301", [".#", "#."]],
  ["\u0302", [".#.", "#.#"]],
  ["\u0303", [".#.#", "#.#."]],
  ["\u0304", ["####"]],
  ["\u0306", ["#..#", ".##."]],
  ["\u0307", ["#"]],
  ["\u0308", ["#..#"]],
  ["\u030a", [".#.", "#.#", ".#."]],
  ["\u030b", [".#.#", "#.#."]],
  ["\u030c", ["#.#", ".#."]],
]);
/** Marks below the letter. */
const CEDILLAS: ReadonlyMap<string, readonly string[]> = new Map([
  ["\u0327", [".#", "#."]],
  ["\u0328", ["#.", ".#"]],
  ["\u0323", ["#"]],
]);

const STAND_INS: ReadonlyMap<string, string> = new Map(Object.entries({
  "`": "ˋ",
  "‘": "'",
  "’": "'",
  "“": '"',
  "”": '"',
  "„": '"',
  "«": '"',
  "»": '"',
  "‐": "-",
  "‑": "-",
  "−": "-",
  "μ": "µ",
  "Ø": "O",
  "Æ": "AE",
  "œ": "oe",
  "Œ": "OE",
  "ł": "l",
  "Ł": "L",
  "\n": "\\n",
  "\t": "\\t",
}));

interface Glyph {
  width: number;
  /** Rows of `#` and `.`, the first at the top of a capital letter. */
  rows: readonly string[];
  above: readonly string[];
  below: readonly string[];
}

const GLYPHS: ReadonlyMap<string, Glyph> = new Map(
  ART.trim().split("\n\n").flatMap((block) => {
    const [names = [], ...rows] = block.split("\n").map((line) => line.trim().split(/ +/));
    return names.map((name, k): [string, Glyph] => {
      const art = rows.map((row) => row[k] ?? "");
      return [name, { width: art[0]!.length, rows: art, above: [], below: [] }];
    });
  }),
);
const SPACE: Glyph = { width: SPACE_WIDTH, rows: [], above: [], below: [] };

/** The glyphs of a text from left to right. */
function glyphsOf(text: string): Glyph[] {
  const glyphs: Glyph[] = [];
  for (const character of plainCharacters(text)) {
    const last = glyphs.at(-1);
    if (/\p{M}/u.test(character)) {
      if (last) glyphs.splice(-1, 1, accented(last, character));
    } else if (/\s/.test(character)) {
      glyphs.push(SPACE);
    } else if (!/\p{Cf}/u.test(character)) {
      glyphs.push(GLYPHS.get(character) ?? GLYPHS.get("□")!);
    }
  }
  return glyphs;
}

/** Letters and accents one by one, rare characters replaced by similar ones of the font. Hangul syllables stay whole. */
function plainCharacters(text: string): string[] {
  const apart = text.replace(/\P{Script=Hangul}+/gu, (part) => part.normalize("NFKD"));
  return Array.from(apart).flatMap((character) => Array.from(STAND_INS.get(character) ?? character));
}

/** Whether the font has every letter of a text. */
export function canDraw(text: string): boolean {
  return plainCharacters(text).every((character) =>
    GLYPHS.has(character) || /[\s\p{M}\p{Cf}]/u.test(character)
  );
}

function accented(glyph: Glyph, mark: string): Glyph {
  const above = ACCENTS.get(mark);
  const below = CEDILLAS.get(mark);
  if (below) return { ...glyph, below };
  if (!above) return glyph;
  return { ...(glyph === GLYPHS.get("i") ? GLYPHS.get("ı")! : glyph), above };
}

/** Pixels from the left edge of the first to the right edge of the last character. */
export function textWidth(text: string, { bold = false }: TextOptions = {}): number {
  const step = GAP + (bold ? 1 : 0);
  return glyphsOf(text).reduce((sum, { width }) => sum + width + step, 0) - (text ? GAP : 0);
}

/** How to draw a text. */
export interface TextOptions {
  /** Whether the text runs from bottom to top; x and y are then its left edge and its lower end. @default {false} */
  upward?: boolean;
  /** Whether every pixel is drawn twice, side by side. @default {false} */
  bold?: boolean;
}

/**
 * Draws a text.
 *
 * @param x Left edge.
 * @param y Top of the capital letters.
 * @param color Index into the palette.
 */
export function drawText(
  canvas: Canvas,
  text: string,
  x: number,
  y: number,
  color: number,
  { upward = false, bold = false }: TextOptions = {},
): void {
  let along = 0;
  for (const glyph of glyphsOf(text)) {
    const start = along;
    const put = (column: number, row: number) => {
      for (let extra = 0; extra < (bold ? 2 : 1); extra++) {
        if (upward) canvas.set(x + row, y - start - column - extra, color);
        else canvas.set(x + start + column + extra, y + row, color);
      }
    };
    drawRows(glyph.rows, 0, 0, put);
    const top = Math.max(0, glyph.rows.findIndex((row) => row.includes("#")));
    const first = top > 0 ? X_HEIGHT_ROW : 0;
    drawRows(glyph.above, centred(glyph.above, glyph.width), first - 1 - glyph.above.length, put);
    drawRows(glyph.below, centred(glyph.below, glyph.width), CAP_HEIGHT, put);
    along += glyph.width + GAP + (bold ? 1 : 0);
  }
}

function centred(rows: readonly string[], width: number): number {
  return Math.floor((width - (rows[0]?.length ?? 0)) / 2);
}

function drawRows(
  rows: readonly string[],
  column: number,
  row: number,
  put: (column: number, row: number) => void,
): void {
  for (const [down, pixels] of rows.entries()) {
    for (let right = 0; right < pixels.length; right++) {
      if (pixels[right] === "#") put(column + right, row + down);
    }
  }
}
