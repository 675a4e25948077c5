/**
 * config.json -> typed, validated sizes (spec section 2). Only the keys the network needs are read.
 *
 * @module
 */
import { isObject } from "../check_options.ts";
import { ModelError } from "../errors.ts";

/** Sizes of the audio encoder. */
export interface EncoderConfig {
  melBins: number;
  /** d_model. */
  width: number;
  layers: number;
  heads: number;
  /** encoder_ffn_dim. */
  feedForward: number;
  /** downsample_hidden_size. */
  convChannels: number;
  /** output_dim: the decoder's width. */
  outputWidth: number;
  /** Mel frames of a block: 2 * n_window. */
  blockFrames: number;
  /** Blocks of an attention window: n_window_infer / blockFrames. */
  windowBlocks: number;
}

/** Sizes of the Qwen3 decoder. */
export interface DecoderConfig {
  /** hidden_size. */
  width: number;
  /** intermediate_size. */
  feedForward: number;
  layers: number;
  heads: number;
  kvHeads: number;
  /** head_dim; not width / heads. */
  headWidth: number;
  vocabulary: number;
  /** The output matrix is the embedding. */
  tied: boolean;
  normEpsilon: number;
  ropeBase: number;
}

/** How quantized weights are packed, beside what their own shapes say. */
export interface QuantizationConfig {
  mode: string;
  /** Modes of single modules. */
  modeOf: Readonly<Record<string, string>>;
}

/** A model folder's config.json. */
export interface ModelConfig {
  kind: "asr" | "aligner";
  encoder: EncoderConfig;
  decoder: DecoderConfig;
  quantization: QuantizationConfig;
  /** Names as the folder lists them; empty when it does not say. */
  languages: string[];
  /** Aligner: number of time classes (rows of its head). */
  timeClasses: number;
  /** Aligner: milliseconds a class stands for. */
  timestampStepMs: number;
}

type Json = Readonly<Record<string, unknown>>;

/** Reads positive numbers and says which key of which part is missing. */
class Section {
  constructor(readonly json: Json, readonly name: string, readonly place: string) {}

  #positive(key: string, fallback: number | undefined, kind: "whole number" | "number"): number {
    const value = this.json[key] ?? fallback;
    const isKind = kind === "number" ? Number.isFinite(value) : Number.isInteger(value);
    if (typeof value === "number" && isKind && value > 0) return value;
    const found = value === undefined ? "missing" : JSON.stringify(value);
    throw new ModelError(
      `Cannot use ${this.place}: ${this.name}.${key} is ${found}, expected a positive ${kind}.`,
    );
  }

  /** The first of `keys` that is there. */
  count(keys: string | readonly string[], fallback?: number): number {
    const names = typeof keys === "string" ? [keys] : keys;
    const key = names.find((name) => (this.json[name] ?? undefined) !== undefined) ?? names[0]!;
    return this.#positive(key, fallback, "whole number");
  }

  number(key: string, fallback: number): number {
    return this.#positive(key, fallback, "number");
  }
}

function section(owner: Json, outer: Json, key: string, place: string): Section {
  const json = owner[key] ?? outer[key];
  if (isObject(json)) return new Section(json, key, place);
  throw new ModelError(
    `Cannot use ${place}: it has no ${key}, so it is not the config of a Qwen3-ASR model.`,
  );
}

function encoderConfig(audio: Section): EncoderConfig {
  const blockFrames = 2 * audio.count("n_window", 50);
  const config: EncoderConfig = {
    melBins: audio.count("num_mel_bins", 128),
    width: audio.count(["d_model", "hidden_size"]),
    layers: audio.count(["encoder_layers", "num_hidden_layers"]),
    heads: audio.count(["encoder_attention_heads", "num_attention_heads"]),
    feedForward: audio.count(["encoder_ffn_dim", "intermediate_size"]),
    convChannels: audio.count("downsample_hidden_size", 480),
    outputWidth: audio.count("output_dim"),
    blockFrames,
    windowBlocks: Math.max(1, Math.floor(audio.count("n_window_infer", 800) / blockFrames)),
  };
  if (config.width % config.heads === 0) return config;
  throw new ModelError(
    `Cannot use ${audio.place}: audio_config.d_model ${config.width} is not a multiple of its ${config.heads} heads.`,
  );
}

function ropeBase(text: Section): number {
  const nested = text.json["rope_parameters"];
  const owner = isObject(nested) ? new Section(nested, `${text.name}.rope_parameters`, text.place) : text;
  return owner.number("rope_theta", 1e6);
}

function headWidth(text: Section): number {
  const width = text.count("head_dim", 128);
  if (width % 2 === 0) return width;
  throw new ModelError(
    `Cannot use ${text.place}: ${text.name}.head_dim is ${width}, expected an even number.`,
  );
}

/** @param isAligner Its head says times, not words: it is never the embedding. */
function decoderConfig(text: Section, outer: Json, isAligner: boolean): DecoderConfig {
  const heads = text.count("num_attention_heads"), kvHeads = text.count("num_key_value_heads");
  if (heads % kvHeads !== 0) {
    throw new ModelError(
      `Cannot use ${text.place}: ${heads} attention heads are not a multiple of ${kvHeads} key-value heads.`,
    );
  }
  return {
    width: text.count("hidden_size"),
    feedForward: text.count("intermediate_size"),
    layers: text.count("num_hidden_layers"),
    heads,
    kvHeads,
    headWidth: headWidth(text),
    vocabulary: text.count("vocab_size"),
    tied: !isAligner && (text.json["tie_word_embeddings"] ?? outer["tie_word_embeddings"] ?? true) !== false,
    normEpsilon: text.number("rms_norm_eps", 1e-6),
    ropeBase: ropeBase(text),
  };
}

function quantizationConfig(root: Json): QuantizationConfig {
  const json = root["quantization"] ?? root["quantization_config"];
  const modeOf: Record<string, string> = {};
  if (!isObject(json)) return { mode: "affine", modeOf };
  for (const [path, own] of Object.entries(json)) {
    if (isObject(own) && typeof own["mode"] === "string") modeOf[path] = own["mode"];
  }
  return { mode: String(json["mode"] ?? "affine"), modeOf };
}

function optionalCount(value: unknown, fallback: number): number {
  return typeof value === "number" && Number.isInteger(value) && value > 0 ? value : fallback;
}

/** By its own key, or by the class's name: the newer layout has the same model_type for both. */
function isAlignerConfig(root: Json, thinker: Json): boolean {
  return String(thinker["model_type"]).includes("forced_aligner") ||
    thinker["classify_num"] !== undefined ||
    /ForcedAligner|TokenClassification/.test(JSON.stringify(root["architectures"] ?? ""));
}

/** Rows of the aligner's head: the newer layout keeps a list of labels. */
function timeClassesOf(root: Json, thinker: Json): number {
  const labels = root["id2label"];
  const listed = isObject(labels) ? Object.keys(labels).length : undefined;
  return optionalCount(thinker["classify_num"] ?? root["num_labels"] ?? listed, 5000);
}

/**
 * Types and checks the text of a config.json.
 *
 * @param place Path for messages.
 * @throws {ModelError} Naming the key that is missing or wrong.
 */
export function parseConfig(text: string, place: string): ModelConfig {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch {
    throw new ModelError(`Cannot use ${place}: it is not JSON.`);
  }
  if (!isObject(root)) throw new ModelError(`Cannot use ${place}: it is not a JSON object.`);
  const thinker = isObject(root["thinker_config"]) ? root["thinker_config"] : root;
  const encoder = encoderConfig(section(thinker, root, "audio_config", place));
  const isAligner = isAlignerConfig(root, thinker);
  const decoder = decoderConfig(section(thinker, root, "text_config", place), thinker, isAligner);
  if (encoder.outputWidth !== decoder.width) {
    throw new ModelError(
      `Cannot use ${place}: audio_config.output_dim ${encoder.outputWidth} differs from text_config.hidden_size ${decoder.width}.`,
    );
  }
  const languages = root["support_languages"];
  return {
    kind: isAligner ? "aligner" : "asr",
    encoder,
    decoder,
    quantization: quantizationConfig(root),
    languages: Array.isArray(languages) ? languages.map(String) : [],
    timeClasses: isAligner ? timeClassesOf(root, thinker) : 0,
    timestampStepMs: optionalCount(root["timestamp_segment_time"], 80),
  };
}
