/**
 * Arguments of `transcribe`, checked before anything is loaded.
 *
 * @module
 */
import { parseRawFormat } from "../audio/raw.ts";
import { checkTrack } from "../audio/tracks.ts";
import { OptionError } from "../errors.ts";
import { alignerOf, LOAD_RULES, type LoadOptions } from "../open_model.ts";
import { FORMAT_RULES, type FormatOptions, type OutputFormat, parseFormat } from "../output/mod.ts";
import { SAMPLING_RULES, TRANSCRIBE_RULES, type TranscribeOptions } from "../recognize/options.ts";
import { askedLanguage, resolveLanguage } from "../text/languages.ts";
import { VAD_RULES } from "../vad/intervals.ts";
import type { Arguments } from "./arguments.ts";
import { parseRange } from "./clock.ts";

/** Which model, and how it runs. */
export interface ModelSettings {
  model: string | undefined;
  device: LoadOptions["device"];
  dtype: LoadOptions["dtype"];
  threads: LoadOptions["threads"];
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
    threads: args.number("threads", LOAD_RULES.threads),
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
    maxColumns: args.number("line-width", FORMAT_RULES.maxColumns),
    maxLines: args.number("max-lines", FORMAT_RULES.maxLines),
    readingSpeed: args.number("reading-speed", FORMAT_RULES.readingSpeed),
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

/** @throws {TypeError} For anything but UTF-8: UTF-16 without a mark is full of zero bytes, which UTF-8 allows. */
function wordsOf(bytes: Uint8Array): string {
  const words = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  if (words.includes("\0")) throw new TypeError("zero bytes");
  return words;
}

async function readHotwords(path: string | undefined): Promise<string[] | undefined> {
  if (path === undefined) return undefined;
  try {
    const lines = wordsOf(await Deno.readFile(path)).split(/\r?\n/).map((line) => line.trim());
    return lines.filter((line) => line !== "");
  } catch (error) {
    if (error instanceof TypeError) {
      throw new OptionError(`Cannot read the hotwords in ${path}: it is not UTF-8 text; save it as UTF-8`, {
        cause: error,
      });
    }
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
  const threshold = args.number("vad-threshold", VAD_RULES.threshold);
  const minSilenceSeconds = args.number("vad-min-silence", VAD_RULES.minSilenceSeconds);
  const speechPadSeconds = args.number("vad-speech-pad", VAD_RULES.speechPadSeconds);
  const useless = ["vad-threshold", "vad-min-silence", "vad-speech-pad"].find((name) => args.isFlag(name));
  if (isOff && useless) {
    throw new OptionError(`Cannot use --${useless} with --vad off: nothing is looked for`);
  }
  return isOff ? "off" : { threshold, minSilenceSeconds, speechPadSeconds };
}

/** What changes the words of a transcript: part of the journal, and the options of `transcribe()`. */
export async function speechOptions(args: Arguments): Promise<TranscribeOptions> {
  const language = askedLanguage(args.text("language"));
  const languages = args.list("languages").map(resolveLanguage);
  if (language !== undefined && languages.length > 0) {
    throw new OptionError(
      "Cannot use --language and --languages at once: the first leaves nothing to choose",
    );
  }
  const range = args.text("range");
  const raw = args.text("raw");
  if (raw !== undefined) parseRawFormat(raw);
  const temperature = args.number("temperature", SAMPLING_RULES.temperature);
  const seed = args.number("seed", SAMPLING_RULES.seed);
  if (seed !== undefined && !temperature && args.isFlag("seed")) {
    throw new OptionError("Cannot use --seed without --temperature above 0: nothing is random");
  }
  return {
    language,
    languages: languages.length === 0 ? undefined : languages,
    context: args.text("context"),
    hotwords: await readHotwords(args.text("hotwords")),
    sampling: {
      temperature,
      seed: temperature ? seed : undefined,
      maxTokens: args.number("max-tokens", SAMPLING_RULES.maxTokens),
    },
    timestamps: timestampsOf(args),
    chunkSeconds: args.number("chunk-seconds", TRANSCRIBE_RULES.chunkSeconds),
    vad: vadOptions(args),
    rescueBudget: args.number("rescue-budget", TRANSCRIBE_RULES.rescueBudget),
    batchSize: args.number("batch-size", TRANSCRIBE_RULES.batchSize),
    range: range === undefined ? undefined : parseRange(range),
    track: checkTrack(args.text("track")),
    raw,
  };
}
