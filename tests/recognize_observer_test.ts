import { assert, assertEquals } from "@std/assert";
import { liveHandles, toFloat32 } from "../ffi/mod.ts";
import { loadFolder } from "../lib/load_folder.ts";
import type { BackendPolicy } from "../lib/model/backend.ts";
import type { ClipRequest } from "../lib/recognize/clip.ts";
import { Engine } from "../lib/recognize/engine.ts";
import type { ClipObserver } from "../lib/recognize/observer.ts";
import { Timing } from "../lib/recognize/timing.ts";
import { DEMO_MODEL } from "./support/checkpoints.ts";
import { recordingPath, samplesOf } from "./support/demo_files.ts";

async function demoEngine(policy: Partial<BackendPolicy> = {}): Promise<Engine> {
  const { model, tokenizer } = await loadFolder(DEMO_MODEL, { device: "cpu", policy });
  return new Engine(model, tokenizer);
}

async function requestFor(name: string, change: Partial<ClipRequest> = {}): Promise<ClipRequest> {
  const samples = await samplesOf(recordingPath(name));
  return { samples, context: "", temperature: 0, seed: 3, maxTokens: 60, ...change };
}

/** Writes down what it is shown; `fail` names the event in which it throws. */
function observer(fail?: string): ClipObserver & { log: string[]; tokens: number[] } {
  const log: string[] = [], tokens: number[] = [];
  const note = (event: string) => {
    if (event === fail) throw new Error(`no ${event}, please`);
    log.push(event);
  };
  return {
    log,
    tokens,
    stages: new Set(["encoder_layer_0"]),
    attention: new Set([0]),
    encoded: ({ mel, stages, embeddings }) => {
      note("encoded");
      assertEquals([...stages.keys()], ["encoder_layer_0"]);
      for (const array of [mel, embeddings, ...stages.values()]) {
        assert(toFloat32(array).every(Number.isFinite));
      }
    },
    prompted: () => note("prompted"),
    chosen: (id, { logits, weights }) => {
      note("chosen");
      assertEquals([...weights.keys()], [0]);
      assertEquals(logits.shape.length, 2);
      tokens.push(id);
    },
    answered: () => note("answered"),
  };
}

const CALLS: Record<string, Partial<ClipRequest>> = {
  "as it is": {},
  "with languages to choose from": { languages: ["English", "German"] },
  "with a forced language": { language: "German" },
  "drawn": { temperature: 1.2 },
  "cut short": { maxTokens: 6 },
};

for (const doubleBuffer of [false, true]) {
  Deno.test(`a clip has one answer, looked at or not, buffered: ${doubleBuffer}`, async (test) => {
    using engine = await demoEngine({ doubleBuffer });
    for (const [name, change] of Object.entries(CALLS)) {
      await test.step(name, async () => {
        const request = await requestFor("dev-02-de.wav", change);
        const plain = await engine.decode([request], { timing: new Timing() });
        const handles = liveHandles();
        const seen = observer(), timing = new Timing();
        const answers = await engine.decode([{ ...request, observer: seen }], { timing });
        // The attention that coverage is judged by as well.
        assertEquals(answers, plain);
        assertEquals(liveHandles(), handles);
        const { tokens, finishReason } = plain[0]!;
        assertEquals(seen.tokens.slice(0, tokens.length), tokens);
        assertEquals(seen.tokens.length, tokens.length + (finishReason === "stop" ? 1 : 0));
        const steps = seen.tokens.map(() => "chosen");
        assertEquals(seen.log, ["encoded", "prompted", ...steps, "answered"]);
        assert(timing.encoderMs > 0 && timing.decodeMs > 0 && timing.promptTokens > 0);
      });
    }
  });
}

Deno.test("decode() gives answers in the order of asking, whoever is looked at", async () => {
  using engine = await demoEngine();
  const names = ["dev-01-en.wav", "dev-02-de.wav", "dev-04-en.wav"];
  const requests = await Promise.all(names.map((name) => requestFor(name)));
  const plain = await engine.decode(requests, { timing: new Timing() });
  for (const looked of [[1], [0, 2], [0, 1, 2]]) {
    const some = requests.map((request, at) =>
      looked.includes(at) ? { ...request, observer: observer() } : request
    );
    const answers = await engine.decode(some, { timing: new Timing() });
    assertEquals(answers.map(({ text }) => text), plain.map(({ text }) => text));
  }
});

Deno.test("an observer that throws costs its clip and leaves no handle behind", async () => {
  using engine = await demoEngine();
  const request = await requestFor("dev-01-en.wav", { languages: ["English", "German"] });
  const [plain] = await engine.decode([request], { timing: new Timing() });
  const handles = liveHandles();
  for (const event of ["encoded", "prompted", "chosen", "answered"]) {
    const requests = [request, { ...request, observer: observer(event) }];
    const [whole, broken] = await engine.decode(requests, { timing: new Timing() });
    assertEquals(whole!.text, plain!.text);
    assertEquals(broken!.error?.message, `no ${event}, please`);
    assertEquals(liveHandles(), handles, event);
  }
});
