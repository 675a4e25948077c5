import { assertEquals } from "@std/assert";
import { displayWidth, graphemes } from "../lib/display_width.ts";
import { breakText, normaliseSpace } from "../lib/output/line_break.ts";

// Widths as EastAsianWidth.txt of the Unicode Character Database has them: W and F are two columns, the rest one.
const COLUMNS: [string, number][] = [
  ["A", 1],
  ["é", 1],
  ["e\u0301", 1],
  ["ﾃ", 1],
  ["テ", 2],
  ["字", 2],
  ["한", 2],
  ["각", 2],
  ["Ａ", 2],
  ["。", 2],
  ["｡", 1],
  ["“", 1],
  ["𠮷", 2],
  ["ب", 1],
  ["بّ", 1],
  ["ที่", 1],
  ["😀", 2],
  ["👨‍👩‍👧‍👦", 2],
  ["🇩🇪", 2],
  ["☎", 1],
  ["☎️", 2],
  ["\u200b", 0],
  ["", 0],
];

Deno.test("displayWidth() counts CJK, fullwidth and emoji twice and marks not at all", () => {
  for (const [text, columns] of COLUMNS) assertEquals(displayWidth(text), columns, JSON.stringify(text));
  assertEquals(displayWidth("naïve 字幕！"), 6 + 6);
});

Deno.test("graphemes() keeps what readers see as one character in one piece", () => {
  assertEquals(graphemes("e\u0301👍🏽🇩🇪x"), ["e\u0301", "👍🏽", "🇩🇪", "x"]);
});

function pieces(text: string, maxColumns = 42): string[] {
  return breakText(normaliseSpace(text), maxColumns).map((atom) => atom.text);
}

Deno.test("breakText() breaks Latin text at spaces and after hyphens between letters", () => {
  assertEquals(pieces("a well-known 1-2 rule"), ["a", "well-", "known", "1-2", "rule"]);
  assertEquals(pieces("3.5 km, e.g. 10,000"), ["3.5", "km,", "e.g.", "10,000"]);
});

Deno.test("breakText() keeps French punctuation with its word", () => {
  assertEquals(pieces("Vraiment ? Oui : « non » !"), ["Vraiment ?", "Oui :", "« non » !"]);
  assertEquals(pieces("10\u00a0000 km"), ["10\u00a0000", "km"]);
});

Deno.test("breakText() breaks CJK anywhere but before closing and after opening marks", () => {
  assertEquals(pieces("我们，「好」。"), ["我", "们，", "「好」。"]);
  assertEquals(pieces("ちょっとデータ"), ["ちょっ", "と", "デー", "タ"]);
  assertEquals(pieces("用iPhone手机"), ["用", "iPhone", "手", "机"]);
});

Deno.test("breakText() breaks Korean at spaces and Thai between words of the dictionary", () => {
  assertEquals(pieces("오늘은 음성을"), ["오늘은", "음성을"]);
  assertEquals(pieces("สวัสดีครับวันนี้"), ["สวัสดี", "ครับ", "วัน", "นี้"]);
});

Deno.test("breakText() cuts a word wider than a line between characters", () => {
  assertEquals(pieces("abcdefghijk", 4), ["abcd", "efgh", "ijk"]);
  assertEquals(pieces("👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦", 4), ["👨‍👩‍👧‍👦👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦"]);
  assertEquals(pieces("abcd !", 4), ["abcd", "!"]);
});

Deno.test("breakText() knows sentences from clauses from words", () => {
  const kinds = breakText("Yes. Well, (so) it is: 编码。", 42).map((
    { text, breakAfter },
  ) => [text, breakAfter]);
  assertEquals(kinds, [
    ["Yes.", "sentence"],
    ["Well,", "clause"],
    ["(so)", "word"],
    ["it", "word"],
    ["is:", "clause"],
    ["编", "cjk-word"],
    ["码。", "segment"],
  ]);
});
