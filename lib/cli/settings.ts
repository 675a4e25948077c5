/**
 * Arguments of `transcribe`, checked before anything is loaded.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { alignerOf, type LoadOptions } from "../open_model.ts";
import { type FormatOptions, type OutputFormat, parseFormat } from "../output/mod.ts";
import type { TranscribeOptions } from "../recognize/options.ts";
import { resolveLanguage } from "../text/languages.ts";
import type { Arguments } from "./arguments.ts";
import { parseRange } from "./clock.ts";

/** Which model, and how it runs. */
export interface ModelSettings {
  model: string | undefined;
  device: LoadOptions["device"];
  dtype: LoadOptions["dtype"];
  aligner: LoadOptions["aligner"];
  libraryPath: string | undefined;
  offline: boolean;
  yes: boolean;
}

/** @throws {OptionError} When a value is not usable. */
export function modelSettings(args: Arguments): ModelSettings {
  return {
    model: args.text("model"),
    device: args.choice("device", ["auto", "cpu", "gpu"]),
    dtype: args.choice("dtype", ["auto", "float32", "float16", "bfloat16"]),
    aligner: alignerOf(args.text("aligner")),
    libraryPath: args.text("library"),
    offline: args.on("offline"),
    yes: args.on("yes"),
  };
}

/** The formats asked for, each once; txt when none was. */
export function formatsOf(args: Arguments): OutputFormat[] {
  const formats = args.list("format").map(parseFormat);
  return formats.length === 0 ? ["txt"] : [...new Set(formats)];
}

/** Limits of subtitles. */
export function writerOptions(args: Arguments): FormatOptions {
  return {
    maxColumns: args.number("line-width", { least: 4, whole: true }),
    maxLines: args.number("max-lines", { least: 1, whole: true }),
    readingSpeed: args.number("reading-speed", { least: 1 }),
    highlightWords: args.on("highlight-words"),
  };
}

/** Marked words need times, so that they are asked for with them. */
function timestampsOf(args: Arguments): TranscribeOptions["timestamps"] {
  const asked = args.choice("timestamps", ["segment", "word"]);
  if (asked === "segment" && args.on("highlight-words")) {
    throw new OptionError("Cannot use --highlight-words with --timestamps segment: words have no times then");
  }
  return args.on("highlight-words") ? "word" : asked;
}

async function readHotwords(path: string | undefined): Promise<string[] | undefined> {
  if (path === undefined) return undefined;
  try {
    const lines = (await Deno.readTextFile(path)).split(/\r?\n/).map((line) => line.trim());
    return lines.filter((line) => line !== "");
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "there is no such file"
      : error instanceof Error
      ? error.message
      : String(error);
    throw new OptionError(`Cannot read the hotwords in ${path}: ${reason}`, { cause: error });
  }
}

/** How speech is found. */
function vadOptions(args: Arguments): TranscribeOptions["vad"] {
  const isOff = args.choice("vad", ["on", "off"]) === "off";
  const names = ["vad-threshold", "vad-min-silence", "vad-speech-pad"];
  const [threshold, minSilenceSeconds, speechPadSeconds] = names.map((name) =>
    args.number(name, { least: 0 })
  );
  const useless = names.find((name) => args.isFlag(name));
  if (isOff && useless) {
    throw new OptionError(`Cannot use --${useless} with --vad off: nothing is looked for`);
  }
  if (threshold !== undefined && !(threshold > 0 && threshold < 1)) {
    throw new OptionError(`Cannot use --vad-threshold ${threshold}: it must be above 0 and below 1`);
  }
  return isOff ? "off" : { threshold, minSilenceSeconds, speechPadSeconds };
}

/** What changes the words of a transcript: part of the journal, and the options of `transcribe()`. */
export async function speechOptions(args: Arguments): Promise<TranscribeOptions> {
  const language = args.text("language");
  const languages = args.list("languages").map(resolveLanguage);
  if (language !== undefined && languages.length > 0) {
    throw new OptionError(
      "Cannot use --language and --languages at once: the first leaves nothing to choose",
    );
  }
  const range = args.text("range");
  const temperature = args.number("temperature", { least: 0 });
  const seed = args.number("seed", { least: 0, whole: true });
  if (seed !== undefined && !temperature && args.isFlag("seed")) {
    throw new OptionError("Cannot use --seed without --temperature above 0: nothing is random");
  }
  return {
    language: language === undefined ? undefined : resolveLanguage(language),
    languages: languages.length === 0 ? undefined : languages,
    context: args.text("context"),
    hotwords: await readHotwords(args.text("hotwords")),
    sampling: {
      temperature,
      seed: temperature ? seed : undefined,
      maxTokens: args.number("max-tokens", { least: 1, whole: true }),
    },
    timestamps: timestampsOf(args),
    chunkSeconds: args.number("chunk-seconds", { least: 1 }),
    vad: vadOptions(args),
    rescueBudget: args.number("rescue-budget", { least: 0 }),
    batchSize: args.number("batch-size", { least: 1, whole: true }),
    range: range === undefined ? undefined : parseRange(range),
  };
}
