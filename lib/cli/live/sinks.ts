/**
 * Where live text is written: standard output, and files that only ever grow.
 *
 * @module
 */
import { type GrowingOptions, GrowingTranscript, type OutputFormat } from "../../output/mod.ts";
import type { LiveEvent } from "../../recognize/live/live_stream.ts";
import { whereInstead } from "../outputs.ts";
import { sentence, type Terminal } from "../terminal.ts";
import { cannotWrite } from "../write_file.ts";
import { eventLine, passageOf } from "./events.ts";
import { Outlet } from "./outlet.ts";

/** Takes events. */
export interface Sink {
  event(event: LiveEvent): void;
}

/** Events as text of a format, handed on as they come. */
export class FormatSink implements Sink {
  readonly #put: (text: string) => void;
  readonly #growing: GrowingTranscript | undefined;

  /** @throws {OptionError} For json, which is about the whole. */
  constructor(format: OutputFormat, options: GrowingOptions, put: (text: string) => void) {
    this.#put = put;
    this.#growing = format === "jsonl" ? undefined : new GrowingTranscript(format, options);
    put(this.#growing?.head ?? "");
  }

  event(event: LiveEvent): void {
    if (this.#growing === undefined) this.#put(eventLine(event));
    else if (event.type === "final") this.#put(this.#growing.append(passageOf(event)));
  }
}

/** A file that grows. */
export class FileSink implements Sink, AsyncDisposable {
  readonly path: string;
  readonly #format: OutputFormat;
  readonly #file: Deno.FsFile;
  readonly #outlet: Outlet;
  readonly #sink: FormatSink;
  readonly #terminal: Terminal;
  #failure: string | undefined;

  private constructor(
    file: Deno.FsFile,
    parts: { path: string; format: OutputFormat; options: GrowingOptions; terminal: Terminal },
  ) {
    this.path = parts.path;
    this.#format = parts.format;
    this.#terminal = parts.terminal;
    this.#file = file;
    this.#outlet = new Outlet((bytes) => file.write(bytes), (error) => this.#fail(error));
    this.#sink = new FormatSink(parts.format, parts.options, (text) => this.#outlet.put(text));
  }

  /** Opens the file anew. */
  static async open(
    parts: { path: string; format: OutputFormat; options: GrowingOptions; terminal: Terminal },
  ): Promise<FileSink> {
    const file = await Deno.open(parts.path, { write: true, create: true, truncate: true }).catch((error) => {
      throw cannotWrite(parts.path, error);
    });
    return new FileSink(file, parts);
  }

  /** Told once: with the next text it is tried again, and the end says what became of it. */
  #fail(error: unknown): void {
    const message = sentence(cannotWrite(this.path, error));
    if (this.#failure === undefined) this.#terminal.warn(`${message}; it is tried again with the next text`);
    this.#failure = message;
  }

  event(event: LiveEvent): void {
    this.#sink.event(event);
  }

  /**
   * Waits until all is written.
   *
   * @returns Why it cannot be, and where the rest is instead.
   */
  async finish(): Promise<string | undefined> {
    const rest = await this.#outlet.flush();
    if (rest === "") return undefined;
    const place = await whereInstead(rest, this.#format, (text) => this.#terminal.write(text));
    return `${this.#failure ?? `Cannot write ${this.path}`}; the rest: ${place}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#outlet.flush().catch(() => "");
    this.#file.close();
  }
}
