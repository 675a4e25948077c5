/**
 * The listening half of a live stream: sound goes through voice activity as it comes, and utterances come out, long before
 * they are decoded. It keeps the sound until they are.
 *
 * @module
 */
import { findSpeechCut } from "../../audio/pause_search.ts";
import { FRAME, frameLevels } from "../../audio/frame_levels.ts";
import { SAMPLE_RATE } from "../../audio/samples.ts";
import { SpeechMap } from "../../audio/speech_map.ts";
import { FRAME_SAMPLES } from "../../vad/frames.ts";
import { speechGoesOn, speechRanges } from "../../vad/intervals.ts";
import { type Endpoint, Endpointer, type EndpointerOptions } from "./endpointer.ts";
import { Tail } from "./intake.ts";

/** Where a cut without a pause is looked for, before the longest length. */
const CUT_SEARCH_SECONDS = 2;
/** What is kept of sound that may still become the beginning of an utterance, beside what the rule of speech asks for. */
const KEPT_SECONDS = 2;

/** An utterance, from when it is known. */
export interface Utterance {
  index: number;
  startSample: number;
  /** How far it is known to reach. */
  endSample: number;
  /** How far the stream had been heard when it was known to end there; undefined while it is open. */
  endedAtSample: number | undefined;
  /** Whether it is not wanted any more. */
  isCleared: boolean;
}

/** Cuts a stream into utterances. */
export class Hearing {
  readonly #settings: EndpointerOptions;
  readonly #endpointer: Endpointer;
  readonly #samples = new Tail();
  readonly #probabilities = new Tail();
  readonly #tell: (type: "start" | "end", utterance: Utterance) => void;
  /** Utterances whose sound is still wanted. */
  readonly #wanted = new Set<Utterance>();
  #open: Utterance | undefined;
  #count = 0;

  /** @param tell Is told when an utterance begins and ends. */
  constructor(settings: EndpointerOptions, tell: (type: "start" | "end", utterance: Utterance) => void) {
    this.#settings = settings;
    this.#endpointer = new Endpointer(settings);
    this.#tell = tell;
  }

  /** Samples that came. */
  get samples(): number {
    return this.#samples.end;
  }

  /** Takes samples, before their probabilities. */
  append(samples: Float32Array): void {
    this.#samples.push(samples);
  }

  /** Takes the probabilities of the next frames. */
  frames(probabilities: Float32Array): void {
    for (const probability of probabilities) {
      this.#probabilities.push(Float32Array.of(probability));
      for (const endpoint of this.#endpointer.push(probability)) this.#take(endpoint);
      if (this.#open && this.heard - this.#open.startSample >= this.#settings.maxUtteranceSamples) {
        this.#end(this.#endpointer.cut(this.#lastPlace(this.#open)).endSample);
      }
    }
    this.#forget();
  }

  /** Samples that voice activity has heard. */
  get heard(): number {
    return Math.min(this.#samples.end, this.#probabilities.end * FRAME_SAMPLES);
  }

  #take(endpoint: Endpoint): void {
    if (endpoint.type === "start") {
      const { startSample } = endpoint;
      this.#open = {
        index: this.#count++,
        startSample,
        endSample: startSample,
        endedAtSample: undefined,
        isCleared: false,
      };
      this.#wanted.add(this.#open);
      this.#tell("start", this.#open);
    } else if (endpoint.type === "more") {
      this.#open!.endSample = Math.min(endpoint.endSample, this.#samples.end);
    } else this.#end(endpoint.endSample);
  }

  #end(endSample: number): void {
    const utterance = this.#open;
    if (!utterance) return;
    this.#open = undefined;
    utterance.endSample = Math.min(endSample, this.#samples.end);
    utterance.endedAtSample = this.heard;
    this.#tell("end", utterance);
  }

  /** Ends the utterance that is open, with what was heard of it. */
  cut(): void {
    if (this.#open) this.#end(this.#endpointer.cut(this.#open.endSample).endSample);
  }

  /** Drops the utterance that is open; what comes begins anew. */
  clear(): void {
    if (this.#open) this.#open.isCleared = true;
    this.#end(this.#endpointer.cut(this.heard).endSample);
  }

  /** Where an utterance ends that is as long as it may be: behind its speech, or else where that is least likely. */
  #lastPlace({ startSample, endSample }: Utterance): number {
    if (this.heard - endSample >= CUT_SEARCH_SECONDS * SAMPLE_RATE) return endSample;
    const samples = this.#samples.slice(startSample, this.heard);
    const end = Math.floor(samples.length / FRAME);
    const from = Math.max(1, end - CUT_SEARCH_SECONDS * SAMPLE_RATE / FRAME);
    const search = { from, to: end, target: end, start: 0, end };
    const cut = findSpeechCut(
      frameLevels(samples).mean,
      search,
      this.#map(startSample, startSample + samples.length),
    );
    return startSample + cut * FRAME;
  }

  #map(startSample: number, endSample: number): SpeechMap {
    const first = Math.max(this.#probabilities.start, Math.floor(startSample / FRAME_SAMPLES));
    const probabilities = this.#probabilities.slice(first, Math.ceil(endSample / FRAME_SAMPLES));
    const samples = endSample - first * FRAME_SAMPLES;
    const { threshold } = this.#settings.vad;
    const whole = new SpeechMap({
      samples,
      frameSamples: FRAME_SAMPLES,
      probabilities,
      // As in a recording: pauses inside an utterance are pauses.
      ranges: speechRanges(probabilities, samples, { threshold }),
    });
    return whole.within({ startSample: startSample - first * FRAME_SAMPLES, endSample: samples });
  }

  /** Whether speech goes on in a stretch of an utterance. */
  isSpoken(startSample: number, endSample: number): boolean {
    const [from, to] = [startSample, endSample].map((sample) => Math.floor(sample / FRAME_SAMPLES));
    const least = speechGoesOn(this.#settings.vad.threshold);
    return this.#probabilities.slice(from!, to!).some((probability) => probability >= least);
  }

  /** The sound of an utterance up to a sample of the stream. */
  soundOf({ startSample }: Utterance, endSample: number): Float32Array<ArrayBuffer> {
    return this.#samples.slice(startSample, endSample);
  }

  /** Its voice activity. */
  speechOf({ startSample, endSample }: Utterance): SpeechMap {
    return this.#map(startSample, endSample);
  }

  /** Says that an utterance was decoded. */
  release(utterance: Utterance): void {
    this.#wanted.delete(utterance);
    this.#forget();
  }

  #forget(): void {
    const { speechPadSeconds, minSpeechSeconds, minSilenceSeconds } = this.#settings.vad;
    const seconds = KEPT_SECONDS + speechPadSeconds + minSpeechSeconds + minSilenceSeconds;
    const kept = this.heard - Math.ceil(seconds * SAMPLE_RATE);
    const before = Math.max(0, Math.min(kept, ...[...this.#wanted].map(({ startSample }) => startSample)));
    this.#samples.forget(before);
    this.#probabilities.forget(Math.floor(before / FRAME_SAMPLES));
  }
}
