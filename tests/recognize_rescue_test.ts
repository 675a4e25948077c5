import { assert, assertEquals } from "@std/assert";
import { type Clip, clipOf } from "../lib/recognize/clip.ts";
import { cancelled, type ClipAnswer } from "../lib/recognize/clip_answer.ts";
import { coverageOf, doubts, evidenceOf } from "../lib/recognize/long_form/coverage.ts";
import { type Part, type Redecode, rescue } from "../lib/recognize/long_form/rescue.ts";

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

/** 30 s of noise in syllables, 4 a second: moves as speech does. */
function babble(seconds: number): Promise<Clip> {
  let state = 1;
  const samples = Float32Array.from({ length: seconds * 16_000 }, (_, i) => {
    state = (state * 16_807) % 2_147_483_647;
    return 0.3 * (state / 2_147_483_647 - 0.5) * Math.max(0, Math.sin(2 * Math.PI * 4 * i / 16_000));
  });
  return clipOf(samples, { chunk: 0, startSample: 0 });
}

async function partOf(seconds: number, answer: ClipAnswer): Promise<Part> {
  const clip = await babble(seconds);
  return { clip, answer, reasons: doubts(evidenceOf(clip, answer)) };
}

Deno.test("rescue() decodes a chunk that nothing helps at most nine times more", async () => {
  let decodes = 0;
  const hopeless: Redecode = () => {
    decodes++;
    return Promise.resolve(answerOf("la la", { finishReason: "repetition" }));
  };
  const part = await partOf(30, await hopeless(await babble(1), {}));
  decodes = 0;
  const { rescues, reasons } = await rescue(part, hopeless);
  assertEquals(decodes, 2 + 4 + 3);
  assertEquals(rescues.length, 1 + 2 + 3);
  assert(rescues.every(({ accepted }) => !accepted) && reasons.length > 0);
});

Deno.test("rescue() never takes a try that failed", async () => {
  const part = await partOf(4, answerOf("la la la la", { finishReason: "repetition" }));
  const broken: Redecode = () =>
    Promise.resolve(answerOf("", { finishReason: "error", error: new Error("no") }));
  const { answer, rescues } = await rescue(part, broken);
  assertEquals(answer.text, "la la la la");
  assertEquals(rescues.map(({ accepted }) => accepted), [false, false, false]);
});

Deno.test("rescue() that is aborted at any of its tries keeps the text and says that it was cut short", async () => {
  const text = "la la la la";
  const part = await partOf(30, answerOf(text, { finishReason: "repetition" }));
  for (let tries = 0; tries < 2 + 4 + 3; tries++) {
    let decodes = 0;
    const aborted: Redecode = () =>
      Promise.resolve(
        decodes++ < tries ? answerOf("la la", { finishReason: "repetition" }) : cancelled(),
      );
    const { answer, reasons } = await rescue(part, aborted);
    assertEquals(answer.finishReason, "cancelled", `after ${tries} tries`);
    assertEquals([answer.text, decodes], [text, tries + 1]);
    assert(reasons.includes("The call was aborted before its text ended."), reasons.join(" "));
  }
});

Deno.test("rescue() believes a sentence said twice when the halves say it too, and keeps the first text", async () => {
  const text = "My old number is five two one. My old number is five two two. So call me.";
  const part = await partOf(8, answerOf(text));
  assert(part.reasons.length > 0);
  const halves = ["My old number is five two one,", "my old number is five two two. So call me."];
  const spoken: Redecode = () => Promise.resolve(answerOf(halves.shift() ?? ""));
  const rescued = await rescue(part, spoken);
  assertEquals([rescued.answer.text, rescued.reasons], [text, []]);
  assertEquals(rescued.rescues.length, 1);
});

Deno.test("speech without text is doubted, however often nothing is heard, and the language line is no text", async () => {
  const nothing: Redecode = () => Promise.resolve(answerOf(""));
  for (const seconds of [2, 4, 10, 30]) {
    const part = await partOf(seconds, answerOf(""));
    const { reasons, answer } = await rescue(part, nothing);
    assertEquals(answer.text, "");
    assert(reasons.length > 0, `${seconds} s`);
  }
  const short = evidenceOf(await babble(0.5), answerOf(""));
  assertEquals(coverageOf(short).verdict, "no-speech");
  const five = evidenceOf(await babble(10), answerOf("one two three four five"));
  assertEquals(five.tokenCount, 5);
  assert(doubts(five)[0]!.startsWith("Only 0.5 tokens a second"), doubts(five).join());
});
