/**
 * The parameters of a transcription: each is honoured or refused, and what is ignored, because it says nothing about the
 * text, is named in the answer.
 *
 * They come as form fields (`timestamp_granularities[]`, `chunking_strategy[type]`, repeated or with commas) or as JSON
 * values. Two of OpenAI's names, and one of ours, mean a list: `languages` and `keywords` work as they do in the library.
 *
 * @module
 */
import { meantName } from "../check_options.ts";
import { OptionError } from "../errors.ts";
import type { TranscribeOptions } from "../recognize/options.ts";
import { askedLanguage, resolveLanguage } from "../text/languages.ts";
import { HttpError } from "./http_error.ts";
import { ignoredName } from "./ignored.ts";

/** A parameter as it came; a form field is a string. */
export interface Field {
  name: string;
  value: unknown;
}

/** In `include`: the whole transcript beside OpenAI's fields. */
const WHOLE = "qwen3_asr.transcript";

/** How the answer is written. */
export type ResponseFormat = "json" | "text" | "srt" | "verbose_json" | "vtt";

/** A checked request. */
export interface TranscriptionRequest {
  model: string | undefined;
  format: ResponseFormat;
  stream: boolean;
  /** Whether the answer has everything that is known. */
  whole: boolean;
  options: Pick<
    TranscribeOptions,
    | "language"
    | "languages"
    | "context"
    | "hotwords"
    | "maxPromptTokens"
    | "logprobs"
    | "sampling"
    | "timestamps"
    | "vad"
  >;
  /** Only in JSON bodies. */
  filePath: string | undefined;
  /** Parameters without effect on the text, each once. */
  ignored: readonly string[];
}

/** Most values of one parameter, and most parameters: a list in JSON may be written as so many keys. */
const MAX_VALUES = 1000;

const FORMATS: readonly ResponseFormat[] = ["json", "text", "srt", "verbose_json", "vtt"];

function refuse(param: string, message: string, code = "invalid_value"): never {
  throw new HttpError(400, message, { param, code });
}

/** Shown in messages: short, and what it was. */
function shown(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? String(value);
  return `'${text.length > 60 ? text.slice(0, 60) + "..." : text}'`;
}

function asText(param: string, value: unknown): string {
  return typeof value === "string" ? value : refuse(param, `${param} is ${shown(value)}, expected a string.`);
}

function asBoolean(param: string, value: unknown): boolean {
  if (value === true || value === "true" || value === "True" || value === "1") return true;
  if (value === false || value === "false" || value === "False" || value === "0") return false;
  return refuse(param, `${param} is ${shown(value)}, expected true or false.`);
}

function asNumber(param: string, value: unknown): number {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number)
    ? number
    : refuse(param, `${param} is ${shown(value)}, expected a number.`);
}

function tooMany(param: string, count: number): never {
  return refuse(param, `${param} has ${count} values, at most ${MAX_VALUES} are taken.`, "too_many_values");
}

/** Values of a list: repeated fields, JSON arrays, JSON in a field, commas. */
function asList(param: string, values: readonly unknown[]): string[] {
  const list = values.flatMap((value): unknown[] => {
    if (Array.isArray(value)) return value;
    if (typeof value !== "string") return [value];
    if (!value.trimStart().startsWith("[")) return value.split(",");
    try {
      const parsed: unknown = JSON.parse(value);
      return Array.isArray(parsed) ? parsed : [value];
    } catch {
      return refuse(param, `${param} is ${shown(value)}, which is not a JSON array.`);
    }
  });
  if (list.length > MAX_VALUES) tooMany(param, list.length);
  return list.map((item) => asText(param, item).trim()).filter((item) => item !== "");
}

/** All values of each parameter. `a[]` and `a[0]` mean `a`; `a[b]` stays. */
function group(fields: readonly Field[]): Map<string, unknown[]> {
  const groups = new Map<string, unknown[]>();
  for (const { name, value } of fields) {
    if (value === null || value === undefined) continue;
    const plain = name.replace(/\[\d*\]$/, "");
    const values = groups.get(plain);
    if (values) values.push(value);
    else groups.set(plain, [value]);
  }
  for (const [name, values] of groups) {
    if (values.length > MAX_VALUES) tooMany(name.slice(0, 60), values.length);
  }
  return groups;
}

function temperatureOf(value: unknown): number {
  const temperature = asNumber("temperature", value);
  return temperature >= 0 && temperature <= 1
    ? temperature
    : refuse("temperature", `temperature is ${temperature}, expected 0 to 1.`);
}

/** A language by whatever reads its name; what no language is gets its answer. */
function languageBy<T>(read: (name: string) => T, param: string, value: unknown): T {
  const name = asText(param, value);
  try {
    return read(name);
  } catch (error) {
    if (error instanceof OptionError) refuse(param, error.message, "unknown_language");
    throw error;
  }
}

function formatOf(value: unknown): ResponseFormat {
  if (value === "diarized_json") {
    refuse(
      "response_format",
      "Speakers are not told apart here: diarized_json is not offered.",
      "not_supported",
    );
  }
  return FORMATS.find((format) => format === value) ??
    refuse("response_format", `response_format is ${shown(value)}, expected one of ${FORMATS.join(", ")}.`);
}

/** OpenAI's names for voice activity, and ours; theirs are milliseconds. */
const VAD_SETTINGS: Readonly<Record<string, { name: keyof VadSettings; scale: number }>> = {
  threshold: { name: "threshold", scale: 1 },
  silence_duration_ms: { name: "minSilenceSeconds", scale: 1 / 1000 },
  prefix_padding_ms: { name: "speechPadSeconds", scale: 1 / 1000 },
};

type VadSettings = Exclude<NonNullable<TranscribeOptions["vad"]>, "off">;

/** One setting of voice activity. */
function vadSettingOf(param: string, setting: string, value: unknown): VadSettings {
  const known = VAD_SETTINGS[setting];
  if (!known) {
    return refuse(param, `Unknown parameter: ${shown(`${param}.${setting}`)}.`, "unknown_parameter");
  }
  const number = asNumber(`${param}.${setting}`, value);
  const isUsable = setting === "threshold" ? number > 0 && number < 1 : number >= 0;
  const expected = setting === "threshold" ? "above 0 and below 1" : "0 or more";
  return isUsable
    ? { [known.name]: number * known.scale }
    : refuse(param, `${param}.${setting} is ${number}, expected ${expected}.`);
}

/** Recordings are cut at pauses in any case: `auto`; what counts as speech can be tuned. */
function chunkingOf(groups: Map<string, unknown[]>): VadSettings | undefined {
  const param = "chunking_strategy";
  const settings = new Map<string, unknown>();
  for (const value of groups.get(param) ?? []) {
    let strategy = value;
    if (typeof value === "string" && value.trimStart().startsWith("{")) {
      try {
        strategy = JSON.parse(value);
      } catch {
        refuse(param, `${param} is ${shown(value)}, which is not JSON.`);
      }
    }
    if (strategy === "auto") continue;
    if (typeof strategy !== "object" || strategy === null || Array.isArray(strategy)) {
      refuse(param, `${param} is ${shown(value)}, expected "auto" or {"type": "server_vad"}.`);
    }
    for (const [name, setting] of Object.entries(strategy)) settings.set(name, setting);
  }
  for (const [name, values] of groups) {
    const inner = /^chunking_strategy\[(\w+)\]$/.exec(name)?.[1];
    if (inner) settings.set(inner, values[0]);
  }
  if (settings.size === 0) return undefined;
  if (settings.get("type") !== "server_vad") refuse(param, `${param} needs "type": "server_vad".`);
  settings.delete("type");
  const vad: VadSettings = {};
  for (const [name, value] of settings) Object.assign(vad, vadSettingOf(param, name, value));
  return vad;
}

/** Whether what is no speech is skipped; whisper.cpp says true and false. */
function vadOf(value: unknown): boolean {
  if (value === "on" || value === true || value === "true") return true;
  if (value === "off" || value === false || value === "false") return false;
  return refuse("vad", `vad is ${shown(value)}, expected "on" or "off".`);
}

/** Whether words have times too; segments always have. */
function timestampsOf(
  values: readonly unknown[],
  format: ResponseFormat,
  whole: boolean,
): "segment" | "word" {
  const param = "timestamp_granularities";
  const wanted = asList(param, values);
  for (const granularity of wanted) {
    if (granularity !== "word" && granularity !== "segment") {
      refuse(param, `${param} has ${shown(granularity)}, expected "word" or "segment".`);
    }
  }
  // Vercel's client names "segment" with every format; where a format has no segments it asks for nothing.
  if (wanted.includes("word") && format !== "verbose_json" && !whole) {
    refuse(param, `Word times need response_format verbose_json, here it is ${format}.`);
  }
  return wanted.includes("word") ? "word" : "segment";
}

/** What the answer has besides. */
function includeOf(
  values: readonly unknown[],
  format: ResponseFormat,
  stream: boolean,
): { logprobs: boolean; whole: boolean } {
  const include = asList("include", values);
  const other = include.find((name) => name !== "logprobs" && name !== WHOLE);
  if (other !== undefined) {
    refuse("include", `include has ${shown(other)}, expected "logprobs" or "${WHOLE}".`);
  }
  const [logprobs, whole] = [include.includes("logprobs"), include.includes(WHOLE)];
  if (logprobs && (format !== "json" || stream)) {
    refuse("include", "logprobs need response_format json, and no stream.", "not_supported");
  }
  if (whole && format !== "json" && format !== "verbose_json") {
    refuse("include", `${WHOLE} needs response_format json or verbose_json.`, "not_supported");
  }
  return { logprobs, whole };
}

const KNOWN: readonly string[] = [
  "model",
  "language",
  "languages",
  "prompt",
  "keywords",
  "response_format",
  "temperature",
  "timestamp_granularities",
  "include",
  "chunking_strategy",
  "vad",
  "stream",
  "file_path",
];
/** Lists; all others come once. */
const LISTS: readonly string[] = ["languages", "keywords", "timestamp_granularities", "include"];

/** Takes the parameters out that say nothing about the text; returns their names. */
function takeIgnored(groups: Map<string, unknown[]>): string[] {
  const ignored = new Set<string>();
  for (const [name, values] of groups) {
    const names = values.map((value) => ignoredName(name, value));
    if (names[0] === undefined) continue;
    ignored.add(names[0]);
    groups.delete(name);
  }
  return [...ignored].sort();
}

function checkNames(groups: Map<string, unknown[]>): void {
  for (const [name, values] of groups) {
    if (name.startsWith("known_speaker_")) {
      refuse(name, `Speakers are not told apart here: ${name} is not offered.`, "not_supported");
    }
    if (!KNOWN.includes(name.replace(/^chunking_strategy\[\w+\]$/, "chunking_strategy"))) {
      const meant = meantName(name.slice(0, 60), KNOWN);
      const hint = meant === undefined ? "" : ` Did you mean '${meant}'?`;
      refuse(name.slice(0, 60), `Unknown parameter: ${shown(name)}.${hint}`, "unknown_parameter");
    }
    if (values.length > 1 && !LISTS.includes(name)) refuse(name, `${name} was given ${values.length} times.`);
  }
}

/**
 * Checks the parameters.
 *
 * @throws {HttpError} 400 that names the parameter.
 */
export function parseParameters(fields: readonly Field[]): TranscriptionRequest {
  const groups = group(fields);
  const ignored = takeIgnored(groups);
  checkNames(groups);
  const one = <T>(name: string, read: (param: string, value: unknown) => T): T | undefined => {
    const value = groups.get(name)?.[0];
    return value === undefined || value === "" ? undefined : read(name, value);
  };
  const format = one("response_format", (_, value) => formatOf(value)) ?? "json";
  const stream = one("stream", asBoolean) ?? false;
  const { logprobs, whole } = includeOf(groups.get("include") ?? [], format, stream);
  const timestamps = timestampsOf(groups.get("timestamp_granularities") ?? [], format, whole);
  const tuned = chunkingOf(groups);
  const isOff = one("vad", (_, value) => vadOf(value)) === false;
  if (isOff && tuned) refuse("vad", "vad is off: server_vad has nothing to do. Leave one of them out.");
  if (stream && format !== "json" && format !== "text") {
    refuse("stream", `response_format ${format} cannot be streamed: take json, or leave stream out.`);
  }
  const language = one("language", (param, value) => languageBy(askedLanguage, param, value));
  const languages = asList("languages", groups.get("languages") ?? []).map((name) =>
    languageBy(resolveLanguage, "languages", name)
  );
  if (language && languages.length > 0) refuse("languages", "Give language or languages, not both.");
  const hotwords = asList("keywords", groups.get("keywords") ?? []);
  return {
    model: one("model", asText),
    format,
    stream,
    whole,
    filePath: one("file_path", asText),
    ignored,
    options: {
      language,
      languages: languages.length > 0 ? languages : undefined,
      context: one("prompt", asText),
      hotwords: hotwords.length > 0 ? hotwords : undefined,
      // Segments of verbose_json have their tokens and how sure the model was of them.
      logprobs: logprobs || format === "verbose_json",
      timestamps,
      vad: isOff ? "off" : tuned,
      sampling: { temperature: one("temperature", (_, value) => temperatureOf(value)) },
    },
  };
}
