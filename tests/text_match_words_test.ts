import { assert, assertEquals } from "@std/assert";
import { matchWords } from "../lib/text/match_words.ts";
import { randomOf } from "./support/output_samples.ts";

Deno.test("matchWords() finds words heard otherwise, and none for what was not said", () => {
  const heard = "sunday is a warm day peter john works in the kitchen".split(" ");
  const known = "Sunday is a very warm day, green ideas Pete. John works in the Wald".split(" ");
  assertEquals(matchWords(known, heard), [
    0,
    1,
    2,
    undefined,
    3,
    4,
    undefined,
    undefined,
    5,
    6,
    7,
    8,
    9,
    undefined,
  ]);
  assertEquals(matchWords([], heard), []);
  assertEquals(matchWords(["a", "b"], []), [undefined, undefined]);
});

Deno.test("matchWords() finds its way through long texts with parts missing on either side", () => {
  const random = randomOf(41);
  const text = Array.from({ length: 6000 }, () => `w${Math.floor(random() * 300)}`);
  const kept = [...text.keys()].filter((index) => random() > 0.05 && (index < 2000 || index > 2300));
  const heard = kept.flatMap((index) => random() < 0.05 ? ["nothing", text[index]!] : [text[index]!]);
  const matches = matchWords(text, heard);
  let last = -1, right = 0;
  for (const [index, match] of matches.entries()) {
    if (match === undefined) continue;
    assert(match > last);
    last = match;
    if (heard[match] === text[index]) right++;
  }
  assert(right >= 0.98 * kept.length, `${right} of ${kept.length}`);
});
