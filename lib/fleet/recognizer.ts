/**
 * A model at work for the queue: cuts recordings, and decodes parts of them as one call would decode the whole.
 *
 * @module
 */
import { loadAudio, type LoadedAudio } from "../audio/load.ts";
import { type LoadOptions, openModel } from "../open_model.ts";
import { OwnAligner } from "../own_aligner.ts";
import type { Engine } from "../recognize/engine.ts";
import { recognizeRecording } from "../recognize/long_form/long_form.ts";
import { hearRecording, planRecording } from "../recognize/long_form/plan.ts";
import { finishedChunks } from "../recognize/long_form/resume.ts";
import { chunksBesidePrompt } from "../recognize/prompt_budget.ts";
import { type RecognizeSettings, recognizeSettings } from "../recognize/settings.ts";
import { Timing } from "../recognize/timing.ts";
import { WordTimer } from "../recognize/word_times/word_timer.ts";
import type { ChunkResult, TranscriptStats, Warning } from "../transcript.ts";
import type { VadNetwork } from "../vad/network.ts";
import { JobError } from "./queue_error.ts";
import type { Job, JobOptions } from "./job.ts";
import { type Begun, PartJournal } from "./journal.ts";
import { type PartPlan, planParts, receivedSpeech, type RecordingPlan } from "./plan.ts";

/** A recording that can be read on this machine. */
export interface Sound {
  job: Job;
  /** A path or an address; what had to be fetched for it goes when it is disposed of. */
  open(): Promise<{ source: string } & AsyncDisposable>;
}

/** What to tell while a part is decoded. */
export interface PartWatch {
  signal: AbortSignal;
  /** What others have finished of the part. */
  before: Begun | undefined;
  /** Is told whenever more is finished. */
  onBegun: (begun: Begun) => void;
}

/** A decoded part. */
export interface DecodedPart extends Begun {
  stats: TranscriptStats;
}

/** What a worker needs of a model. */
export interface Recognizer {
  /** See `modelKey`. */
  readonly model: string;
  /** Where it computes. */
  readonly device: string;
  /** Reads a recording, finds its speech and cuts it. */
  plan(sound: Sound, signal: AbortSignal): Promise<RecordingPlan>;
  /** Decodes a part. */
  decode(sound: Sound, part: PartPlan, watch: PartWatch): Promise<DecodedPart>;
}

/** The first chunk that could not be decoded: another try, maybe elsewhere, may do better. */
function refuseFailed(chunks: readonly ChunkResult[]): void {
  const failed = chunks.find(({ error }) => error !== undefined);
  if (failed === undefined) return;
  throw new JobError(
    `The part from ${failed.startSeconds.toFixed(1)} s to ${failed.endSeconds.toFixed(1)} s could not be ` +
      `decoded: ${failed.error?.message}`,
  );
}

/** A loaded model. */
export class ModelRecognizer implements Recognizer, Disposable {
  readonly model: string;
  readonly device: string;
  readonly #engine: Engine;
  readonly #vad: VadNetwork;
  readonly #aligner: OwnAligner;
  /** The recording that was read last: its parts often come one after the other. */
  #read: { id: string; audio: LoadedAudio; audioMs: number } | undefined;

  private constructor(
    model: string,
    { engine, vad, info }: Awaited<ReturnType<typeof openModel>>,
    aligner: OwnAligner,
  ) {
    this.model = model;
    this.device = info.device;
    this.#engine = engine;
    this.#vad = vad;
    this.#aligner = aligner;
  }

  /**
   * Loads a model.
   *
   * @param key How the queue calls it.
   * @throws {ModelError} When there is no such model, or it is damaged.
   * @throws {LibraryError} When mlx-c is not found or does not fit.
   */
  static async open(key: string, model: string, options: LoadOptions): Promise<ModelRecognizer> {
    const opened = await openModel(model, options);
    try {
      return new ModelRecognizer(key, opened, await OwnAligner.for(opened.info.name, options));
    } catch (error) {
      opened.vad[Symbol.dispose]();
      opened.engine[Symbol.dispose]();
      throw error;
    }
  }

  async #audio({ job, open }: Sound, signal: AbortSignal): Promise<{ audio: LoadedAudio; audioMs: number }> {
    if (this.#read?.id === job.id) return { audio: this.#read.audio, audioMs: 0 };
    this.#read?.audio.samples.discard();
    this.#read = undefined;
    const start = performance.now();
    const { range, track, raw } = job.options;
    await using file = await open();
    const audio = await loadAudio(file.source, {
      signal,
      ...(range ? { range } : {}),
      ...(track === undefined ? {} : { track }),
      ...(raw === undefined ? {} : { raw }),
    });
    this.#read = { id: job.id, audio, audioMs: performance.now() - start };
    return this.#read;
  }

  #settings(options: JobOptions, signal: AbortSignal): RecognizeSettings {
    return recognizeSettings({ ...options, signal }, chunksBesidePrompt(this.#engine, options));
  }

  async plan(sound: Sound, signal: AbortSignal): Promise<RecordingPlan> {
    const settings = this.#settings(sound.job.options, signal);
    const { audio: { samples, durationSeconds, warnings } } = await this.#audio(sound, signal);
    const speech = await hearRecording(this.#vad, samples, settings);
    const chunks = await planRecording(samples, speech, settings);
    signal.throwIfAborted();
    return {
      ...{ durationSeconds, warnings, parts: planParts(chunks, speech, sound.job.partSeconds) },
      ...(speech ? { speech: speech.stretches(settings.offsetSeconds) } : {}),
    };
  }

  async decode(
    sound: Sound,
    part: PartPlan,
    { signal, before, onBegun }: PartWatch,
  ): Promise<DecodedPart> {
    const settings = this.#settings(sound.job.options, signal);
    const timing = new Timing();
    const { audio, audioMs } = await this.#audio(sound, signal);
    timing.audioMs += audioMs;
    const words = settings.timestamps === "word" ? new WordTimer(await this.#aligner.get()) : undefined;
    const { chunks } = part;
    const finished = before && finishedChunks(before, chunks, settings.offsetSeconds);
    const kept: Begun | undefined = finished && {
      chunks: [...finished.chunks],
      segments: [...finished.segments],
      warnings: [...finished.warnings],
    };
    const journal = new PartJournal(chunks[0]!.index, kept);
    const told = (): Warning[] => words?.warnings() ?? [];
    const transcript = await recognizeRecording({
      engine: this.#engine,
      samples: audio.samples,
      chunks,
      speech: receivedSpeech(part.speech),
      settings,
      timing,
      words,
      before: finished,
      emit: () => {},
      onFinish: (chunk, segments) => {
        const isMore = journal.finish(chunk, segments);
        // What is complete is the result's to keep.
        if (isMore && journal.length < chunks.length) onBegun(journal.begun(told()));
      },
    });
    signal.throwIfAborted();
    refuseFailed(transcript.chunks);
    const { segments, stats } = transcript;
    return { chunks: transcript.chunks, segments, warnings: [...finished?.warnings ?? [], ...told()], stats };
  }

  [Symbol.dispose](): void {
    this.#read?.audio.samples.discard();
    this.#aligner[Symbol.dispose]();
    this.#vad[Symbol.dispose]();
    this.#engine[Symbol.dispose]();
  }
}
