import { assertAlmostEquals, assertEquals } from "@std/assert";
import { comparableWords, editDistance, wordErrorRate } from "../lib/text/edit_distance.ts";

Deno.test("editDistance() counts insertions, removals and replacements", () => {
  const distance = (a: string, b: string) => editDistance([...a], [...b]);
  assertEquals(distance("kitten", "sitting"), 3);
  assertEquals(distance("saturday", "sunday"), 3);
  assertEquals(distance("intention", "execution"), 5);
  assertEquals(distance("", "abc"), 3);
  assertEquals(distance("abc", ""), 3);
  assertEquals(distance("abc", "abc"), 0);
});

Deno.test("comparableWords() drops case and punctuation and splits scripts without spaces", () => {
  assertEquals(comparableWords("Ünïcode-Straße, “Don’t”… 3.5% 'quoted'"), [
    "ünïcode",
    "straße",
    "don't",
    "3",
    "5",
    "quoted",
  ]);
  assertEquals(comparableWords("你好，abc世界"), ["你", "好", "abc", "世", "界"]);
  assertEquals(comparableWords("ที่นี่"), ["ที่", "นี่"].flatMap((word) => word.match(/\p{L}\p{M}*/gu) ?? []));
  assertEquals(comparableWords("한국어 문장"), ["한국어", "문장"]);
  assertEquals(comparableWords("ＡＢＣ ﬁ e\u0301"), ["abc", "fi", "é"]);
});

Deno.test("wordErrorRate() is errors per word of the reference", () => {
  assertEquals(wordErrorRate("The train leaves at ten.", "the train leaves at ten"), {
    errors: 0,
    words: 5,
    rate: 0,
  });
  const { errors, words, rate } = wordErrorRate(
    "I see ten yellow windows.",
    "I see yellow window again, yes.",
  );
  assertEquals([errors, words], [4, 5]);
  assertAlmostEquals(rate, 0.8);
  assertEquals(wordErrorRate("你好世界", "你好地界"), { errors: 1, words: 4, rate: 0.25 });
});

Deno.test("wordErrorRate() of nothing counts invented words", () => {
  assertEquals(wordErrorRate("", ""), { errors: 0, words: 0, rate: 0 });
  assertEquals(wordErrorRate("...", "thank you"), { errors: 2, words: 0, rate: 2 });
  assertEquals(wordErrorRate("thank you", ""), { errors: 2, words: 2, rate: 1 });
});
