/**
 * Writes a Qwen3-ASR checkpoint of true shape with random weights, so that speed, memory and loading can be measured
 * without a download. Its transcripts are nonsense.
 *
 *   deno run -A scripts/make_checkpoint.ts --size 0.6b --bits 8 --out .cache/0.6b-8bit
 *
 * --size tiny|deep|small|0.6b|1.7b|aligner   --bits 16|8|6|5|4   --layout mlx|original|hf   --seed 1   --out DIR
 *
 * The vocabulary is the real one (151,936 rows, special tokens at their ids) and comes with a development dependency.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { join } from "@std/path";
import * as mx from "../ffi/mod.ts";
import { realTokenizerFiles } from "../tests/support/real_vocabulary.ts";
import {
  type CheckpointLayout,
  configOf,
  nameIn,
  planTensors,
  type Size,
  SIZES,
  type TensorPlan,
} from "./checkpoint_shapes.ts";

/** What to write. */
export interface MakeCheckpointOptions {
  /** Folder to write to; created when missing. */
  out: string;
  size: Size;
  /** 16 for bfloat16; below, decoder and embedding are packed in groups of 64, the encoder stays bfloat16. @default {16} */
  bits?: number;
  /** @default {"mlx"} */
  layout?: CheckpointLayout;
  /** Seed of the random numbers. @default {1} */
  seed?: number;
  /** Bytes after which a new shard begins. @default {2e9} */
  shardBytes?: number;
}

/** Folder, bytes of tensors and number of shards. */
export interface MadeCheckpoint {
  directory: string;
  tensorBytes: number;
  shards: number;
}

const LAYOUTS = ["mlx", "original", "hf"];
const BITS = [16, 8, 6, 5, 4];
const GROUP_SIZE = 64;
const SEED_STRIDE = 1_000_003;

/** Random numbers, scaled so that activations stay near 1. */
function draw({ shape, kind }: TensorPlan, key: mx.MLXArray): mx.MLXArray {
  if (kind === "norm") return mx.add(mx.normal(shape, key, 0.02), mx.scalar(1));
  if (kind === "bias") return mx.normal(shape, key, 0.02);
  const inputs = shape.slice(1).reduce((product, size) => product * size, 1);
  return mx.normal(shape, key, (kind === "convolution" ? Math.SQRT2 : 1) / Math.sqrt(inputs));
}

/** The stored tensors of a planned one, evaluated: three when it is packed, two when the head is a copy of it. */
function tensorsOf(
  plan: TensorPlan,
  options: { bits: number; layout: CheckpointLayout; key: number },
): Map<string, mx.MLXArray> {
  const name = nameIn(options.layout, plan.name);
  const made = mx.scope(() => {
    const numbers = draw(plan, mx.randomKey(options.key));
    const stored = (array: mx.MLXArray) => mx.astype(array, "bfloat16");
    if (plan.kind === "matrix" && options.bits < 16) {
      const packed = mx.quantize(stored(numbers), {
        bits: options.bits,
        groupSize: GROUP_SIZE,
        mode: "affine",
      });
      const path = name.replace(/\.weight$/, "");
      return new Map([
        [`${path}.weight`, packed.weight],
        [`${path}.scales`, stored(packed.scales)],
        [`${path}.biases`, stored(packed.biases!)],
      ]);
    }
    const isTorch = plan.kind === "convolution" && options.layout !== "mlx";
    const array = isTorch ? mx.contiguous(mx.transpose(stored(numbers), [0, 3, 1, 2])) : stored(numbers);
    const hasHead = options.layout === "original" && plan.name === "model.embed_tokens.weight"; // spec 3.1
    return new Map(hasHead ? [[name, array], ["thinker.lm_head.weight", array]] : [[name, array]]);
  });
  mx.evaluate(...made.values());
  return made;
}

/** Collects tensors and writes them shard by shard. */
class Shards {
  readonly #directory: string;
  readonly #limit: number;
  readonly #metadata: Record<string, string>;
  readonly #written: string[][] = [];
  #pending = new Map<string, mx.MLXArray>();
  #pendingBytes = 0;
  tensorBytes = 0;

  constructor(directory: string, limit: number, metadata: Record<string, string>) {
    this.#directory = directory;
    this.#limit = limit;
    this.#metadata = metadata;
  }

  #file(index: number): string {
    return join(this.#directory, `part-${index}.safetensors`);
  }

  #flush(): void {
    if (this.#pending.size === 0) return;
    mx.saveSafetensors(this.#file(this.#written.length), this.#pending, this.#metadata);
    this.#written.push([...this.#pending.keys()]);
    mx.disposeAll(this.#pending.values());
    this.#pending = new Map();
    this.#pendingBytes = 0;
    mx.clearCache();
  }

  add(tensors: ReadonlyMap<string, mx.MLXArray>): void {
    for (const [name, array] of tensors) {
      if (this.#pendingBytes + array.byteLength > this.#limit) this.#flush();
      this.#pending.set(name, array);
      this.#pendingBytes += array.byteLength;
      this.tensorBytes += array.byteLength;
    }
  }

  /** Gives the shards their final names, and writes an index when there are several. */
  async finish(): Promise<number> {
    this.#flush();
    const count = this.#written.length;
    const name = (index: number) => {
      if (count === 1) return "model.safetensors";
      const number = (value: number) => String(value).padStart(5, "0");
      return `model-${number(index + 1)}-of-${number(count)}.safetensors`;
    };
    const weightMap: Record<string, string> = {};
    for (const [index, tensors] of this.#written.entries()) {
      await Deno.rename(this.#file(index), join(this.#directory, name(index)));
      for (const tensor of tensors) weightMap[tensor] = name(index);
    }
    if (count > 1) {
      const index = { metadata: { total_size: this.tensorBytes }, weight_map: weightMap };
      await Deno.writeTextFile(
        join(this.#directory, "model.safetensors.index.json"),
        JSON.stringify(index, null, 1),
      );
    }
    return count;
  }
}

async function writeTexts(options: Required<MakeCheckpointOptions>): Promise<void> {
  const { vocabJson, mergesText, tokenizerConfigJson } = realTokenizerFiles({
    aligner: options.size === "aligner",
  });
  const tokenizerConfig = {
    ...JSON.parse(tokenizerConfigJson),
    tokenizer_class: "Qwen2Tokenizer",
    eos_token: "<|im_end|>",
    pad_token: "<|endoftext|>",
    ...{ bos_token: null, unk_token: null, add_prefix_space: false, model_max_length: 131_072 },
  };
  const texts: Record<string, string> = {
    "config.json": JSON.stringify(configOf(options.size, options.layout, options.bits), null, 1),
    "vocab.json": vocabJson,
    "merges.txt": mergesText,
    "tokenizer_config.json": JSON.stringify(tokenizerConfig, null, 1),
    "generation_config.json": JSON.stringify({ do_sample: false, eos_token_id: [151_643, 151_645] }),
    "preprocessor_config.json": JSON.stringify({
      feature_extractor_type: "WhisperFeatureExtractor",
      ...{ feature_size: 128, sampling_rate: 16_000, hop_length: 160, n_fft: 400, chunk_length: 30 },
      ...{ n_samples: 480_000, nb_max_frames: 3000, padding_value: 0, padding_side: "right", dither: 0 },
      return_attention_mask: true,
    }),
  };
  for (const [name, text] of Object.entries(texts)) {
    await Deno.writeTextFile(join(options.out, name), text);
  }
}

/**
 * Writes a synthetic checkpoint. The same options give the same bytes.
 *
 * @throws {RangeError} When the options do not go together.
 */
export async function makeCheckpoint(options: MakeCheckpointOptions): Promise<MadeCheckpoint> {
  const full = { bits: 16, layout: "mlx" as const, seed: 1, shardBytes: 2e9, ...options };
  if (!BITS.includes(full.bits)) {
    throw new RangeError(`Cannot pack to ${full.bits} bits: choose ${BITS.join(", ")}.`);
  }
  if (full.bits < 16 && full.layout !== "mlx") {
    throw new RangeError(`Cannot pack the ${full.layout} layout: only the mlx layout is packed.`);
  }
  await Deno.mkdir(full.out, { recursive: true });
  await writeTexts(full);
  const shards = new Shards(full.out, full.shardBytes, { format: full.layout === "mlx" ? "mlx" : "pt" });
  const plans = planTensors(full.size);
  for (const [index, plan] of plans.entries()) {
    shards.add(tensorsOf(plan, { ...full, key: full.seed * SEED_STRIDE + index }));
    if (index % 8 === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  const count = await shards.finish();
  return { directory: full.out, tensorBytes: shards.tensorBytes, shards: count };
}

function fail(message: string): never {
  console.error(message);
  Deno.exit(2);
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["size", "bits", "layout", "seed", "out"] });
  const { size = "tiny", layout = "mlx", bits = "16", seed = "1", out } = args;
  if (!Object.hasOwn(SIZES, size)) fail(`Cannot make size ${size}: choose ${Object.keys(SIZES).join(", ")}.`);
  if (!LAYOUTS.includes(layout)) fail(`Cannot make layout ${layout}: choose ${LAYOUTS.join(", ")}.`);
  if (!out) fail("Say where to write: --out DIR.");
  const start = performance.now();
  try {
    const made = await makeCheckpoint({
      out,
      size: size as Size,
      bits: Number(bits),
      layout: layout as CheckpointLayout,
      seed: Number(seed),
    });
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    const gigabytes = (made.tensorBytes / 1e9).toFixed(3);
    console.log(`${made.directory}: ${gigabytes} GB in ${made.shards} file(s), ${seconds} s`);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    fail(error.message);
  }
}
