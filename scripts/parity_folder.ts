/**
 * What a folder of reference numbers holds: models, recordings, and the cases that belong to them.
 *
 * @module
 */
import { join } from "@std/path";
import { ModelError } from "../lib/errors.ts";
import { readConfig } from "../lib/model/qwen3_asr_model.ts";

/** What of a folder to compare. */
export interface Selection {
  /** Only these model folders. */
  models?: readonly string[];
  /** Only these clips. */
  clips?: readonly string[];
  /** Is told of models without cases and of cases without a model. */
  note?: (sentence: string) => void;
}

/** Reference numbers of one clip for the models of one variant. */
export interface Case {
  clip: string;
  variant: string;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return [];
    throw error;
  }
}

/** The aligner's numbers are compared by tests/recognize_official_test.ts. */
async function findCases(directory: string): Promise<Case[]> {
  return (await namesIn(join(directory, "cases"))).flatMap((name) => {
    const [, clip, variant] = /^(.+)\.(\w+)\.safetensors$/.exec(name) ?? [];
    return clip === undefined || clip.startsWith("aligner_") ? [] : [{ clip, variant: variant! }];
  });
}

/** The variant of the cases that a model's numbers belong to, from its config.json. */
async function variantOf(folder: string): Promise<string> {
  const config = JSON.parse(await Deno.readTextFile(join(folder, "config.json")));
  const packing: Record<string, unknown> | undefined = config.quantization ?? config.quantization_config;
  if (!packing) return "f32";
  const modules = Object.values(packing).filter((own) => typeof own === "object" && own !== null);
  const bits = new Set([packing, ...modules].map((own) => (own as { bits?: unknown }).bits));
  return bits.size > 1 ? "mixed" : `q${packing["bits"]}`;
}

/** Folders of speech recognition models, with their variants. */
async function findModels(directory: string): Promise<{ name: string; variant: string }[]> {
  const models: { name: string; variant: string }[] = [];
  for (const name of await namesIn(join(directory, "models"))) {
    const folder = join(directory, "models", name);
    if (name.startsWith(".") || !(await Deno.stat(folder)).isDirectory) continue;
    if ((await readConfig(folder)).kind === "asr") models.push({ name, variant: await variantOf(folder) });
  }
  return models;
}

/**
 * Each model's folder name with the cases of its variant.
 *
 * @throws {ModelError} When no model and no case go together, or a folder of a model has no usable config.json.
 */
export async function casesByModel(
  directory: string,
  { models: names, clips, note = () => {} }: Selection = {},
): Promise<Map<string, Case[]>> {
  const fail = (why: string) => new ModelError(`Cannot compare anything in ${directory}: ${why}.`);
  const models = (await findModels(directory)).filter(({ name }) => names?.includes(name) ?? true);
  const cases = (await findCases(directory)).filter(({ clip }) => clips?.includes(clip) ?? true);
  if (models.length === 0) throw fail("models/ has no folder of a speech recognition model");
  if (cases.length === 0) throw fail("cases/ has no file CLIP.VARIANT.safetensors");
  for (const { name, variant } of models) {
    if (cases.some((own) => own.variant === variant)) continue;
    note(`Not compared: model ${name}, because cases/ has no file CLIP.${variant}.safetensors.`);
  }
  for (const variant of new Set(cases.map((own) => own.variant))) {
    if (models.some((model) => model.variant === variant)) continue;
    note(`Not compared: cases of variant ${variant}, because models/ has no such model.`);
  }
  const pairs = models.map(({ name, variant }) =>
    [name, cases.filter((own) => own.variant === variant)] as const
  ).filter(([, own]) => own.length > 0);
  if (pairs.length === 0) throw fail("no case is of the variant of a model");
  return new Map(pairs);
}
