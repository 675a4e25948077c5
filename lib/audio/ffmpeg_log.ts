/**
 * What ffmpeg writes to its standard error: complaints, the streams of its input, and what our clock filter prints.
 *
 * @module
 */

/** An audio track of a file. */
export interface Track {
  /** Place among the audio tracks, from 1. */
  number: number;
  /** As the file says it, e.g. "deu"; "" when it says none. */
  language: string;
  /** Whether the file says that it is the one to play. */
  isDefault: boolean;
  /** ffmpeg's name of the stream, e.g. "0:1". */
  stream: string;
}

/** Lines that are kept of each kind. */
const MAX_LINES = 100;
const MAX_LINE = 2000;

/** Begins every line, with the modules that speak, the last one nearest: `flac`, from ffmpeg 7 on also `in#0`, `dec:flac`. */
const PREFIX = /^(?:\[([^\s\]]+) @ [^\]]*\] )*\[(info|warning|error|fatal|panic)\] /;
/** What ffmpeg 7 puts before the words of earlier ones, and lines that have nothing but it. */
const OPENING = /^Error opening (?:input|output)(?: files?)?: /;
const NO_WORDS = /^(?:To ignore this|Conversion failed|Error opening (?:input|output) file )/;
const STREAM = /^\s*Stream #(\d+:\d+)(?:\[[^\]]*\])?(?:\((\w+)\))?: (\w+): (\w+)(.*)/;
const MAPPED = /^\s*Stream #(\d+:\d+) -> /;
/** Lines that tell of lost or bad samples, though ffmpeg calls them warnings. */
const DAMAGE = /non-monoton|corrupt|invalid|missing|conceal|discard|overread|truncat|broken/i;
/** A number of our clock filter's. */
const PRINTED = /^-?\d+\.\d+$/;
/** Said of every MP3 file with a Xing frame whose length is not known, as in a pipe. */
const NO_LENGTH = "invalid concatenated file detected";

/** What is wrong with the sound. */
export interface Complaint {
  /** ffmpeg's words, without module names, addresses and the name of the input. */
  words: string;
  /** Where in the sound, about; undefined when none had come yet. */
  seconds: number | undefined;
}

/** Reads a log line by line. */
export class FfmpegLog {
  readonly #isPipe: boolean;
  readonly #inputName: string;
  #isInput = true;
  #complaints: (Complaint & { module: string })[] = [];
  /** How far the sound is. */
  #seconds: number | undefined;
  /** Decoders of pictures: what they say of a cover or a film is not about its sound. */
  readonly #pictureCodecs = new Set<string>();
  /** Audio tracks of the input. */
  readonly tracks: Track[] = [];
  /** ffmpeg's name of the stream that it decodes. */
  heard: string | undefined;
  /** Seconds that our clock filter left out, see clock_filter.ts. */
  readonly leftOut: number[] = [];

  /** @param options.isPipe The input comes through standard input. */
  constructor({ isPipe, inputName }: { isPipe: boolean; inputName: string }) {
    this.#isPipe = isPipe;
    this.#inputName = inputName;
  }

  /** What is wrong with the sound. */
  get complaints(): Complaint[] {
    return this.#complaints.filter(({ module }) => !this.#pictureCodecs.has(module));
  }

  /** Reads all of it. */
  async read(stderr: ReadableStream<Uint8Array>): Promise<this> {
    let rest = "";
    for await (const part of stderr.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + part).split("\n");
      rest = lines.pop()!.slice(0, MAX_LINE);
      for (const line of lines) this.#line(line);
    }
    this.#line(rest);
    return this;
  }

  #line(line: string): void {
    const prefix = PREFIX.exec(line);
    if (!prefix) return;
    const [start, module = "", level] = prefix;
    const text = line.slice(start.length, MAX_LINE);
    if (PRINTED.test(text)) {
      if (level === "info") this.#seconds = Number(text);
      else this.#jump(Number(text));
    } else if (level === "info") this.#info(text);
    else this.#complain(module, level!, text.replace(`${this.#inputName}: `, "").trim());
  }

  #info(text: string): void {
    if (/^(Stream mapping:|Output #0)/.test(text)) this.#isInput = false;
    this.heard ??= MAPPED.exec(text)?.[1];
    const [, stream, language = "", kind, codec, more] = this.#isInput ? STREAM.exec(text) ?? [] : [];
    if (stream === undefined) return;
    if (kind === "Video") this.#pictureCodecs.add(codec!);
    if (kind !== "Audio" || this.tracks.length >= MAX_LINES) return;
    this.tracks.push({
      number: this.tracks.length + 1,
      language: language === "und" ? "" : language,
      isDefault: /\(default\)/.test(more!),
      stream,
    });
  }

  #jump(seconds: number): void {
    if (seconds === 0) this.#complain("", "error", "frames out of order");
    else if (this.leftOut.length < MAX_LINES) this.leftOut.push(seconds);
  }

  #complain(module: string, level: string, words: string): void {
    if (level === "warning" && (!DAMAGE.test(words) || (this.#isPipe && words.includes(NO_LENGTH)))) return;
    if (words === "" || NO_WORDS.test(words) || this.#complaints.length >= MAX_LINES) return;
    const codec = module.replace(/^.*[:/]/, "");
    this.#complaints.push({ module: codec, words: words.replace(OPENING, ""), seconds: this.#seconds });
  }
}
