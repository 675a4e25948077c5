/**
 * Names, shapes and config.json of the checkpoints that make_checkpoint.ts writes (spec sections 2 and 3).
 *
 * @module
 */

/** Sizes to choose from: the two real ones, the aligner's, and small ones of the same architecture. */
export const SIZES = {
  /** Two and three narrow layers: for tests. */
  tiny: { encoder: [128, 2, 2, 256, 24], decoder: [128, 256, 3, 4, 2, 64] },
  /** Narrow and as deep as the real ones: almost all of a decode step is host time. */
  deep: { encoder: [128, 2, 2, 256, 24], decoder: [128, 256, 28, 4, 2, 64] },
  /** Enough work to compare programs on, little enough for a laptop. */
  small: { encoder: [384, 6, 6, 1536, 128], decoder: [512, 1536, 8, 8, 4, 64] },
  "0.6b": { encoder: [896, 18, 14, 3584, 480], decoder: [1024, 3072, 28, 16, 8, 128] },
  "1.7b": { encoder: [1024, 24, 16, 4096, 480], decoder: [2048, 6144, 28, 16, 8, 128] },
  /** Qwen3-ForcedAligner-0.6B: the encoder of 1.7B and the decoder of 0.6B. */
  aligner: { encoder: [1024, 24, 16, 4096, 480], decoder: [1024, 3072, 28, 16, 8, 128], timeClasses: 5000 },
} as const satisfies Record<string, CheckpointShape>;

/** Name of a size. */
export type Size = keyof typeof SIZES;

interface CheckpointShape {
  /** d_model, layers, heads, encoder_ffn_dim, downsample_hidden_size. */
  encoder: readonly [number, number, number, number, number];
  /** hidden_size, intermediate_size, layers, heads, key-value heads, head_dim. */
  decoder: readonly [number, number, number, number, number, number];
  /** Rows of an aligner's head. */
  timeClasses?: number;
}

/** Rows of the embedding of every real Qwen3-ASR. */
export const VOCABULARY = 151_936;

/** How a folder names its tensors (spec 3.3). */
export type CheckpointLayout = "mlx" | "original" | "hf";

/** Rows of the embedding of an aligner. */
const ALIGNER_VOCABULARY = 152_064;

function vocabularyOf({ timeClasses }: CheckpointShape): number {
  return timeClasses === undefined ? VOCABULARY : ALIGNER_VOCABULARY;
}

/** One tensor, under mlx-community's name; convolutions OHWI. */
export interface TensorPlan {
  name: string;
  shape: number[];
  /** A `matrix` is packed below 16 bits, a `float` never; the numbers of a `norm` are near 1, of a `bias` near 0. */
  kind: "matrix" | "float" | "convolution" | "norm" | "bias";
}

const linear = (name: string, out: number, input: number): TensorPlan[] => [
  { name: `${name}.weight`, shape: [out, input], kind: "float" },
  { name: `${name}.bias`, shape: [out], kind: "bias" },
];
const layerNorm = (name: string, width: number): TensorPlan[] => [
  { name: `${name}.weight`, shape: [width], kind: "norm" },
  { name: `${name}.bias`, shape: [width], kind: "bias" },
];

function encoderTensors({ encoder, decoder }: CheckpointShape): TensorPlan[] {
  const [width, layers, , feedForward, channels] = encoder;
  const tensors: TensorPlan[] = [1, 2, 3].flatMap((stage): TensorPlan[] => [
    {
      name: `audio_tower.conv2d${stage}.weight`,
      shape: [channels, 3, 3, stage === 1 ? 1 : channels],
      kind: "convolution",
    },
    { name: `audio_tower.conv2d${stage}.bias`, shape: [channels], kind: "bias" },
  ]);
  tensors.push({ name: "audio_tower.conv_out.weight", shape: [width, channels * 16], kind: "float" });
  for (let layer = 0; layer < layers; layer++) {
    const path = `audio_tower.layers.${layer}`;
    for (const name of ["q_proj", "k_proj", "v_proj", "out_proj"]) {
      tensors.push(...linear(`${path}.self_attn.${name}`, width, width));
    }
    tensors.push(
      ...layerNorm(`${path}.self_attn_layer_norm`, width),
      ...layerNorm(`${path}.final_layer_norm`, width),
      ...linear(`${path}.fc1`, feedForward, width),
      ...linear(`${path}.fc2`, width, feedForward),
    );
  }
  return [
    ...tensors,
    ...layerNorm("audio_tower.ln_post", width),
    ...linear("audio_tower.proj1", width, width),
    ...linear("audio_tower.proj2", decoder[0], width),
  ];
}

function decoderTensors(size: CheckpointShape): TensorPlan[] {
  const { decoder, timeClasses } = size;
  const [width, feedForward, layers, heads, kvHeads, headWidth] = decoder;
  const matrix = (name: string, out: number, input: number): TensorPlan => ({
    name: `${name}.weight`,
    shape: [out, input],
    kind: "matrix",
  });
  const norm = (name: string, size: number): TensorPlan => ({
    name: `${name}.weight`,
    shape: [size],
    kind: "norm",
  });
  const tensors = [matrix("model.embed_tokens", vocabularyOf(size), width)];
  for (let layer = 0; layer < layers; layer++) {
    const path = `model.layers.${layer}`;
    tensors.push(
      matrix(`${path}.self_attn.q_proj`, heads * headWidth, width),
      matrix(`${path}.self_attn.k_proj`, kvHeads * headWidth, width),
      matrix(`${path}.self_attn.v_proj`, kvHeads * headWidth, width),
      matrix(`${path}.self_attn.o_proj`, width, heads * headWidth),
      norm(`${path}.self_attn.q_norm`, headWidth),
      norm(`${path}.self_attn.k_norm`, headWidth),
      matrix(`${path}.mlp.gate_proj`, feedForward, width),
      matrix(`${path}.mlp.up_proj`, feedForward, width),
      matrix(`${path}.mlp.down_proj`, width, feedForward),
      norm(`${path}.input_layernorm`, width),
      norm(`${path}.post_attention_layernorm`, width),
    );
  }
  tensors.push(norm("model.norm", width));
  return timeClasses === undefined ? tensors : [...tensors, matrix("lm_head", timeClasses, width)];
}

/** All tensors of a size, encoder first. */
export function planTensors(size: Size): TensorPlan[] {
  return [...encoderTensors(SIZES[size]), ...decoderTensors(SIZES[size])];
}

/** mlx-community's name in another layout. */
export function nameIn(layout: CheckpointLayout, name: string): string {
  if (layout === "mlx") return name;
  if (layout === "original") return `thinker.${name}`;
  const projector = name.match(/^audio_tower\.proj([12])\.(.*)$/);
  if (projector) return `model.multi_modal_projector.linear_${projector[1]}.${projector[2]}`;
  if (name.startsWith("audio_tower.")) return `model.${name}`;
  return name.replace(/^model\./, "model.language_model.");
}

/** config.json of a size. */
export function configOf(size: Size, layout: CheckpointLayout, bits: number): Record<string, unknown> {
  const shape: CheckpointShape = SIZES[size];
  const { encoder, decoder, timeClasses } = shape;
  const packing = { group_size: 64, bits, mode: "affine" };
  const audio = {
    model_type: layout === "hf" ? "qwen3_asr_encoder" : "qwen3_asr_audio_encoder",
    num_mel_bins: 128,
    d_model: encoder[0],
    encoder_layers: encoder[1],
    num_hidden_layers: encoder[1],
    [layout === "hf" ? "num_attention_heads" : "encoder_attention_heads"]: encoder[2],
    encoder_ffn_dim: encoder[3],
    downsample_hidden_size: encoder[4],
    output_dim: decoder[0],
    ...{ n_window: 50, n_window_infer: 800, conv_chunksize: 500, max_source_positions: 1500 },
    ...{ activation_function: "gelu", scale_embedding: false, initializer_range: 0.02 },
    ...{ dropout: 0, attention_dropout: 0, activation_dropout: 0 },
  };
  const text = {
    model_type: "qwen3",
    vocab_size: vocabularyOf(shape),
    hidden_size: decoder[0],
    intermediate_size: decoder[1],
    num_hidden_layers: decoder[2],
    num_attention_heads: decoder[3],
    num_key_value_heads: decoder[4],
    head_dim: decoder[5],
    ...{ rms_norm_eps: 1e-6, rope_theta: 1_000_000, hidden_act: "silu", max_position_embeddings: 65_536 },
    ...{
      tie_word_embeddings: timeClasses === undefined,
      attention_bias: false,
      attention_dropout: 0,
      use_cache: true,
    },
    rope_scaling: {
      ...{ rope_type: "default", type: "default", interleaved: true, mrope_interleaved: true },
      mrope_section: decoder[5] === 128 ? [24, 20, 20] : [12, 10, 10],
    },
  };
  const network = {
    audio_config: audio,
    text_config: text,
    ...{ audio_token_id: 151_676, audio_start_token_id: 151_669, audio_end_token_id: 151_670 },
    ...{ dtype: "bfloat16", initializer_range: 0.02 },
    ...(timeClasses === undefined ? {} : { classify_num: timeClasses }),
  };
  return {
    architectures: ["Qwen3ASRForConditionalGeneration"],
    model_type: "qwen3_asr",
    support_languages: ["English", "German"],
    ...(layout === "hf" ? network : { thinker_config: { model_type: "qwen3_asr_thinker", ...network } }),
    ...(bits < 16 ? { quantization: packing, quantization_config: packing } : {}),
  };
}
