/**
 * An answer with a draft is the answer without: tokens, how the clip ended, log probabilities, attention.
 */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { liveHandles } from "../ffi/mod.ts";
import { decodeWav } from "../lib/audio/wav.ts";
import { loadFolder } from "../lib/load_folder.ts";
import type { BackendPolicy } from "../lib/model/backend.ts";
import type { ClipRequest } from "../lib/recognize/clip.ts";
import type { ClipAnswer } from "../lib/recognize/clip_answer.ts";
import { Engine } from "../lib/recognize/engine.ts";
import { GrowingClip } from "../lib/recognize/growing_clip.ts";
import { Timing } from "../lib/recognize/timing.ts";
import { DEMO_MODEL } from "./support/checkpoints.ts";
import { recordingPath, samplesOf } from "./support/demo_files.ts";
import { fixtures } from "./support/fixtures.ts";

const FIXTURES = await fixtures();
/** Between the sums of a prefill and those of a step, for numbers around 1. */
const TOLERANCE = 1e-3;
/** A token of the demo's vocabulary that no answer has in that place. */
const WRONG = 3;

async function engineOf(folder: string, policy: Partial<BackendPolicy> = {}): Promise<Engine> {
  const { model, tokenizer } = await loadFolder(folder, { device: "cpu", policy });
  return new Engine(model, tokenizer);
}

async function decoded(engine: Engine, request: ClipRequest): Promise<ClipAnswer & { timing: Timing }> {
  const timing = new Timing();
  const [answer] = await engine.decode([request], { timing });
  if (answer!.error) throw answer!.error;
  return { ...answer!, timing };
}

function assertClose(found: Float32Array | undefined, expected: Float32Array | undefined, where: string) {
  assertEquals(found?.length, expected?.length, where);
  for (const [index, value] of expected?.entries() ?? []) {
    assertAlmostEquals(found![index]!, value, TOLERANCE, `${where} ${index}`);
  }
}

function assertSame(found: ClipAnswer, plain: ClipAnswer, where: string): void {
  const { tokens, textTokens, finishReason, rawText, language, text } = plain;
  const { logprobs = [], looks = [], attended } = found;
  assertEquals(found.tokens, tokens, where);
  assertEquals(
    [found.textTokens, found.finishReason, found.rawText, found.language, found.text],
    [textTokens, finishReason, rawText, language, text],
    where,
  );
  assertClose(attended, plain.attended, `${where}: attended`);
  assertEquals(logprobs.length, plain.logprobs?.length ?? 0, where);
  for (const [index, { id, logprob }] of plain.logprobs?.entries() ?? []) {
    assertEquals(logprobs[index]!.id, id);
    assertAlmostEquals(logprobs[index]!.logprob, logprob, TOLERANCE, `${where}: log probability ${index}`);
  }
  assertEquals(looks.length, plain.looks?.length ?? 0, where);
  for (const [index, look] of plain.looks?.entries() ?? []) {
    assertClose(looks[index], look, `${where}: look ${index}`);
  }
}

/** Drafts of an answer: right, short, wrong from a place on, beyond its end, and nonsense. */
function draftsOf(tokens: readonly number[], stop: number): number[][] {
  const wrongAt = (place: number) => [...tokens.slice(0, place), WRONG, ...tokens.slice(place + 1)];
  return [
    [...tokens],
    [...tokens, stop],
    [...tokens, stop, ...tokens],
    [...tokens, WRONG, WRONG],
    tokens.slice(0, 1),
    tokens.slice(0, -1),
    ...Array.from({ length: Math.min(tokens.length, 6) }, (_, step) => wrongAt(step * 2)),
    new Array<number>(9).fill(WRONG),
  ];
}

const CALLS: Record<string, Partial<ClipRequest>> = {
  "as it is": {},
  "with a forced language and context": { language: "English", context: "ten yellow windows" },
  "with a prompt of several pieces": { context: "ten yellow windows ".repeat(230) },
  "with a beginning": { prefix: "language English<asr_text>I see" },
  "with languages to choose from": { languages: ["English", "German"] },
  "drawn": { temperature: 0.7 },
  "cut short": { maxTokens: 6 },
  "cut at once": { maxTokens: 1 },
  "on and on": { minTokens: 50, maxTokens: 120 },
};

for (const doubleBuffer of [false, true]) {
  Deno.test(`a draft changes nothing but the number of steps, buffered: ${doubleBuffer}`, async (test) => {
    using engine = await engineOf(DEMO_MODEL, { doubleBuffer });
    const samples = await samplesOf(recordingPath("dev-01-en.wav"));
    const stop = [...engine.stops][0]!;
    const reasons = new Set<string>();
    for (const [name, change] of Object.entries(CALLS)) {
      await test.step(name, async () => {
        const asked = { context: "", temperature: 0, seed: 3, maxTokens: 60, logprobs: true, looks: true };
        const request: ClipRequest = { samples, ...asked, ...change };
        const all: number[] = []; // With what is cut from a loop.
        const plain = await decoded(engine, { ...request, onToken: (id) => all.push(id) });
        reasons.add(plain.finishReason);
        const handles = liveHandles();
        for (const draft of draftsOf(all, stop)) {
          const told: number[] = [];
          const found = await decoded(engine, { ...request, draft, onToken: (id) => told.push(id) });
          assertSame(found, plain, `${name}: [${draft}]`);
          assertEquals(told, all);
        }
        assertEquals(liveHandles(), handles);
        const { timing } = await decoded(engine, { ...request, draft: all });
        if (!change.languages) assert(timing.decodeSteps <= 1, `${timing.decodeSteps} steps`);
      });
    }
    assertEquals([...reasons].sort(), ["length", "repetition", "stop"]);
  });
}

Deno.test("who looks on sees every token chosen, draft and kept clip or not", async () => {
  using engine = await engineOf(DEMO_MODEL);
  const samples = await samplesOf(recordingPath("dev-01-en.wav"));
  const request = { samples, context: "", temperature: 0, seed: 0, maxTokens: 60 };
  using growing = new GrowingClip(engine.model);
  const plain = await decoded(engine, { ...request, growing });
  const chosen: number[] = [];
  let encoded = 0;
  const observer = {
    stages: new Set<string>(),
    attention: new Set<number>(),
    encoded: () => encoded++,
    prompted: () => {},
    chosen: (id: number) => chosen.push(id),
    answered: () => {},
  };
  const seen = await decoded(engine, { ...request, growing, draft: plain.tokens, observer });
  assertEquals([seen.tokens, chosen.slice(0, -1), encoded], [plain.tokens, plain.tokens, 1]);
});

Deno.test("rows of a batch each have their own draft, right or wrong", async () => {
  using engine = await engineOf(DEMO_MODEL);
  const names = ["dev-00-en.wav", "dev-01-en.wav", "dev-02-de.wav", "dev-03-en.wav"];
  const requests = await Promise.all(names.map(async (name): Promise<ClipRequest> => ({
    samples: await samplesOf(recordingPath(name)),
    ...{ context: "", temperature: 0, seed: 0, maxTokens: 60, logprobs: true },
  })));
  const plain = await engine.decode(requests, { timing: new Timing() });
  const handles = liveHandles();
  const drafts = [plain[0]!.tokens, [WRONG], undefined, [...plain[3]!.tokens.slice(0, 5), WRONG]];
  const timing = new Timing();
  const found = await engine.decode(
    requests.map((request, index) => ({ ...request, draft: drafts[index] })),
    { timing },
  );
  for (const [index, answer] of found.entries()) assertSame(answer, plain[index]!, names[index]!);
  // All of them may be right, and nothing is left to decode.
  const all = requests.map((request, index) => ({
    ...request,
    maxTokens: plain[index]!.tokens.length,
    draft: plain[index]!.tokens,
  }));
  const none = new Timing();
  const read = await engine.decode(all, { timing: none });
  assertEquals(read.map(({ tokens }) => tokens), plain.map(({ tokens }) => tokens));
  assertEquals(none.decodeSteps, 0);
  assertEquals(liveHandles(), handles);
});

Deno.test("a draft is verified alike on every layout and route", async () => {
  const routes: Partial<BackendPolicy>[] = [{}, { passes: "mlx" }, { denseWeights: false }];
  const path = join(FIXTURES, "audio", "speech_8p01s.wav");
  const samples: Float32Array = decodeWav(await Deno.readFile(path)).interleaved;
  for (const name of ["tiny-hf", "tiny-mlx-8bit", "tiny-mlx-4bit", "tiny-mlx-mixed"]) {
    for (const policy of routes) {
      using engine = await engineOf(join(FIXTURES, "models", name), policy);
      const request = {
        samples,
        ...{ context: "", temperature: 0, seed: 0, maxTokens: 24, minTokens: 24, logprobs: true },
      };
      const plain = await decoded(engine, request);
      for (const draft of draftsOf(plain.tokens, WRONG)) {
        assertSame(await decoded(engine, { ...request, draft }), plain, `${name} ${JSON.stringify(policy)}`);
      }
    }
  }
});
