/**
 * Which forced aligner goes with a model, and where it lies.
 *
 * @module
 */
import { ModelError } from "../errors.ts";
import { ALIGNER_NAME, DEMO_NAME, PREFERRED_ALIGNERS } from "./known_models.ts";
import { packagedFolder } from "./packaged.ts";
import { type ResolvedModel, resolveModel, type ResolveOptions } from "./resolve.ts";

/** The name of the aligner for a model: `demo` times what the demo model writes, `aligner` what all others do. */
export function alignerNameFor(model: string): string {
  return model === DEMO_NAME ? DEMO_NAME : ALIGNER_NAME;
}

/**
 * Finds the folder of an aligner.
 *
 * @param name As a model's name; `demo` is the small aligner of this package, `aligner` any Qwen3-ForcedAligner-0.6B in
 *   the cache, the 8-bit conversion first.
 * @throws {ModelError} When there is none: the message says how to get one.
 * @throws {OptionError} When the name can be neither a folder nor a model.
 */
export async function resolveAligner(
  name: string | URL,
  options: ResolveOptions = {},
): Promise<ResolvedModel> {
  if (name === DEMO_NAME) {
    const demoDirectory = options.demoDirectory ?? await packagedFolder("demo/aligner", options);
    return await resolveModel(name, { ...options, demoDirectory });
  }
  if (name === ALIGNER_NAME) {
    for (const repository of PREFERRED_ALIGNERS) {
      const found = await resolveModel(repository, options).catch((error) => {
        if (!(error instanceof ModelError)) throw error;
      });
      if (found) return found;
    }
  }
  return await resolveModel(name, options);
}
