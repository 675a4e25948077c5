/**
 * Transcripts as text: txt, json, jsonl, srt, vtt, tsv, ass, and the subtitle line rules behind them.
 *
 * @module
 */
export { type Cue, makeCues } from "./cues.ts";
export type { CueOptions } from "./cue_options.ts";
export { displayWidth } from "./display_width.ts";
export {
  type FormatOptions,
  formatTranscript,
  OUTPUT_FORMATS,
  type OutputFormat,
  parseFormat,
} from "./format.ts";
