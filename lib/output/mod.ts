/**
 * Transcripts as text: txt, json, jsonl, srt, vtt, tsv, csv, ass, lrc, and the subtitle line rules behind them.
 *
 * @module
 */
export { type Cue, makeCues } from "./cues.ts";
export { displayWidth } from "../display_width.ts";
export { formatTranscript, OUTPUT_FORMATS, type OutputFormat, parseFormat } from "./format.ts";
export { type GrowingOptions, GrowingTranscript, type Passage } from "./growing.ts";
export { type CueOptions, FORMAT_RULES, type FormatOptions } from "./options.ts";
