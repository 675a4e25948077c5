/**
 * What can be said about a written transcript, and the defaults of its subtitle cues.
 *
 * @module
 */
import { flag, notNegative, positive, type Rules, text, wholeFrom } from "../check_options.ts";
import { OptionError } from "../errors.ts";

/** How a transcript is written. The limits of cues shape srt, vtt and ass. */
export interface FormatOptions {
  /** Widest line in columns; CJK and fullwidth characters count as two. @default {42} */
  maxColumns?: number | undefined;
  /** Most lines of a cue. @default {2} */
  maxLines?: number | undefined;
  /** Columns a viewer reads per second: 21 Latin letters or 10.5 CJK characters. @default {21} */
  readingSpeed?: number | undefined;
  /** Shortest cue. @default {0.7} */
  minSeconds?: number | undefined;
  /** Longest cue. @default {7} */
  maxSeconds?: number | undefined;
  /**
   * Whether the word that is being said is marked, where the words have times: inside the cues of vtt, ass and lrc, in a
   * cue for each word in srt.
   *
   * @default {false}
   */
  highlightWords?: boolean | undefined;
  /** Title in the header of ass. @default {"Transcript"} */
  title?: string | undefined;
  /** A remark on the whole text: the last line of txt, a comment in vtt and ass. The other formats have no place for it. */
  note?: string | undefined;
  /** Name of the recording, where several transcripts follow each other: the first field of json and of each line of jsonl. */
  input?: string | undefined;
}

/** What they must be; cues have bounds of their own, some against each other. */
export const FORMAT_RULES: Rules<FormatOptions> = {
  maxColumns: wholeFrom(4),
  maxLines: wholeFrom(1),
  readingSpeed: positive,
  highlightWords: flag,
  minSeconds: notNegative,
  maxSeconds: positive,
  title: text,
  note: text,
  input: text,
};

/** Limits of subtitle cues. */
export interface CueOptions
  extends Pick<FormatOptions, "maxColumns" | "maxLines" | "readingSpeed" | "minSeconds" | "maxSeconds"> {
  /** Length of the recording: no short cue is stretched past it. @default {Infinity} */
  durationSeconds?: number | undefined;
  /** Where the first cue may begin: behind cues that were made before. @default {0} */
  startSeconds?: number | undefined;
}

/** Limits with every default filled in. */
export type CueLimits = { [K in keyof CueOptions]-?: number };

/** @throws {OptionError} When an option is not usable. */
export function limitsOf(options: CueOptions): CueLimits {
  const limits: CueLimits = {
    maxColumns: options.maxColumns ?? 42,
    maxLines: options.maxLines ?? 2,
    readingSpeed: options.readingSpeed ?? 21,
    minSeconds: options.minSeconds ?? 0.7,
    maxSeconds: options.maxSeconds ?? 7,
    durationSeconds: options.durationSeconds ?? Infinity,
    startSeconds: options.startSeconds ?? 0,
  };
  const refuse = (name: keyof CueOptions, wanted: string) => {
    throw new OptionError(`Cannot make cues: ${name} is ${limits[name]}, it must be ${wanted}.`);
  };
  if (!Number.isInteger(limits.maxColumns) || limits.maxColumns < 4) {
    refuse("maxColumns", "a whole number from 4");
  }
  if (!Number.isInteger(limits.maxLines) || limits.maxLines < 1) refuse("maxLines", "a whole number from 1");
  if (!(limits.readingSpeed > 0)) refuse("readingSpeed", "above 0");
  if (!(limits.minSeconds >= 0 && limits.minSeconds < Infinity)) refuse("minSeconds", "0 or more");
  if (!(limits.maxSeconds > limits.minSeconds)) refuse("maxSeconds", "above minSeconds");
  if (!(limits.startSeconds >= 0 && limits.startSeconds < Infinity)) refuse("startSeconds", "0 or more");
  if (!(limits.durationSeconds >= 0)) refuse("durationSeconds", "0 or more");
  return limits;
}
