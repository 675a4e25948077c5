import { assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { join } from "@std/path";
import { type ClipTrace, Qwen3ASR } from "@qwen3/asr";
import { fixtures } from "./support/fixtures.ts";
import { floats, integers, readSafetensors } from "./support/safetensors.ts";

const CLIP = "speech_8p01s";
const VOCABULARY = 1280;

async function inspectClip(attention: number[] = []): Promise<{ pass: ClipTrace; folder: string }> {
  const folder = await fixtures();
  await using asr = await Qwen3ASR.load(join(folder, "models/tiny-hf"), { device: "cpu" });
  const { chunks } = await asr.inspect(join(folder, `audio/${CLIP}.wav`), {
    rescue: false,
    layers: [0, 1],
    topK: 3,
    attention,
    sampling: { maxTokens: 12 },
  });
  return { pass: chunks[0]!.passes[0]!, folder };
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assertEquals(a.length, b.length);
  return Array.from(a).reduce((most, value, k) => Math.max(most, Math.abs(value - b[k]!)), 0);
}

/** Softmax and entropy written down once more, in float64. */
function plainSoftmax(scores: ArrayLike<number>): Float64Array {
  const weights = Float64Array.from(scores);
  const top = weights.reduce((a, b) => Math.max(a, b));
  const powers = weights.map((score) => Math.exp(score - top));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

Deno.test("inspect() gives the official code's mel, encoder stages and audio embeddings", async () => {
  const { pass, folder } = await inspectClip();
  const official = await readSafetensors(join(folder, `cases/${CLIP}.f32.safetensors`));
  assertEquals(pass.mel.shape, official.get("mel")!.shape);
  assertLess(largestDifference(pass.mel.values, floats(official, "mel")), 2e-4);
  const stages = {
    encoder_input: pass.encoderInput,
    encoder_layer_0: pass.encoderLayers[0]!.output,
    encoder_layer_1: pass.encoderLayers[1]!.output,
    audio_embeds: pass.audioEmbeddings,
  };
  for (const [name, stage] of Object.entries(stages)) {
    assertEquals(stage.shape, official.get(name)!.shape, name);
    assertLess(largestDifference(stage.values, floats(official, name)), 2e-4, name);
  }
  assertEquals(pass.promptTokens, integers(official, "auto.prompt_ids"));
});

Deno.test("inspect() gives probabilities and entropies of the official code's logits, step by step", async () => {
  const { pass, folder } = await inspectClip();
  const official = await readSafetensors(join(folder, `cases/${CLIP}.f32.safetensors`));
  const greedy = integers(official, "auto.greedy_ids");
  const logits = floats(official, "auto.step_logits");
  assertEquals(pass.steps.map(({ id }) => id), greedy.slice(0, 12));
  for (const [index, step] of pass.steps.entries()) {
    const row = logits.subarray(index * VOCABULARY, (index + 1) * VOCABULARY);
    const expected = plainSoftmax(row);
    const order = [...row.keys()].sort((a, b) => row[b]! - row[a]!);
    assertEquals(step.top.length, 3);
    assertEquals(step.top[0]!.id, order[0]);
    assertAlmostEquals(step.logit, row[step.id]!, 5e-3);
    for (const { id, logit, probability } of step.top) {
      assertAlmostEquals(logit, row[id]!, 5e-3);
      assertAlmostEquals(probability, expected[id]!, 1e-4);
    }
    const entropy = expected.reduce((sum, p) => sum - p * Math.log(p), 0);
    assertAlmostEquals(step.entropy, entropy, 5e-3);
    assertEquals(step.positions, pass.promptTokens.length + index);
  }
});

/** y = W x with W `[out, in]`. */
function product(weight: Float32Array, x: ArrayLike<number>, out: number): Float64Array {
  const width = x.length;
  return Float64Array.from({ length: out }, (_, row) => {
    let sum = 0;
    for (let k = 0; k < width; k++) sum += weight[row * width + k]! * x[k]!;
    return sum;
  });
}

function rms(x: ArrayLike<number>, weight: Float32Array): Float64Array {
  let squares = 0;
  for (let k = 0; k < x.length; k++) squares += x[k]! ** 2;
  const scale = 1 / Math.sqrt(squares / x.length + 1e-6);
  return Float64Array.from({ length: x.length }, (_, k) => x[k]! * scale * weight[k]!);
}

/** Half-split rotary position (spec section 6). */
function turned(x: Float64Array, position: number): Float64Array {
  const half = x.length / 2;
  return x.map((value, k) => {
    const angle = position * 1e6 ** (-(k % half) / half);
    const other = k < half ? -x[k + half]! : x[k - half]!;
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
}

Deno.test("inspect() gives attention weights that a plain softmax gives from the checkpoint's own numbers", async () => {
  const { pass, folder } = await inspectClip([0]);
  const weights = await readSafetensors(join(folder, "models/tiny-hf/model.safetensors"));
  const of = (name: string) => floats(weights, `thinker.model.${name}`);
  const layer = (name: string) => of(`layers.0.${name}.weight`);
  const [width, heads, kvHeads, headWidth] = [128, 4, 2, 128];
  const table = of("embed_tokens.weight");
  const ids = [...pass.promptTokens, ...pass.steps.map(({ id }) => id)];
  const inputs = ids.map((id, position) => {
    const audio = position - pass.audioStart;
    const isAudio = audio >= 0 && audio < pass.audioTokens;
    const [source, row] = isAudio ? [pass.audioEmbeddings.values, audio] : [table, id];
    return rms(source.subarray(row * width, (row + 1) * width), layer("input_layernorm"));
  });
  const headOf = (name: string, head: number, position: number) => {
    const matrix = layer(`self_attn.${name}_proj`);
    const part = matrix.subarray(head * headWidth * width, (head + 1) * headWidth * width);
    return turned(
      rms(product(part, inputs[position]!, headWidth), layer(`self_attn.${name}_norm`)),
      position,
    );
  };
  const [{ audio, rowSums }] = pass.attention as [ClipTrace["attention"][number]];
  assertEquals(audio.shape, [pass.steps.length, heads, pass.audioTokens]);
  assertEquals(rowSums.shape, [pass.steps.length, heads]);
  for (const [step, head] of [[0, 0], [0, 3], [5, 1], [11, 2]] as const) {
    const position = pass.promptTokens.length - 1 + step;
    const query = headOf("q", head, position);
    const scores = Array.from({ length: position + 1 }, (_, other) => {
      const key = headOf("k", Math.floor(head * kvHeads / heads), other);
      return query.reduce((sum, value, k) => sum + value * key[k]!, 0) / Math.sqrt(headWidth);
    });
    const expected = plainSoftmax(scores).subarray(pass.audioStart, pass.audioStart + pass.audioTokens);
    const start = (step * heads + head) * pass.audioTokens;
    const traced = audio.values.subarray(start, start + pass.audioTokens);
    assertLess(largestDifference(traced, expected), 1e-4, `step ${step}, head ${head}`);
  }
});
