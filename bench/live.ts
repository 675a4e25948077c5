/**
 * Live text on the demo model: how right it is, how late, and what it costs.
 *
 *   deno run -A bench/live.ts quality [--real]    errors of final and committed texts, lag (--real: at the speed of speech)
 *   deno run -A bench/live.ts flat [--minutes 120]   processor time and memory of a long stream, by quarters
 *   deno run -A bench/live.ts aged [--minutes 120]   the same sound in a stream of that age and in a new one, turn by turn
 *   deno run -A bench/live.ts steps               a step at 10 to 600 s of stream, beside the official recipe
 *   deno run -A bench/live.ts noise [--minutes 10]   what is committed in sounds in which nobody speaks
 *   deno run -A bench/live.ts slices [--count 100]   whether the same sound in other pushes gives the same text
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl } from "@std/path";
import process from "node:process";
import { type LiveEvent, type LiveOptions, type LiveSession, loadAudio, Qwen3ASR } from "../mod.ts";
import { loadFolder } from "../lib/load_folder.ts";
import { Engine } from "../lib/recognize/engine.ts";
import { Timing } from "../lib/recognize/timing.ts";
import { joinSamples } from "../lib/join_arrays.ts";
import { wordErrorRate } from "../lib/text/edit_distance.ts";
import { randomNumbers } from "../tests/support/audio_signals.ts";
import { SOUNDS } from "./sounds.ts";

const RATE = 16_000;
/** Most seconds that are pushed ahead of what is heard, where the speed does not matter. */
const AHEAD_SECONDS = 3;
const DEMO = fromFileUrl(new URL("../demo", import.meta.url));

const args = parseArgs(Deno.args, {
  boolean: ["real"],
  string: ["minutes", "count"],
});
const [what = "quality"] = args._.map(String);

interface Speech {
  name: string;
  samples: Float32Array;
  text: string;
  /** End of each sentence with its number of words. */
  sentences: { endSeconds: number; words: number }[];
}

const wordsIn = (text: string) => text.split(/\s+/).filter((word) => word !== "").length;

/** long-en.wav, and the demo's German recordings with a second between them. */
async function speeches(): Promise<Speech[]> {
  const lines = (await Deno.readTextFile(`${DEMO}/refs.tsv`)).trim().split("\n").slice(1)
    .map((line) => line.split("\t") as [string, string, string]);
  const long = (await Deno.readTextFile(`${DEMO}/long-en.tsv`)).trim().split("\n").slice(1)
    .map((line) => line.split("\t") as [string, string, string]);
  const parts: Float32Array[] = [], sentences: Speech["sentences"] = [], texts: string[] = [];
  let length = 0;
  for (const [file, language, text] of lines) {
    if (language !== "German") continue;
    const samples = (await loadAudio(`${DEMO}/recordings/${file}`)).samples.slice();
    parts.push(samples, new Float32Array(RATE));
    sentences.push({ endSeconds: (length + samples.length) / RATE, words: wordsIn(text) });
    texts.push(text);
    length += samples.length + RATE;
  }
  return [{
    name: "long-en.wav",
    samples: (await loadAudio(`${DEMO}/recordings/long-en.wav`)).samples.slice(),
    text: long.map(([, , text]) => text).join(" "),
    sentences: long.map(([, end, text]) => ({ endSeconds: Number(end), words: wordsIn(text) })),
  }, { name: "German, joined", samples: joinSamples(parts), text: texts.join(" "), sentences }];
}

/** Pushes 0.1 s at a time: at the speed of speech, or as fast as it is heard. */
async function push(session: LiveSession, samples: Float32Array, isReal: boolean): Promise<void> {
  const start = performance.now();
  for (let at = 0; at < samples.length; at += RATE / 10) {
    session.push(samples.slice(at, at + RATE / 10));
    const wait = () =>
      isReal ? (at / RATE) * 1000 - (performance.now() - start) : session.lagSeconds > AHEAD_SECONDS ? 5 : 0;
    for (let left = wait(); left > 0; left = wait()) await new Promise((go) => setTimeout(go, left));
  }
}

/** What is heard of some sound. */
async function heard(
  asr: Qwen3ASR,
  samples: Float32Array,
  { isReal = false, ...options }: LiveOptions & { isReal?: boolean } = {},
): Promise<{ events: LiveEvent[]; at: number[] }> {
  await using session = asr.live({ onOverload: isReal ? "lengthen" : "wait", ...options });
  const events: LiveEvent[] = [], at: number[] = [];
  const pushing = push(session, samples, isReal).then(() => session.end());
  for await (const event of session) {
    events.push(event);
    at.push(session.pushedSeconds);
  }
  await pushing;
  return { events, at };
}

const textOf = (events: readonly LiveEvent[], type: "committed" | "final") => {
  const texts: string[] = [];
  for (const event of events) {
    if (event.type === type) texts[event.utterance] = (texts[event.utterance] ?? "") + event.text;
  }
  return texts.filter((text) => text !== "").join(" ");
};

function quantile(values: readonly number[], part: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(part * (values.length - 1))] ?? NaN;
}

/** For each word, seconds from the end of its sentence's share of time until it was committed. */
function lags({ sentences }: Speech, events: readonly LiveEvent[], at: readonly number[]): number[] {
  const ends: number[] = [];
  let before = 0;
  for (const { endSeconds, words } of sentences) {
    // Words of a sentence are about as long as each other: 0.3 s.
    for (let word = 0; word < words; word++) ends.push(endSeconds - 0.3 * (words - 1 - word));
    before += words;
  }
  const committed = events.flatMap((event, i) =>
    event.type === "committed" ? Array.from({ length: wordsIn(event.text) }, () => at[i]!) : []
  );
  return committed.length === before ? committed.map((seconds, i) => seconds - ends[i]!) : [];
}

async function quality(asr: Qwen3ASR): Promise<void> {
  console.log("| recording | offline | final | committed | lag of a committed word, median | p90 |");
  console.log("| --- | --- | --- | --- | --- | --- |");
  for (const speech of await speeches()) {
    const offline = await asr.transcribe(speech.samples);
    const { events, at } = await heard(asr, speech.samples, { isReal: args.real });
    const rate = (text: string) => `${(100 * wordErrorRate(speech.text, text).rate).toFixed(1)} %`;
    const late = lags(speech, events, at);
    const facts = [rate(offline.text), rate(textOf(events, "final")), rate(textOf(events, "committed"))];
    console.log(
      `| ${speech.name} | ${facts.join(" | ")} | ${quantile(late, 0.5).toFixed(1)} s | ` +
        `${quantile(late, 0.9).toFixed(1)} s |`,
    );
  }
}

/** Speech over and over with pauses of 0.5 to 20 s. */
function* endless(parts: readonly Float32Array[], seconds: number): Generator<Float32Array> {
  const random = randomNumbers(5);
  for (let at = 0, i = 0; at < seconds * RATE; i++) {
    const part = joinSamples([
      parts[i % parts.length]!,
      new Float32Array(Math.round((0.5 + 19.5 * random() ** 3) * RATE)),
    ]);
    yield part.subarray(0, seconds * RATE - at);
    at += part.length;
  }
}

async function flat(asr: Qwen3ASR): Promise<void> {
  const minutes = Number(args.minutes ?? 120);
  const parts = (await speeches()).map(({ samples }) => samples);
  await heard(asr, parts[0]!.subarray(0, 30 * RATE)); // warm
  await using session = asr.live({ onOverload: "wait" });
  let finals = 0;
  const reading = (async () => {
    for await (const { type } of session) if (type === "final") finals++;
  })();
  let pushed = 0, speech = 0, quarter = 0, cpu = process.cpuUsage(), speechBefore = 0;
  console.log(
    "| quarter | processor ms a second of stream | a second of speech | resident, MB | utterances |",
  );
  console.log("| --- | --- | --- | --- | --- |");
  const report = () => {
    const { user, system } = process.cpuUsage(cpu);
    const ms = (user + system) / 1000, seconds = minutes * 15;
    console.log(
      `| ${++quarter} | ${(ms / seconds).toFixed(1)} | ${(ms / (speech - speechBefore)).toFixed(1)} | ` +
        `${(Deno.memoryUsage().rss / 1e6).toFixed(0)} | ${finals} |`,
    );
    cpu = process.cpuUsage();
    speechBefore = speech;
  };
  for (const part of endless(parts, minutes * 60)) {
    for (let at = 0; at < part.length; at += RATE) {
      const some = part.subarray(at, at + RATE);
      await push(session, some, false);
      pushed += some.length / RATE;
      if (some.some((x) => Math.abs(x) > 1e-3)) speech += some.length / RATE;
      if (pushed >= (quarter + 1) * minutes * 15 && quarter < 3) report();
    }
  }
  await session.end();
  await reading;
  report();
}

/** What an old stream costs beside a new one: turns are short, so that a busy machine is as busy for both. */
async function aged(asr: Qwen3ASR): Promise<void> {
  const minutes = Number(args.minutes ?? 120), turns = 24;
  const parts = (await speeches()).map(({ samples }) => samples);
  await using old = asr.live({ onOverload: "wait" });
  await using fresh = asr.live({ onOverload: "wait" });
  const reading = [old, fresh].map(async (session) => {
    for await (const _ of session);
  });
  const settled = async (session: LiveSession) => {
    while (session.lagSeconds > 0.1) await new Promise((go) => setTimeout(go, 5));
  };
  const hear = async (session: LiveSession, samples: Float32Array) => {
    await push(session, samples, false);
    await push(session, new Float32Array(2 * RATE), false);
    await settled(session);
  };
  for (const part of endless(parts, minutes * 60)) {
    for (let at = 0; at < part.length; at += 30 * RATE) await hear(old, part.subarray(at, at + 30 * RATE));
  }
  const ratios: number[] = [];
  const before = Deno.memoryUsage().rss;
  for (let turn = 0; turn < turns; turn++) {
    const long = parts[0]!, at = turn % 6 * 15 * RATE;
    const some = long.subarray(at, at + 15 * RATE);
    const order = turn % 2 ? [old, fresh] : [fresh, old];
    const costs = new Map<LiveSession, number>();
    for (const session of order) costs.set(session, await cost(1, () => hear(session, some)));
    if (turn > 1) ratios.push(costs.get(old)! / costs.get(fresh)!);
  }
  await Promise.all([old.end(), fresh.end(), ...reading]);
  console.log(
    `${old.pushedSeconds / 60 | 0} min of stream against ${fresh.pushedSeconds / 60 | 0}: processor time ` +
      `${quantile(ratios, 0.5).toFixed(3)} (${quantile(ratios, 0.25).toFixed(3)} to ${
        quantile(ratios, 0.75).toFixed(3)
      } in the middle half of ${ratios.length} turns); resident ${(before / 1e6).toFixed(0)} MB`,
  );
}

/** Median of processor milliseconds. */
async function cost(times: number, work: () => Promise<void>): Promise<number> {
  const all: number[] = [];
  for (let i = 0; i < times; i++) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    all.push((user + system) / 1000);
  }
  return quantile(all, 0.5);
}

async function steps(asr: Qwen3ASR): Promise<void> {
  const [long] = await speeches();
  const { model, tokenizer } = await loadFolder(`${DEMO}/model`, { device: "cpu" });
  using engine = new Engine(model, tokenizer);
  console.log("| seconds of stream | a second of stream, live, ms | a step of the official recipe, ms |");
  console.log("| --- | --- | --- |");
  const stream = joinSamples(Array.from({ length: 7 }, () => long!.samples));
  for (const seconds of [10, 60, 120, 600]) {
    const from = Math.max(0, seconds - 30);
    const perSecond = await cost(
      3,
      async () => void await heard(asr, stream.subarray(from * RATE, seconds * RATE)),
    );
    const samples = stream.subarray(0, seconds * RATE);
    const before = await asr.transcribe(samples.subarray(0, samples.length - 2 * RATE));
    const ids = tokenizer.encode(`language English<asr_text>${before.text}`);
    const prefix = tokenizer.decode(ids.slice(0, -5), { skipSpecialTokens: false });
    const official = await cost(seconds > 100 ? 1 : 3, async () => {
      await engine.decode(
        [{ samples, context: "", prefix, temperature: 0, seed: 0, maxTokens: 512 }],
        { timing: new Timing() },
      );
    });
    console.log(`| ${seconds} | ${(perSecond / (seconds - from)).toFixed(0)} | ${official.toFixed(0)} |`);
  }
}

async function noise(asr: Qwen3ASR): Promise<void> {
  const minutes = Number(args.minutes ?? 10);
  console.log("| sound | utterances | characters committed | characters final |");
  console.log("| --- | --- | --- | --- |");
  for (const [name, make] of Object.entries(SOUNDS)) {
    const { events } = await heard(asr, make(minutes * 60 * RATE, randomNumbers(11)));
    const utterances = events.filter(({ type }) => type === "final").length;
    console.log(
      `| ${name} | ${utterances} | ${textOf(events, "committed").length} | ${
        textOf(events, "final").length
      } |`,
    );
  }
}

async function slices(asr: Qwen3ASR): Promise<void> {
  const [{ samples } = { samples: new Float32Array(0) }] = await speeches();
  const some = samples.subarray(0, 20 * RATE);
  const told = async (seed: number) => {
    const random = randomNumbers(seed);
    await using session = asr.live({ onOverload: "wait" });
    for (let at = 0; at < some.length;) {
      const length = 1 + Math.floor(random() ** 3 * 2 * RATE);
      session.push(some.slice(at, at + length));
      at += length;
      if (random() < 0.2) await new Promise((go) => setTimeout(go, 20));
    }
    session.end();
    const events = await Array.fromAsync(session);
    return JSON.stringify(
      events.filter(({ type }) => type === "committed" || type === "final").map((event) => ({
        ...event,
        lagSeconds: 0,
      })),
    );
  };
  const first = await told(1), count = Number(args.count ?? 100);
  let same = 1;
  for (let seed = 2; seed <= count; seed++) if (await told(seed) === first) same++;
  console.log(`${same} of ${count} slicings give the same committed and final texts`);
}

const works: Record<string, (asr: Qwen3ASR) => Promise<void>> = { quality, flat, aged, steps, noise, slices };
const work = works[what];
if (!work) throw new Error(`There is no ${what}: ${Object.keys(works).join(", ")}.`);
await using asr = await Qwen3ASR.load("demo");
await work(asr);
