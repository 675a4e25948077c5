/**
 * Hears a live stream to its end: shows it, writes it, listens to keys and to Ctrl-C.
 *
 * @module
 */
import type { GrowingOptions, OutputFormat } from "../../output/mod.ts";
import type { LiveEvent, LiveStream } from "../../recognize/live/live_stream.ts";
import { length } from "../clock.ts";
import type { Interruption } from "../interruption.ts";
import { whereInstead } from "../outputs.ts";
import { OutputClosed, sentence, type Terminal } from "../terminal.ts";
import { cannotWrite, OutputError } from "../write_file.ts";
import { Keys } from "./keys.ts";
import { Outlet } from "./outlet.ts";
import { LiveRun } from "./run.ts";
import { LiveScreen } from "./screen.ts";
import { type FileSink, FormatSink, type Sink } from "./sinks.ts";
import type { LiveSource } from "./sources.ts";
import type { StatusFacts } from "./status.ts";
import { LiveView } from "./view.ts";

/** How a live stream is heard. */
export interface HearOptions {
  terminal: Terminal;
  interruption: Interruption;
  /** What is written to standard output; nothing where files are written, unless somebody watches. */
  format: OutputFormat | undefined;
  writer: GrowingOptions;
  files: readonly FileSink[];
  isPushToTalk: boolean;
}

/** Lines of text below those that stay, where final texts go elsewhere. */
const FEW_LINES = 2;
const DEFAULT_ROWS = 24;

function rowsOf(): number {
  try {
    return Deno.consoleSize().rows || DEFAULT_ROWS;
  } catch {
    return DEFAULT_ROWS;
  }
}

/** One hearing. */
class Hearing {
  readonly #run: LiveRun;
  readonly #source: LiveSource;
  readonly #options: HearOptions;
  readonly #screen: LiveScreen | undefined;
  readonly #outlet: Outlet;
  readonly #sinks: Sink[] = [];
  #view: LiveView | undefined;
  #failure: unknown;
  #utterances = 0;

  constructor(stream: LiveStream, source: LiveSource, options: HearOptions) {
    this.#source = source;
    this.#options = options;
    this.#run = new LiveRun(stream, source, { isOpen: !options.isPushToTalk });
    this.#outlet = new Outlet((bytes) => Deno.stdout.write(bytes), (error) => {
      this.#failure = error;
      this.#run.stop();
    });
    this.#screen = this.#openScreen();
    source.onWarning = (message) => this.#say(() => options.terminal.warn(message));
  }

  /** The terminal that people watch: standard output, or standard error where the text goes elsewhere. */
  #openScreen(): LiveScreen | undefined {
    const { terminal, format, writer, files } = this.#options;
    const isOut = terminal.canDraw(Deno.stdout);
    const hasFinals = isOut && (format ?? "txt") === "txt";
    const on = [Deno.stdout, Deno.stderr].find((stream) => terminal.canDraw(stream));
    const screen = on && new LiveScreen((bytes) => on.write(bytes), () => ({
      columns: terminal.columns,
      rows: rowsOf(),
    }));
    if (format !== undefined && !hasFinals) {
      const put = (text: string) => isOut ? screen!.print(text) : this.#outlet.put(text);
      this.#sinks.push(new FormatSink(format, writer, put));
    }
    this.#sinks.push(...files);
    if (screen) {
      const view = new LiveView(screen, {
        hasFinals,
        maxLines: hasFinals ? Infinity : FEW_LINES,
        facts: terminal.canDraw(Deno.stderr) ? () => this.#facts() : undefined,
        dim: (text) => terminal.paintOnScreen("dim", text),
      });
      this.#view = view;
      this.#sinks.push(view);
    }
    return screen;
  }

  #facts(): StatusFacts {
    const { isEnding, isOpen, seconds, peak, lagSeconds } = this.#run;
    const talk = isOpen ? "talking" : "waiting";
    const state = isEnding ? "ending" : this.#options.isPushToTalk ? talk : "listening";
    return { state, seconds, peak, lagSeconds, source: this.#source.name };
  }

  /** Writes on standard error without disturbing the screen. */
  #say(act: () => void): void {
    if (this.#screen) this.#screen.say(act);
    else act();
  }

  #event(event: LiveEvent): void {
    for (const sink of this.#sinks) sink.event(event);
    if (event.type !== "final") return;
    this.#utterances++;
    const { warning } = event;
    if (warning !== undefined) this.#say(() => this.#options.terminal.warn(warning));
  }

  async all(): Promise<void> {
    const { interruption, isPushToTalk } = this.#options;
    const stop = () => this.#run.stop();
    interruption.signal.addEventListener("abort", stop, { once: true });
    if (interruption.isOver) stop();
    using keys = isPushToTalk ? new Keys({ onTalk: () => this.#run.toggle(), onEnd: stop }) : undefined;
    interruption.beforeExit = () => keys?.[Symbol.dispose]();
    try {
      await this.#run.all({ event: (event) => this.#event(event) });
    } finally {
      interruption.signal.removeEventListener("abort", stop);
      this.#view?.[Symbol.dispose]();
      await this.#screen?.close();
      await this.#finish();
    }
  }

  /** What could not be printed is put aside: nobody can say it again. */
  async #finish(): Promise<void> {
    const { terminal, format = "txt" } = this.#options;
    const rest = await this.#outlet.flush();
    if (this.#failure instanceof Deno.errors.BrokenPipe) throw new OutputClosed();
    if (rest === "") return;
    const reason = sentence(cannotWrite("to standard output", this.#failure));
    throw new OutputError(`${reason}; ${await whereInstead(rest, format, (text) => terminal.line(text))}`);
  }

  /** One line about all of it. */
  summary(): void {
    const { terminal, files } = this.#options;
    for (const { message } of this.#source.warnings) terminal.warn(message);
    const count = this.#utterances === 1 ? "1 utterance" : `${this.#utterances} utterances`;
    const where = files.length === 0 ? "" : ` -> ${files.map(({ path }) => path).join(", ")}`;
    terminal.note(
      `${terminal.paint("bold", this.#source.name)}: ${length(this.#run.seconds)} heard, ${count}${where}`,
    );
  }
}

/**
 * Hears until the source ends, or Ctrl-C.
 *
 * @throws What went wrong with the source or the output, after all that was heard is written.
 */
export async function hear(stream: LiveStream, source: LiveSource, options: HearOptions): Promise<void> {
  const hearing = new Hearing(stream, source, options);
  try {
    await hearing.all();
  } finally {
    const failures = await Promise.all(options.files.map((file) => file.finish()));
    for (const failure of failures) if (failure !== undefined) options.terminal.error(failure);
    hearing.summary();
  }
}
