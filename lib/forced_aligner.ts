/**
 * `ForcedAligner`: start and end of every word of a known text.
 *
 * @module
 */
import { openLibrary } from "../ffi/mod.ts";
import { type AudioSource, loadAudio, type LoadedAudio } from "./audio/load.ts";
import type { Samples } from "./audio/samples.ts";
import { checkOptions, type Rules, signal as anySignal, text as anyText } from "./check_options.ts";
import { ModelError, OptionError } from "./errors.ts";
import { resolveAligner } from "./hub/mod.ts";
import { loadFolder } from "./load_folder.ts";
import type { Qwen3ASRModel } from "./model/qwen3_asr_model.ts";
import { LOAD_RULES, type LoadOptions, locate, openVad } from "./open_model.ts";
import { alignClip } from "./recognize/align.ts";
import { Lifetime } from "./recognize/lifetime.ts";
import type { TranscribeOptions } from "./recognize/options.ts";
import { alignLong } from "./recognize/word_times/align_long.ts";
import { alignWords, type ClipAligner, whyNotAligned } from "./recognize/word_times/word_times.ts";
import { resolveLanguage } from "./text/languages.ts";
import type { Tokenizer } from "./text/tokenizer.ts";
import { ownWords, type WordSpan, wordSpans } from "./text/words.ts";
import type { Transcript, Word } from "./transcript.ts";
import { detectSpeech } from "./vad/detect.ts";
import type { VadNetwork } from "./vad/network.ts";

/** Longer pieces are lost among like sentences. */
const LONGEST_CHUNK_SECONDS = 30;
/** Audio of a question that is about the language only. */
const EMPTY = new Float32Array(0);

/** What the options of aligning must be. */
const ALIGN_RULES: Rules<Parameters<ForcedAligner["align"]>[2]> = {
  language: anyText,
  recognizer: {
    must: "a Qwen3ASR",
    fits: (value) => typeof value === "object" && value !== null && "transcribe" in value,
  },
  signal: anySignal,
};

/** What a loaded aligner is made of. */
interface Parts {
  model: Qwen3ASRModel;
  tokenizer: Tokenizer;
  vad: VadNetwork;
}

/**
 * A loaded Qwen3-ForcedAligner; calls may overlap. It knows eleven languages; Japanese and Korean words are split by
 * Unicode's rules, an approximation, unless the caller brings words of their own.
 */
export class ForcedAligner implements Disposable {
  /** Longest audio of one pass, in seconds: what its classes reach. A long recording takes several. */
  readonly longestSeconds: number;
  readonly #parts: Parts;
  /** The same for a call that runs, which ends its work when this is disposed meanwhile. */
  readonly #inCall: ClipAligner;
  readonly #life: Lifetime;

  private constructor(parts: Parts) {
    const { timeClasses, timestampStepMs } = parts.model.config;
    this.longestSeconds = timeClasses * timestampStepMs / 1000;
    this.#parts = parts;
    const { model, tokenizer } = parts;
    this.#inCall = {
      longestSeconds: this.longestSeconds,
      rawTimes: (samples, words, signal) => alignClip(model, tokenizer, samples, words, signal),
    };
    this.#life = new Lifetime(
      () => {
        parts.vad[Symbol.dispose]();
        parts.model[Symbol.dispose]();
      },
      () => new ModelError("Cannot align: the model was disposed. Load it again.", { code: "model-closed" }),
    );
  }

  /**
   * Loads an aligner.
   *
   * @param model Folder, `demo` (goes with the demo model only), `aligner`, or `org/name` in the Hugging Face cache.
   * @throws {ModelError} When there is none, or it is no aligner.
   */
  static async load(
    model: string | URL,
    options: Pick<LoadOptions, "device" | "dtype" | "threads" | "libraryPath" | "download"> = {},
  ): Promise<ForcedAligner> {
    const { device, dtype, threads, libraryPath, download } = LOAD_RULES;
    checkOptions(options, { device, dtype, threads, libraryPath, download });
    openLibrary({ path: options.libraryPath }); // Before anything large is fetched for it.
    const { directory } = await locate(model, resolveAligner, options.download);
    const loaded = await loadFolder(directory, {
      device: options.device ?? "auto",
      dtype: options.dtype ?? "auto",
      threads: options.threads,
      beside: true,
    });
    if (loaded.model.config.kind !== "aligner") {
      loaded.model[Symbol.dispose]();
      throw new ModelError(
        `Cannot align with ${directory}: it is not a forced aligner. Load a Qwen3-ForcedAligner.`,
      );
    }
    return new ForcedAligner({ ...loaded, vad: await openVad(loaded.model, loaded.model.backend) });
  }

  /**
   * Times as the model says them, by the official rules: nothing is repaired or checked.
   *
   * @param samples 16 kHz mono, at most `longestSeconds`.
   * @param words Without punctuation.
   * @returns Start and end of each word in turn, in milliseconds.
   */
  async rawTimes(samples: Float32Array, words: readonly string[], signal?: AbortSignal): Promise<number[]> {
    return await this.#life.use(() => this.#inCall.rawTimes(samples, words, signal));
  }

  /**
   * Aligns a text with its recording.
   *
   * With a `recognizer` the recording may have any length, and the text need not be all of what is said: it is recognised,
   * words are matched, and each chunk is aligned with its own. Words that nobody was heard saying are `unmatched`. Without
   * one the text has to be what is said, in at most `longestSeconds`.
   *
   * @param text The text, or its words where they are split already. They come back as they are, one by one.
   * @param options.language Language of the text, by name or code; with a `recognizer` what that hears, when left out.
   * @param options.recognizer A `Qwen3ASR`.
   * @throws {OptionError} When the aligner does not know the language, or the recording is too long.
   */
  async align(
    source: AudioSource | LoadedAudio,
    text: string | readonly string[],
    options: {
      language?: string | undefined;
      recognizer?: {
        transcribe(audio: LoadedAudio, options: TranscribeOptions): Promise<Transcript>;
      } | undefined;
      signal?: AbortSignal | undefined;
    },
  ): Promise<Word[]> {
    checkOptions(options, ALIGN_RULES);
    const { recognizer, signal } = options;
    const asked = options.language === undefined ? undefined : resolveLanguage(options.language);
    const wordsIn = (language: string) =>
      typeof text === "string" ? wordSpans(text, language) : ownWords(text);
    if (asked === undefined && !recognizer) {
      throw new OptionError("Cannot align: name the language, or give a recognizer that hears it.");
    }
    return await this.#life.use(async () => {
      const isRead = typeof source !== "string" && "samples" in source;
      const audio = isRead ? source : await loadAudio(source);
      if (!recognizer) return await this.#align(audio.samples, wordsIn(asked!), asked!, signal);
      const heard = await recognizer.transcribe(audio, {
        language: asked,
        signal,
        chunkSeconds: Math.min(LONGEST_CHUNK_SECONDS, this.longestSeconds),
      });
      const language = asked ?? heard.language.split(",")[0]!;
      const reason = whyNotAligned({ samples: EMPTY, language }, this);
      if (reason) throw new OptionError(`Cannot align: ${reason}.`);
      const { samples } = audio;
      const speech = await detectSpeech(this.#parts.vad, samples, {}, signal);
      const words = wordsIn(language);
      return await alignLong(
        { samples, speech, words, language, chunks: heard.chunks },
        this.#inCall,
        signal,
      );
    });
  }

  async #align(
    samples: Samples,
    words: readonly WordSpan[],
    language: string,
    signal: AbortSignal | undefined,
  ): Promise<Word[]> {
    const clip = samples.slice();
    const reason = whyNotAligned({ samples: clip, language }, this);
    if (reason) throw new OptionError(`Cannot align: ${reason}.`);
    const heard = await detectSpeech(this.#parts.vad, samples, {}, signal);
    const speech = heard.stretches();
    return await alignWords({ samples: clip, words, language, speech }, this.#inCall, signal);
  }

  /** Takes no more calls; frees the model now, or when the running calls are done. */
  dispose(): void {
    this.#life.close();
  }

  /** Frees what it holds. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
