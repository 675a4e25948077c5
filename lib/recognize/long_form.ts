/**
 * A recording of any length: cut, decoded in batches, checked, rescued, put together. An answer for every chunk.
 *
 * @module
 */
import { peakMemory, resetPeakMemory } from "../../ffi/mod.ts";
import { SAMPLE_RATE, type Samples } from "../audio/samples.ts";
import type { SpeechActivity } from "../audio/speech.ts";
import { joinTexts } from "../text/join.ts";
import { mergeLanguages } from "../text/languages.ts";
import type { ChunkResult, Coverage, Transcript, Warning } from "../transcript.ts";
import { cancelled, type ClipAnswer, type ClipRequest } from "./clip.ts";
import { ABORTED, coverageOf } from "./coverage.ts";
import { OrderedEvents } from "./deltas.ts";
import type { Engine } from "./engine.ts";
import type { TranscriptEvent } from "./events.ts";
import type { Mutex } from "./mutex.ts";
import { makePlan, type Plan } from "./plan.ts";
import { evidenceOf, type Part, rescue } from "./rescue.ts";
import { segmentsOf } from "./segments.ts";
import { overall, warningsOf } from "./summary.ts";
import type { Timing } from "./timing.ts";

/** Checked settings of a call. */
export interface RecognizeSettings {
  language: string | undefined;
  languages: readonly string[] | undefined;
  context: string;
  temperature: number;
  seed: number;
  maxTokens: number | undefined;
  minTokens?: number | undefined;
  logprobs?: boolean | undefined;
  chunkSeconds: number;
  chunking: "pauses" | "official";
  batchSize: number;
  rescue: boolean;
  signal: AbortSignal | undefined;
  /** Second of the recording at which the samples begin. */
  offsetSeconds: number;
  /** What there was to say about the audio. */
  warnings: readonly Warning[];
}

/** Shorter pieces of a split recording are padded with zeros to this (spec 11.1). */
const SHORTEST_PIECE = 8000;
/** The fastest speech measured anywhere is near 8 tokens a second. */
const TOKENS_PER_SECOND = 12;
const SPARE_TOKENS = 32;

const NO_SPEECH: Coverage = { speechSeconds: 0, tokensPerSecond: 0, verdict: "no-speech", reasons: [] };

/** What decodes: the engine, or one that keeps a trace. */
export interface ClipDecoder extends Pick<Engine, "decode" | "tokenizer"> {
  /** Whether it shows the samples of its clips later, so that they must stay. */
  readonly keepsClips?: boolean;
}

/** Calls that are running. */
let running = 0;

/** One call on one engine. */
export class LongForm {
  readonly #engine: ClipDecoder;
  readonly #queue: Mutex;
  readonly #samples: Samples;
  readonly #settings: RecognizeSettings;
  readonly #timing: Timing;
  readonly #callback: (event: TranscriptEvent) => void;
  /** Aborted by an error in the callback. */
  readonly #stop = new AbortController();
  readonly #speech = new Map<number, SpeechActivity>();

  /** @param queue Is taken batch by batch, so that calls on the same model take turns. */
  constructor(
    engine: ClipDecoder,
    queue: Mutex,
    samples: Samples,
    settings: RecognizeSettings,
    timing: Timing,
    emit: (event: TranscriptEvent) => void,
  ) {
    this.#engine = engine;
    this.#queue = queue;
    this.#samples = samples;
    const { signal } = settings;
    this.#settings = {
      ...settings,
      signal: signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal,
    };
    this.#timing = timing;
    this.#callback = emit;
  }

  /** Calls back. An error in there is the caller's own: it ends the call instead of counting as the decoder's. */
  #emit(event: TranscriptEvent): void {
    if (this.#stop.signal.aborted) return;
    try {
      this.#callback(event);
    } catch (error) {
      this.#stop.abort(error);
    }
  }

  /** Decodes when it is this call's turn; nothing when aborted before that. */
  async #decode(requests: readonly ClipRequest[]): Promise<ClipAnswer[]> {
    const { signal } = this.#settings;
    const context = { timing: this.#timing, signal };
    try {
      return await this.#queue.run(() => this.#engine.decode(requests, context), signal);
    } catch (error) {
      if (!signal?.aborted) throw error;
      return requests.map(cancelled);
    }
  }

  #clip({ startSample, endSample }: Plan, isOnly: boolean): Float32Array<ArrayBuffer> {
    const clip = this.#samples.slice(startSample, endSample);
    if (isOnly || clip.length >= SHORTEST_PIECE) return clip;
    const padded = new Float32Array(SHORTEST_PIECE);
    padded.set(clip);
    return padded;
  }

  #request(samples: Float32Array): ClipRequest {
    const { context, language, languages, temperature, seed, maxTokens, minTokens = 0, logprobs } =
      this.#settings;
    const budget = Math.ceil(samples.length / SAMPLE_RATE * TOKENS_PER_SECOND) + SPARE_TOKENS;
    return {
      samples,
      context,
      language,
      languages,
      temperature,
      seed,
      maxTokens: Math.max(minTokens, Math.min(budget, maxTokens ?? Infinity)),
      minTokens,
      logprobs,
    };
  }

  #base({ index, startSample, endSample }: Plan): Pick<ChunkResult, "index" | "startSeconds" | "endSeconds"> {
    const { offsetSeconds } = this.#settings;
    return {
      index,
      startSeconds: offsetSeconds + startSample / SAMPLE_RATE,
      endSeconds: offsetSeconds + endSample / SAMPLE_RATE,
    };
  }

  #silent(plan: Plan, finishReason: "silence" | "cancelled"): ChunkResult {
    return {
      ...this.#base(plan),
      text: "",
      language: "",
      rawText: "",
      tokens: [],
      finishReason,
      coverage: finishReason === "silence"
        ? NO_SPEECH
        : { ...NO_SPEECH, verdict: "suspect", reasons: [ABORTED] },
      rescues: [],
    };
  }

  /** Checks an answer and, where it is doubted, tries again. */
  async #judge(plan: Plan, samples: Float32Array, answer: ClipAnswer): Promise<ChunkResult> {
    const tag = this.#engine.tokenizer.textTag;
    const evidence = await evidenceOf(samples, answer, tag);
    this.#speech.set(plan.index, evidence.speech);
    const first = coverageOf(evidence);
    let best: Part & { rescues: ChunkResult["rescues"] } = {
      samples,
      answer,
      reasons: first.reasons,
      tokenCount: evidence.tokenCount,
      rescues: [],
    };
    const mayRescue = this.#settings.rescue && answer.finishReason !== "error" &&
      !this.#settings.signal?.aborted &&
      evidence.speech.speechSeconds > 0;
    if (first.reasons.length > 0 && mayRescue) {
      best = await rescue(
        best,
        async (part, change) => (await this.#decode([{ ...this.#request(part), ...change }]))[0]!,
        tag,
      );
    }
    const { text, language, rawText, tokens, logprobs, finishReason, error } = best.answer;
    return {
      ...this.#base(plan),
      text,
      language,
      rawText,
      tokens,
      ...(logprobs ? { logprobs } : {}),
      finishReason,
      coverage: error
        ? { ...first, verdict: "suspect", reasons: ["It could not be decoded."] }
        : coverageOf({ ...evidence, text, tokenCount: best.tokenCount, finishReason }, best.reasons),
      rescues: best.rescues,
      ...(error ? { error: { name: error.name, message: error.message } } : {}),
    };
  }

  /** Decodes some chunks at once, then judges them one by one. */
  async #batch(plans: readonly Plan[], isOnly: boolean, events: OrderedEvents): Promise<ChunkResult[]> {
    const clips = plans.map((plan) => this.#clip(plan, isOnly));
    const requests = plans.map(({ index }, order) => ({
      ...this.#request(clips[order]!),
      onToken: (id: number) => events.token(index, id),
    }));
    const answers = await this.#decode(requests);
    const results: ChunkResult[] = [];
    for (const [order, plan] of plans.entries()) {
      const result = await this.#judge(plan, clips[order]!, answers[order]!);
      results.push(result);
      events.finish(result);
      // Megabytes a chunk, that would wait for the collector.
      if (!this.#engine.keepsClips) clips[order]!.buffer.transfer(0);
    }
    return results;
  }

  async #chunks(plans: readonly Plan[], events: OrderedEvents): Promise<ChunkResult[]> {
    const results: ChunkResult[] = [];
    const audio = plans.filter(({ kind }) => kind === "audio");
    const isOnly = plans.length === 1;
    for (const plan of plans) {
      if (plan.kind !== "silence") continue;
      const silent = this.#silent(plan, "silence");
      results.push(silent);
      events.finish(silent);
    }
    for (let at = 0; at < audio.length; at += this.#settings.batchSize) {
      const plansNow = audio.slice(at, at + this.#settings.batchSize);
      if (this.#settings.signal?.aborted) {
        for (const plan of plansNow) {
          const cut = this.#silent(plan, "cancelled");
          results.push(cut);
          events.finish(cut);
        }
      } else results.push(...await this.#batch(plansNow, isOnly, events));
    }
    return results.sort((a, b) => a.index - b.index);
  }

  /** The recording as cut; in one piece when aborted before it was. */
  async #plans(): Promise<Plan[]> {
    try {
      return await makePlan(this.#samples, this.#settings);
    } catch (error) {
      if (!this.#settings.signal?.aborted) throw error;
      return [{ index: 0, startSample: 0, endSample: this.#samples.length, kind: "audio" }];
    }
  }

  /**
   * Runs the whole recording. An abort ends it early with what there is; an error in the callback is thrown.
   * The `done` event is the caller's.
   */
  async run(): Promise<Transcript> {
    // MLX counts for the whole process: calls that overlap share the figure, none may begin it anew for another.
    if (running++ === 0) resetPeakMemory();
    try {
      return await this.#transcript();
    } finally {
      running--;
    }
  }

  async #transcript(): Promise<Transcript> {
    const { offsetSeconds, signal } = this.#settings;
    const durationSeconds = this.#samples.durationSeconds;
    const plans = await this.#plans();
    const emit = (event: TranscriptEvent) => this.#emit(event);
    emit({ type: "start", durationSeconds, chunks: plans.length });
    const events = new OrderedEvents(emit, {
      tokenizer: this.#engine.tokenizer,
      forcedLanguage: this.#settings.language,
      durationSeconds: offsetSeconds + durationSeconds,
    });
    const chunks = await this.#chunks(plans, events);
    this.#stop.signal.throwIfAborted();
    const coverage = overall(chunks);
    const partial = signal?.aborted === true &&
      (chunks.length === 0 || chunks.some(({ finishReason }) => finishReason === "cancelled"));
    return {
      text: joinTexts(chunks.map((chunk) => chunk.text)),
      language: mergeLanguages(chunks.flatMap((chunk) => chunk.language.split(","))),
      durationSeconds,
      segments: chunks.flatMap((chunk) => segmentsOf({ ...chunk, speech: this.#speech.get(chunk.index) })),
      chunks,
      coverage,
      truncated: chunks.some(({ finishReason }) =>
        finishReason === "length" || finishReason === "repetition"
      ),
      partial,
      warnings: [...this.#settings.warnings, ...warningsOf(chunks, { coverage, partial })],
      stats: this.#timing.stats(durationSeconds, peakMemory()),
    };
  }
}
