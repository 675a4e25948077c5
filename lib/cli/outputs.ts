/**
 * Where transcripts go.
 *
 * @module
 */
import { basename, join, resolve } from "@std/path";
import { OptionError } from "../errors.ts";
import { nearestName } from "../nearest_name.ts";
import { type FormatOptions, formatTranscript, type OutputFormat } from "../output/mod.ts";
import type { Transcript } from "../transcript.ts";
import { clock } from "../clock.ts";
import { type Input, isAddress } from "./inputs.ts";
import { heardSeconds } from "../recognize/long_form/resume.ts";
import { OutputError, type OutputProbe, putAside, writeFile } from "./write_file.ts";

const PLACEHOLDERS = ["parent", "stem", "format", "ext"] as const;
/** Bytes of a name, on every common file system. */
const LONGEST_NAME = 255;
const DEFAULT_TEMPLATE = "{parent}/{stem}.{format}";

/** Which transcripts are written, and where to; without folder and template they are printed. */
export interface OutputOptions {
  formats: readonly OutputFormat[];
  directory?: string | undefined;
  template?: string | undefined;
  /** How a transcript is written. */
  writer: FormatOptions;
}

/** What the text of an interrupted transcript says about itself; the name of its file says it for srt and tsv. */
function noteOf(transcript: Transcript): string | undefined {
  if (!transcript.partial) return undefined;
  return `interrupted at ${clock(heardSeconds(transcript))} of ${clock(transcript.durationSeconds)}`;
}

function refuseTemplate(template: string): void {
  for (const [, name = ""] of template.matchAll(/\{([^}]*)\}/g)) {
    if (PLACEHOLDERS.some((known) => known === name)) continue;
    const nearest = nearestName(name, PLACEHOLDERS);
    const hint = nearest === undefined ? "" : `, did you mean {${nearest}}?`;
    const known = PLACEHOLDERS.map((word) => `{${word}}`).join(" ");
    throw new OptionError(
      `Unknown placeholder {${name}} in --output-template${hint || ":"} There are ${known}`,
    );
  }
}

/** Eight hexadecimal digits that tell long names apart (FNV-1a). */
function digest(bytes: Uint8Array): string {
  const hash = bytes.reduce((sum, byte) => Math.imul(sum ^ byte, 0x01000193), 0x811c9dc5);
  return (hash >>> 0).toString(16).padStart(8, "0");
}

/** The name of a file with more behind its stem; where that is longer than a file system takes, the stem is cut. */
function withMark(name: string, mark: string, ending: string): string {
  const stem = name.slice(0, name.length - ending.length);
  const encode = (text: string) => new TextEncoder().encode(text);
  if (encode(stem + mark + ending).length <= LONGEST_NAME) return stem + mark + ending;
  const more = `~${digest(encode(stem))}${mark}${ending}`;
  const letters = [...stem];
  while (encode(letters.join("") + more).length > LONGEST_NAME) letters.pop();
  return letters.join("") + more;
}

/** Saves a text that could not be written where it belongs, and says where it is. */
export async function whereInstead(
  text: string,
  format: string,
  print: (text: string) => void,
): Promise<string> {
  const path = await putAside(text, format);
  if (path !== undefined) return `the text is in ${path}`;
  print(text);
  return "the text is printed instead";
}

/** Formats in which several transcripts can follow each other. */
const JOINABLE = ["txt", "json", "jsonl"];

/** The paths of one recording's transcripts. */
export class OutputPlan {
  readonly #options: OutputOptions;
  readonly #template: string;

  /** @throws {OptionError} For a template with unknown words in braces, or formats that would share one file. */
  constructor(options: OutputOptions) {
    this.#options = options;
    this.#template = options.template ?? DEFAULT_TEMPLATE;
    refuseTemplate(this.#template);
    if (options.formats.length > 1 && this.toFiles && !this.#template.includes("{format}")) {
      throw new OptionError(
        `Cannot write ${options.formats.join(" and ")} to one file: add {format} to --output-template`,
      );
    }
    if (options.formats.length > 1 && !this.toFiles) {
      throw new OptionError(
        `Cannot print ${
          options.formats.join(" and ")
        } at once: several formats need --output-dir or --output-template`,
      );
    }
  }

  /** Whether files are written. */
  get toFiles(): boolean {
    return this.#options.directory !== undefined || this.#options.template !== undefined;
  }

  /** @throws {OptionError} When several transcripts would be printed in a format in which they cannot follow each other. */
  checkSeveral(): void {
    const [format = "txt"] = this.formats;
    if (this.toFiles || JOINABLE.includes(format)) return;
    throw new OptionError(
      `Cannot print ${format} of several recordings one after the other: use --output-dir or --output-template`,
    );
  }

  /** Formats of every transcript. */
  get formats(): readonly OutputFormat[] {
    return this.#options.formats;
  }

  /** Folder of the journal. */
  get journalDirectory(): string {
    return this.#options.directory ?? ".";
  }

  /** Path of a finished transcript. */
  path(input: Input, format: OutputFormat): string {
    const { directory } = this.#options;
    const words: Record<typeof PLACEHOLDERS[number], string> = {
      parent: directory === undefined ? input.parent || "." : input.below || ".",
      stem: input.stem,
      format,
      ext: input.extension,
    };
    const path = this.#template.replace(/\{(\w+)\}/g, (_, name: keyof typeof words) => words[name]);
    return join(directory ?? "", path);
  }

  /** Path of an interrupted transcript. */
  partialPath(input: Input, format: OutputFormat): string {
    const path = this.path(input, format);
    const ending = path.endsWith(`.${format}`) ? `.${format}` : "";
    const file = basename(path);
    return path.slice(0, path.length - file.length) + withMark(file, ".partial", ending);
  }

  /** All finished paths of a recording. */
  paths(input: Input): string[] {
    return this.formats.map((format) => this.path(input, format));
  }

  /** @throws {OptionError} When two recordings would write one file, or one would be overwritten. */
  check(inputs: readonly Input[]): void {
    if (!this.toFiles) return;
    const writers = new Map<string, Input>();
    const sources = new Set(
      inputs.filter(({ source }) => !isAddress(source)).map(({ source }) => resolve(source)),
    );
    for (const input of inputs) {
      for (const path of this.paths(input)) {
        const whole = resolve(path);
        if (sources.has(whole)) throw new OptionError(`Cannot write ${path}: it is one of the recordings`);
        const other = writers.get(whole);
        if (other !== undefined) {
          throw new OptionError(
            `Both ${other.name} and ${input.name} would become ${path}: add {parent} or {ext} to --output-template`,
          );
        }
        writers.set(whole, input);
      }
    }
  }

  /**
   * Finds out whether a recording's transcripts can be written, before there are any.
   *
   * @throws {OutputError} Saying why they cannot.
   */
  async try(input: Input, probe: OutputProbe): Promise<void> {
    if (!this.toFiles) return;
    for (const path of this.paths(input)) await probe.try(path);
  }

  /**
   * Writes all formats; an interrupted transcript goes beside, a finished one replaces it.
   *
   * @param print Takes a text that can be written nowhere.
   * @returns The paths.
   * @throws {OutputError} When a file could not be written, with where its text is instead; the others are written.
   */
  async write(input: Input, transcript: Transcript, print: (text: string) => void): Promise<string[]> {
    const written: string[] = [];
    const failures: string[] = [];
    for (const format of this.formats) {
      const note = noteOf(transcript);
      const text = formatTranscript(transcript, format, { title: input.stem, note, ...this.#options.writer });
      const path = transcript.partial ? this.partialPath(input, format) : this.path(input, format);
      try {
        await writeFile(path, text);
        written.push(path);
        if (!transcript.partial) await Deno.remove(this.partialPath(input, format)).catch(() => {});
      } catch (error) {
        if (!(error instanceof OutputError)) throw error;
        failures.push(`${error.message}; ${await whereInstead(text, format, print)}`);
      }
    }
    if (failures.length > 0) throw new OutputError(failures.join("\n"));
    return written;
  }

  /** The text to print. Where several recordings are printed as JSON, each says which it is. */
  print(input: Input, transcript: Transcript, isOneOfMany: boolean): string {
    const format = this.formats[0] ?? "txt";
    return formatTranscript(transcript, format, {
      note: noteOf(transcript),
      input: isOneOfMany ? input.source : undefined,
      ...this.#options.writer,
    });
  }
}
