/**
 * The plan of a recording's beginning is the beginning of its plan, wherever the beginning ends.
 *
 * @module
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { join } from "@std/path";
import { recordingLevels } from "../lib/audio/frame_levels.ts";
import { loadAudio } from "../lib/audio/load.ts";
import { planChunks, planSoFar, planSpeech, type SpeechChunkOptions } from "../lib/audio/pauses.ts";
import { Samples } from "../lib/audio/samples.ts";
import { SpeechMap } from "../lib/audio/speech_map.ts";
import { FRAME_SAMPLES } from "../lib/vad/frames.ts";
import { speechRanges, speechSoFar, type VadOptions } from "../lib/vad/intervals.ts";
import { speechProbabilities } from "../lib/vad/probabilities.ts";
import { randomNumbers } from "./support/audio_signals.ts";
import { loadVad } from "./support/vad_network.ts";

const RATE = 16_000;

/** How a case is cut. */
interface Rules {
  chunks: SpeechChunkOptions;
  vad?: VadOptions;
}

/** Checks beginnings of all lengths; gives how many chunks the longest one was certain of, and how many there are. */
async function checkBeginnings(
  samples: Samples,
  probabilities: Float32Array | undefined,
  { chunks, vad = {} }: Rules,
  lengths: Iterable<number>,
): Promise<{ certain: number; all: number }> {
  const levels = await recordingLevels(samples);
  const map = probabilities && new SpeechMap({
    ...{ samples: samples.length, frameSamples: FRAME_SAMPLES, probabilities },
    ranges: speechRanges(probabilities, samples.length, vad),
  });
  const whole = map ? await planSpeech(samples, map, chunks) : await planChunks(samples, chunks);
  let certain = 0;
  for (const length of lengths) {
    const some = {
      mean: levels.mean.slice(0, Math.floor(length / 160)),
      peak: levels.peak.slice(0, Math.floor(length / 160)),
    };
    const heard = probabilities?.slice(0, Math.floor(length / FRAME_SAMPLES));
    const soFar = heard && speechSoFar(heard, vad);
    const speech = soFar && new SpeechMap({
      ...{ samples: soFar.nextSample, frameSamples: FRAME_SAMPLES, probabilities: heard },
      ranges: soFar.ranges,
    });
    const plan = planSoFar(some, speech, soFar?.settledSample ?? 0, chunks);
    assertEquals(plan, whole.slice(0, plan.length), `after ${length} samples`);
    for (const chunk of plan) {
      if (chunk.kind === "audio" && map) {
        assertEquals(
          speech!.within(chunk).ranges,
          map.within(chunk).ranges,
          `speech after ${length} samples`,
        );
      }
    }
    certain = plan.length;
  }
  return { certain, all: whole.length };
}

/** Lengths of beginnings, in uneven steps. */
function* steps(samples: number, seconds: number): Generator<number> {
  for (let length = 0; length < samples; length += Math.round(seconds * RATE) + 37) yield length;
}

/** Sound, pauses, digital silence and hiss in stretches of random length, with probabilities that mostly fit. */
function synthetic(seed: number): { samples: Samples; probabilities: Float32Array } {
  const random = randomNumbers(seed);
  const audio = new Float32Array(RATE * 60),
    likely = new Float32Array(Math.ceil(audio.length / FRAME_SAMPLES));
  for (let at = random() < 0.3 ? 5000 : 0; at < audio.length;) {
    const end = Math.min(audio.length, at + Math.round(RATE * 10 ** (random() * 2.2 - 1.2)));
    const level = [0, 0, 0.00001, 0.001, 0.2, 0.5][Math.floor(random() * 6)]!;
    const speech = random() < 0.2 ? random() : level > 0.01 ? 0.95 : 0.03;
    for (let i = at; i < end; i++) audio[i] = level * (2 * random() - 1);
    likely.fill(speech, Math.floor(at / FRAME_SAMPLES), Math.ceil(end / FRAME_SAMPLES));
    at = end;
  }
  return { samples: Samples.of(audio), probabilities: likely.map((x) => x * (0.8 + 0.2 * random())) };
}

Deno.test("planSoFar() is the beginning of the plan, of sounds of every kind", async () => {
  const rules: Rules[] = [
    { chunks: { chunkSeconds: 5 } },
    { chunks: { chunkSeconds: 2.345, noSpeechSeconds: 0.1, minimumSilenceSeconds: 0.1 } },
    {
      chunks: { chunkSeconds: 9 },
      vad: { minSpeechSeconds: 2, speechPadSeconds: 0.3, minSilenceSeconds: 0.5 },
    },
    { chunks: { chunkSeconds: 4 }, vad: { minSpeechSeconds: 0, speechPadSeconds: 0, minSilenceSeconds: 0 } },
  ];
  let certain = 0, all = 0;
  for (let seed = 1; seed <= 6; seed++) {
    const { samples, probabilities } = synthetic(seed);
    for (const rule of rules) {
      for (const heard of [probabilities, undefined]) {
        const found = await checkBeginnings(samples, heard, rule, steps(samples.length, 1.7));
        certain += found.certain;
        all += found.all;
      }
    }
  }
  // Of a minute the last dozen seconds or so are open.
  assertGreater(certain, 0.6 * all);
});

Deno.test("planSoFar() is certain of a chunk when the next longest one and a little more are there", async () => {
  const probabilities = new Float32Array(4000).fill(0.9);
  const sound = Samples.of(
    Float32Array.from({ length: 4000 * FRAME_SAMPLES }, (_, i) => 0.3 * Math.sin(i / 10)),
  );
  const { certain } = await checkBeginnings(sound, probabilities, { chunks: {} }, [49 * RATE]);
  assertEquals(certain, 1);
});

Deno.test("planSoFar() is the beginning of the plan of a real recording", async () => {
  using vad = await loadVad();
  const path = join(import.meta.dirname!, "../demo/recordings/long-en.wav");
  const { samples } = await loadAudio(path);
  const probabilities = await speechProbabilities(vad, samples);
  for (const chunkSeconds of [8, 30]) {
    const lengths = steps(samples.length, 0.9);
    const { certain, all } = await checkBeginnings(
      samples,
      probabilities,
      { chunks: { chunkSeconds } },
      lengths,
    );
    assert(certain > 0 && certain < all, `${certain} of ${all}`);
  }
});
