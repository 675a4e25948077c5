/**
 * The forced aligner of a loaded model: there from the beginning where it is named, else when it is first wanted.
 *
 * @module
 */
import { ModelError } from "./errors.ts";
import { ForcedAligner } from "./forced_aligner.ts";
import { alignerNameFor } from "./hub/mod.ts";
import type { LoadOptions } from "./open_model.ts";

/** An aligner that is loaded at most once. */
export class OwnAligner implements Disposable {
  readonly #options: LoadOptions;
  readonly #modelName: string;
  #loading: Promise<ForcedAligner | undefined> | undefined;

  private constructor(options: LoadOptions, modelName: string) {
    this.#options = options;
    this.#modelName = modelName;
  }

  /**
   * @param modelName The recogniser's, for which an aligner is chosen when none is named.
   * @throws {ModelError} When the one that is named is not there, or is none.
   */
  static async for(modelName: string, options: LoadOptions): Promise<OwnAligner> {
    const own = new OwnAligner(options, modelName);
    if (options.aligner) await own.get();
    return own;
  }

  /** The aligner; undefined when there shall be none, or none that goes with the model is on this machine. */
  get(): Promise<ForcedAligner | undefined> {
    this.#loading ??= this.#load().catch((error) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  async #load(): Promise<ForcedAligner | undefined> {
    const { aligner, ...options } = this.#options;
    if (aligner === false) return undefined;
    if (aligner !== undefined) return await ForcedAligner.load(aligner, options);
    try {
      return await ForcedAligner.load(alignerNameFor(this.#modelName), { ...options, download: false });
    } catch (error) {
      if (error instanceof ModelError && error.code === "model-not-found") return undefined;
      throw error;
    }
  }

  /** Frees the aligner, when it is there or as soon as it is. */
  [Symbol.dispose](): void {
    this.#loading?.then((aligner) => aligner?.dispose(), () => {});
  }
}
