import { assert, assertEquals, assertLess, assertLessOrEqual } from "@std/assert";
import { Hearing, type Utterance } from "../lib/recognize/live/hearing.ts";
import { LIVE_VAD } from "../lib/recognize/live/options.ts";
import type { LiveParts } from "../lib/recognize/live/session.ts";
import { LiveSession } from "../lib/recognize/live/session.ts";
import { liveSettings } from "../lib/recognize/live/settings.ts";
import { loadFolder } from "../lib/load_folder.ts";
import { randomNumbers } from "./support/audio_signals.ts";
import { fromFileUrl } from "@std/path";

const RATE = 16_000;
const FRAME = 512;

interface Said {
  type: "start" | "end";
  utterance: Utterance;
}

/** A stream whose sample values are their places, so that it shows which of them are kept. */
class Script {
  readonly said: Said[] = [];
  readonly hearing: Hearing;
  #frames = 0;

  constructor(options: { minSilenceSeconds?: number; threshold?: number } = {}, endpointing = true) {
    this.hearing = new Hearing(
      { vad: { ...LIVE_VAD, ...options }, endpointing, maxUtteranceSamples: 30 * RATE },
      (type, utterance) => this.said.push({ type, utterance }),
    );
  }

  /** Frames of one probability. */
  go(seconds: number, probability: number): void {
    for (let frame = 0; frame < Math.round(seconds * RATE / FRAME); frame++) {
      const first = this.#frames++ * FRAME;
      const samples = new Float32Array(FRAME);
      for (let i = 0; i < FRAME; i++) samples[i] = first + i;
      this.hearing.append(samples);
      this.hearing.frames(Float32Array.of(probability));
    }
  }

  /** Whether all of an utterance's sound is there. */
  isWhole(utterance: Utterance): boolean {
    const { startSample, endSample } = utterance;
    const sound = this.hearing.soundOf(utterance, endSample);
    return sound.length === endSample - startSample && sound[0] === startSample;
  }
}

Deno.test("Hearing keeps the sound before an utterance for as long as the longest silence inside one", () => {
  const script = new Script({ minSilenceSeconds: 8 });
  script.go(20, 0); // what may be forgotten is forgotten in large pieces
  script.go(0.1, 1); // too short to be an utterance
  script.go(7.5, 0);
  script.go(1, 1);
  const [{ utterance }] = script.said as [Said];
  assertLess(utterance.startSample, 20.1 * RATE);
  assert(script.isWhole(utterance));
});

Deno.test("an utterance that goes on behind clear() ends, however short it is", () => {
  const script = new Script();
  script.go(1, 0);
  script.go(0.064, 1);
  script.hearing.clear();
  script.go(0.16, 1);
  script.go(5, 0);
  const own = script.said.filter(({ utterance }) => !utterance.isCleared).map(({ type }) => type);
  assertEquals(own.length % 2, 0, `${own}`);
});

Deno.test("without endpointing the longest length does not take the silence behind speech", () => {
  const script = new Script({}, false);
  script.go(1, 0);
  script.go(4, 1);
  script.go(40, 0);
  assertEquals(script.said.map(({ type }) => type), ["start", "end"]);
  const { endSample } = script.said[1]!.utterance;
  assertLessOrEqual(Math.abs(endSample / RATE - 5.3), 0.05);
  script.go(2, 1);
  script.hearing.cut();
  assertEquals(script.said.length, 4);
  assertLess(44.5 * RATE, script.said[2]!.utterance.startSample);
});

Deno.test("speech goes on by the same rule as it ends, whatever the threshold", () => {
  for (const threshold of [0.1, 0.3, 0.5, 0.8]) {
    for (const probability of [0.005, 0.1, 0.2, 0.4, 0.6]) {
      const script = new Script({ threshold, minSilenceSeconds: 0.5 });
      script.go(1, 1);
      script.go(1, probability);
      const isOver = script.said.some(({ type }) => type === "end");
      assertEquals(
        script.hearing.isSpoken(1.1 * RATE, 1.9 * RATE),
        !isOver,
        `frames of ${probability} where speech begins at ${threshold}`,
      );
    }
  }
});

Deno.test("whatever voice activity says, utterances are whole, in order, apart, and never too long", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = randomNumbers(seed);
    const script = new Script({ minSilenceSeconds: random() * 3 }, seed % 3 > 0);
    for (let part = 0; part < 60; part++) {
      script.go(random() ** 4 * 12, random() < 0.5 ? random() * 0.3 : 0.4 + 0.6 * random());
      if (random() < 0.05) script.hearing.cut();
      if (random() < 0.05) script.hearing.clear();
    }
    script.hearing.cut();
    let before = 0;
    const starts = script.said.filter(({ type }) => type === "start").map(({ utterance }) => utterance);
    const ends = script.said.filter(({ type }) => type === "end").map(({ utterance }) => utterance);
    assertEquals(ends, starts);
    for (const utterance of ends) {
      assertLessOrEqual(before, utterance.startSample);
      assertLessOrEqual(utterance.startSample, utterance.endSample);
      assertLessOrEqual(utterance.endSample - utterance.startSample, 30 * RATE);
      if (utterance.endSample > utterance.startSample) assert(script.isWhole(utterance));
      before = utterance.endSample;
    }
  }
});

Deno.test("a closed live stream has let go of the decoder when closing resolves", async () => {
  const { model, tokenizer } = await loadFolder(fromFileUrl(new URL("../demo/model", import.meta.url)), {
    device: "cpu",
  });
  using _ = model;
  for (const how of ["close", "fail"] as const) {
    let running = 0;
    const began = Promise.withResolvers<void>();
    const parts: LiveParts = {
      model,
      decoder: {
        tokenizer,
        async decode() {
          running++;
          began.resolve();
          await new Promise((go) => setTimeout(go, 30));
          running--;
          throw new Error("stopped");
        },
      },
      vad: {
        push: (samples) => {
          if (samples.length < FRAME) throw new Error("no voice activity");
          return Promise.resolve(new Float32Array(samples.length / FRAME).fill(1));
        },
        finish: () => Promise.resolve(new Float32Array(0)),
      },
      words: () => Promise.resolve(undefined),
      settings: liveSettings({}),
    };
    const session = new LiveSession(parts);
    session.push(new Float32Array(2 * RATE));
    await began.promise;
    assertEquals(running, 1);
    if (how === "close") await session[Symbol.asyncDispose]();
    else {
      session.push(new Float32Array(1));
      await session.end();
    }
    assertEquals(running, 0);
  }
});
