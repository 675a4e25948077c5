/**
 * Compares every stage with the reference numbers of the official code.
 *
 *   deno run -A scripts/parity.ts DIR [--json] [--device=cpu|gpu]
 *
 * DIR is laid out like the reference fixtures: models/NAME, audio/CLIP.wav, cases/CLIP.VARIANT.{safetensors,json}. Every
 * model is compared with the cases of its variant: `f32` without packed weights, `q8`, `q4`, ... by their bits, `mixed`
 * with several. Prints the largest difference of each case and stage beside its tolerance. Exit 1 on any miss, and when
 * nothing can be compared.
 *
 * @module
 */
import { join } from "@std/path";
import * as mx from "../ffi/mod.ts";
import { LogMel } from "../lib/audio/mel.ts";
import { decodeWav } from "../lib/audio/wav.ts";
import { Qwen3ASRError } from "../lib/errors.ts";
import { loadTokenizer } from "../lib/load_folder.ts";
import type { BackendPolicy, Device } from "../lib/model/backend.ts";
import type { KVCache } from "../lib/model/kv_cache.ts";
import { Qwen3ASRModel } from "../lib/model/qwen3_asr_model.ts";
import { buildPrompt } from "../lib/text/prompt.ts";
import type { Tokenizer } from "../lib/text/tokenizer.ts";
import { casesByModel, type Selection } from "./parity_folder.ts";

/** Largest absolute differences allowed, from measurements between independent implementations in float32. */
const TOLERANCE = { mel: 2e-4, encoder: 2e-4, logits: 5e-3, hidden: 5e-3 };
/** Numbers known to be wrong must be missed by this many tolerances. */
const CLEARLY = 10;
/** A token may differ from the first step on whose two best logits are closer than this. */
const CLOSE_MARGIN = 1e-2;

/** One comparison. */
export interface ParityRow {
  model: string;
  clip: string;
  variant: string;
  stage: string;
  /** Largest absolute difference; for tokens, the number that differ. */
  difference: number;
  tolerance: number;
  ok: boolean;
}

/** What to compare and how. */
export interface ParityOptions extends Selection {
  device?: Device;
  /** Routes of the backend other than its own choice. */
  policy?: Partial<BackendPolicy>;
}

interface PromptCase {
  context: string;
  language: string | null;
  greedy_ids: number[];
}

type CaseJson = Record<"auto" | "forced" | "context", PromptCase | undefined>;

class Reference implements Disposable {
  private constructor(readonly json: CaseJson, readonly arrays: ReadonlyMap<string, mx.MLXArray>) {}

  static async read(base: string): Promise<Reference> {
    const path = `${base}.safetensors`;
    const header = await mx.readSafetensorsHeader(path);
    return new Reference(
      JSON.parse(await Deno.readTextFile(`${base}.json`)),
      mx.loadSafetensors(path, header.keys()),
    );
  }

  readonly #used = new Set<string>();

  has(name: string): boolean {
    return this.arrays.has(name);
  }

  floats(name: string): Float32Array {
    this.#used.add(name);
    return mx.toFloat32(this.arrays.get(name)!);
  }

  /** Numbers that were never compared: a stage that the network did not offer must not pass unnoticed. */
  unused(): string[] {
    return [...this.arrays.keys()].filter((name) => !this.#used.has(name) && !name.endsWith(".greedy_ids"));
  }

  [Symbol.dispose](): void {
    mx.disposeAll(this.arrays.values());
  }
}

/** Largest absolute difference; infinite when the lengths differ or a number is NaN. */
export function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let largest = 0;
  for (let index = 0; index < expected.length; index++) {
    const difference = Math.abs(actual[index]! - expected[index]!);
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
  }
  return largest;
}

function unequalTokens(
  actual: readonly number[],
  expected: readonly number[],
  margins: ArrayLike<number>,
): number {
  for (let index = 0; index < expected.length; index++) {
    if (actual[index] !== expected[index]) {
      return margins[index]! < CLOSE_MARGIN ? 0 : expected.length - index;
    }
  }
  return 0;
}

/** All comparisons of one clip on one model. */
class ClipParity {
  readonly rows: ParityRow[] = [];

  constructor(
    readonly model: Qwen3ASRModel,
    readonly tokenizer: Tokenizer,
    readonly reference: Reference,
    readonly labels: { model: string; clip: string; variant: string },
  ) {}

  compare(stage: string, actual: ArrayLike<number>, tolerance: number, name = stage): void {
    if (!this.reference.has(name)) return;
    const difference = largestDifference(actual, this.reference.floats(name));
    this.rows.push({ ...this.labels, stage, difference, tolerance, ok: difference <= tolerance });
  }

  /** Compares a stage under its name in the fixtures; of convolutions only the first block, in torch's layout. */
  tap = (stage: string, array: mx.MLXArray): void => {
    if (stage.startsWith("conv2d")) {
      const name = `${stage}_first_chunk`;
      if (!this.reference.has(name)) return;
      const [, bins, width, channels] = array.shape as [number, number, number, number];
      const first = mx.transpose(mx.slice(array, [0, 0, 0, 0], [1, bins, width, channels]), [0, 3, 1, 2]);
      this.compare(stage, mx.toFloat32(first), TOLERANCE.encoder, name);
    } else if (stage.startsWith("decoder_")) {
      const [, length, width] = array.shape as [number, number, number];
      const last = mx.slice(array, [0, length - 1, 0], [1, length, width]);
      this.compare(stage, mx.toFloat32(last), TOLERANCE.hidden, `${stage}_last`);
    } else this.compare(stage, mx.toFloat32(array), TOLERANCE.encoder);
  };

  encode(samples: Float32Array): mx.MLXArray {
    const { backend, encoder, config } = this.model;
    const embeddings = backend.build(() => {
      using front = new LogMel(config.encoder.melBins);
      const mel = front.apply(samples);
      this.compare("mel", mx.toFloat32(mel), TOLERANCE.mel);
      return encoder.apply(mel, this.tap);
    });
    const wrong = "WRONG_full_attention_audio_embeds";
    if (this.reference.has(wrong)) {
      const difference = largestDifference(mx.toFloat32(embeddings), this.reference.floats(wrong));
      const tolerance = CLEARLY * TOLERANCE.encoder;
      this.rows.push({
        ...this.labels,
        stage: `not ${wrong}`,
        difference,
        tolerance,
        ok: difference > tolerance,
      });
    }
    return embeddings;
  }

  /** Compares the logits before each reference token, which is fed instead of the model's own choice. */
  #stepLogits(name: string, cache: KVCache, first: mx.MLXArray, expected: readonly number[]): void {
    if (!this.reference.has(`${name}.step_logits`)) return;
    const all: number[] = [...mx.toFloat32(first)];
    for (const token of expected.slice(0, -1)) {
      this.model.backend.build(() => {
        all.push(...mx.toFloat32(this.model.step(mx.fromData(Int32Array.of(token)), cache)));
      });
    }
    this.compare(`${name}.step_logits`, all, TOLERANCE.logits);
  }

  #greedy(cache: KVCache, first: mx.MLXArray, count: number): number[] {
    const { backend } = this.model;
    let tokens = backend.build(() => this.model.choose(first));
    const ids = [mx.toInt32(tokens)[0]!];
    while (ids.length < count) {
      const next = backend.build(() => this.model.choose(this.model.step(tokens, cache)));
      tokens.dispose();
      tokens = next;
      ids.push(mx.toInt32(tokens)[0]!);
    }
    tokens.dispose();
    return ids;
  }

  /** Compares the boundaries of the attention windows, in tokens. */
  windows(tokens: number): void {
    if (!this.reference.has("cu_seqlens")) return;
    const size = 13 * this.model.config.encoder.windowBlocks;
    const boundaries = Array.from(
      { length: Math.ceil(tokens / size) + 1 },
      (_, index) => Math.min(tokens, index * size),
    );
    this.compare("cu_seqlens", boundaries, 0);
  }

  /** Adds a miss for every array of the reference that was never compared. */
  finish(): void {
    for (const stage of this.reference.unused()) {
      this.rows.push({
        ...this.labels,
        stage: `${stage} (not compared)`,
        difference: Infinity,
        tolerance: 0,
        ok: false,
      });
    }
  }

  decode(name: "auto" | "forced" | "context", embeddings: mx.MLXArray): void {
    const expected = this.reference.json[name];
    if (!expected || !this.reference.has(`${name}.prompt_ids`)) return;
    const { backend } = this.model;
    const prompt = buildPrompt(this.tokenizer, {
      audioTokens: embeddings.dim(0),
      context: expected.context,
      ...(expected.language === null ? {} : { language: expected.language }),
    });
    this.compare(`${name}.prompt_ids`, prompt.ids, 0);
    const pass = (tap: boolean) => {
      const cache = this.model.newCache();
      const logits = backend.build(() =>
        this.model.prefill(
          this.model.splice(prompt.ids, prompt.audioStart, embeddings),
          cache,
          tap ? { tap: this.tap } : undefined,
        )
      );
      return { cache, logits };
    };
    const first = pass(name === "auto");
    this.compare(`${name}.prefill_logits`, mx.toFloat32(first.logits), TOLERANCE.logits);
    this.#stepLogits(name, first.cache, first.logits, expected.greedy_ids);
    first.cache.dispose();
    const second = pass(false);
    const ids = this.#greedy(second.cache, second.logits, expected.greedy_ids.length);
    const difference = unequalTokens(ids, expected.greedy_ids, this.reference.floats(`${name}.margin`));
    this.rows.push({
      ...this.labels,
      stage: `${name}.greedy_ids`,
      difference,
      tolerance: 0,
      ok: difference === 0,
    });
    second.cache.dispose();
    mx.disposeAll([first.logits, second.logits]);
  }
}

/**
 * Runs every case of a folder on every model of its variant; one row per comparison.
 *
 * @throws {ModelError} When there is nothing to compare, or a model cannot be used.
 */
export async function runParity(directory: string, options: ParityOptions = {}): Promise<ParityRow[]> {
  const rows: ParityRow[] = [];
  for (const [name, cases] of await casesByModel(directory, options)) {
    const folder = join(directory, "models", name);
    using model = await Qwen3ASRModel.load(folder, {
      device: options.device ?? "cpu",
      dtype: "float32",
      ...(options.policy ? { policy: options.policy } : {}),
    });
    const tokenizer = await loadTokenizer(folder);
    for (const { clip, variant } of cases) {
      using reference = await Reference.read(join(directory, "cases", `${clip}.${variant}`));
      const parity = new ClipParity(model, tokenizer, reference, { model: name, clip, variant });
      const { interleaved } = decodeWav(await Deno.readFile(join(directory, "audio", `${clip}.wav`)));
      await model.backend.exclusive(() => {
        using embeddings = parity.encode(interleaved);
        for (const prompt of ["auto", "forced", "context"] as const) parity.decode(prompt, embeddings);
        parity.windows(embeddings.dim(0));
      });
      parity.finish();
      rows.push(...parity.rows);
    }
  }
  return rows;
}

/** A run as a table, one line for each comparison. */
export function formatParity(rows: readonly ParityRow[]): string {
  const lines = rows.map(({ model, clip, stage, difference, tolerance, ok }) =>
    `${ok ? "ok  " : "MISS"} ${model.padEnd(15)} ${clip.padEnd(17)} ${stage.padEnd(38)} ` +
    `${difference.toExponential(2).padStart(9)} ${stage.startsWith("not ") ? "> " : "<="} ${tolerance}`
  );
  const misses = rows.filter(({ ok }) => !ok).length;
  return [...lines, `${rows.length} comparisons, ${misses} misses`].join("\n");
}

async function main(args: readonly string[]): Promise<number> {
  const [directory, ...surplus] = args.filter((argument) => !argument.startsWith("--"));
  const flags = args.filter((argument) => argument.startsWith("--"));
  const options = ["--json", "--device=cpu", "--device=gpu"];
  if (!directory || surplus.length > 0 || flags.some((flag) => !options.includes(flag))) {
    console.error("Usage: parity.ts DIR [--json] [--device=cpu|gpu]");
    return 2;
  }
  try {
    const device = flags.includes("--device=gpu") ? "gpu" : "cpu";
    const rows = await runParity(directory, { device, note: (sentence) => console.error(sentence) });
    console.log(flags.includes("--json") ? JSON.stringify(rows, null, 1) : formatParity(rows));
    return rows.every(({ ok }) => ok) ? 0 : 1;
  } catch (error) {
    // A missing file's message names it.
    const known = [Qwen3ASRError, mx.SafetensorsError, Deno.errors.NotFound];
    if (!known.some((kind) => error instanceof kind)) throw error;
    console.error((error as Error).message);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
