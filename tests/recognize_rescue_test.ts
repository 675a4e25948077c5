import { assert, assertEquals } from "@std/assert";
import type { Clip } from "../lib/recognize/clip.ts";
import { cancelled, type ClipAnswer } from "../lib/recognize/clip_answer.ts";
import { coverageOf, doubts, evidenceOf, gravityOf } from "../lib/recognize/long_form/coverage.ts";
import { type Part, type Redecode, rescue, RescueBudget } from "../lib/recognize/long_form/rescue.ts";
import { speechMap } from "./support/speech_maps.ts";

const TAG = "language English<asr_text>";

/** An answer of some text tokens behind a language line of three. */
function answerOf(text: string, change: Partial<ClipAnswer> = {}): ClipAnswer {
  const textTokens = text === "" ? 0 : text.split(" ").length;
  const tokens = Array.from({ length: 3 + textTokens }, (_, index) => index);
  return {
    ...cancelled(),
    finishReason: "stop",
    text,
    rawText: `${TAG}${text}`,
    tokens,
    textTokens,
    ...change,
  };
}

/** As much as anybody may want. */
const plenty = () => new RescueBudget(Infinity, Infinity);

/** Noise in syllables, 4 a second, that is speech to voice activity. */
function babble(seconds: number): Clip {
  let state = 1;
  const samples = Float32Array.from({ length: seconds * 16_000 }, (_, i) => {
    state = (state * 16_807) % 2_147_483_647;
    return 0.3 * (state / 2_147_483_647 - 0.5) * Math.max(0, Math.sin(2 * Math.PI * 4 * i / 16_000));
  });
  return { samples, origin: { chunk: 0, startSample: 0 }, speech: speechMap(seconds, [[0, seconds]]) };
}

function partOf(seconds: number, answer: ClipAnswer): Part {
  const clip = babble(seconds);
  return { clip, answer, reasons: doubts(evidenceOf(clip, answer)) };
}

Deno.test("rescue() decodes a chunk that nothing helps at most nine times more", async () => {
  let decodes = 0;
  const hopeless: Redecode = () => {
    decodes++;
    return Promise.resolve(answerOf("la la", { finishReason: "repetition" }));
  };
  const part = partOf(30, await hopeless(babble(1), {}));
  decodes = 0;
  const { rescues, reasons } = await rescue(part, hopeless, plenty());
  assertEquals(decodes, 2 + 4 + 3);
  assertEquals(rescues.length, 1 + 2 + 3);
  assert(rescues.every(({ accepted }) => !accepted) && reasons.length > 0);
});

Deno.test("rescue() gives each half what the whole says there as a draft, and a loop to none", async () => {
  for (const finishReason of ["stop", "repetition"] as const) {
    const drafts: (readonly number[] | undefined)[] = [];
    const halves = [answerOf("one two"), answerOf("three")];
    const part: Part = {
      clip: babble(8),
      answer: answerOf("one two three", { finishReason, tokens: [7, 8, 9, 1, 2, 3] }),
      reasons: ["It is doubted."],
    };
    await rescue(part, (_, { draft, temperature }) => {
      if (temperature === undefined) drafts.push(draft);
      return Promise.resolve(halves[drafts.length - 1]!);
    }, plenty());
    assertEquals(drafts, finishReason === "stop" ? [[7, 8, 9, 1, 2, 3], [7, 8, 9, 3]] : [[], []]);
  }
});

Deno.test("rescue() never takes a try that failed", async () => {
  const part = partOf(4, answerOf("la la la la", { finishReason: "repetition" }));
  const broken: Redecode = () =>
    Promise.resolve(answerOf("", { finishReason: "error", error: new Error("no") }));
  const { answer, rescues } = await rescue(part, broken, plenty());
  assertEquals(answer.text, "la la la la");
  assertEquals(rescues.map(({ accepted }) => accepted), [false, false, false]);
});

Deno.test("rescue() that is aborted at any of its tries keeps the text and says that it was cut short", async () => {
  const text = "la la la la";
  const part = partOf(30, answerOf(text, { finishReason: "repetition" }));
  for (let tries = 0; tries < 2 + 4 + 3; tries++) {
    let decodes = 0;
    const aborted: Redecode = () =>
      Promise.resolve(
        decodes++ < tries ? answerOf("la la", { finishReason: "repetition" }) : cancelled(),
      );
    const { answer, reasons } = await rescue(part, aborted, plenty());
    assertEquals(answer.finishReason, "cancelled", `after ${tries} tries`);
    assertEquals([answer.text, decodes], [text, tries + 1]);
    assert(reasons.includes("The call was aborted before its text ended."), reasons.join(" "));
  }
});

Deno.test("rescue() believes a sentence said twice when the halves say it too, and keeps the first text", async () => {
  const text = "My old number is five two one. My old number is five two two. So call me.";
  const part = partOf(8, answerOf(text));
  assert(part.reasons.length > 0);
  const halves = ["My old number is five two one,", "my old number is five two two. So call me."];
  const spoken: Redecode = () => Promise.resolve(answerOf(halves.shift() ?? ""));
  const rescued = await rescue(part, spoken, plenty());
  assertEquals([rescued.answer.text, rescued.reasons], [text, []]);
  assertEquals(rescued.rescues.length, 1);
});

Deno.test("rescue() by halves knows where the decoder looked, in steps of the whole", async () => {
  const part = partOf(12, answerOf("la la la", { finishReason: "repetition" }));
  const texts = [
    "One two three four five six seven eight nine ten.",
    "Ten nine eight seven six five four three two one.",
  ];
  const lengths: number[] = [];
  const halves: Redecode = ({ samples }) => {
    const count = Math.ceil(13 * samples.length / 16_000);
    lengths.push(samples.length / 16_000);
    const looks = Array.from(
      { length: 10 },
      (_, token) => new Float32Array(count).fill(1, 5 * token, 5 * token + 5),
    );
    return Promise.resolve(answerOf(texts.shift()!, { looks: [...looks, undefined] }));
  };
  const { answer } = await rescue(part, halves, plenty());
  assertEquals([lengths.length, answer.looks!.length, answer.looks![10]], [2, 22, undefined]);
  assertEquals(answer.looks![0]!.indexOf(1), 0);
  const start = answer.looks![11]!.indexOf(1);
  assert(Math.abs(start / 13 - lengths[0]!) < 0.04, `${start} for ${lengths[0]} s`);
  assert(answer.looks!.every((look) => look === undefined || Math.abs(look.length - 12 * 13) <= 1));
  const unknown: Redecode = () =>
    Promise.resolve(answerOf("One two three four five six seven eight nine ten."));
  assertEquals((await rescue(part, unknown, plenty())).answer.looks, undefined);
});

Deno.test("speech without text is doubted, however often nothing is heard, and the language line is no text", async () => {
  const nothing: Redecode = () => Promise.resolve(answerOf(""));
  for (const seconds of [2, 4, 10, 30]) {
    const part = partOf(seconds, answerOf(""));
    const { reasons, answer } = await rescue(part, nothing, plenty());
    assertEquals(answer.text, "");
    assert(reasons.length > 0, `${seconds} s`);
  }
  const short = evidenceOf(babble(0.2), answerOf(""));
  assertEquals(coverageOf(short).verdict, "no-speech");
  const five = evidenceOf(babble(10), answerOf("one two three four five"));
  assertEquals(five.tokenCount, 5);
  assert(doubts(five)[0]!.startsWith("Only 0.5 tokens a second"), doubts(five).join());
});

Deno.test("rescue() decodes no more than the budget pays, and the verdict says that it is spent", async () => {
  const budget = new RescueBudget(0.5, 0);
  budget.grow(80); // 40 s: one halving of 30 s, then one of the halves is too long
  let seconds = 0;
  const hopeless: Redecode = ({ samples }) => {
    seconds += samples.length / 16_000;
    return Promise.resolve(answerOf("la la", { finishReason: "repetition" }));
  };
  const part = partOf(30, answerOf("la la", { finishReason: "repetition" }));
  const { reasons, rescues } = await rescue(part, hopeless, budget);
  assertEquals(seconds, 30);
  assertEquals(rescues.length, 1);
  assert(reasons.at(-1)!.includes("budget for that is spent"), reasons.join());
  const first = await rescue(part, hopeless, new RescueBudget(0, 60));
  assertEquals([seconds, first.rescues], [30, []]);
  assert(first.reasons.at(-1)!.includes("budget for that is spent"));
});

Deno.test("a budget grows with what is decoded once, and is a least number of seconds before", () => {
  const budget = new RescueBudget(0.5, 30);
  assertEquals([budget.take(31), budget.take(30), budget.take(1)], [false, true, false]);
  budget.grow(64);
  assertEquals([budget.take(3), budget.take(2), budget.take(1)], [false, true, false]);
});

Deno.test("speech that was not looked at is doubted where voice activity is sure of it, and only there", () => {
  const attended = new Float32Array(130).fill(1).fill(0, 39, 91); // 10 s, nothing read from 3 s to 7 s
  const answer = answerOf("one two three four five six seven eight nine ten", { attended });
  const clip = babble(10);
  const about = (probability: number, end: number) =>
    doubts(
      evidenceOf({ ...clip, speech: speechMap(10, [[0, 3], [3.5, end], [7, 10]], probability) }, answer),
    );
  assertEquals(about(1, 6.5).map((reason) => reason.includes("never looked at")), [true]);
  assertEquals(about(0.7, 6.5), []);
  assertEquals(about(1, 4), []);
});

Deno.test("a loop and missing text are graver than a sentence said twice, that than all else", () => {
  const gravity = (answer: ClipAnswer) => gravityOf(evidenceOf(babble(10), answer));
  const twice = "So I came to the town. So I came to the town.";
  assertEquals(gravity(answerOf("la la", { finishReason: "repetition" })), 3);
  assertEquals(gravity(answerOf("")), 3);
  assertEquals(gravity(answerOf(twice)), 2);
  assertEquals(gravity(answerOf("one two three")), 1);
  assertEquals(gravity(answerOf("one two three four five six seven eight nine ten")), 0);
});

Deno.test("without voice activity a text is doubted for what it says only", () => {
  const clip = { ...babble(30), speech: undefined };
  assertEquals(doubts(evidenceOf(clip, answerOf(""))), []);
  assertEquals(coverageOf(evidenceOf(clip, answerOf(""))).verdict, "no-speech");
  assertEquals(doubts(evidenceOf(clip, answerOf("one"))), []);
  assertEquals(doubts(evidenceOf(clip, answerOf("la", { finishReason: "repetition" }))).length, 1);
});
