/**
 * A recording of any length: its chunks are decoded in batches, judged, and put together. An answer for every chunk.
 *
 * @module
 */
import { peakMemory, resetPeakMemory } from "../../../ffi/mod.ts";
import { SAMPLE_RATE, type Samples } from "../../audio/samples.ts";
import type { SpeechMap } from "../../audio/speech_map.ts";
import type { ChunkResult, Segment, Transcript } from "../../transcript.ts";
import { type Clip, type ClipRequest, tokenBudget } from "../clip.ts";
import { cancelled, type ClipAnswer } from "../clip_answer.ts";
import type { ClipDecoder } from "../engine.ts";
import type { TranscriptEvent } from "../events.ts";
import type { ClipObserver } from "../observer.ts";
import type { RecognizeSettings } from "../settings.ts";
import type { Timing } from "../timing.ts";
import type { WordTimer } from "../word_times/word_timer.ts";
import { assemble, warningsOf } from "./assemble.ts";
import { evidenceOf, gravityOf } from "./coverage.ts";
import { type ChunkPlace, judge, type JudgedResult, undecoded } from "./judge.ts";
import { OrderedEvents } from "./ordered_events.ts";
import { type Chunk, clipOfChunk } from "./plan.ts";
import { type Redecode, RescueBudget } from "./rescue.ts";
import type { Finished } from "./resume.ts";
import { segmentsOf } from "./segments.ts";

/** Where the decoder looked is not followed through longer clips: it takes memory by the square of the length. */
const LONGEST_LOOK_SECONDS = 60;

/** What a call is made of. */
export interface LongFormCall {
  engine: ClipDecoder;
  samples: Samples;
  /** As `planRecording` gives them. */
  chunks: readonly Chunk[];
  /** Voice activity of the recording; undefined when it was not looked for. */
  speech: SpeechMap | undefined;
  settings: RecognizeSettings;
  timing: Timing;
  /** Times words, where they are asked for. */
  words?: WordTimer | undefined;
  /** What an interrupted call found out about these chunks. */
  before?: Finished | undefined;
  /** Is told what happens, but not that it is done: that is the caller's. An error in it ends the call. */
  emit: (event: TranscriptEvent) => void;
  /** Is told of every chunk that is finished, with its segments, in the order in which they are. */
  onFinish?: ((chunk: ChunkResult, segments: readonly Segment[]) => void) | undefined;
  /** Who looks on while a clip is decoded. */
  observe?: ((clip: Clip, request: ClipRequest) => ClipObserver | undefined) | undefined;
}

/** Calls that are running. */
let running = 0;

/** What is asked of the decoder for a clip. */
function requestFor(clip: Clip, settings: RecognizeSettings): ClipRequest {
  const { context, language, languages, temperature, seed, maxTokens, minTokens = 0 } = settings;
  return {
    samples: clip.samples,
    context,
    language,
    languages,
    temperature,
    seed,
    maxTokens: Math.max(minTokens, Math.min(tokenBudget(clip.samples.length), maxTokens ?? Infinity)),
    minTokens,
    logprobs: settings.logprobs || settings.timestamps === "word",
    looks: settings.timestamps === "word" && clip.samples.length <= LONGEST_LOOK_SECONDS * SAMPLE_RATE,
  };
}

/** Segments with how likely there is speech in each. */
function withSpeech(segments: Segment[], chunk: ChunkResult, { speech }: Clip): Segment[] {
  const sampleOf = (seconds: number) => (seconds - chunk.startSeconds) * SAMPLE_RATE;
  return speech === undefined ? segments : segments.map((segment) => {
    const likeliest = speech.likeliest(sampleOf(segment.startSeconds), sampleOf(segment.endSeconds));
    return { ...segment, speechProbability: Math.round(likeliest * 1e4) / 1e4 };
  });
}

/** A recording that is being recognised. */
class LongForm {
  readonly #call: LongFormCall;
  readonly #events: OrderedEvents;
  readonly #budget: RescueBudget;
  /** Aborted by an error in the callback. */
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #results: { chunk: ChunkResult; segments: Segment[] }[] = [];
  /** Chunks that are still to be decoded. */
  readonly #left: readonly Chunk[];

  constructor(call: LongFormCall) {
    const { engine, samples, before, settings } = call;
    const { signal, language, offsetSeconds, rescueBudget, chunkSeconds } = settings;
    this.#call = call;
    this.#budget = new RescueBudget(rescueBudget, chunkSeconds);
    this.#left = call.chunks.slice(before?.chunks.length);
    if (before) this.#take(before);
    this.#signal = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal;
    this.#events = new OrderedEvents((event) => this.#emit(event), {
      tokenizer: engine.tokenizer,
      forcedLanguage: language,
      durationSeconds: offsetSeconds + samples.durationSeconds,
      before: before?.chunks,
      first: this.#left[0]?.index,
    });
  }

  /** Takes over what was found out before, and what it cost. */
  #take({ chunks, segments }: Finished): void {
    for (const [order, chunk] of chunks.entries()) {
      this.#results.push({ chunk, segments: order === 0 ? [...segments] : [] });
      const seconds = chunk.endSeconds - chunk.startSeconds;
      if (this.#call.chunks[order]!.kind !== "audio") continue;
      this.#budget.grow(seconds);
      for (let rescue = 0; rescue < chunk.rescues.length; rescue++) this.#budget.take(seconds);
    }
  }

  /** Calls back. An error in there is the caller's own: it ends the call instead of counting as the decoder's. */
  #emit(event: TranscriptEvent): void {
    if (this.#stop.signal.aborted) return;
    try {
      this.#call.emit(event);
    } catch (error) {
      this.#stop.abort(error);
    }
  }

  #place({ index, startSample, endSample }: Chunk): ChunkPlace {
    const { offsetSeconds } = this.#call.settings;
    return {
      index,
      startSeconds: offsetSeconds + startSample / SAMPLE_RATE,
      endSeconds: offsetSeconds + endSample / SAMPLE_RATE,
    };
  }

  #finish(chunk: ChunkResult, segments: Segment[] = []): void {
    this.#results.push({ chunk, segments });
    this.#call.onFinish?.(chunk, segments);
    this.#events.finish(chunk);
  }

  #request(clip: Clip, change: Partial<ClipRequest>): ClipRequest {
    const request = { ...requestFor(clip, this.#call.settings), ...change };
    return { ...request, observer: this.#call.observe?.(clip, request) };
  }

  #decode(requests: readonly ClipRequest[]): Promise<ClipAnswer[]> {
    const { engine, timing } = this.#call;
    return engine.decode(requests, { timing, signal: this.#signal });
  }

  readonly #redecode: Redecode = async (clip, change) =>
    this.#signal.aborted ? cancelled() : (await this.#decode([this.#request(clip, change)]))[0]!;

  /** Decodes some chunks at once, then judges them one by one: what is most likely wrong has the budget first. */
  async #batch(chunks: readonly Chunk[]): Promise<void> {
    const { settings } = this.#call;
    const clips = chunks.map((chunk) => clipOfChunk(this.#call, chunk));
    const requests = clips.map((clip, order) =>
      this.#request(clip, { onToken: (id) => this.#events.token(chunks[order]!.index, id) })
    );
    const answers = await this.#decode(requests);
    for (const { samples } of clips) this.#budget.grow(samples.length / SAMPLE_RATE);
    const gravity = clips.map((clip, order) => gravityOf(evidenceOf(clip, answers[order]!)));
    const isDoubted = (order: number) => gravity[order]! > 0;
    const orders = [...clips.keys()];
    const sound = orders.filter((order) => !isDoubted(order));
    for (const order of [...sound, ...orders.filter(isDoubted).sort((a, b) => gravity[b]! - gravity[a]!)]) {
      const clip = clips[order]!;
      const again = settings.rescue ? { redecode: this.#redecode, budget: this.#budget } : undefined;
      const chunk = await judge(this.#place(chunks[order]!), clip, answers[order]!, again);
      await this.#time(chunk, clip);
      // Megabytes per chunk, which would wait for the collector. What an observer was shown is its to keep.
      if (!requests[order]!.observer) clip.samples.buffer.transfer(0);
    }
  }

  /** Finishes a judged chunk with its sentences or, where words are asked for, with segments made of them. */
  async #time({ looks, ...chunk }: JudgedResult, clip: Clip): Promise<void> {
    const { words, timing, settings } = this.#call;
    const sentences = segmentsOf({ ...chunk, speech: clip.speech });
    if (!words) return this.#finish(chunk, withSpeech(sentences, chunk, clip));
    const start = performance.now();
    const speech = clip.speech?.ranges.map(({ startSample, endSample }) => ({
      startSeconds: startSample / SAMPLE_RATE,
      endSeconds: endSample / SAMPLE_RATE,
    })) ?? [];
    const judged = { chunk, looks, samples: clip.samples, speech, sentences };
    const segments = await words.segments(judged, this.#signal);
    timing.book("align", start, { chunk: chunk.index });
    // They were computed for the confidence of words.
    if (!settings.logprobs) delete chunk.logprobs;
    this.#finish(chunk, withSpeech(segments, chunk, clip));
  }

  async #recognizeChunks(): Promise<void> {
    const { settings } = this.#call;
    for (const chunk of this.#left) {
      if (chunk.kind !== "audio") this.#finish(undecoded(this.#place(chunk), chunk.kind, chunk.levelDb));
    }
    const audio = this.#left.filter(({ kind }) => kind === "audio");
    for (let at = 0; at < audio.length; at += settings.batchSize) {
      const some = audio.slice(at, at + settings.batchSize);
      if (!this.#signal.aborted) await this.#batch(some);
      else for (const chunk of some) this.#finish(undecoded(this.#place(chunk), "cancelled"));
    }
  }

  async run(): Promise<Transcript> {
    const { samples: { durationSeconds }, settings, timing, before } = this.#call;
    const doneSamples = this.#left[0]?.startSample ?? this.#call.samples.length;
    this.#emit({
      type: "start",
      durationSeconds: durationSeconds - doneSamples / SAMPLE_RATE,
      chunks: this.#left.length,
    });
    await this.#recognizeChunks();
    this.#stop.signal.throwIfAborted();
    const inOrder = this.#results.sort((a, b) => a.chunk.index - b.chunk.index);
    const assembled = assemble(
      inOrder.map(({ chunk }) => chunk),
      inOrder.flatMap(({ segments }) => segments),
    );
    const { chunks, coverage } = assembled;
    const partial = assembled.partial || chunks.length === 0 && this.#signal.aborted;
    return {
      ...assembled,
      partial,
      durationSeconds,
      warnings: [
        ...settings.warnings,
        ...warningsOf(chunks, { coverage, partial }),
        ...before?.warnings ?? [],
        ...this.#call.words?.warnings() ?? [],
      ],
      stats: timing.stats(durationSeconds, peakMemory()),
    };
  }
}

/**
 * Recognises a recording that was cut. An abort ends it early with what there is; an error in the callback is thrown.
 */
export async function recognizeRecording(call: LongFormCall): Promise<Transcript> {
  // MLX counts for the whole process: calls that overlap share the figure, none may begin it anew for another.
  if (running++ === 0) resetPeakMemory();
  try {
    return await new LongForm(call).run();
  } finally {
    running--;
  }
}
