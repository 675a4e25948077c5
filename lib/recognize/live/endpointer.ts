/**
 * Where utterances begin and end in a stream, frame by frame of voice activity. Silence belongs to none.
 *
 * @module
 */
import { SAMPLE_RATE } from "../../audio/samples.ts";
import { FRAME_SAMPLES } from "../../vad/frames.ts";
import { SpeechTracker, type VadOptions } from "../../vad/intervals.ts";

/** Speech that goes on behind a cut needs not begin anew; less than this is the end of a sound. */
const CONTINUED_SAMPLES = 0.1 * SAMPLE_RATE;

/** From this part of the longest length on shorter and shorter pauses end an utterance, */
const PATIENT_PART = 0.5;
/** from this part on any that is longer than the stop of a consonant. */
const IMPATIENT_PART = 0.9;
const SHORTEST_PAUSE = 0.1 * SAMPLE_RATE;

/** What a frame may tell; places are samples of the stream. */
export type Endpoint =
  | { type: "start"; startSample: number }
  /** Speech reaches to here, what is heard with it included. */
  | { type: "more"; endSample: number }
  | { type: "end"; endSample: number };

/** Complete options of voice activity. */
export type CompleteVad = Required<{ [K in keyof VadOptions]: number }>;

/** How utterances are found. */
export interface EndpointerOptions {
  vad: CompleteVad;
  /** Whether silence ends an utterance; if not, it ends only one that nears the longest length. */
  endpointing: boolean;
  maxUtteranceSamples: number;
}

/** Finds utterances. */
export class Endpointer {
  readonly #tracker: SpeechTracker;
  readonly #minSpeech: number;
  readonly #pad: number;
  readonly #minSilence: number;
  readonly #longest: number;
  readonly #ends: boolean;
  /** Samples of the frames that were taken. */
  #at = 0;
  /** No utterance begins before. */
  #floor = 0;
  #isOpen = false;
  /** Where it begins. */
  #start = 0;

  constructor({ vad, endpointing, maxUtteranceSamples }: EndpointerOptions) {
    this.#tracker = new SpeechTracker(vad);
    this.#minSpeech = vad.minSpeechSeconds * SAMPLE_RATE;
    this.#pad = Math.round(vad.speechPadSeconds * SAMPLE_RATE);
    this.#minSilence = vad.minSilenceSeconds * SAMPLE_RATE;
    this.#longest = maxUtteranceSamples;
    this.#ends = endpointing;
  }

  /** Takes the next frame. */
  push(probability: number): Endpoint[] {
    const before = this.#tracker.open;
    this.#tracker.push(probability);
    this.#at += FRAME_SAMPLES;
    const said: Endpoint[] = [];
    // An interval has ended though it is too short for the tracker: what goes on behind a cut may be.
    const isSilence = !this.#tracker.open;
    const open = this.#tracker.open ?? before;
    if (!open) return said;
    const goesOn = open.startSample < this.#floor;
    const spoken = open.endSample - Math.max(open.startSample, this.#floor);
    if (!this.#isOpen && spoken > (goesOn ? CONTINUED_SAMPLES : this.#minSpeech)) {
      this.#isOpen = true;
      this.#start = Math.max(this.#floor, open.startSample - this.#pad, 0);
      said.push({ type: "start", startSample: this.#start });
    }
    if (!this.#isOpen) return said;
    const endSample = Math.min(this.#at, open.endSample + this.#pad);
    if (endSample <= this.#floor) return said;
    const isOver = isSilence ? this.#ends : this.#at - open.endSample >= this.#patience;
    if (isOver) said.push(this.cut(endSample));
    else said.push({ type: "more", endSample });
    return said;
  }

  /** Silence that ends the utterance now, though it is shorter than is asked for: it is long already. */
  get #patience(): number {
    const part = (this.#at - this.#start) / this.#longest;
    if (part < PATIENT_PART) return Infinity;
    const left = Math.max(0, (IMPATIENT_PART - part) / (IMPATIENT_PART - PATIENT_PART));
    return SHORTEST_PAUSE + left * Math.max(0, this.#minSilence - SHORTEST_PAUSE);
  }

  /** Ends the utterance that is open at a sample; speech that goes on begins the next. */
  cut(endSample: number): Endpoint & { type: "end" } {
    this.#isOpen = false;
    this.#floor = endSample;
    return { type: "end", endSample };
  }

  /** Whether there is an utterance. */
  get isOpen(): boolean {
    return this.#isOpen;
  }
}
