/**
 * Decoders from npm, fetched when the first file that needs them is read, not before: their names are no literals
 * in an `import()`, so that nobody pays at start-up for what he does not use.
 *
 * @module
 */
import { AudioError } from "../errors.ts";
import { reasonOf } from "../load_once.ts";

/**
 * Loads a package.
 *
 * @param specifier With its version, e.g. `npm:opus-decoder@0.7.12`.
 * @param name What messages call the recording.
 * @param open Makes of the module what is wanted.
 * @throws {AudioError} When it can't be had, e.g. without a network.
 */
export async function loadDecoder<Module, Decoder>(
  specifier: string,
  name: string,
  open: (module: Module) => Promise<Decoder>,
): Promise<Decoder> {
  try {
    return await open(await import(specifier));
  } catch (cause) {
    const reason = reasonOf(cause);
    throw new AudioError(
      `Cannot read ${name}: ffmpeg was not found, and ${specifier} can't be loaded in its place (${reason}): ` +
        "install ffmpeg or convert the recording to WAV.",
      { cause },
    );
  }
}
