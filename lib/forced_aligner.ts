/**
 * `ForcedAligner`: start and end of every word of a known text.
 *
 * @module
 */
import { openLibrary } from "../ffi/mod.ts";
import { type AudioSource, loadAudio } from "./audio/load.ts";
import { checkOptions, text as anyText } from "./check_options.ts";
import { ModelError, OptionError } from "./errors.ts";
import { resolveModel } from "./hub/mod.ts";
import { loadFolder } from "./load_folder.ts";
import type { Qwen3ASRModel } from "./model/qwen3_asr_model.ts";
import { LOAD_RULES, type LoadOptions } from "./open_model.ts";
import { alignClip } from "./recognize/align.ts";
import { Lifetime } from "./recognize/lifetime.ts";
import { resolveLanguage } from "./text/languages.ts";
import type { Tokenizer } from "./text/tokenizer.ts";
import { splitWords } from "./text/words.ts";
import type { Word } from "./transcript.ts";

/** The classes of the real aligner end here. */
const LONGEST_SECONDS = 300;

/**
 * A loaded Qwen3-ForcedAligner; calls may overlap. Japanese and Korean words are split by Unicode's rules, an
 * approximation.
 */
export class ForcedAligner implements Disposable {
  readonly #model: Qwen3ASRModel;
  readonly #tokenizer: Tokenizer;
  readonly #life: Lifetime;

  private constructor(model: Qwen3ASRModel, tokenizer: Tokenizer) {
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#life = new Lifetime(
      () => model[Symbol.dispose](),
      () => new ModelError("Cannot align: the model was disposed. Load it again.", { code: "model-closed" }),
    );
  }

  /**
   * Loads an aligner.
   *
   * @param model Folder or name in the Hugging Face cache.
   * @throws {ModelError} When there is none, or it is no aligner.
   */
  static async load(
    model: string | URL,
    options: Pick<LoadOptions, "device" | "dtype" | "threads" | "libraryPath"> = {},
  ): Promise<ForcedAligner> {
    const { device, dtype, libraryPath } = LOAD_RULES;
    checkOptions(options, { device, dtype, libraryPath });
    const { directory } = await resolveModel(model);
    openLibrary({ path: options.libraryPath });
    const loaded = await loadFolder(directory, {
      device: options.device ?? "auto",
      dtype: options.dtype ?? "auto",
      threads: options.threads,
    });
    if (loaded.model.config.kind !== "aligner") {
      loaded.model[Symbol.dispose]();
      throw new ModelError(
        `Cannot align with ${directory}: it is not a forced aligner. Load a Qwen3-ForcedAligner.`,
      );
    }
    return new ForcedAligner(loaded.model, loaded.tokenizer);
  }

  /**
   * Aligns a text with its recording of at most five minutes.
   *
   * @param options.language Language of the text, by name or code.
   * @throws {OptionError} When the recording is too long.
   */
  async align(source: AudioSource, text: string, options: { language: string }): Promise<Word[]> {
    checkOptions(options, { language: anyText });
    return await this.#life.use(() => this.#align(source, text, options.language));
  }

  async #align(source: AudioSource, text: string, language: string): Promise<Word[]> {
    const words = splitWords(text, resolveLanguage(language));
    const { samples, durationSeconds } = await loadAudio(source);
    if (durationSeconds > LONGEST_SECONDS) {
      throw new OptionError(
        `Cannot align ${durationSeconds.toFixed(0)} s at once: align pieces of at most ${LONGEST_SECONDS} s.`,
      );
    }
    return (await alignClip(this.#model, this.#tokenizer, samples.slice(), words)).words;
  }

  /** Takes no more calls; frees the model now, or when the running calls are done. */
  dispose(): void {
    this.#life.close();
  }

  /** Frees what it holds. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
