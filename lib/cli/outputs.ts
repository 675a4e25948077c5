/**
 * Where transcripts go, and how files are written: whole or not at all.
 *
 * @module
 */
import { basename, dirname, join, resolve } from "@std/path";
import { OptionError } from "../errors.ts";
import { nearestName } from "../nearest_name.ts";
import { type FormatOptions, formatTranscript, type OutputFormat } from "../output/mod.ts";
import type { Transcript } from "../transcript.ts";
import { clock } from "./clock.ts";
import { type Input, isAddress } from "./inputs.ts";
import { heardSeconds } from "./partial.ts";

const PLACEHOLDERS = ["parent", "stem", "format", "ext"] as const;
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

/** Writes a file so that readers see the old one, or the whole new one. */
export async function writeAtomically(path: string, text: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  const draft = join(dirname(path), `.${basename(path)}.part`);
  await Deno.writeTextFile(draft, text);
  await Deno.rename(draft, path);
}

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
    return `${path.slice(0, path.length - ending.length)}.partial${ending}`;
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

  /** Writes all formats; an interrupted transcript goes beside, a finished one replaces it. Returns the paths. */
  async write(input: Input, transcript: Transcript): Promise<string[]> {
    const written: string[] = [];
    for (const format of this.formats) {
      const note = noteOf(transcript);
      const text = formatTranscript(transcript, format, { title: input.stem, note, ...this.#options.writer });
      const path = transcript.partial ? this.partialPath(input, format) : this.path(input, format);
      await writeAtomically(path, text);
      written.push(path);
      if (!transcript.partial) await Deno.remove(this.partialPath(input, format)).catch(() => {});
    }
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
