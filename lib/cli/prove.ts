/**
 * The command `prove`: known recordings through a model, and one report that says whether it does what it should.
 *
 * @module
 */
import { dirname } from "@std/path";
import { OptionError } from "../errors.ts";
import { passes, prove as proof } from "../prove/proof.ts";
import { parseRecordings, type ProofRecording, PUBLIC_RECORDINGS } from "../prove/recordings.ts";
import { reportOf } from "../prove/report.ts";
import type { Arguments } from "./arguments.ts";
import { loadModel } from "./get_model.ts";
import { VERSION } from "./help.ts";
import { Interruption } from "./interruption.ts";
import { modelSettings } from "./settings.ts";
import type { Terminal } from "./terminal.ts";
import { OutputProbe, writeFile } from "./write_file.ts";

const DEFAULT_MODEL = "0.6b";
/** Failures in a row after which a recording counts as not to be had: there are others to wait for. */
const RETRIES = 2;

async function recordingsOf(
  path: string | undefined,
): Promise<{ recordings: readonly ProofRecording[]; folder?: string }> {
  if (path === undefined) return { recordings: PUBLIC_RECORDINGS };
  const text = await Deno.readTextFile(path).catch((error) => {
    const reason = error instanceof Deno.errors.NotFound ? "there is no such file" : String(error);
    throw new OptionError(`Cannot read the list of recordings in ${path}: ${reason}`, { cause: error });
  });
  return { recordings: parseRecordings(text, path), folder: dirname(path) };
}

/** Runs the command. */
export async function prove(args: Arguments, terminal: Terminal): Promise<number> {
  const settings = { ...modelSettings(args), model: args.text("model") ?? DEFAULT_MODEL };
  const list = await recordingsOf(args.text("recordings"));
  const output = args.text("output");
  if (output !== undefined) await new OutputProbe().try(output);
  using interruption = new Interruption(() => terminal.note("Interrupted: there is no report"));
  const { signal } = interruption;
  try {
    const result = await proof({
      ...list,
      version: VERSION,
      offline: settings.offline,
      retries: RETRIES,
      signal,
      load: async () => {
        const asr = await loadModel(settings, terminal, signal);
        interruption.libraryPath = asr.info.libraryPath;
        return asr;
      },
      onStep: (what) => terminal.note(what),
    });
    const report = reportOf(result);
    if (output === undefined) terminal.write(report);
    else await writeFile(output, report);
    const failed = result.checks.filter(({ passed }) => !passed);
    for (const { name, found, expected } of failed) terminal.warn(`${name}: ${found}; expected ${expected}`);
    terminal.note(`${result.checks.length} checks, ${failed.length} failed`);
    return passes(result) ? 0 : 1;
  } catch (error) {
    if (interruption.isOver) return interruption.code;
    throw error;
  }
}
