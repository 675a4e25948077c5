/**
 * What must be true of every stage, whatever is said in the recording: shapes as config.json makes them, finite
 * numbers, attention that adds up to 1, a cache as wide as the activations.
 *
 * @module
 */
import { CLAMP_DECADES, melFrameCount } from "../audio/mel.ts";
import type { ModelConfig } from "../model/config.ts";
import type { ClipTrace, Tensor, Trace } from "../recognize/inspection/trace.ts";
import { audioTokenCount } from "../text/prompt.ts";
import { type Check, shapeText, spanOf } from "./check.ts";

/** Log-mel is cut so many powers of ten below its maximum and divided by 4 (spec 4.2). */
const MEL_SPAN = CLAMP_DECADES / 4;
/** How far a sum of weights may be from 1: each weight is rounded by up to 2^-24, 2^-11 or 2^-8 of itself. */
const SUM_TOLERANCE: Readonly<Record<string, number>> = { float32: 1e-5, float16: 1e-3, bfloat16: 8e-3 };
const BYTES: Readonly<Record<string, number>> = { float32: 4, float16: 2, bfloat16: 2 };

/** What the stages are measured by. */
export interface StageFacts {
  config: ModelConfig;
  /** Type of the activations. */
  dtype: string;
}

/** The layers that a proof looks into: the first, the middle and the last. */
export function someLayers(layers: number): number[] {
  return [...new Set([0, layers >> 1, layers - 1])];
}

function tensorCheck(name: string, { values, shape }: Tensor, expected: readonly number[]): Check {
  const { min, max, isFinite } = spanOf(values);
  const isShaped = shapeText(shape) === shapeText(expected);
  const range = `${min.toPrecision(3)} to ${max.toPrecision(3)}`;
  return {
    name,
    passed: isShaped && isFinite && max > min,
    found: `${shapeText(shape)}, ${isFinite ? `finite, ${range}` : "not all finite"}`,
    expected: `${shapeText(expected)}, finite, not constant`,
  };
}

function melCheck(pass: ClipTrace, melBins: number): Check {
  const frames = melFrameCount(pass.samples.values.length);
  const check = tensorCheck("mel", pass.mel, [melBins, frames]);
  const { min, max } = spanOf(pass.mel.values);
  return {
    ...check,
    passed: check.passed && max - min <= MEL_SPAN + 1e-3,
    expected: `${check.expected}, at most ${MEL_SPAN} from end to end`,
  };
}

function promptCheck({ promptTokens, audioStart, audioTokens, mel }: ClipTrace): Check {
  const expected = audioTokenCount(mel.shape[1] ?? 0);
  const pads = promptTokens.slice(audioStart, audioStart + audioTokens);
  const rest = [...promptTokens.slice(0, audioStart), ...promptTokens.slice(audioStart + audioTokens)];
  const isOne = new Set(pads).size === 1 && !rest.includes(pads[0]!);
  return {
    name: "prompt",
    passed: audioTokens === expected && isOne,
    found: `${promptTokens.length} tokens, ${audioTokens} of them audio${
      isOne ? "" : ", not all in one place"
    }`,
    expected: `${expected} audio tokens in one place`,
  };
}

function attentionCheck({ attention }: ClipTrace, dtype: string): Check {
  const tolerance = SUM_TOLERANCE[dtype] ?? SUM_TOLERANCE["bfloat16"]!;
  let [worst, sums, isWeight] = [0, 0, true];
  for (const { audio, rowSums } of attention) {
    for (const sum of rowSums.values) {
      if (Number.isNaN(sum)) continue; // The end of a prompt of more than 2048 positions is not watched.
      sums++;
      worst = Math.max(worst, Math.abs(sum - 1));
    }
    isWeight &&= audio.values.every((weight) =>
      Number.isNaN(weight) || (weight >= 0 && weight <= 1 + tolerance)
    );
  }
  const layers = attention.map(({ layer }) => layer).join(", ");
  return {
    name: "decoder attention",
    passed: sums > 0 && isWeight && worst <= tolerance,
    found: `${sums} sums in layers ${layers}, at most ${worst.toExponential(1)} from 1` +
      `${isWeight ? "" : ", weights outside of 0 to 1"}`,
    expected: `every sum 1 ± ${tolerance}`,
  };
}

function stepsCheck({ steps }: ClipTrace, vocabulary: number): Check {
  const isSound = steps.every(({ id, logit, probability, entropy, top }) =>
    Number.isFinite(logit) && probability > 0 && probability <= 1 + 1e-4 &&
    entropy >= -1e-4 && entropy <= Math.log(vocabulary) + 1e-2 && top[0]?.id === id
  );
  const mean = steps.reduce((sum, { probability }) => sum + probability, 0) / Math.max(1, steps.length);
  return {
    name: "decoder steps",
    passed: steps.length > 0 && isSound,
    found: `${steps.length} tokens, mean probability ${mean.toFixed(3)}${isSound ? "" : ", some impossible"}`,
    expected: "finite logits, probabilities in 0 to 1, the likeliest token taken",
  };
}

function cacheCheck({ cache, promptTokens, steps }: ClipTrace, { config, dtype }: StageFacts): Check {
  const { layers, kvHeads, headWidth } = config.decoder;
  const bytes = 2 * layers * kvHeads * headWidth * (BYTES[dtype] ?? NaN);
  const positions = promptTokens.length + steps.length - 1;
  return {
    name: "KV cache",
    passed: cache.positions === positions && cache.bytesPerPosition === bytes,
    found: `${cache.positions} positions, ${cache.bytesPerPosition} bytes each`,
    expected: `${positions} positions, ${bytes} bytes each (${dtype})`,
  };
}

function passChecks(pass: ClipTrace, facts: StageFacts): Check[] {
  const { encoder, decoder } = facts.config;
  const audioTokens = audioTokenCount(melFrameCount(pass.samples.values.length));
  return [
    melCheck(pass, encoder.melBins),
    tensorCheck("encoder input", pass.encoderInput, [audioTokens, encoder.width]),
    ...pass.encoderLayers.map(({ layer, output }) =>
      tensorCheck(`encoder layer ${layer}`, output, [audioTokens, encoder.width])
    ),
    tensorCheck("audio embeddings", pass.audioEmbeddings, [audioTokens, decoder.width]),
    promptCheck(pass),
    attentionCheck(pass, facts.dtype),
    stepsCheck(pass, decoder.vocabulary),
    cacheCheck(pass, facts),
    {
      name: "end of the text",
      passed: pass.finishReason === "stop",
      found: pass.finishReason,
      expected: "stop",
    },
  ];
}

/** Checks all stages of a recording: of each the first that is wrong, else the first. */
export function stageChecks(trace: Trace, facts: StageFacts): Check[] {
  const passes = trace.chunks.flatMap(({ passes }) => passes.slice(0, 1));
  const all = passes.map((pass) => passChecks(pass, facts));
  const [first] = all;
  if (first === undefined) {
    return [{ name: "stages", passed: false, found: "nothing was decoded", expected: "a clip with speech" }];
  }
  return first.map((check, index) =>
    all.map((checks) => checks[index]!).find(({ passed }) => !passed) ?? check
  );
}
