import { assert, assertEquals } from "@std/assert";
import { LANGUAGES } from "../lib/text/languages.ts";
import { ownWords, splitWords, type WordSpan, wordSpans } from "../lib/text/words.ts";
import { randomOf } from "./support/output_samples.ts";

/** What a random text is made of: letters of many scripts, marks, digits, emoji, punctuation, blanks. */
const PARTS = [
  ..."abcÄß'’.,!?…—-()[]{}«»“”„\"/\\<>&%$€@#1234567890½²Ⅳ \n\t",
  ...["\u3000", "\u0085", "\u00A0", "\u200B", "\uFEFF", "\u2060", "e\u0301", "\u0301", "o\u0308\u0323"],
  ..."今天气你好。，「」『』！？、ー々東京カタカナひらがなです",
  ...["\u{20000}", "\u{2CEA1}", "豈", "한국어", "안녕", "음", "ไทย", "สวัสดี", "မြန်မာ"],
  ...["שלום", "עברית", "مرحبا", "فارسی", "،", "؟", "\u200F", "हिन्दी", "क्ष", "Привет"],
  ...["😀", "👩‍👩‍👧‍👦", "🇩🇪", "👍🏽", "❤️", "3.14", "1,000", "10:45", "e-mail", "don't", "Hello", "world"],
];

/** White space, as Python and JavaScript have it. */
// deno-lint-ignore no-control-regex
const BLANKS = new RegExp("^[\\s\\x1C-\\x1F\\x85]*$");

/** Words and what lies between them are the text, and what lies between is white space. */
function assertCovers(text: string, words: readonly WordSpan[]): void {
  let joined = "", clock = 0;
  for (const { from, to, text: own } of words) {
    const between = text.slice(clock, from);
    assert(
      BLANKS.test(between),
      `${JSON.stringify(between)} is lost in ${JSON.stringify(text)}`,
    );
    assert(to > from && from >= clock, "words run backwards");
    assertEquals(own, text.slice(from, to));
    assert(own.trim() === own || /[\uFEFF]/.test(own), `${JSON.stringify(own)} has blanks at its ends`);
    joined += between + own;
    clock = to;
  }
  assert(BLANKS.test(text.slice(clock)), `the end of ${JSON.stringify(text)} is lost`);
  assertEquals(joined + text.slice(clock), text);
}

Deno.test("wordSpans() gives every character of random texts of all scripts to one word", () => {
  const random = randomOf(5);
  for (let round = 0; round < 2000; round++) {
    const length = Math.floor(random() * 30);
    const text = Array.from({ length }, () => PARTS[Math.floor(random() * PARTS.length)]!).join("");
    const language = LANGUAGES[round % LANGUAGES.length]!.name;
    const words = wordSpans(text, language);
    assertCovers(text, words);
    const silent = words.filter(({ spoken }) => spoken === "");
    assert(silent.length === 0 || words.length === 1, `a word of ${JSON.stringify(text)} says nothing`);
    if (!["Japanese", "Korean"].includes(language)) {
      const letters = text.replace(/[^\p{L}\p{N}']/gu, "");
      assertEquals(words.map(({ spoken }) => spoken).join(""), letters);
    }
  }
});

const spelled = (text: string, language: string) => wordSpans(text, language).map((word) => word.text);

Deno.test("wordSpans() keeps punctuation with the word it stands at, brackets with the word they open", () => {
  assertEquals(spelled("“Yes,” he said (quietly) – and left…", "English"), [
    "“Yes,”",
    "he",
    "said",
    "(quietly) –",
    "and",
    "left…",
  ]);
  assertEquals(spelled("– Yes! 😀 It cost $3.50, O'Neill.", "English"), [
    "– Yes! 😀",
    "It",
    "cost",
    "$3.50,",
    "O'Neill.",
  ]);
  assertEquals(spelled("他说：「你好，abc」。", "Chinese"), ["他", "说：", "「你", "好，", "abc」。"]);
  assertEquals(spelled("שלום, עולם!", "English"), ["שלום,", "עולם!"]);
  assertEquals(spelled("今日は、良い天気です。", "Japanese"), ["今日", "は、", "良い", "天気", "です。"]);
  assertEquals(spelled("안녕하세요, 음성인식은 재미있습니다!", "Korean"), [
    "안녕하세요,",
    "음성인식은",
    "재미있습니다!",
  ]);
});

Deno.test("wordSpans() makes one word that says nothing of a text without letters, and none of a blank one", () => {
  assertEquals(wordSpans(" … 😀 ", "English"), [{ from: 1, to: 5, text: "… 😀", spoken: "" }]);
  assertEquals(wordSpans(" \n\u3000", "Japanese"), []);
  assertEquals(splitWords("…", "English"), []);
});

Deno.test("ownWords() takes a caller's words as they are", () => {
  const words = ownWords(["New York,", "東京都", "—"]);
  assertEquals(words.map(({ spoken }) => spoken), ["NewYork", "東京都", ""]);
  assertCovers("New York, 東京都 —", words);
});
