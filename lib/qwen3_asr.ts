/**
 * `Qwen3ASR`: the asynchronous face of the whole module.
 *
 * @module
 */
import { type AudioSource, type LoadedAudio, readAudio, type Watcher } from "./audio/load.ts";
import { removeAbandonedFolders } from "./audio/temporary_folder.ts";
import { Samples } from "./audio/samples.ts";
import { checkOptions } from "./check_options.ts";
import { ModelError, OptionError } from "./errors.ts";
import { EventQueue } from "./event_queue.ts";
import { LOAD_RULES, type LoadOptions, type ModelInfo, openModel } from "./open_model.ts";
import { OwnAligner } from "./own_aligner.ts";
import type { Engine } from "./recognize/engine.ts";
import type { TranscriptEvent } from "./recognize/events.ts";
import { Lifetime } from "./recognize/lifetime.ts";
import {
  detailOf,
  INSPECT_RULES,
  type InspectOptions,
  traceRecording,
} from "./recognize/inspection/inspect.ts";
import type { Trace } from "./recognize/inspection/trace.ts";
import { LIVE_RULES, type LiveOptions } from "./recognize/live/options.ts";
import { LiveSession } from "./recognize/live/session.ts";
import { liveSettings } from "./recognize/live/settings.ts";
import { EarlyStart, mayStartEarly } from "./recognize/long_form/early_start.ts";
import { type LongFormCall, recognizeRecording } from "./recognize/long_form/long_form.ts";
import { planRecording } from "./recognize/long_form/plan.ts";
import { TRANSCRIBE_RULES, type TranscribeOptions } from "./recognize/options.ts";
import { finishedChunks } from "./recognize/long_form/resume.ts";
import { chunksBesidePrompt } from "./recognize/prompt_budget.ts";
import { recognizeSettings } from "./recognize/settings.ts";
import { Timing } from "./recognize/timing.ts";
import { WordTimer } from "./recognize/word_times/word_timer.ts";
import type { Transcript } from "./transcript.ts";
import type { VadNetwork } from "./vad/network.ts";
import { VadStream } from "./vad/stream.ts";

/** What there is of a recording whose reading was aborted. */
const UNREAD = { samples: new Samples(), warnings: [] };

/**
 * A loaded Qwen3-ASR model.
 *
 * Calls may overlap: they take turns, one batch of chunks at a time. The event loop stays free. Dispose it with
 * `using`/`await using`, `dispose()` or `close()`.
 *
 * @example
 * ```ts
 * import { Qwen3ASR } from "@qwen3/asr";
 * import { assertEquals } from "@std/assert";
 *
 * await using asr = await Qwen3ASR.load("demo");
 * const { text, language } = await asr.transcribe("demo/recordings/dev-01-en.wav");
 * assertEquals(text, "I see ten yellow windows.");
 * assertEquals(language, "English");
 * ```
 */
export class Qwen3ASR implements Disposable, AsyncDisposable {
  /** What was loaded. */
  readonly info: ModelInfo;
  readonly #engine: Engine;
  readonly #vad: VadNetwork;
  readonly #aligner: OwnAligner;
  readonly #life: Lifetime;

  private constructor(engine: Engine, vad: VadNetwork, aligner: OwnAligner, info: ModelInfo) {
    this.#engine = engine;
    this.#vad = vad;
    this.#aligner = aligner;
    this.info = info;
    this.#life = new Lifetime(
      () => {
        aligner[Symbol.dispose]();
        vad[Symbol.dispose]();
        engine[Symbol.dispose]();
      },
      () =>
        new ModelError("Cannot transcribe: the model was disposed. Load it again.", { code: "model-closed" }),
    );
  }

  /**
   * Loads a model.
   *
   * @param model Folder, `demo`, a short name (`0.6b`, `1.7b`), or `org/name` in the Hugging Face cache; when left out
   *   `QWEN3_ASR_MODEL_PATH`, then `~/.OminiX/models/qwen3-asr-1.7b`, then the cache.
   * @throws {ModelError} When there is no such model, or it is damaged: the message says what to do.
   * @throws {LibraryError} When mlx-c is not found or does not fit.
   */
  static async load(model?: string | URL, options: LoadOptions = {}): Promise<Qwen3ASR> {
    checkOptions(options, LOAD_RULES);
    const { engine, vad, info } = await openModel(model, options);
    try {
      const aligner = await OwnAligner.for(info.name, options);
      await removeAbandonedFolders();
      return new Qwen3ASR(engine, vad, aligner, info);
    } catch (error) {
      vad[Symbol.dispose]();
      engine[Symbol.dispose]();
      throw error;
    }
  }

  /** The recording, read now unless it was read before. */
  async #audio(
    source: AudioSource | LoadedAudio,
    { signal, range, track, raw }: Pick<TranscribeOptions, "signal" | "range" | "track" | "raw">,
    watch: Watcher,
  ): Promise<Pick<LoadedAudio, "samples" | "warnings">> {
    signal?.throwIfAborted();
    if (source === null || typeof source !== "string" && typeof source !== "object") {
      throw new OptionError(
        `Cannot transcribe ${source}: it must be a path, a URL, bytes, samples or a stream.`,
      );
    }
    if (typeof source === "string" || !("samples" in source)) {
      const options = {
        ...(signal ? { signal } : {}),
        ...(range ? { range } : {}),
        ...(track === undefined ? {} : { track }),
        ...(raw === undefined ? {} : { raw }),
      };
      return await readAudio(source, options, watch);
    }
    for (const [option, value] of Object.entries({ range, track, raw })) {
      if (value === undefined) continue;
      throw new OptionError(
        `Cannot take the ${option} of a recording that was read already: name the ${option} when reading.`,
        { option },
      );
    }
    return source;
  }

  /**
   * Checks the options, reads the recording, finds its speech and cuts it.
   *
   * @param isWatched Whether somebody looks on at every clip: then none is decoded ahead of the others.
   */
  async #prepare(
    source: AudioSource | LoadedAudio,
    options: TranscribeOptions,
    isWatched = false,
  ): Promise<LongFormCall> {
    const { onProfile, onProgress: emit = () => {} } = options;
    const settings = recognizeSettings(options, chunksBesidePrompt(this.#engine, options));
    const timing = new Timing({ keepSpans: onProfile !== undefined });
    const begun = new EarlyStart({ engine: this.#engine, vad: this.#vad, settings, timing, emit }, {
      mayStart: mayStartEarly(settings) && !isWatched && !options.resume,
    });
    try {
      return await this.#plan(source, options, { settings, timing, begun, emit });
    } finally {
      await begun.settle();
    }
  }

  async #plan(
    source: AudioSource | LoadedAudio,
    options: TranscribeOptions,
    { settings, timing, begun, emit }: Pick<LongFormCall, "settings" | "timing" | "emit"> & {
      begun: EarlyStart;
    },
  ): Promise<LongFormCall> {
    const { signal, onAbort } = options;
    const start = performance.now();
    const { samples, warnings } = await this.#audio(source, options, (some) => begun.grown(some))
      .catch((error) => {
        if (signal?.aborted && onAbort === "partial") return UNREAD;
        throw error;
      });
    timing.book("audio", start);
    begun.grown(samples);
    const speech = await begun.hear(samples);
    const chunks = await planRecording(samples, speech, settings);
    const words = settings.timestamps === "word"
      ? new WordTimer((options.aligner ?? await this.#aligner.get()) || undefined)
      : undefined;
    return {
      engine: this.#engine,
      samples,
      chunks,
      speech,
      settings: { ...settings, warnings },
      timing,
      words,
      before: options.resume && finishedChunks(options.resume, chunks, settings.offsetSeconds),
      begun: { stop: begun.stop, events: begun.events, chunk: await begun.chunkOf(samples, chunks) },
      emit,
    };
  }

  async #transcribe(source: AudioSource | LoadedAudio, options: TranscribeOptions): Promise<Transcript> {
    const call = await this.#prepare(source, options);
    const transcript = await recognizeRecording(call);
    if (transcript.partial && options.onAbort !== "partial") options.signal?.throwIfAborted();
    call.emit({ type: "done", transcript });
    options.onProfile?.(call.timing.spans ?? [], transcript);
    return transcript;
  }

  /**
   * Recognises a recording of any length.
   *
   * @param source Path, `http(s):` or `file:` URL, "-" for standard input, the bytes of a file, a Blob or stream of
   *   them, 16 kHz mono samples, or what `loadAudio` read.
   * @throws {AudioError} When it cannot be read as audio.
   * @throws {OptionError} When an option is not usable.
   */
  async transcribe(source: AudioSource | LoadedAudio, options: TranscribeOptions = {}): Promise<Transcript> {
    checkOptions(options, TRANSCRIBE_RULES);
    return await this.#life.use(() => this.#transcribe(source, options));
  }

  /**
   * Recognises samples.
   *
   * @param samples 16 kHz mono, [-1, 1]; leave the array unchanged until the promise settles.
   */
  async transcribeSamples(samples: Float32Array, options: TranscribeOptions = {}): Promise<Transcript> {
    return await this.transcribe(samples, options);
  }

  /**
   * Recognises a recording and yields what happens as it happens: `start`, `language`, `delta`, `chunk`, `done`.
   * Leaving the loop early aborts the work.
   *
   * @example
   * ```ts
   * import { Qwen3ASR } from "@qwen3/asr";
   * import { assertEquals } from "@std/assert";
   *
   * await using asr = await Qwen3ASR.load("demo");
   * let text = "";
   * for await (const event of asr.stream("demo/recordings/dev-01-en.wav")) {
   *   if (event.type === "delta") text += event.text;
   * }
   * assertEquals(text, "I see ten yellow windows.");
   * ```
   */
  async *stream(
    source: AudioSource | LoadedAudio,
    options: TranscribeOptions = {},
  ): AsyncGenerator<TranscriptEvent, void> {
    checkOptions(options, TRANSCRIBE_RULES);
    const left = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal;
    const events = new EventQueue<TranscriptEvent>();
    const work = this.transcribe(source, {
      ...options,
      signal,
      onProgress: (event) => {
        options.onProgress?.(event);
        events.push(event);
      },
    }).then(() => events.close(), (error) => events.close({ error }));
    try {
      yield* events.read();
    } finally {
      if (!events.isOver) left.abort(new DOMException("The stream was left.", "AbortError"));
      await work;
    }
  }

  /**
   * Begins a live stream: sound is pushed as it comes, and text is read while it is spoken. Text that is `committed` does
   * not change; at a pause the `final` text of the utterance comes. Cost does not grow with the length of the stream.
   *
   * @throws {OptionError} When an option is not usable.
   *
   * @example
   * ```ts
   * import { loadAudio, Qwen3ASR } from "@qwen3/asr";
   * import { assertEquals } from "@std/assert";
   *
   * await using asr = await Qwen3ASR.load("demo");
   * await using session = asr.live();
   * const { samples } = await loadAudio("demo/recordings/dev-01-en.wav");
   * for (let at = 0; at < samples.length; at += 1600) session.push(samples.slice(at, at + 1600));
   * session.end();
   * for await (const event of session) {
   *   if (event.type === "final") assertEquals(event.text, "I see ten yellow windows.");
   * }
   * ```
   */
  live(options: LiveOptions = {}): LiveSession {
    this.#life.assertOpen();
    checkOptions(options, LIVE_RULES);
    chunksBesidePrompt(this.#engine, options);
    const { model, tokenizer } = this.#engine;
    const vad = new VadStream(this.#vad);
    return new LiveSession({
      model,
      decoder: {
        tokenizer,
        decode: (requests, context) => this.#life.use(() => this.#engine.decode(requests, context)),
      },
      vad: {
        push: (samples) => this.#life.use(() => vad.push(samples)),
        finish: () => this.#life.use(() => vad.finish()),
      },
      words: async () =>
        options.timestamps === "word"
          ? new WordTimer((options.aligner ?? await this.#aligner.get()) || undefined)
          : undefined,
      settings: liveSettings(options),
    });
  }

  /**
   * Recognises a recording and keeps what happened on the way: mel, encoder, audio embeddings, every token with its
   * rivals, attention, cuts, times. Text is what {@linkcode transcribe} gives; it takes longer, and memory.
   *
   * Every chunk is looked into, or the one that `chunk` names; a rescued chunk has several passes.
   *
   * @throws {AudioError} When it cannot be read as audio.
   * @throws {OptionError} When an option is not usable or there is no such layer or chunk.
   *
   * @example
   * ```ts
   * import { Qwen3ASR } from "@qwen3/asr";
   * import { assertEquals } from "@std/assert";
   *
   * await using asr = await Qwen3ASR.load("demo");
   * const { chunks } = await asr.inspect("demo/recordings/dev-01-en.wav", { attention: [2] });
   * const pass = chunks[0]!.passes[0]!;
   * assertEquals(pass.steps.map((step) => step.written).join(""), "I see ten yellow windows.");
   * assertEquals(pass.attention[0]!.audio.shape, [pass.steps.length, 4, pass.audioTokens]);
   * ```
   */
  async inspect(source: AudioSource, options: InspectOptions = {}): Promise<Trace> {
    checkOptions(options, INSPECT_RULES);
    return await this.#life.use(() => this.#inspect(source, options));
  }

  async #inspect(source: AudioSource, options: InspectOptions): Promise<Trace> {
    const detail = detailOf(options, this.#engine);
    const call = await this.#prepare(source, options, true);
    const trace = await traceRecording(this.#engine, call, detail, options.chunk);
    call.emit({ type: "done", transcript: trace.transcript });
    return trace;
  }

  /** Calls that run or wait. */
  get pending(): number {
    return this.#life.users;
  }

  /** Takes no more calls, waits for those that run, then frees the model. */
  async close(): Promise<void> {
    await this.#life.close();
  }

  /** Takes no more calls; frees the model now, or when the running calls are done. */
  dispose(): void {
    this.#life.close();
  }

  /** Frees what it holds. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Waits for what runs, then frees what it holds. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
