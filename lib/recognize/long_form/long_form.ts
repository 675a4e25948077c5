/**
 * A recording of any length: its chunks are decoded in batches, judged, and put together. An answer for every chunk.
 *
 * @module
 */
import { peakMemory, resetPeakMemory } from "../../../ffi/mod.ts";
import { SAMPLE_RATE, type Samples } from "../../audio/samples.ts";
import type { SpeechMap } from "../../audio/speech_map.ts";
import type { ChunkResult, Segment, Transcript } from "../../transcript.ts";
import type { Clip, ClipRequest } from "../clip.ts";
import { cancelled, type ClipAnswer } from "../clip_answer.ts";
import type { ClipDecoder } from "../engine.ts";
import type { TranscriptEvent } from "../events.ts";
import type { ClipObserver } from "../observer.ts";
import type { RecognizeSettings } from "../settings.ts";
import type { Timing } from "../timing.ts";
import type { JudgedChunk, WordTimer } from "../word_times/word_timer.ts";
import { assemble, warningsOf } from "./assemble.ts";
import { requestFor } from "./clip_request.ts";
import { evidenceOf, gravityOf } from "./coverage.ts";
import type { EarlyChunk } from "./early_start.ts";
import { type ChunkPlace, judge, undecoded } from "./judge.ts";
import { OrderedEvents } from "./ordered_events.ts";
import { type Chunk, clipOfChunk } from "./plan.ts";
import { type Redecode, RescueBudget } from "./rescue.ts";
import type { Finished } from "./resume.ts";
import { segmentsOf } from "./segments.ts";

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
  /** What was begun before the recording was cut; `emit` is the same. */
  begun?: { stop: AbortController; events: OrderedEvents; chunk: EarlyChunk | undefined } | undefined;
  /** Is told what happens, but not that it is done: that is the caller's. An error in it ends the call. */
  emit: (event: TranscriptEvent) => void;
  /** Is told of every chunk that is finished, with its segments, in the order in which they are. */
  onFinish?: ((chunk: ChunkResult, segments: readonly Segment[]) => void) | undefined;
  /** Who looks on while a clip is decoded. */
  observe?: ((clip: Clip, request: ClipRequest) => ClipObserver | undefined) | undefined;
}

/** Calls that are running. */
let running = 0;

/** Segments with how likely there is speech in each. */
function withSpeech(segments: Segment[], chunk: ChunkResult, { speech }: Clip): Segment[] {
  const sampleOf = (seconds: number) => (seconds - chunk.startSeconds) * SAMPLE_RATE;
  return speech === undefined ? segments : segments.map((segment) => {
    const likeliest = speech.likeliest(sampleOf(segment.startSeconds), sampleOf(segment.endSeconds));
    return { ...segment, speechProbability: Math.round(likeliest * 1e4) / 1e4 };
  });
}

/** A chunk with its first answer. */
interface Heard extends EarlyChunk {
  /** Whether somebody keeps its samples. @default {false} */
  isKept?: boolean;
}

function gravity({ clip, answer }: Heard): number {
  return gravityOf(evidenceOf(clip, answer));
}

function isDoubted(heard: Heard): boolean {
  return gravity(heard) > 0;
}

/** A recording that is being recognised. */
class LongForm {
  readonly #call: LongFormCall;
  readonly #events: OrderedEvents;
  readonly #budget: RescueBudget;
  /** Aborted by an error in the callback. */
  readonly #stop: AbortController;
  readonly #signal: AbortSignal;
  readonly #results: { chunk: ChunkResult; segments: Segment[] }[] = [];
  /** Chunks that are still to be decoded. */
  readonly #left: readonly Chunk[];
  /** Resolves when all that were decoded have the times of their words: an aligner works beside the decoder. */
  #timed: Promise<void> = Promise.resolve();

  constructor(call: LongFormCall) {
    const { engine, samples, before, settings, begun } = call;
    const { signal, language, offsetSeconds, rescueBudget, chunkSeconds } = settings;
    this.#call = call;
    this.#stop = begun?.stop ?? new AbortController();
    this.#budget = new RescueBudget(rescueBudget, chunkSeconds);
    this.#left = call.chunks.slice(before?.chunks.length);
    if (before) this.#take(before);
    this.#signal = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal;
    this.#events = begun?.events ?? new OrderedEvents((event) => this.#emit(event), {
      tokenizer: engine.tokenizer,
      forcedLanguage: language,
    });
    this.#events.durationSeconds = offsetSeconds + samples.durationSeconds;
    if (before) this.#events.skip(before.chunks);
    // The chunks of a part begin further on.
    if (!begun && this.#left[0]) this.#events.startAt(this.#left[0].index);
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

  /**
   * Decodes some chunks at once, then judges them one by one: what is most likely wrong has the budget first.
   *
   * @param early One of them that is decoded already: without a doubt it is finished at once.
   */
  async #batch(chunks: readonly Chunk[], early?: EarlyChunk): Promise<void> {
    const heard: Heard[] = early ? [early] : [];
    if (early && !isDoubted(early)) await this.#judge(heard.pop()!);
    const others = chunks.filter((chunk) => chunk !== early?.chunk);
    const isOnly = this.#call.chunks.length === 1 && this.#call.chunks[0]!.index === 0;
    const clips = others.map((chunk) => clipOfChunk({ ...this.#call, isOnly }, chunk));
    const requests = clips.map((clip, order) =>
      this.#request(clip, { onToken: (id) => this.#events.token(others[order]!.index, id) })
    );
    const answers = await this.#decode(requests);
    await this.#timed; // At most a batch behind, for its memory.
    for (const [order, chunk] of others.entries()) {
      const isKept = requests[order]!.observer !== undefined;
      heard.push({ chunk, clip: clips[order]!, answer: answers[order]!, isKept });
    }
    for (const { clip } of heard) this.#budget.grow(clip.samples.length / SAMPLE_RATE);
    const doubted = heard.filter(isDoubted).sort((a, b) => gravity(b) - gravity(a));
    for (const one of [...heard.filter((one) => !isDoubted(one)), ...doubted]) await this.#judge(one);
  }

  async #judge({ chunk, clip, answer, isKept }: Heard): Promise<void> {
    const again = this.#call.settings.rescue ? { redecode: this.#redecode, budget: this.#budget } : undefined;
    const { looks, ...judged } = await judge(this.#place(chunk), clip, answer, again);
    const sentences = segmentsOf({ ...judged, speech: clip.speech });
    const finish = (segments: Segment[]) => {
      this.#finish(judged, withSpeech(segments, judged, clip));
      // Megabytes per chunk, which would wait for the collector. What an observer was shown is its to keep.
      if (!isKept) clip.samples.buffer.transfer(0);
    };
    const { words } = this.#call;
    if (words) this.#time(words, { chunk: judged, looks, sentences, clip }, finish);
    else finish(sentences);
  }

  /** Makes segments of a chunk's words, after those before and beside what is decoded meanwhile. */
  #time(
    words: WordTimer,
    { clip, ...judged }: Pick<JudgedChunk, "chunk" | "looks" | "sentences"> & { clip: Clip },
    finish: (segments: Segment[]) => void,
  ): void {
    const { timing, settings } = this.#call;
    const { chunk } = judged;
    const speech = clip.speech?.stretches() ?? [];
    this.#timed = this.#timed.then(async () => {
      const start = performance.now();
      const segments = await words.segments({ ...judged, samples: clip.samples, speech }, this.#signal);
      timing.book("align", start, { chunk: chunk.index });
      // They were computed for the confidence of words.
      if (!settings.logprobs) delete chunk.logprobs;
      finish(segments);
    });
    this.#timed.catch(() => {}); // Whoever awaits it is told.
  }

  async #recognizeChunks(): Promise<void> {
    const { settings, begun } = this.#call;
    for (const chunk of this.#left) {
      if (chunk.kind !== "audio") this.#finish(undecoded(this.#place(chunk), chunk.kind, chunk.levelDb));
    }
    const audio = this.#left.filter(({ kind }) => kind === "audio");
    for (let at = 0; at < audio.length; at += settings.batchSize) {
      const some = audio.slice(at, at + settings.batchSize);
      const early = at === 0 ? begun?.chunk : undefined;
      if (!this.#signal.aborted || early) await this.#batch(some, early);
      else for (const chunk of some) this.#finish(undecoded(this.#place(chunk), "cancelled"));
    }
  }

  async run(): Promise<Transcript> {
    const { samples: { durationSeconds }, settings, timing, before, speech } = this.#call;
    const doneSamples = this.#left[0]?.startSample ?? this.#call.samples.length;
    this.#emit({
      type: "start",
      durationSeconds: durationSeconds - doneSamples / SAMPLE_RATE,
      chunks: this.#left.length,
    });
    try {
      await this.#recognizeChunks();
    } finally {
      await this.#timed;
    }
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
      ...(speech ? { speech: speech.stretches(settings.offsetSeconds) } : {}),
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
