/**
 * Transcripts that are written while they come about: what was written is never touched again.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import type { Segment } from "../transcript.ts";
import { assHead, assLines } from "./ass.ts";
import { csvRow } from "./csv.ts";
import { type Cue, makeCues } from "./cues.ts";
import type { OutputFormat } from "./format.ts";
import { lyricsLine, lyricsTime, PAUSE_SECONDS } from "./lrc.ts";
import { normaliseSpace } from "./line_break.ts";
import type { FormatOptions } from "./options.ts";
import { srtBlocks } from "./srt.ts";
import { rowsOf, tsvRow } from "./tsv.ts";
import { vttBlocks } from "./vtt.ts";

/** Something that was said, with its times. */
export interface Passage {
  text: string;
  segments: readonly Segment[];
  /** How far the sound was heard: its last cue is not shown longer. */
  endSeconds: number;
}

/** How a growing transcript is written. */
export interface GrowingOptions extends FormatOptions {
  /** Whether tsv and csv have a row for each word. @default {false} */
  byWord?: boolean | undefined;
}

/** Writes one passage after the other in a format. */
export class GrowingTranscript {
  /** What stands before the first passage. */
  readonly head: string;
  readonly #add: (passage: Passage) => string;
  readonly #options: GrowingOptions;
  /** Blocks so far, where the last cue ends, and where its times came from. */
  #count = 0;
  #clock = 0;
  #timing: Segment["timing"] = "aligned";

  /** @throws {OptionError} For a format that says something about the whole: json and jsonl. */
  constructor(format: OutputFormat, options: GrowingOptions = {}) {
    this.#options = options;
    const { byWord = false, highlightWords } = options;
    const rows = ({ segments }: Passage) => rowsOf(segments, byWord).slice(1);
    const [columns] = rowsOf([], byWord);
    switch (format) {
      case "txt":
        this.head = "";
        this.#add = ({ text }) => `${normaliseSpace(text)}\n`;
        break;
      case "srt":
        this.head = "";
        this.#add = (passage) => this.#srt(this.#cues(passage));
        break;
      case "vtt":
        this.head = "WEBVTT\n";
        this.#add = (passage) => this.#vtt(this.#cues(passage));
        break;
      case "ass":
        this.head = assHead({ ...options, isExact: false });
        this.#add = (passage) => assLines(this.#cues(passage), options);
        break;
      case "lrc":
        this.head = options.title === undefined ? "" : `[ti:${normaliseSpace(options.title)}]\n`;
        this.#add = ({ segments }) =>
          segments.map((segment) => this.#lyrics(segment, highlightWords)).join("");
        break;
      case "tsv":
        this.head = tsvRow(columns!);
        this.#add = (passage) => rows(passage).map(tsvRow).join("");
        break;
      case "csv":
        this.head = csvRow(columns!);
        this.#add = (passage) => rows(passage).map(csvRow).join("");
        break;
      default:
        throw new OptionError(`Cannot write ${format} while it is spoken: it is about the whole.`);
    }
  }

  /** The text of one more passage; "" when it has none. */
  append(passage: Passage): string {
    return passage.text.trim() === "" ? "" : this.#add(passage);
  }

  #cues({ segments, endSeconds }: Passage): Cue[] {
    const cues = makeCues(segments, {
      ...this.#options,
      startSeconds: this.#clock,
      durationSeconds: endSeconds,
    });
    this.#clock = cues.at(-1)?.endSeconds ?? this.#clock;
    return cues;
  }

  #srt(cues: readonly Cue[]): string {
    const blocks = srtBlocks(cues, this.#options, this.#count);
    const isFirst = this.#count === 0;
    this.#count += blocks.length;
    return (isFirst ? "" : "\n") + blocks.join("\n");
  }

  #vtt(cues: readonly Cue[]): string {
    const blocks = vttBlocks(cues, this.#options, this.#timing);
    this.#timing = cues.at(-1)?.timing ?? this.#timing;
    return blocks.map((block) => `\n${block}\n`).join("");
  }

  #lyrics(segment: Segment, highlightWords: boolean | undefined): string {
    const isAfterPause = this.#count > 0 && segment.startSeconds - this.#clock >= PAUSE_SECONDS;
    const pause = isAfterPause ? `[${lyricsTime(this.#clock)}]\n` : "";
    this.#count++;
    this.#clock = segment.endSeconds;
    return `${pause}${lyricsLine(segment, highlightWords)}\n`;
  }
}
