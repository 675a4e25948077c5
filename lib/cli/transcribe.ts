/**
 * The command `transcribe`: recordings in, transcripts out, one bad recording does not stop the rest.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import type { Qwen3ASR } from "../qwen3_asr.ts";
import type { TranscriptEvent } from "../recognize/events.ts";
import { finishedPart, heardSeconds } from "../recognize/long_form/resume.ts";
import type { TranscribeOptions } from "../recognize/options.ts";
import type { Transcript } from "../transcript.ts";
import type { Arguments } from "./arguments.ts";
import { length, speed } from "./clock.ts";
import { loadModel } from "./get_model.ts";
import { type Input, isAddress, isModelFolder, planInputs } from "./inputs.ts";
import { Interruption } from "./interruption.ts";
import { Journal, type Past } from "./journal.ts";
import type { OutputFormat } from "../output/mod.ts";
import { OutputPlan } from "./outputs.ts";
import { Progress } from "./progress.ts";
import { formatsOf, type ModelSettings, modelSettings, speechOptions, writerOptions } from "./settings.ts";
import { OutputClosed, printable, sentence, type Terminal } from "./terminal.ts";
import { watch } from "./watch.ts";
import { cannotWrite, OutputError, OutputProbe, putAside } from "./write_file.ts";

/** A recording's place among all. */
interface Turn {
  /** How it is named while it runs: "(2/7) talk.m4a". */
  label: string;
  /** How much is left behind it, in sizes of this one. */
  later: number;
}

/** One run of the command. */
export class TranscribeRun implements AsyncDisposable {
  readonly #terminal: Terminal;
  readonly #settings: ModelSettings;
  readonly #options: TranscribeOptions;
  readonly #plan: OutputPlan;
  readonly #interruption: Interruption;
  readonly #jsonStats: boolean;
  readonly #resume: boolean;
  #journal: Journal | undefined;
  #asr: Qwen3ASR | undefined;
  /** How many recordings are finished, skipped, failed; names of the failed. */
  readonly counts = { done: 0, skipped: 0, failed: [] as string[] };

  constructor(parts: {
    terminal: Terminal;
    settings: ModelSettings;
    options: TranscribeOptions;
    plan: OutputPlan;
    interruption: Interruption;
    jsonStats: boolean;
    resume: boolean;
  }) {
    this.#terminal = parts.terminal;
    this.#settings = parts.settings;
    this.#options = parts.options;
    this.#plan = parts.plan;
    this.#interruption = parts.interruption;
    this.#jsonStats = parts.jsonStats;
    this.#resume = parts.resume;
  }

  /** The model, loaded on first use. */
  async model(): Promise<Qwen3ASR> {
    if (this.#asr !== undefined) return this.#asr;
    const { signal } = this.#interruption;
    const asr = await loadModel(this.#settings, this.#terminal, signal);
    this.#asr = asr;
    this.#interruption.libraryPath = asr.info.libraryPath;
    signal.throwIfAborted();
    return asr;
  }

  /** Opens the journal; where nothing is written to a folder there is none. */
  async openJournal(hasDirectory: boolean): Promise<void> {
    if (!this.#plan.toFiles || !(hasDirectory || this.#resume)) return;
    const { sampling, range, batchSize: _batchSize, ...speech } = this.#options;
    this.#journal = await Journal.open(this.#plan.journalDirectory, {
      model: this.#settings.model ?? "",
      ...speech,
      ...sampling,
      ...range,
    });
  }

  /** What is known of a recording; `undefined` where nobody wants to go on with what there is. */
  async #past(input: Input): Promise<Past | undefined> {
    if (!this.#resume || this.#journal === undefined) return undefined;
    return await this.#journal.past(input, this.#plan.paths(input));
  }

  #report(input: Input, transcript: Transcript, paths: readonly string[]): void {
    const { stats, durationSeconds, language, warnings, partial } = transcript;
    const replaced = warnings.filter(({ code }) => code === "chunk-replaced");
    for (const { code, message } of warnings) {
      if (code !== "chunk-replaced") this.#terminal.warn(`${input.name}: ${message}`);
    }
    if (replaced.length > 0) {
      const parts = replaced.length === 1 ? "1 part" : `${replaced.length} parts`;
      this.#terminal.note(`${input.name}: ${parts} decoded again`);
      for (const { message } of replaced) this.#terminal.detail(`  ${message}`);
    }
    const facts = partial
      ? `interrupted at ${length(heardSeconds(transcript))} of ${length(durationSeconds)}`
      : `${length(durationSeconds)} in ${length(stats.totalMs / 1000)} (${
        speed(1 / stats.realTimeFactor)
      } real time)` + (language === "" ? "" : `, ${language.replaceAll(",", ", ")}`);
    const where = paths.length === 0 ? "" : ` -> ${printable(paths.join(", "))}`;
    this.#terminal.note(`${this.#terminal.paint("bold", input.name)}: ${facts}${where}`);
    this.#terminal.detail(
      `  audio ${Math.round(stats.audioMs)} ms, mel ${Math.round(stats.melMs)}, encoder ${
        Math.round(stats.encoderMs)
      }, prefill ${Math.round(stats.prefillMs)}, decode ${Math.round(stats.decodeMs)} ` +
        `(${stats.generatedTokens} tokens, ${Math.round(stats.tokensPerSecond)} a second)`,
    );
    if (this.#jsonStats) {
      const { truncated, coverage } = transcript;
      this.#terminal.line(JSON.stringify({
        input: input.source,
        durationSeconds,
        language,
        partial,
        truncated,
        verdict: coverage.verdict,
        warnings,
        stats,
      }));
    }
  }

  async #recognise(
    input: Input,
    { label, later }: Turn,
    before: Transcript | undefined,
  ): Promise<Transcript> {
    const asr = await this.model();
    const from = this.#options.range?.startSeconds ?? 0;
    const startSeconds = before === undefined ? from : heardSeconds(before);
    const progress = new Progress(this.#terminal, label, {
      startSeconds,
      beforeSeconds: startSeconds - from,
      batchSize: this.#options.batchSize,
      later,
    });
    try {
      const transcript = await asr.transcribe(input.source, {
        ...this.#options,
        ...before ? { resume: before } : {},
        signal: this.#interruption.signal,
        onAbort: "partial",
        onProgress: (event: TranscriptEvent) => progress.event(event),
      });
      // Aborted while it was read: not even its length is known.
      if (transcript.partial && transcript.chunks.length === 0) this.#interruption.signal.throwIfAborted();
      return transcript.partial ? finishedPart(transcript) : transcript;
    } finally {
      progress.end();
    }
  }

  /** Writes or prints a transcript. What can be neither is put aside: the work was done. */
  async #write(input: Input, transcript: Transcript, isOneOfMany: boolean): Promise<string[]> {
    const print = (text: string) => this.#terminal.write(text);
    if (this.#plan.toFiles) return await this.#plan.write(input, transcript, print);
    const text = this.#plan.print(input, transcript, isOneOfMany);
    try {
      print(text);
      return [];
    } catch (error) {
      if (error instanceof OutputClosed) throw error;
      const reason = sentence(cannotWrite("to standard output", error));
      const path = await putAside(text, this.#plan.formats[0] ?? "txt");
      throw new OutputError(path === undefined ? reason : `${reason}; the text is in ${path}`, {
        cause: error,
      });
    }
  }

  async #one(input: Input, turn: Turn, isOneOfMany: boolean): Promise<void> {
    const past = await this.#past(input);
    if (past?.state === "done") {
      this.counts.skipped++;
      this.#terminal.note(`${input.name}: done before`);
      return;
    }
    const before = past?.state === "begun" ? past.transcript : undefined;
    if (before !== undefined) {
      this.#terminal.note(`${input.name}: goes on at ${length(heardSeconds(before))}`);
    }
    const transcript = await this.#recognise(input, turn, before);
    const paths = await this.#write(input, transcript, isOneOfMany);
    await this.#journal?.record(input, paths, transcript);
    this.#report(input, transcript, paths);
    const broken = transcript.chunks.find(({ error }) => error !== undefined);
    if (broken !== undefined) this.counts.failed.push(input.name);
    else if (!transcript.partial) this.counts.done++;
  }

  /** Finds out before the work whose transcripts cannot be written; those are told and counted. */
  async #refuseUnwritable(inputs: readonly Input[]): Promise<Set<Input>> {
    const refused = new Set<Input>();
    const files = inputs.filter(({ source }) => source !== "-" && !isAddress(source));
    const sources = await Promise.all(files.map(({ source }) => Deno.realPath(source).catch(() => source)));
    const probe = new OutputProbe(sources);
    for (const input of inputs) {
      try {
        if ((await this.#past(input))?.state !== "done") await this.#plan.try(input, probe);
      } catch (error) {
        refused.add(input);
        this.fail(input.name, error);
      }
    }
    return refused;
  }

  /** Transcribes one recording after the other; failures are told and counted. */
  async all(inputs: readonly Input[], isOneOfMany: boolean): Promise<void> {
    const refused = await this.#refuseUnwritable(inputs);
    // Lengths are not known before a recording is read; sizes of one kind of file are a good measure of them.
    const sizes = await Promise.all(inputs.map(async (input) => {
      const { size } = await Deno.stat(input.source).catch(() => ({ size: 0 }));
      return refused.has(input) || (await this.#past(input))?.state === "done" ? 0 : size;
    }));
    for (const [index, input] of inputs.entries()) {
      if (this.#interruption.isOver) return;
      if (refused.has(input)) continue;
      const label = inputs.length > 1 ? `(${index + 1}/${inputs.length}) ${input.name}` : input.name;
      const rest = sizes.slice(index + 1).reduce((sum, size) => sum + size, 0);
      const turn = { label, later: sizes[index] ? rest / sizes[index] : 0 };
      try {
        await this.#one(input, turn, isOneOfMany);
      } catch (error) {
        if (this.#interruption.isOver && !(error instanceof OutputError)) {
          this.#terminal.note(`${input.name}: interrupted before anything was heard`);
          return;
        }
        if (this.#asr === undefined) throw error; // No model: nothing can go on.
        if (error instanceof OutputClosed) throw error;
        this.fail(input.name, error);
      }
    }
  }

  /** Tells and counts a recording that failed. */
  fail(name: string, error: unknown): void {
    this.counts.failed.push(name);
    const message = sentence(error, this.#terminal.verbose);
    this.#terminal.error(printable(message).includes(name) ? message : `${name}: ${message}`);
  }

  /** One line about many recordings. */
  summary(total: number): void {
    const { done, skipped, failed } = this.counts;
    const left = total - done - skipped - failed.length;
    const parts = [`${done} done`];
    if (skipped > 0) parts.push(`${skipped} done before`);
    if (failed.length > 0) parts.push(this.#terminal.paint("red", `${failed.length} failed`));
    if (left > 0) parts.push(`${left} left`);
    this.#terminal.note(`${total} recordings: ${parts.join(", ")}`);
    for (const name of failed) this.#terminal.note(`  failed: ${name}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#asr?.close();
  }
}

/** `MODEL_DIR audio.wav`: a model folder in front of the recordings. */
async function splitModel(
  args: Arguments,
): Promise<{ model: string | undefined; operands: readonly string[] }> {
  const [first, ...rest] = args.operands;
  const model = args.text("model");
  if (model !== undefined || first === undefined) return { model, operands: args.operands };
  const needsInput = rest.length > 0 || args.text("watch") !== undefined;
  return needsInput && await isModelFolder(first)
    ? { model: first, operands: rest }
    : { model, operands: args.operands };
}

/** Formats that can show which word is being said. */
const KARAOKE = ["srt", "vtt", "ass", "lrc"];

/**
 * Options that shape nothing of what is written.
 *
 * @throws {OptionError}
 */
function refuseCombinations(args: Arguments, plan: OutputPlan): void {
  if (args.isFlag("highlight-words") && !plan.formats.some((format) => KARAOKE.includes(format))) {
    throw new OptionError(
      `Cannot use --highlight-words with ${plan.formats.join(", ")}: it marks words in ${KARAOKE.join(", ")}`,
    );
  }
  const cue = ["line-width", "max-lines", "reading-speed"].find((name) => args.isFlag(name));
  if (cue !== undefined && !plan.formats.some((format) => ["srt", "vtt", "ass"].includes(format))) {
    throw new OptionError(`Cannot use --${cue} with ${plan.formats.join(", ")}: it shapes srt, vtt and ass`);
  }
  if (args.on("resume") && args.isFlag("resume") && !plan.toFiles) {
    throw new OptionError(
      "Cannot use --resume without --output-dir or --output-template: what is printed is not kept",
    );
  }
}

/** Where transcripts go. */
export function transcriptPlan(
  args: Arguments,
  formats: readonly OutputFormat[] = formatsOf(args),
): OutputPlan {
  const plan = new OutputPlan({
    formats,
    directory: args.text("output-dir"),
    template: args.text("output-template"),
    writer: writerOptions(args),
  });
  refuseCombinations(args, plan);
  return plan;
}

/** Runs the command. */
export async function transcribe(args: Arguments, terminal: Terminal): Promise<number> {
  const { model, operands } = await splitModel(args);
  const watched = args.text("watch");
  const plan = transcriptPlan(args);
  if (operands.length === 0 && watched === undefined) {
    throw new OptionError("Nothing to transcribe: name a recording, a folder, an address, or - (see --help)");
  }
  const options = await speechOptions(args);
  const settings = { ...modelSettings(args), model };
  const { inputs, bad } = await planInputs(operands, {
    recursive: args.on("recursive"),
    offline: settings.offline,
  });
  plan.check(inputs);
  const total = inputs.length + bad.length;
  const isOneOfMany = total > 1 || watched !== undefined;
  if (isOneOfMany) plan.checkSeveral();
  using interruption = new Interruption(() =>
    terminal.note("Interrupted: ending in order; Ctrl-C again ends at once")
  );
  await using run = new TranscribeRun({
    terminal,
    settings,
    options,
    plan,
    interruption,
    jsonStats: args.on("json-stats"),
    resume: args.on("resume") || watched !== undefined,
  });
  await run.openJournal(args.text("output-dir") !== undefined);
  for (const { name, error } of bad) run.fail(name, error);
  await run.all(inputs, isOneOfMany);
  let isCut = interruption.isOver;
  if (watched !== undefined && !isCut) {
    isCut = await watch(watched, {
      run,
      plan,
      terminal,
      signal: interruption.signal,
      recursive: args.on("recursive"),
    });
  }
  if (total > 1) run.summary(total);
  if (isCut) return interruption.code;
  return run.counts.failed.length > 0 ? 1 : 0;
}
