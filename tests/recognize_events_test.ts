import { assertEquals } from "@std/assert";
import { loadTokenizer } from "../lib/load_folder.ts";
import { OrderedEvents } from "../lib/recognize/long_form/ordered_events.ts";
import type { TranscriptEvent } from "../lib/recognize/events.ts";
import { joinTexts } from "../lib/text/join.ts";
import { parseTranscript } from "../lib/text/parse.ts";
import type { ChunkResult } from "../lib/transcript.ts";
import { DEMO_MODEL } from "./support/checkpoints.ts";

/** A finished chunk with nothing to it but its text. */
function chunkOf(index: number, rawText: string): ChunkResult {
  return {
    index,
    startSeconds: index,
    endSeconds: index + 1,
    ...parseTranscript(rawText),
    rawText,
    tokens: [],
    finishReason: "stop",
    coverage: { speechSeconds: 1, tokensPerSecond: 1, verdict: "complete", reasons: [] },
    rescues: [],
  };
}

/** Events of chunks that are decoded side by side, token by token, and finished in order. */
async function eventsOf(raw: readonly string[], silent: readonly number[] = []): Promise<TranscriptEvent[]> {
  const tokenizer = await loadTokenizer(DEMO_MODEL);
  const events: TranscriptEvent[] = [];
  const ordered = new OrderedEvents((event) => events.push(event), {
    tokenizer,
    forcedLanguage: undefined,
  });
  ordered.durationSeconds = raw.length;
  const ids = raw.map((text) => tokenizer.encode(text));
  for (const index of silent) ordered.finish({ ...chunkOf(index, ""), finishReason: "silence" });
  for (let at = 0; ids.some((own) => at < own.length); at++) {
    for (const [index, own] of ids.entries()) if (at < own.length) ordered.token(index, own[at]!);
  }
  for (const [index, text] of raw.entries()) {
    if (!silent.includes(index)) ordered.finish(chunkOf(index, text));
  }
  return events;
}

function deltasOf(events: readonly TranscriptEvent[]): string {
  return events.map((event) => event.type === "delta" ? event.text : "").join("");
}

const TAG = "language English<asr_text>";

for (
  const [name, raw] of Object.entries({
    "no tag at all": ["Hello there.", `${TAG}And you?`],
    "leading and trailing blanks": [`${TAG}  Hello   there. `, `${TAG}\n And you? `],
    "digits between Chinese": ["language Chinese<asr_text>今天是2024", "language Chinese<asr_text>12月 3 日"],
    "a closing quotation mark": [`${TAG}He said "no."`, `${TAG}Then he left.`],
    "a tail that begins with a blank": [
      `${TAG}${"word ".repeat(12)}end`,
      `${TAG}and so on, "and on`,
      `${TAG}on.`,
    ],
    "a chunk without text": [`${TAG}One`, "language None<asr_text>", `${TAG}two.`],
    "characters of several tokens": ["language Korean<asr_text>안녕 🙂", `${TAG}🙂 bye`],
  })
) {
  Deno.test(`deltas are the text with ${name}`, async () => {
    const text = joinTexts(raw.map((one) => parseTranscript(one).text));
    assertEquals(deltasOf(await eventsOf(raw)), text);
  });
}

Deno.test("events come chunk by chunk: language, deltas, chunk, with silence in between", async () => {
  const events = await eventsOf([`${TAG}One.`, "", "language German<asr_text>Zwei."], [1]);
  const steps = events.map((event) =>
    `${event.type} ${event.type === "chunk" ? event.chunk.index : ""}`.trim()
  );
  assertEquals(steps.filter((step, index) => step !== steps[index - 1]), [
    "language",
    "delta",
    "chunk 0",
    "chunk 1",
    "language",
    "delta",
    "chunk 2",
  ]);
});
