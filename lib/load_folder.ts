/**
 * What every model folder has: weights and a tokenizer.
 *
 * @module
 */
import { join } from "@std/path";
import { type LoadModelOptions, Qwen3ASRModel } from "./model/qwen3_asr_model.ts";
import { readTextFile } from "./text_file.ts";
import { Tokenizer, type TokenizerFiles } from "./text/tokenizer.ts";

const TOKENIZER_FILES = {
  tokenizerJson: "tokenizer.json",
  vocabJson: "vocab.json",
  mergesText: "merges.txt",
  tokenizerConfigJson: "tokenizer_config.json",
} as const satisfies Record<keyof TokenizerFiles, string>;

/** The tokenizer of a folder, built in memory where it has no tokenizer.json; nothing is written. */
export async function loadTokenizer(directory: string): Promise<Tokenizer> {
  const files: TokenizerFiles = {};
  for (const [key, name] of Object.entries(TOKENIZER_FILES)) {
    try {
      files[key as keyof TokenizerFiles] = await readTextFile(join(directory, name));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return await Tokenizer.fromFiles(files);
}

/** Loads both; what is loaded is freed when the other fails. */
export async function loadFolder(
  directory: string,
  options: LoadModelOptions,
): Promise<{ model: Qwen3ASRModel; tokenizer: Tokenizer }> {
  const model = await Qwen3ASRModel.load(directory, options);
  try {
    return { model, tokenizer: await loadTokenizer(directory) };
  } catch (error) {
    model[Symbol.dispose]();
    throw error;
  }
}
