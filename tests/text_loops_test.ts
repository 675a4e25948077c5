import { assert, assertEquals, assertLess } from "@std/assert";
import { findRepeatedSentences, findTokenLoop, minLoopRepeats } from "../lib/text/loops.ts";
import { Tokenizer } from "../lib/text/tokenizer.ts";
import { realTokenizerFiles } from "./support/real_vocabulary.ts";

const tokenizer = await Tokenizer.fromFiles(realTokenizerFiles());

/** Whether a decoder writing this text would be stopped at any step. */
function isStopped(text: string): boolean {
  const ids = tokenizer.encode(text);
  return ids.some((_, index) => findTokenLoop(ids.slice(0, index + 1)) !== undefined);
}

const CHORUS =
  "Row, row, row your boat, gently down the stream. Merrily, merrily, merrily, merrily, life is but a dream. ";

Deno.test("findTokenLoop() lets pass what people say", () => {
  const said = [
    "no no no no no",
    "No, no, no, no, no, no!",
    "ha ha ha ha ha ha ha ha",
    "hahahahahahahahaha",
    "8 8 8 8 8 8 8 8 8 8",
    "My number is 0 0 0 0 0 0 0 0 0 0 0 0.",
    "1,000,000,000,000,000",
    "1000000000000000000000",
    "4444 4444 4444 4444",
    "La la la la, la la la la, la la la la, la la la la.",
    CHORUS.repeat(2),
    CHORUS.repeat(3),
    "We will, we will rock you. We will, we will rock you. We will, we will rock you.",
    "哈哈哈哈哈哈哈哈哈哈",
    "对对对对对，是的是的是的是的。",
    "..........",
    "one two three four five six seven eight nine ten ".repeat(3),
  ];
  for (const text of said) assertEquals(isStopped(text), false, text);
});

Deno.test("findTokenLoop() stops what only a decoder says", () => {
  const loops = [
    "the the the the the the the the the the the the the the the the the the the the the the the the the the the",
    "Thank you. ".repeat(12),
    "And then we went on. ".repeat(8),
    "谢谢大家。".repeat(15),
    CHORUS.repeat(5),
    "A good start, and then " + "I don't know what to say about it, ".repeat(6),
  ];
  for (const text of loops) assert(isStopped(text), text);
});

Deno.test("findTokenLoop() says where the loop began", () => {
  const start = [100, 101, 102];
  for (const period of [1, 2, 3, 7, 12, 25, 40]) {
    const copy = Array.from({ length: period }, (_, i) => i);
    const repeats = minLoopRepeats(period);
    const ids = [...start, ...Array.from({ length: repeats }, () => copy).flat()];
    assertEquals(findTokenLoop(ids), { startIndex: 3, period, repeats });
    assertEquals(findTokenLoop(ids.slice(0, -1)), undefined);
    assertEquals(findTokenLoop([...ids, 999]), undefined);
  }
});

Deno.test("findTokenLoop() counts whole copies when the last is begun", () => {
  const copy = [1, 2, 3, 4, 5, 6, 7, 8];
  const ids = [...copy, ...copy, ...copy, ...copy, ...copy, 1, 2, 3];
  assertEquals(findTokenLoop(ids), { startIndex: 0, period: 8, repeats: 5 });
});

Deno.test("findTokenLoop() obeys its options", () => {
  const twice = [1, 2, 3, 1, 2, 3];
  assertEquals(findTokenLoop(twice, { minRepeats: () => 2 }), { startIndex: 0, period: 3, repeats: 2 });
  assertEquals(findTokenLoop(twice, { minRepeats: () => 2, maxPeriod: 2 }), undefined);
});

Deno.test("findTokenLoop() looks at a few ids per step", () => {
  let reads = 0;
  const steps = 2000;
  const ids = Array.from({ length: steps }, (_, i) => (i * 2654435761 >>> 7) % 50);
  for (let end = 1; end <= steps; end++) {
    const counted = new Proxy(ids.slice(0, end), {
      get(list, key) {
        if (typeof key === "string" && /^\d+$/.test(key)) reads++;
        return Reflect.get(list, key);
      },
    });
    assertEquals(findTokenLoop(counted), undefined);
  }
  assertLess(reads / steps, 3 * 40);
});

Deno.test("findRepeatedSentences() finds sentences said twice in a row or one apart", () => {
  const found: [string, string[]][] = [
    ["", []],
    ["I see ten windows. I see ten windows.", ["I see ten windows."]],
    ["I see ten windows! It is small. I SEE ten, windows.", ["I see ten windows!"]],
    ["I see ten windows. It is small. It is old. I see ten windows.", []],
    ["I see ten windows. I see two windows.", []],
    ["Yes, I do. Yes, I do.", []],
    ["A b c d. E f g h. A b c d. E f g h.", ["A b c d.", "E f g h."]],
    ["A b c d. A b c d. A b c d.", ["A b c d."]],
    ["今天天气真的很好。今天天气真的很好。", ["今天天气真的很好。"]],
    ["好的，谢谢。好的，谢谢。", []],
    ["한국어 문장을 하나 말합니다. 한국어 문장을 하나 말합니다.", ["한국어 문장을 하나 말합니다."]],
  ];
  for (const [text, sentences] of found) assertEquals(findRepeatedSentences(text), sentences, text);
});
