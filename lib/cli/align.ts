/**
 * The command `align`: a recording and its text in, the text with times out.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { ForcedAligner } from "../forced_aligner.ts";
import { alignerNameFor } from "../hub/mod.ts";
import { segmentsOfWords } from "../recognize/word_times/word_segments.ts";
import { wordSpans } from "../text/words.ts";
import type { Transcript, Word } from "../transcript.ts";
import type { Arguments } from "./arguments.ts";
import { loadModel } from "./get_model.ts";
import { type Input, planInputs } from "./inputs.ts";
import { Interruption } from "./interruption.ts";
import { OutputPlan } from "./outputs.ts";
import { formatsOf, modelSettings, speechOptions, writerOptions } from "./settings.ts";
import type { Terminal } from "./terminal.ts";

type AlignOptions = Parameters<ForcedAligner["align"]>[2];

async function readText(path: string): Promise<string> {
  try {
    const text = (await Deno.readTextFile(path)).replace(/^\uFEFF/, "").trim();
    if (text !== "") return text;
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "there is no such file" : String(error);
    throw new OptionError(`Cannot read the text in ${path}: ${reason}`, { cause: error });
  }
  throw new OptionError(`Cannot align: ${path} has no text`);
}

/** What was heard, with the known text in its place. */
function withText(heard: Transcript, text: string, words: readonly Word[], language: string): Transcript {
  const segments = segmentsOfWords(text, wordSpans(text, language), words, language);
  return { ...heard, text, language, segments };
}

async function theInput(args: Arguments): Promise<{ input: Input; text: string }> {
  const [recording, file] = args.operands;
  if (recording === undefined || file === undefined || args.operands.length > 2) {
    throw new OptionError(
      `align takes a recording and a text file, got ${args.operands.length} (see align --help)`,
    );
  }
  const { inputs: [input], bad } = await planInputs([recording], {
    recursive: false,
    offline: args.on("offline"),
  });
  if (input === undefined) throw bad[0]?.error ?? new OptionError(`Cannot align ${recording}`);
  return { input, text: await readText(file) };
}

/** Runs the command. */
export async function align(args: Arguments, terminal: Terminal): Promise<number> {
  const { input, text } = await theInput(args);
  const settings = modelSettings(args);
  if (settings.aligner === false) throw new OptionError("Cannot align without an aligner: --aligner none");
  const formats = args.text("format") === undefined ? ["tsv" as const] : formatsOf(args);
  const plan = new OutputPlan({
    formats,
    directory: args.text("output-dir"),
    template: undefined,
    writer: writerOptions(args),
  });
  plan.check([input]);
  const options = await speechOptions(args);
  using interruption = new Interruption(() => terminal.note("Interrupted"));
  const { signal } = interruption;
  await using asr = await loadModel({ ...settings, aligner: false }, terminal, signal);
  using aligner = await ForcedAligner.load(settings.aligner ?? alignerNameFor(asr.info.name), {
    device: settings.device,
    dtype: settings.dtype,
    threads: settings.threads,
    libraryPath: settings.libraryPath,
    download: settings.yes && !settings.offline,
  });
  let heard: Transcript | undefined;
  const recognizer: AlignOptions["recognizer"] = {
    transcribe: async (audio, options) => heard = await asr.transcribe(audio, options),
  };
  const words = await aligner.align(input.source, text, { language: options.language, recognizer, signal });
  const transcript = withText(heard!, text, words, options.language ?? heard!.language.split(",")[0]!);
  if (plan.toFiles) await plan.write(input, transcript, (text) => terminal.write(text));
  else terminal.write(plan.print(input, transcript, false));
  const unmatched = words.filter(({ timing }) => timing === "unmatched").length;
  if (unmatched > 0) {
    terminal.warn(
      `${input.name}: ${unmatched} of ${words.length} words were not heard: they have no time of their own`,
    );
  }
  return 0;
}
