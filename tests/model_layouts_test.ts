import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import * as mx from "../ffi/mod.ts";
import { ModelError, OptionError } from "../lib/errors.ts";
import { loadFolder } from "../lib/load_folder.ts";
import { Backend } from "../lib/model/backend.ts";
import { parseConfig } from "../lib/model/config.ts";
import { alignClip } from "../lib/recognize/align.ts";
import { encode } from "../lib/recognize/encode.ts";
import { Engine } from "../lib/recognize/engine.ts";
import { Timing } from "../lib/recognize/timing.ts";
import { ForcedAligner, Qwen3ASR } from "../mod.ts";
import { alteredModel, copyWithoutTensors, DEMO_MODEL, renameToHf } from "./support/checkpoints.ts";
import { recordingPath, samplesOf } from "./support/demo_files.ts";
import { fixtures } from "./support/fixtures.ts";

const CPU = { device: "cpu", dtype: "float32" } as const;

type Json = Record<string, unknown>;

async function folder(name: string): Promise<string> {
  return join(await fixtures(), "models", name);
}

async function configOf(directory: string): Promise<Json> {
  return JSON.parse(await Deno.readTextFile(join(directory, "config.json"))) as Json;
}

/** An original config as transformers 5 writes it for its own layout. */
function hfConfig(original: Json): Json {
  const thinker = original["thinker_config"] as Json;
  const { encoder_attention_heads, encoder_layers, encoder_ffn_dim, d_model, ...audio } =
    thinker["audio_config"] as Json;
  const { rope_theta, rope_scaling: _, tie_word_embeddings: __, ...text } = thinker["text_config"] as Json;
  return {
    architectures: ["Qwen3ASRForConditionalGeneration"],
    model_type: "qwen3_asr",
    audio_config: {
      ...audio,
      model_type: "qwen3_asr_encoder",
      num_attention_heads: encoder_attention_heads,
      num_hidden_layers: encoder_layers,
      intermediate_size: encoder_ffn_dim,
      hidden_size: d_model,
      max_position_embeddings: 13,
    },
    text_config: { ...text, model_type: "qwen3", rope_parameters: { rope_type: "default", rope_theta } },
    audio_token_id: thinker["audio_token_id"],
    tie_word_embeddings: true,
  };
}

async function withModel(
  source: string,
  change: (tensors: Map<string, mx.MLXArray>) => void,
  config: (old: Json) => Json,
  use: (directory: string) => Promise<void>,
): Promise<void> {
  const directory = await alteredModel(source, change);
  try {
    await Deno.writeTextFile(join(directory, "config.json"), JSON.stringify(config(await configOf(source))));
    await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function tokensOf(directory: string): Promise<number[]> {
  const { model, tokenizer } = await loadFolder(directory, CPU);
  using engine = new Engine(model, tokenizer);
  const samples = await samplesOf(join(await fixtures(), "audio", "speech_8p01s.wav"));
  const request = { samples, context: "", temperature: 0, seed: 0, maxTokens: 12 };
  const [answer] = await engine.decode([request], { timing: new Timing() });
  if (answer!.error) throw answer!.error;
  return answer!.tokens;
}

Deno.test("transformers 5's config and tensor names give the same sizes and tokens", async () => {
  const source = await folder("tiny-hf");
  const original = await configOf(source);
  const [ours, theirs] = [original, hfConfig(original)].map((json) => parseConfig(JSON.stringify(json), "c"));
  assertEquals({ ...theirs!, languages: [] }, { ...ours!, languages: [] });
  const expected = await tokensOf(source);
  await withModel(source, renameToHf, hfConfig, async (directory) => {
    assertEquals(await tokensOf(directory), expected);
  });
});

Deno.test("transformers 5's aligner is known as one by its class, and its head is never the embedding", async () => {
  const source = await folder("tiny-aligner-hf");
  const config = (old: Json) => {
    const classes = (old["thinker_config"] as Json)["classify_num"] as number;
    return {
      ...hfConfig(old),
      architectures: ["Qwen3ASRForTokenClassification"],
      id2label: Object.fromEntries(Array.from({ length: classes }, (_, index) => [index, `LABEL_${index}`])),
      timestamp_token_id: old["timestamp_token_id"],
    };
  };
  const rename = (tensors: Map<string, mx.MLXArray>) => {
    renameToHf(tensors);
    tensors.set("score.weight", tensors.get("lm_head.weight")!);
    tensors.delete("lm_head.weight");
  };
  const samples = await samplesOf(recordingPath("dev-01-en.wav"));
  const timesOf = async (directory: string) => {
    const { model, tokenizer } = await loadFolder(directory, CPU);
    using _free = model;
    return await alignClip(model, tokenizer, samples, ["ten", "yellow"]);
  };
  const expected = await timesOf(source);
  await withModel(source, rename, config, async (directory) => {
    assertEquals(await timesOf(directory), expected);
  });
});

Deno.test("an untied ASR model computes its logits with its own head, dense or packed", async () => {
  const source = await folder("tiny-mlx-bf16");
  const untied = (old: Json) => {
    const thinker = old["thinker_config"] as Json;
    const text = { ...thinker["text_config"] as Json, tie_word_embeddings: false };
    return { ...old, thinker_config: { ...thinker, text_config: text } };
  };
  const expected = await tokensOf(source);
  const same = (tensors: Map<string, mx.MLXArray>) => {
    tensors.set("lm_head.weight", tensors.get("model.embed_tokens.weight")!);
  };
  await withModel(source, same, untied, async (directory) => {
    assertEquals(await tokensOf(directory), expected);
  });
  // A head with its rows turned upside down answers with the mirrored ids.
  const mirror = (tensors: Map<string, mx.MLXArray>, pack: boolean) => {
    const table = tensors.get("model.embed_tokens.weight")!;
    const rows = table.dim(0);
    const turned = mx.takeAxis(
      table,
      mx.fromData(Int32Array.from({ length: rows }, (_, i) => rows - 1 - i)),
      0,
    );
    tensors.set("lm_head.weight", turned);
    if (!pack) return;
    const packed = mx.quantize(turned, { bits: 8, groupSize: 64, mode: "affine" });
    tensors.set("lm_head.weight", packed.weight);
    tensors.set("lm_head.scales", packed.scales);
    tensors.set("lm_head.biases", packed.biases!);
  };
  for (const pack of [false, true]) {
    await withModel(source, (tensors) => mirror(tensors, pack), untied, async (directory) => {
      const { model } = await loadFolder(directory, CPU);
      using _free = model;
      const vocabulary = model.config.decoder.vocabulary;
      assertEquals(vocabulary - 1 - (await tokensOf(directory))[0]!, expected[0]);
    });
  }
});

Deno.test("config.json: what is missing, null, of a wrong kind or impossible is named", async () => {
  const original = await configOf(await folder("tiny-hf"));
  const changed = (part: string, change: Json) => {
    const thinker = original["thinker_config"] as Json;
    return JSON.stringify({
      ...original,
      thinker_config: { ...thinker, [part]: { ...thinker[part] as Json, ...change } },
    });
  };
  const refused: [string, Json, string][] = [
    ["audio_config", { d_model: null }, "audio_config.d_model is missing"],
    ["audio_config", { d_model: 63 }, "heads"],
    ["audio_config", { encoder_layers: 1.5 }, "encoder_layers is 1.5"],
    ["audio_config", { n_window: 0 }, "n_window is 0"],
    ["audio_config", { output_dim: 64 }, "output_dim 64 differs"],
    ["text_config", { num_key_value_heads: 3 }, "not a multiple of 3"],
    ["text_config", { hidden_size: "128" }, 'hidden_size is "128"'],
    ["text_config", { rms_norm_eps: -1 }, "rms_norm_eps is -1"],
    ["text_config", { rope_theta: "many" }, 'rope_theta is "many"'],
    ["text_config", { head_dim: 7 }, "head_dim is 7"],
  ];
  for (const [part, change, message] of refused) {
    assertThrows(() => parseConfig(changed(part, change), "config.json"), ModelError, message);
  }
  const windows = parseConfig(changed("audio_config", { n_window_infer: 50 }), "c").encoder.windowBlocks;
  assertEquals(windows, 1);
});

Deno.test("a folder that cannot be used after all leaves no handle behind", async () => {
  const handles = mx.liveHandles();
  if (mx.deviceCount("gpu") === 0) {
    await assertRejects(() => Qwen3ASR.load("demo", { device: "gpu" }), OptionError, "GPU");
    assertEquals(mx.liveHandles(), handles);
  }
  const aligner = await folder("tiny-aligner-hf");
  await assertRejects(() => Qwen3ASR.load(aligner), ModelError, "forced aligner");
  await assertRejects(() => ForcedAligner.load(DEMO_MODEL), ModelError, "not a forced aligner");
  assertEquals(mx.liveHandles(), handles);
  const directory = await copyWithoutTensors(DEMO_MODEL);
  try {
    await Deno.copyFile(join(DEMO_MODEL, "model.safetensors"), join(directory, "model.safetensors"));
    for await (const { name } of Deno.readDir(directory)) {
      if (!/tokenizer/.test(name)) continue;
      const text = await Deno.readTextFile(join(directory, name));
      await Deno.writeTextFile(join(directory, name), text.replaceAll("<asr_text>", "<other>"));
    }
    const error = await assertRejects(() => Qwen3ASR.load(directory), ModelError, "<asr_text>");
    assert(!error.message.includes("\n"));
    assertEquals(mx.liveHandles(), handles);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("models load while another works, and MLX never has two evaluations at once", async () => {
  const { evaluate, begin } = Backend.prototype;
  let now = 0, most = 0, count = 0;
  Backend.prototype.begin = function (this: Backend, arrays) {
    most = Math.max(most, now + 1);
    count++;
    return begin.call(this, arrays);
  };
  Backend.prototype.evaluate = async function (this: Backend, ...arrays) {
    most = Math.max(most, ++now);
    count++;
    try {
      await evaluate.apply(this, arrays);
    } finally {
      now--;
    }
  };
  try {
    await using first = await Qwen3ASR.load("demo");
    const before = count;
    const path = recordingPath("dev-01-en.wav");
    const call = first.transcribe(path);
    const others = await Promise.all([Qwen3ASR.load("demo"), Qwen3ASR.load("demo")]);
    assertEquals((await call).text, (await others[0].transcribe(path)).text);
    for (const other of others) other.dispose();
    assert(count - before > 30);
    assertEquals(most, 1);
  } finally {
    Object.assign(Backend.prototype, { evaluate, begin });
  }
});

Deno.test("float16 activations that grow beyond their range stay finite in the encoder", async () => {
  const swell = (tensors: Map<string, mx.MLXArray>) => {
    for (const layer of [0, 1]) {
      const name = `audio_tower.layers.${layer}.fc2.bias`;
      tensors.set(name, mx.add(tensors.get(name)!, mx.scalar(6e4)));
    }
  };
  await withModel(await folder("tiny-mlx-bf16"), swell, (old) => old, async (directory) => {
    const { model, tokenizer } = await loadFolder(directory, { device: "cpu", dtype: "float16" });
    using engine = new Engine(model, tokenizer);
    const samples = await samplesOf(recordingPath("dev-01-en.wav"));
    using embeddings = await encode(engine.model, samples, { timing: new Timing() });
    assertEquals(embeddings.dtype, "float16");
    assert(mx.toFloat32(embeddings).every(Number.isFinite));
  });
});
