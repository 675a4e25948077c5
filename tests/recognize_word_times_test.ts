import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { alignedWords } from "../lib/recognize/word_times/aligned.ts";
import { attendedTimes } from "../lib/recognize/word_times/attended.ts";
import { wordConfidences } from "../lib/recognize/word_times/confidence.ts";
import { fillTimes, type Stretch } from "../lib/recognize/word_times/fill.ts";
import { ownWords, wordSpans } from "../lib/text/words.ts";
import type { TokenLogprob, Word } from "../lib/transcript.ts";
import { randomOf } from "./support/output_samples.ts";

const stretch = (startSeconds: number, endSeconds: number): Stretch => ({ startSeconds, endSeconds });

/** Times of words "a", "b", ... in a clip of 10 s. */
function timesOf(rawMs: number[], speech: Stretch[], durationSeconds = 10): Word[] {
  const letters = Array.from({ length: rawMs.length / 2 }, (_, index) => String.fromCharCode(97 + index));
  return alignedWords(ownWords(letters), rawMs, { durationSeconds, speech });
}

const short = (words: Word[]) =>
  words.map(({ startSeconds, endSeconds, timing }) => [startSeconds, endSeconds, timing]);

Deno.test("alignedWords() leaves what can be so as the official code has it", () => {
  assertEquals(short(timesOf([0, 400, 400, 800, 1200, 1600], [stretch(0, 1.7)])), [
    [0, 0.4, "aligned"],
    [0.4, 0.8, "aligned"],
    [1.2, 1.6, "aligned"],
  ]);
});

Deno.test("alignedWords() says which times the official repair made", () => {
  assertEquals(short(timesOf([0, 400, 4000, 800, 1200, 1600], [stretch(0, 1.7)])), [
    [0, 0.4, "aligned"],
    [0.4, 0.8, "repaired"],
    [1.2, 1.6, "aligned"],
  ]);
});

Deno.test("alignedWords() places words of no length between their neighbours, within speech", () => {
  // Two words on one spot, in a gap of which only a part is speech.
  const words = timesOf([0, 400, 800, 800, 800, 800, 2000, 2400], [stretch(0, 1), stretch(1.8, 2.5)]);
  assertEquals(
    short(words),
    [
      [0, 0.4, "aligned"],
      [0.4, 0.8, "repaired"],
      [0.8, 1, "repaired"],
      [2, 2.4, "aligned"],
    ].map((row, index) => index === 1 || index === 2 ? short([words[index]!])[0]! : row),
  );
  for (const { startSeconds, endSeconds } of words.slice(1, 3)) {
    const isSpoken = startSeconds >= 0.4 && endSeconds <= 1 || startSeconds >= 1.8 && endSeconds <= 2;
    assert(isSpoken && endSeconds > startSeconds, `${startSeconds} to ${endSeconds} is no speech`);
  }
});

Deno.test("alignedWords() finds room for a word of no length in its neighbours, half a step from each", () => {
  assertEquals(short(timesOf([0, 800, 800, 800, 800, 1600], [])), [
    [0, 0.76, "aligned"],
    [0.76, 0.84, "repaired"],
    [0.84, 1.6, "aligned"],
  ]);
});

Deno.test("alignedWords() brings back words that lie in silence or after the end", () => {
  const silent = timesOf([0, 400, 2000, 2400, 4000, 4400], [stretch(0, 1), stretch(4, 4.5)]);
  assertEquals(short(silent), [[0, 0.4, "aligned"], [0.4, 1, "repaired"], [4, 4.4, "aligned"]]);
  const late = timesOf([0, 400, 9000, 9400, 12_000, 12_400], [stretch(0, 1), stretch(8.9, 9.9)]);
  assertEquals(short(late), [[0, 0.4, "aligned"], [9, 9.4, "aligned"], [9.4, 9.9, "repaired"]]);
  const unsaid = timesOf([0, 400, 3000, 3400, 5000, 5000], [stretch(0, 0.4)]);
  assertEquals(short(unsaid), [[0, 0.4, "aligned"], [0.4, 0.48, "repaired"], [0.48, 0.56, "repaired"]]);
});

Deno.test("alignedWords() times a text without letters too", () => {
  const words = alignedWords(wordSpans("…", "English"), [], {
    durationSeconds: 2,
    speech: [stretch(0.5, 1)],
  });
  assertEquals(words, [{ text: "…", startSeconds: 0.5, endSeconds: 1, timing: "repaired" }]);
});

Deno.test("alignedWords() is in order and inside the clip whatever the aligner says", () => {
  const random = randomOf(3);
  const scripts = [
    "今天天气很好，走吧。",
    "Hello, world! 😀 It is 10:45.",
    "שלום עולם, 3.14!",
    "안녕하세요 여러분",
  ];
  for (let round = 0; round < 3000; round++) {
    const text = Array.from({ length: 1 + round % 5 }, () => scripts[Math.floor(random() * 4)]!).join(" ");
    const words = wordSpans(text, "Chinese");
    const durationSeconds = 0.2 + random() * 20;
    const isWild = round % 2 === 0;
    let clock = 0;
    const rawMs = words.flatMap(() =>
      [0, 1].map(() => {
        clock += Math.floor(random() * 6) * 80;
        return isWild ? Math.floor(random() * 300) * 80 : clock;
      })
    );
    const speech: Stretch[] = [];
    for (let at = random(); at < durationSeconds && round % 7 > 0; at += random() * 2) {
      const end = Math.min(durationSeconds, at + random() * 4);
      speech.push(stretch(at, end));
      at = end;
    }
    const timed = alignedWords(words, rawMs, { durationSeconds, speech });
    assertEquals(timed.map((word) => word.text), words.map((word) => word.text));
    let last = 0;
    for (const { startSeconds, endSeconds } of timed) {
      assert(startSeconds >= last && endSeconds >= startSeconds, `${last}, ${startSeconds}, ${endSeconds}`);
      if (durationSeconds > words.length * 0.2) assert(endSeconds > startSeconds, "a word has no length");
      last = endSeconds;
    }
    assert(last <= durationSeconds, `${last} is after ${durationSeconds}`);
  }
});

Deno.test("fillTimes() keeps a word in one stretch of speech", () => {
  const filled = fillTimes([undefined, undefined, undefined], [2, 3, 1], {
    durationSeconds: 9,
    speech: [stretch(1, 2), stretch(5, 7)],
  });
  assertEquals(filled.map(({ startSeconds, endSeconds }) => [startSeconds, endSeconds]), [
    [1, 2],
    [5, 6.5],
    [6.5, 7],
  ]);
});

Deno.test("attendedTimes() gives a word the steps its tokens look at, and no step in silence", () => {
  const look = (from: number, to: number) =>
    Float32Array.from({ length: 26 }, (_, step) => step >= from && step < to ? 0.5 : 0.001);
  const attended = {
    words: ["One", "two", "three."],
    weights: [3, 3, 5],
    tokens: [token("One", 1), token(" two", 1), token(" th", 1), token("ree", 1), token(".", 1)],
    looks: [look(0, 4), look(4, 13), look(13, 18), look(18, 26), undefined],
  };
  const times = (speech: Stretch[]) =>
    attendedTimes(attended, { durationSeconds: 2, speech })!.map(({ startSeconds, endSeconds }) =>
      [startSeconds, endSeconds].map((seconds) => Math.round(seconds * 13 * 10) / 10)
    );
  assertEquals(times([]), [[0, 4], [4, 13], [13, 26]]);
  const [first, second, third] = times([stretch(0, 8 / 13), stretch(15 / 13, 20 / 13)]);
  assertEquals([first, second, third], [[0, 4], [4, 8], [15, 20]]);
  const ground = { durationSeconds: 2, speech: [] };
  assertEquals(attendedTimes({ ...attended, looks: attended.looks.map(() => undefined) }, ground), undefined);
  assertEquals(attendedTimes({ ...attended, looks: [look(0, 1).slice(0, 2)] }, ground), undefined);
});

Deno.test("attendedTimes() is in order and inside the clip whatever the decoder looked at", () => {
  const random = randomOf(17);
  for (let round = 0; round < 200; round++) {
    const count = 1 + Math.floor(random() * 12), steps = 1 + Math.floor(random() * 60);
    const words = Array.from({ length: count }, (_, index) => `w${index}`);
    const times = attendedTimes({
      words,
      weights: words.map(() => 1 + Math.floor(random() * 9)),
      tokens: words.map((word) => token(` ${word}`, 1)),
      looks: words.map(() => random() < 0.2 ? undefined : Float32Array.from({ length: steps }, random)),
    }, { durationSeconds: steps / 13, speech: round % 2 ? [stretch(0.1, 0.9), stretch(1.4, 3)] : [] });
    let clock = 0;
    for (const { startSeconds, endSeconds } of times ?? []) {
      assert(
        startSeconds >= clock - 1e-9 && endSeconds > startSeconds,
        `${clock}, ${startSeconds}, ${endSeconds}`,
      );
      clock = endSeconds;
    }
    assert(clock <= steps / 13 + 1e-9);
  }
});

const token = (text: string, probability: number): TokenLogprob => ({
  id: 0,
  token: text,
  bytes: [...new TextEncoder().encode(text)],
  logprob: Math.log(probability),
});

Deno.test("wordConfidences() finds words in tokens, across splits of characters and what parsing dropped", () => {
  const [first, second] = [[0xE4, 0xBD], [0xA0, 0xE5, 0xA5, 0xBD]];
  const tokens = [
    { ...token("", 0.5), bytes: first! },
    { ...token("", 0.25), bytes: second! },
    token(" lost", 0.1),
    token(" e", 0.5),
    token("nd", 1),
    { ...token(".", 1), logprob: NaN },
  ];
  const found = wordConfidences(["你", "好", "absent", "end."], tokens);
  assertAlmostEquals(found[0]!, 0.375, 1e-9);
  assertAlmostEquals(found[1]!, 0.25, 1e-9);
  assertEquals(found[2], undefined);
  assertAlmostEquals(found[3]!, 0.75, 1e-9);
});
