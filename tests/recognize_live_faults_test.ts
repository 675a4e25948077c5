import { assert, assertEquals } from "@std/assert";
import type { ClipRequest } from "../lib/recognize/clip.ts";
import type { ClipAnswer } from "../lib/recognize/clip_answer.ts";
import { type ClipDecoder, Engine } from "../lib/recognize/engine.ts";
import { GrowingClip } from "../lib/recognize/growing_clip.ts";
import { LiveSession } from "../lib/recognize/live/session.ts";
import { liveSettings } from "../lib/recognize/live/settings.ts";
import { Hypotheses } from "../lib/recognize/live/utterance.ts";
import { parseAnswer } from "../lib/text/answer.ts";
import { loadFolder } from "../lib/load_folder.ts";
import type { LiveEvent } from "../mod.ts";
import { randomNumbers } from "./support/audio_signals.ts";
import { DEMO_MODEL } from "./support/checkpoints.ts";
import { recordingPath, samplesOf } from "./support/demo_files.ts";

const RATE = 16_000;
const FRAME = 512;

const { model, tokenizer } = await loadFolder(DEMO_MODEL, { device: "cpu" });
const engine = new Engine(model, tokenizer);

/** Two recordings with a second and a half behind each. */
const names = ["dev-01-en.wav", "dev-04-en.wav"];
const sounds = await Promise.all(names.map((name) => samplesOf(recordingPath(name))));
const lengths = sounds.map(({ length }) => Math.ceil(length / FRAME) * FRAME);
const silence = 48 * FRAME;

/** What is heard with a decoder whose answers may be changed; voice activity knows where speech is. */
async function heard(change: (request: ClipRequest, answer: ClipAnswer, call: number) => ClipAnswer) {
  let calls = 0, frame = 0;
  const isSpeech = lengths.flatMap((length) => [
    ...new Array(length / FRAME).fill(1),
    ...new Array(silence / FRAME).fill(0),
  ]);
  const decoder: ClipDecoder = {
    tokenizer,
    decode: async (requests, context) => {
      const answers = await engine.decode(requests, context);
      const call = calls++;
      return answers.map((answer, i) => change(requests[i]!, answer, call));
    },
  };
  await using session = new LiveSession({
    model,
    decoder,
    vad: {
      push: (samples) => {
        const count = samples.length / FRAME;
        frame += count;
        return Promise.resolve(Float32Array.from(isSpeech.slice(frame - count, frame)));
      },
      finish: () => Promise.resolve(new Float32Array(0)),
    },
    words: () => Promise.resolve(undefined),
    settings: liveSettings({ onOverload: "wait" }),
  });
  for (const [i, sound] of sounds.entries()) {
    const whole = new Float32Array(lengths[i]! + silence);
    whole.set(sound);
    for (let at = 0; at < whole.length; at += FRAME) session.push(whole.slice(at, at + FRAME));
  }
  session.end();
  return await Array.fromAsync(session);
}

const nothing: ClipAnswer = {
  tokens: [],
  textTokens: 0,
  finishReason: "stop",
  rawText: "",
  language: "",
  text: "",
  attended: undefined,
};
const failed: ClipAnswer = { ...nothing, finishReason: "error", error: new Error("MLX fails here") };

const finals = (events: readonly LiveEvent[]) => events.filter((event) => event.type === "final");
const committed = (events: readonly LiveEvent[], of: number) =>
  events.map((event) => event.type === "committed" && event.utterance === of ? event.text : "").join("");

Deno.test("a step that fails is left out: later ones and the final text are as always", async () => {
  const whole = await heard((_, answer) => answer);
  const texts = finals(whole).map(({ text }) => text);
  assertEquals(texts.length, 2);
  for (const failAt of [0, 1, 2]) {
    const events = await heard((_, answer, call) => call === failAt ? failed : answer);
    assertEquals(finals(events).map(({ text }) => text), texts, `step ${failAt}`);
    for (const index of [0, 1]) assertEquals(committed(events, index), texts[index]);
  }
});

Deno.test("a final decode that fails gives an empty final text with a warning, and the stream goes on", async () => {
  const [, expected] = finals(await heard((_, answer) => answer));
  // The first begins with the stream; steps have a prefix, though it may be empty.
  const events = await heard((request, answer) =>
    request.prefix === undefined && request.samples[RATE] === sounds[0]![RATE] ? failed : answer
  );
  const [first, second] = finals(events);
  assertEquals(first!.text, "");
  assert(first!.warning?.includes("MLX fails here"), first!.warning);
  assertEquals([second!.text, second!.warning], [expected!.text, undefined]);
  assert(committed(events, 0).length > 0);
});

Deno.test("a hypothesis that loops commits nothing, and the final text is that of the whole", async () => {
  const texts = finals(await heard((_, answer) => answer)).map(({ text }) => text);
  const events = await heard((request, answer) =>
    request.prefix === undefined ? answer : { ...answer, finishReason: "repetition" }
  );
  assertEquals(finals(events).map(({ text }) => text), texts);
  for (const event of events) {
    // Only what the final text says itself, when all has been heard.
    if (event.type === "committed") assertEquals(event.text, texts[event.utterance]);
    assert(event.type !== "tentative");
  }
});

/** Text in many scripts, of characters of one to four bytes and of several. */
const PIECES = [
  "I see ",
  "ten yellow ",
  "windows",
  ". ",
  "Größe ",
  "東京",
  "で",
  "🙂",
  "👩‍👩‍👧 ",
  "ไทย",
  "е́ж ",
  "don't ",
  "- ",
  "\u00a0",
];

Deno.test("whatever the hypotheses are, committed text only grows, in whole characters", async () => {
  const sound = new Float32Array(RATE);
  for (let seed = 1; seed <= 150; seed++) {
    const random = randomNumbers(seed);
    const pick = () => PIECES[Math.floor(random() * PIECES.length)]!;
    const truth = Array.from({ length: 30 }, pick);
    const language = seed % 2 ? "English" : undefined;
    let length = 0, prefix = "";
    const decoder: ClipDecoder = {
      tokenizer,
      decode: ([request]) => {
        prefix = request!.prefix ?? "";
        length += 1 + Math.floor(random() * 4);
        const said = truth.slice(0, length).map((piece) => random() < 0.1 ? pick() : piece).join("");
        const frame = language ? "" : "language English<asr_text>";
        // The model goes on from the prefix, whatever it would have said.
        const rest = random() < 0.05 ? "language None<asr_text>" : (frame + said).slice(prefix.length);
        const tokens = tokenizer.encode(rest);
        if (random() < 0.2) tokens.length = Math.floor(random() * tokens.length); // inside of a character
        const rawText = prefix + tokenizer.decode(tokens, { skipSpecialTokens: false });
        const { text } = parseAnswer(rawText, language);
        const answer: ClipAnswer = {
          ...nothing,
          tokens,
          rawText,
          text,
          finishReason: random() < 0.1 ? "repetition" : "stop",
        };
        return Promise.resolve([answer]);
      },
    };
    using clip = new GrowingClip(model);
    const settings = liveSettings({ language, unfixedTokens: Math.floor(random() * 6) });
    const hypotheses = new Hypotheses(decoder, clip, settings.recognize, settings);
    let before = "";
    for (let step = 0; step < 14; step++) {
      const result = await hypotheses.step(sound);
      assert(
        parseAnswer(prefix, language).text.trim() === before.trim(),
        `seed ${seed}: ${prefix} | ${before}`,
      );
      if (!result) continue;
      before += result.committed;
      assert(before.isWellFormed() && !before.includes("\uFFFD"), `seed ${seed}: ${before}`);
    }
    const all = truth.join("");
    const { text } = await hypotheses.rest(sound, { text: all, chunks: [] });
    assert(!text.includes("\uFFFD"));
  }
});
