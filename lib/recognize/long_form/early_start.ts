/**
 * The first words of a long recording: its first chunk is cut and decoded while the rest is still read and heard.
 *
 * The answer is kept when the chunk is what the plan of the whole recording begins with, and dropped when what came later
 * changed how samples are read (an offset, a peak above 1): then the chunk is decoded as all others.
 *
 * @module
 */
import { SAMPLE_RATE, type Samples } from "../../audio/samples.ts";
import type { SpeechMap } from "../../audio/speech_map.ts";
import type { VadNetwork } from "../../vad/network.ts";
import { BLOCK_SAMPLES, Heard } from "../../vad/probabilities.ts";
import type { Clip } from "../clip.ts";
import type { ClipAnswer } from "../clip_answer.ts";
import type { ClipDecoder } from "../engine.ts";
import type { TranscriptEvent } from "../events.ts";
import type { RecognizeSettings } from "../settings.ts";
import type { Timing } from "../timing.ts";
import { requestFor } from "./clip_request.ts";
import { OrderedEvents } from "./ordered_events.ts";
import { type Chunk, clipOfChunk, firstChunk, hearRecording } from "./plan.ts";

/**
 * Batches of chunks that a recording must have for one chunk to be decoded by itself first. Alone it takes up to half as
 * long as a batch does.
 */
const LEAST_BATCHES = 4;
/** Blocks of voice activity and lengths of the longest chunk that are looked at for a first one, unless it begins late. */
const BLOCKS = 2, LENGTHS = 2;

/** A chunk that was decoded ahead of the others. */
export interface EarlyChunk {
  chunk: Chunk;
  clip: Clip;
  answer: ClipAnswer;
}

/** What an early start is made of. */
export interface EarlyCall {
  engine: ClipDecoder;
  vad: VadNetwork;
  settings: RecognizeSettings;
  timing: Timing;
  emit: (event: TranscriptEvent) => void;
}

/** Whether a call is one of those that begin early. */
export function mayStartEarly({ chunking, batchSize }: RecognizeSettings): boolean {
  return chunking === "pauses" && batchSize > 1;
}

/** The events of a call, and its first chunk ahead of the others. */
export class EarlyStart {
  /** Aborted by an error in the callback. */
  readonly stop: AbortController = new AbortController();
  readonly events: OrderedEvents;
  readonly #call: EarlyCall;
  readonly #signal: AbortSignal;
  readonly #leastSamples: number;
  #hearing: Promise<Heard | undefined> | undefined;
  #work: Promise<EarlyChunk | undefined> | undefined;

  /** @param mayStart Whether anything is decoded ahead. */
  constructor(call: EarlyCall, options: { mayStart: boolean }) {
    const { settings, engine } = call;
    this.#call = call;
    this.#signal = settings.signal ? AbortSignal.any([settings.signal, this.stop.signal]) : this.stop.signal;
    const chunk = settings.chunkSeconds * SAMPLE_RATE;
    const least = Math.max(
      LEAST_BATCHES * settings.batchSize * chunk,
      BLOCKS * BLOCK_SAMPLES + LENGTHS * chunk,
    );
    this.#leastSamples = options.mayStart ? least : Infinity;
    this.events = new OrderedEvents((event) => this.emit(event), {
      tokenizer: engine.tokenizer,
      forcedLanguage: settings.language,
    });
  }

  /** Calls back. An error in there is the caller's own: it ends the call instead of counting as the decoder's. */
  emit(event: TranscriptEvent): void {
    if (this.stop.signal.aborted) return;
    try {
      this.#call.emit(event);
    } catch (error) {
      this.stop.abort(error);
    }
  }

  /** Looks at a recording that is being read, or was: begins when there is enough of it. */
  grown(samples: Samples): void {
    if (this.#work || samples.length < this.#leastSamples || !samples.hasPlainLevel) return;
    const first = this.#first(samples);
    // An error here will show again, or not at all, when the whole recording is looked at.
    this.#hearing = first.then(({ heard }) => heard, () => undefined);
    this.#work = first.then(({ chunk, clip }) => chunk && clip && this.#decode(chunk, clip)).catch(() =>
      undefined
    );
  }

  async #first(samples: Samples): Promise<{ heard: Heard; chunk?: Chunk; clip?: Clip }> {
    const { vad, settings, timing } = this.#call;
    const heard = new Heard(), start = performance.now();
    const first = await firstChunk(vad, samples, { ...settings, signal: this.#signal }, heard);
    timing.book("vad", start);
    if (!first) return { heard };
    // There is more of the recording, so it has more than one chunk.
    return {
      heard,
      chunk: first.chunk,
      clip: clipOfChunk({ ...first, samples, isOnly: false }, first.chunk),
    };
  }

  async #decode(chunk: Chunk, clip: Clip): Promise<EarlyChunk> {
    const { engine, timing, settings } = this.#call;
    this.events.startAt(chunk.index);
    const request = {
      ...requestFor(clip, settings),
      onToken: (id: number) => this.events.token(chunk.index, id),
    };
    const [answer] = await engine.decode([request], { timing, signal: this.#signal });
    return { chunk, clip, answer: answer! };
  }

  /**
   * Finds the speech of the recording, which is read now, going on from what was heard; undefined when that is not
   * wanted, or aborted meanwhile.
   */
  async hear(samples: Samples): Promise<SpeechMap | undefined> {
    const { vad, settings, timing } = this.#call;
    const heard = await this.#hearing, start = performance.now();
    const speech = await hearRecording(vad, samples, settings, samples.hasPlainLevel ? heard : undefined);
    timing.book("vad", start);
    return speech;
  }

  /** The early chunk, when it is one of a plan. */
  async chunkOf(samples: Samples, plan: readonly Chunk[]): Promise<EarlyChunk | undefined> {
    const early = await this.#work;
    if (!early) return undefined;
    const { chunk: { index, startSample, endSample }, answer } = early;
    const chunk = plan[index];
    const isSame = chunk?.kind === "audio" && chunk.startSample === startSample &&
      chunk.endSample === endSample;
    const isWhole = answer.finishReason !== "cancelled" && answer.finishReason !== "error";
    if (samples.hasPlainLevel && isSame && isWhole) return { ...early, chunk };
    this.events.startOver();
    return undefined;
  }

  /** Waits until nothing of it runs any more. */
  async settle(): Promise<void> {
    await this.#work;
  }
}
