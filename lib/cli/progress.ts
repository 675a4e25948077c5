/**
 * How far it is: a bar on a terminal, plain lines elsewhere.
 *
 * @module
 */
import type { TranscriptEvent } from "../recognize/events.ts";
import { displayWidth } from "../output/mod.ts";
import type { ChunkResult } from "../transcript.ts";
import { clock } from "../clock.ts";
import { speed } from "./clock.ts";
import { fit, lastColumns, printable, type Terminal } from "./terminal.ts";

const REDRAW_MS = 100;
const PLAIN_LINE_MS = 5000;
const BAR_COLUMNS = 24;
/** Columns that the name of a recording gets at least. */
const LEAST_NAME = 12;
const LEAST_BAR = 8;
const LEAST_SECONDS = 2;

/** `█████▌    `: a part of some columns, to an eighth of a column. */
export function bar(part: number, columns: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, part)) * columns * 8);
  const rest = " ▏▎▍▌▋▊▉"[eighths % 8]!.trim();
  return `${"█".repeat(Math.floor(eighths / 8))}${rest}`.padEnd(columns);
}

/** Letters that are spoken in a second, before a chunk has told: English has some 14, Chinese 4. */
const LETTERS_PER_SECOND = 14;
/** A batch that is still being decoded never counts for more of itself. */
const MOST_OF_A_BATCH = 0.95;

/**
 * How far a recording is while a batch of chunks is decoded. Its rows go step by step together, and the text of the first
 * is seen as it comes: as much as is written of that is about done of all.
 */
class Estimate {
  readonly #batchSize: number;
  #chunkSeconds = 0;
  #totalSeconds = 0;
  /** Where the batch begins that is decoded now, and how many of its chunks have come. */
  #batchStart = 0;
  #batchDone = 0;
  #letters = 0;
  #heardLetters = 0;
  #heardSeconds = 0;
  #doneSeconds = 0;

  constructor(batchSize: number) {
    this.#batchSize = batchSize;
  }

  begin(totalSeconds: number, chunks: number): void {
    this.#totalSeconds = totalSeconds;
    this.#chunkSeconds = totalSeconds / Math.max(1, chunks);
  }

  write(letters: number): void {
    // What is written of the next chunks was decoded beside the first.
    if (this.#batchDone === 0) this.#letters += letters;
  }

  /** A chunk has come; all is done up to `doneSeconds`. */
  finish({ startSeconds, endSeconds, text, finishReason }: ChunkResult, doneSeconds: number): void {
    this.#doneSeconds = Math.max(this.#doneSeconds, doneSeconds);
    if (finishReason === "silence") return;
    this.#heardLetters += text.length;
    this.#heardSeconds += endSeconds - startSeconds;
    if (++this.#batchDone < this.#batchSize) return;
    [this.#batchStart, this.#batchDone, this.#letters] = [doneSeconds, 0, 0];
  }

  get doneSeconds(): number {
    const rate = this.#heardLetters > 0 ? this.#heardLetters / this.#heardSeconds : LETTERS_PER_SECOND;
    const part = Math.min(MOST_OF_A_BATCH, this.#letters / (rate * Math.max(1, this.#chunkSeconds)));
    const batch = Math.min(this.#batchSize * this.#chunkSeconds, this.#totalSeconds - this.#batchStart);
    return this.#doneSeconds = Math.max(this.#doneSeconds, this.#batchStart + part * batch);
  }
}

/** What is transcribed, for its progress. */
export interface ProgressPlace {
  /** Where the part that is transcribed now begins in the recording, */
  startSeconds: number;
  /** and how much was done before. */
  beforeSeconds: number;
  /** Chunks that are decoded at once. @default {8} */
  batchSize?: number | undefined;
  /** Size of the recordings behind this one, in sizes of this one. @default {0} */
  later?: number | undefined;
}

/** The progress of one recording. */
export class Progress {
  readonly #terminal: Terminal;
  readonly #name: string;
  readonly #place: ProgressPlace;
  readonly #estimate: Estimate;
  #durationSeconds = 0;
  #text = "";
  #start = performance.now();
  #last = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** @param name What is shown: "talk.m4a", "(2/7) talk.m4a". */
  constructor(terminal: Terminal, name: string, place: ProgressPlace) {
    this.#terminal = terminal;
    this.#name = name;
    this.#place = place;
    this.#estimate = new Estimate(place.batchSize ?? 8);
    this.#last = performance.now();
    if (!terminal.isLive) return;
    this.#draw();
    this.#timer = setInterval(() => this.#draw(), 250);
  }

  /** Takes what happened. */
  event(event: TranscriptEvent): void {
    if (event.type === "start") {
      this.#durationSeconds = event.durationSeconds;
      this.#estimate.begin(event.durationSeconds, event.chunks);
      this.#start = performance.now();
    } else if (event.type === "delta") {
      this.#text = (this.#text + event.text).slice(-500);
      // The first words of a long recording come before it is known how much there is.
      if (this.#durationSeconds > 0) this.#estimate.write(event.text.length);
    } else if (event.type === "chunk") {
      const done = Math.min(event.doneSeconds - this.#place.startSeconds, this.#durationSeconds);
      this.#estimate.finish(event.chunk, done);
      if (this.#text !== "" && !/\s$/.test(this.#text)) this.#text += " ";
    } else return;
    if (!this.#terminal.isLive) this.#plain();
    else if (performance.now() - this.#last >= REDRAW_MS) this.#draw();
  }

  #rate(): { times: number; leftSeconds: number; allSeconds: number } {
    const elapsed = (performance.now() - this.#start) / 1000;
    const { doneSeconds } = this.#estimate;
    // The first word says little about the speed.
    const times = elapsed > 0 && doneSeconds >= LEAST_SECONDS ? doneSeconds / elapsed : 0;
    const leftSeconds = times > 0 ? (this.#durationSeconds - doneSeconds) / times : Infinity;
    const [, total] = this.#all();
    return { times, leftSeconds, allSeconds: leftSeconds + total * (this.#place.later ?? 0) / times };
  }

  /** Seconds done and in all, what was done before included. */
  #all(): [done: number, total: number] {
    const { beforeSeconds } = this.#place;
    return [beforeSeconds + this.#estimate.doneSeconds, beforeSeconds + this.#durationSeconds];
  }

  /** What there is to say, as much of it as there is room for: the most important is last to go. */
  #facts(room: number): string {
    const [done, total] = this.#all();
    const place = `${clock(done)}/${clock(total)}`;
    const { times, leftSeconds, allSeconds } = this.#rate();
    if (times <= 0) {
      const since = `${clock((performance.now() - this.#start) / 1000)} so far`;
      return [`${place}  ${since}`, since].find((facts) => facts.length <= room) ?? "";
    }
    const left = `${clock(Math.ceil(leftSeconds))} left`;
    const all = this.#place.later ? `  ${clock(Math.ceil(allSeconds))} for all` : "";
    const rate = `${speed(times)} real time`;
    const choices = [
      `${place}  ${rate}  ${left}${all}`,
      `${place}  ${left}${all}`,
      `${place}  ${left}`,
      left,
    ];
    return choices.find((facts) => facts.length <= room) ?? "";
  }

  #draw(): void {
    this.#last = performance.now();
    const columns = this.#terminal.columns - 1;
    const paint = this.#terminal.paint.bind(this.#terminal);
    const text = this.#text === "" ? [] : [paint("dim", printable(lastColumns(this.#text, columns - 2)))];
    if (this.#durationSeconds === 0) {
      this.#terminal.draw([`${fit(this.#name, columns - 8)} ${paint("dim", "reading")}`, ...text]);
      return;
    }
    const tail = this.#facts(columns - LEAST_NAME);
    const [done, total] = this.#all();
    const room = columns - tail.length - 3;
    const barColumns = Math.min(BAR_COLUMNS, Math.max(LEAST_BAR, room - displayWidth(this.#name)));
    const hasBar = room - barColumns >= LEAST_NAME;
    const middle = hasBar ? ` ${paint("cyan", bar(done / total, barColumns))}▏` : "";
    const name = fit(this.#name, columns - tail.length - 1 - (hasBar ? barColumns + 2 : 0));
    this.#terminal.draw([`${name}${middle} ${tail}`, ...text]);
  }

  #plain(): void {
    const [done, total] = this.#all();
    const { times, leftSeconds, allSeconds } = this.#rate();
    if (performance.now() - this.#last < PLAIN_LINE_MS || times <= 0) return;
    this.#last = performance.now();
    const all = this.#place.later ? `, ${clock(Math.ceil(allSeconds))} for all` : "";
    this.#terminal.note(
      `${this.#name}: ${clock(done)} of ${clock(total)} (${Math.floor(100 * done / total)} %), ` +
        `${speed(times)} real time, ${clock(Math.ceil(leftSeconds))} left${all}`,
    );
  }

  /** Takes the bar away. */
  end(): void {
    clearInterval(this.#timer);
    this.#terminal.clear();
  }
}
