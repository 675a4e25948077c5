/**
 * How far it is: a bar on a terminal, plain lines elsewhere.
 *
 * @module
 */
import type { TranscriptEvent } from "../recognize/events.ts";
import { clock, speed } from "./clock.ts";
import { fit, lastColumns, type Terminal } from "./terminal.ts";

const REDRAW_MS = 100;
const PLAIN_LINE_MS = 5000;
const BAR_COLUMNS = 24;

/** `█████▌    `: a part of some columns, to an eighth of a column. */
export function bar(part: number, columns: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, part)) * columns * 8);
  const rest = " ▏▎▍▌▋▊▉"[eighths % 8]!.trim();
  return `${"█".repeat(Math.floor(eighths / 8))}${rest}`.padEnd(columns);
}

/** The progress of one recording. */
export class Progress {
  readonly #terminal: Terminal;
  readonly #name: string;
  readonly #startSeconds: number;
  readonly #beforeSeconds: number;
  #durationSeconds = 0;
  #doneSeconds = 0;
  #text = "";
  #start = performance.now();
  #last = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * @param name What is shown: "talk.m4a", "(2/7) talk.m4a".
   * @param place Where the part that is transcribed now begins in the recording, and how much was done before.
   */
  constructor(terminal: Terminal, name: string, place: { startSeconds: number; beforeSeconds: number }) {
    this.#terminal = terminal;
    this.#name = name;
    this.#startSeconds = place.startSeconds;
    this.#beforeSeconds = place.beforeSeconds;
    this.#last = performance.now();
    if (!terminal.isLive) return;
    this.#draw();
    this.#timer = setInterval(() => this.#draw(), 250);
  }

  /** Takes what happened. */
  event(event: TranscriptEvent): void {
    if (event.type === "start") {
      this.#durationSeconds = event.durationSeconds;
      this.#start = performance.now();
    } else if (event.type === "delta") this.#text = (this.#text + event.text).slice(-500);
    else if (event.type === "chunk") {
      this.#doneSeconds = Math.min(event.doneSeconds - this.#startSeconds, this.#durationSeconds);
      if (this.#text !== "" && !/\s$/.test(this.#text)) this.#text += " ";
    } else return;
    if (!this.#terminal.isLive) this.#plain();
    else if (performance.now() - this.#last >= REDRAW_MS) this.#draw();
  }

  #rate(): { times: number; leftSeconds: number } {
    const elapsed = (performance.now() - this.#start) / 1000;
    const times = elapsed > 0 ? this.#doneSeconds / elapsed : 0;
    return { times, leftSeconds: times > 0 ? (this.#durationSeconds - this.#doneSeconds) / times : Infinity };
  }

  /** Seconds done and in all, what was done before included. */
  #all(): [done: number, total: number] {
    return [this.#beforeSeconds + this.#doneSeconds, this.#beforeSeconds + this.#durationSeconds];
  }

  #draw(): void {
    this.#last = performance.now();
    const { columns } = this.#terminal;
    const paint = this.#terminal.paint.bind(this.#terminal);
    if (this.#durationSeconds === 0) {
      this.#terminal.draw([`${fit(this.#name, columns - 10)} ${paint("dim", "reading")}`]);
      return;
    }
    const { times, leftSeconds } = this.#rate();
    const [done, total] = this.#all();
    const facts = [`${clock(done)}/${clock(total)}`];
    if (times > 0) facts.push(`${speed(times)} real time`, `${clock(Math.ceil(leftSeconds))} left`);
    else facts.push(`${clock((performance.now() - this.#start) / 1000)} so far`);
    const tail = facts.join("  ");
    const barColumns = Math.min(BAR_COLUMNS, columns - tail.length - 20);
    const part = done / total;
    const middle = barColumns >= 8 ? `${paint("cyan", bar(part, barColumns))}▏` : "";
    const name = fit(this.#name, Math.max(8, columns - tail.length - Math.max(0, barColumns) - 6));
    const lines = [`${name} ${middle} ${tail}`];
    if (this.#text !== "") lines.push(paint("dim", lastColumns(this.#text, columns - 3)));
    this.#terminal.draw(lines);
  }

  #plain(): void {
    if (performance.now() - this.#last < PLAIN_LINE_MS || this.#doneSeconds === 0) return;
    this.#last = performance.now();
    const { times, leftSeconds } = this.#rate();
    const [done, total] = this.#all();
    this.#terminal.note(
      `${this.#name}: ${clock(done)} of ${clock(total)} (${Math.floor(100 * done / total)} %), ` +
        `${speed(times)} real time, ${clock(Math.ceil(leftSeconds))} left`,
    );
  }

  /** Takes the bar away. */
  end(): void {
    clearInterval(this.#timer);
    this.#terminal.clear();
  }
}
