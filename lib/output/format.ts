/**
 * One entry for all output formats.
 *
 * @module
 */
import { checkOptions } from "../check_options.ts";
import { OptionError } from "../errors.ts";
import { nearestName } from "../nearest_name.ts";
import type { Transcript } from "../transcript.ts";
import { formatASS } from "./ass.ts";
import { formatCSV } from "./csv.ts";
import { formatJSON } from "./json.ts";
import { formatJSONLines } from "./jsonl.ts";
import { formatLRC } from "./lrc.ts";
import { FORMAT_RULES, type FormatOptions } from "./options.ts";
import { formatSRT } from "./srt.ts";
import { formatTSV } from "./tsv.ts";
import { formatText } from "./txt.ts";
import { formatVTT } from "./vtt.ts";

/** A format a transcript can be written in. The name is also the file extension. */
export type OutputFormat = "txt" | "json" | "jsonl" | "srt" | "vtt" | "tsv" | "csv" | "ass" | "lrc";

/** All formats, in the order in which help lists them. */
export const OUTPUT_FORMATS: readonly OutputFormat[] = [
  "txt",
  "json",
  "jsonl",
  "srt",
  "vtt",
  "tsv",
  "csv",
  "ass",
  "lrc",
];

const ALIASES: Readonly<Record<string, OutputFormat>> = {
  text: "txt",
  ndjson: "jsonl",
  subrip: "srt",
  webvtt: "vtt",
  ssa: "ass",
};

const WRITERS: Readonly<Record<OutputFormat, (transcript: Transcript, options: FormatOptions) => string>> = {
  txt: formatText,
  json: formatJSON,
  jsonl: formatJSONLines,
  srt: formatSRT,
  vtt: formatVTT,
  tsv: formatTSV,
  csv: formatCSV,
  ass: formatASS,
  lrc: formatLRC,
};

/**
 * Writes a transcript as text of a format, with a newline at the end. A transcript without text gives an empty
 * `txt` or `srt` and nothing but the header elsewhere.
 *
 * @throws {OptionError} When an option is not usable or a segment has a time that is not a number.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * const saved = JSON.parse(`{ "durationSeconds": 1, "segments": [
 *   { "startSeconds": 0, "endSeconds": 1, "text": "Fish & chips.", "language": "English", "timing": "aligned" }
 * ] }`);
 * assertEquals(
 *   formatTranscript(saved, "vtt"),
 *   "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nFish &amp; chips.\n",
 * );
 * ```
 */
export function formatTranscript(
  transcript: Transcript,
  format: OutputFormat,
  options: FormatOptions = {},
): string {
  checkOptions(options, FORMAT_RULES);
  return WRITERS[parseFormat(format)](transcript, options);
}

/**
 * The format a user means: any case, with or without a leading dot, also `text`, `ndjson`, `subrip`, `webvtt`, `ssa`.
 *
 * @throws {OptionError} For any other name, with the nearest one that exists.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * assertEquals(parseFormat(".SRT"), "srt");
 * ```
 */
export function parseFormat(name: string): OutputFormat {
  const wanted = String(name).trim().toLowerCase().replace(/^\./, "");
  const format = OUTPUT_FORMATS.find((known) => known === wanted) ??
    (Object.hasOwn(ALIASES, wanted) ? ALIASES[wanted] : undefined);
  if (format) return format;
  const nearest = nearestName(wanted, [...OUTPUT_FORMATS, ...Object.keys(ALIASES)]);
  const hint = nearest ? ` Did you mean "${nearest}"?` : "";
  throw new OptionError(`Unknown output format "${name}".${hint} There are ${OUTPUT_FORMATS.join(", ")}.`);
}
